//! The precise timer of real time: one thread, one binary heap, timer slack of 1 ns.
//!
//! tokio's timers tick in milliseconds and wake 0.8 to 1.4 ms late; this one is late by about 0.1 ms.
//! It must not know what it wakes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Waiters up to this many are never looked through for those that nobody waits for any more.
const SWEPT_MIN: usize = 1_024;

/// Something to wake, ordered by deadline, then by age.
struct Waiter {
    key: Reverse<(Instant, u64)>,
    wake: oneshot::Sender<()>,
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Waiter {}
impl PartialOrd for Waiter {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiter {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[derive(Default)]
struct Queue {
    heap: BinaryHeap<Waiter>,
    count: u64,
    /// How many waiters there are before they are looked through.
    sweep_at: usize,
}

impl Queue {
    /// Adds a waiter. Those whose sleeper was dropped go when half of all may be such: a deadline that is far off and
    /// never reached costs no memory until then.
    fn push(&mut self, deadline: Instant, wake: oneshot::Sender<()>) {
        if self.heap.len() >= self.sweep_at {
            self.heap.retain(|waiter| !waiter.wake.is_closed());
            self.sweep_at = (2 * self.heap.len()).max(SWEPT_MIN);
        }
        self.count += 1;
        self.heap.push(Waiter { key: Reverse((deadline, self.count)), wake });
    }
}

/// The process's timer thread, started at first use.
#[derive(Default)]
pub(crate) struct PreciseTimer {
    queue: Mutex<Queue>,
    earlier: Condvar,
}

impl PreciseTimer {
    /// The one timer of the process.
    pub(crate) fn global() -> &'static Self {
        static TIMER: OnceLock<&'static PreciseTimer> = OnceLock::new();
        TIMER.get_or_init(|| {
            let timer: &'static Self = Box::leak(Box::default());
            let thread = std::thread::Builder::new().name("precise-timer".into());
            thread.spawn(|| timer.run()).expect("the timer thread starts");
            timer
        })
    }

    /// Waits until `deadline`; returns at once if it has passed.
    #[expect(clippy::disallowed_methods, reason = "the timer is where real time is waited for")]
    pub(crate) async fn sleep_until(&self, deadline: Instant) {
        if deadline <= Instant::now() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        self.push(deadline, wake);
        // The sender is dropped only after it has fired.
        let _ = woken.await;
    }

    fn push(&self, deadline: Instant, wake: oneshot::Sender<()>) {
        let mut queue = self.lock();
        let first = queue.heap.peek().is_none_or(|next| deadline < next.key.0.0);
        queue.push(deadline, wake);
        drop(queue);
        if first {
            self.earlier.notify_one();
        }
    }

    fn run(&self) {
        // Without the prctl the kernel adds 50 µs to every wait; it can only fail on other systems.
        #[cfg(target_os = "linux")]
        let _ = nix::sys::prctl::set_timerslack(1);
        let mut queue = self.lock();
        loop {
            queue = match wake_due(&mut queue) {
                None => self.earlier.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    self.earlier.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes all that is due and says how long the next one still has.
#[expect(clippy::disallowed_methods, reason = "the timer is where real time is waited for")]
fn wake_due(queue: &mut Queue) -> Option<Duration> {
    loop {
        let deadline = queue.heap.peek()?.key.0.0;
        let wait = deadline.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            return Some(wait);
        }
        if let Some(due) = queue.heap.pop() {
            // A receiver that is gone no longer wants to be woken.
            let _ = due.wake.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the timer is where real time is waited for")]
    fn sleepers_that_are_gone_do_not_pile_up() {
        let far = Instant::now() + Duration::from_secs(3_600);
        let mut queue = Queue::default();
        let mut sleepers = vec![];
        for number in 0..100_000 {
            let (wake, woken) = oneshot::channel();
            queue.push(far, wake);
            if number % 10 == 0 {
                sleepers.push(woken);
            }
            let most = 2 * sleepers.len() + SWEPT_MIN;
            assert!(queue.heap.len() <= most, "{} waiters for {} sleepers", queue.heap.len(), sleepers.len());
        }
        assert!(queue.heap.len() >= sleepers.len());
        assert!(wake_due(&mut queue).is_some_and(|wait| wait > Duration::from_secs(3_500)));
    }
}
