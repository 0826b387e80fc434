//! A worker's pulse: how many users and requests it holds, looked at by a timer.
//!
//! One look in each slot, at an instant drawn from the seed, so that nothing the load does can keep step with it. It must not
//! know of times: what it counts is held against them later.

use std::rc::Rc;

use measure::PULSE_SLOT_NS;
use tokio::task::{JoinHandle, spawn_local};
use wire::Stream;

use crate::Transport;
use crate::user::Surroundings;

/// A look that comes later is none: the worker was kept from running, and what it wakes to is not what there was.
const LAG_NS_MAX: u64 = 1_000_000;

/// Beats until it is dropped.
#[derive(Debug)]
pub(crate) struct Pulse(JoinHandle<()>);

impl Pulse {
    /// Begins to look at what worker number `worker` holds.
    pub(crate) fn begin<T: Transport>(around: &Rc<Surroundings<T>>, worker: usize) -> Self {
        let step = &around.plan.steps[around.step].name;
        let stream = around.plan.seed.stream(&format!("pulse/{step}"), worker as u64);
        Self(spawn_local(beat(around.clone(), stream)))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn beat<T: Transport>(around: Rc<Surroundings<T>>, mut stream: Stream) {
    let (clock, desk) = (around.clock, &around.desk);
    let start_ns = clock.now_ns();
    let (mut slot, mut users, mut in_flight, mut ended) = (0, 0, 0, 0);
    loop {
        let due_ns = start_ns + look_ns(slot, &mut stream);
        clock.sleep_until(due_ns).await;
        let now_ns = clock.now_ns();
        let (next, missed) = next_slot(slot, now_ns - start_ns);
        let lag_ns = now_ns.saturating_sub(due_ns);
        desk.pulse(|pulse| {
            pulse.missed += missed;
            pulse.lag_ns_max = pulse.lag_ns_max.max(lag_ns);
            if lag_ns > LAG_NS_MAX {
                pulse.missed += 1;
                return;
            }
            pulse.samples += 1;
            pulse.users.see(users, desk.users());
            pulse.in_flight.see(in_flight, desk.in_flight());
            let ended_now = u32::try_from(desk.ended() - ended).unwrap_or(u32::MAX);
            pulse.ended_max = pulse.ended_max.max(ended_now);
            (users, in_flight, ended) = (desk.users(), desk.in_flight(), desk.ended());
        });
        slot = next;
    }
}

/// When a slot is looked into, since the first began: uniform within it, in whole microseconds.
fn look_ns(slot: u64, stream: &mut Stream) -> u64 {
    slot * PULSE_SLOT_NS + stream.below(PULSE_SLOT_NS / 1_000) * 1_000
}

/// The slot after `slot`, which was looked into at `at_ns`, and how many have passed unseen meanwhile. A look may come a slot
/// late; the next one then follows at once.
fn next_slot(slot: u64, at_ns: u64) -> (u64, u64) {
    let next = (at_ns / PULSE_SLOT_NS).max(slot + 1);
    (next, next - slot - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Seed;

    #[test]
    fn every_slot_is_looked_into_or_counted_as_missed() {
        const MS: u64 = 1_000_000;
        for (slot, at_ns, expected) in
            [(0, 3 * MS, (1, 0)), (0, 12 * MS, (1, 0)), (4, 69 * MS, (6, 1)), (7, 2_075 * MS, (207, 199))]
        {
            assert_eq!(next_slot(slot, at_ns), expected, "slot {slot} looked into at {at_ns} ns");
        }
    }

    /// Instants within a slot are spread evenly: the mean of 10,000 is half a slot, to six deviations.
    #[test]
    fn looks_are_uniform_within_their_slots() {
        let mut stream = Seed(5).stream("pulse/s", 0);
        let within: Vec<u64> =
            (0..10_000).map(|slot| look_ns(slot, &mut stream) - slot * PULSE_SLOT_NS).collect();
        assert!(within.iter().all(|at_ns| *at_ns < PULSE_SLOT_NS));
        let mean_ns = within.iter().sum::<u64>() as f64 / 10_000.0;
        assert!((mean_ns - 5e6).abs() < 6.0 * 1e7 / (12.0f64 * 10_000.0).sqrt(), "{mean_ns}");
    }
}
