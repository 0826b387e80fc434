//! Memory that leaks take, and give back at their end.
//!
//! It must not know requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::AbortHandle;
use wire::Clock;

use super::plan::{FaultPlan, LeakPlan};

/// How often more is taken.
const EVERY: Duration = Duration::from_millis(50);

/// The tasks that hold it; dropped, they give it back.
pub(super) struct Leaking(Vec<AbortHandle>);

impl Drop for Leaking {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// A fault, its leak, and where it says what it holds.
pub(super) type Leak = (FaultPlan, LeakPlan, Arc<AtomicU64>);

/// Starts a task for each; their times count from `begun_ns`.
pub(super) fn leaks(leaks: Vec<Leak>, clock: Clock, begun_ns: u64) -> Leaking {
    Leaking(leaks.into_iter().map(|leak| tokio::spawn(hold(leak, clock, begun_ns)).abort_handle()).collect())
}

async fn hold((plan, leak, held_bytes): Leak, clock: Clock, begun_ns: u64) {
    clock.sleep_until(begun_ns.saturating_add(plan.start_ns)).await;
    // Room is taken at once and filled bit by bit: only what is filled is real memory, and all is freed together.
    let mut held: Vec<u8> = vec![];
    let most_bytes = usize::try_from(leak.memory_bytes_max).unwrap_or(usize::MAX);
    if held.try_reserve_exact(most_bytes).is_err() {
        tracing::warn!(most_bytes, "a leak gets no memory; give a smaller `memory_max`");
        return;
    }
    loop {
        let at_ns = clock.now_ns().saturating_sub(begun_ns);
        if !plan.is_on(at_ns) {
            break;
        }
        let wanted = leak.memory_bytes(at_ns - plan.start_ns);
        held.resize(usize::try_from(wanted).unwrap_or(most_bytes).max(held.len()), 0xa5);
        held_bytes.store(held.len() as u64, Relaxed);
        clock.sleep(EVERY).await;
    }
    drop(held);
    held_bytes.store(0, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::super::plan::Effect;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_grows_to_its_bound_and_is_given_back() {
        let clock = Clock::at(0);
        let leak = LeakPlan {
            delay_per_s_ns: 0,
            delay_ns_max: 0,
            memory_per_s_bytes: 1_000_000,
            memory_bytes_max: 2_500_000,
        };
        let s = 1_000_000_000;
        let plan = FaultPlan {
            start_ns: s,
            end_ns: Some(6 * s),
            share: 1.0,
            route: None,
            effect: Effect::Leak(leak),
        };
        let held = Arc::new(AtomicU64::new(0));
        let _leaking = leaks(vec![(plan, leak, Arc::clone(&held))], clock, 0);
        for (at_ms, expected) in [(500, 0), (2_010, 1_000_000), (5_010, 2_500_000), (6_060, 0)] {
            clock.sleep_until(at_ms * 1_000_000).await;
            assert_eq!(held.load(Relaxed), expected, "{at_ms} ms");
        }
    }
}
