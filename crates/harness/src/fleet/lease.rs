//! What a worker may send before it has announced more: the number that bounds what is lost with it.
//!
//! A request counts before it leaves, and none leaves beyond the ceiling. The coordinator keeps the ceiling where it
//! survives, and only then the worker raises it. So whatever becomes of the worker, it has sent at most its ceiling.
//! It must not know the bus.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// A ceiling leaves room for this long at the rate of late: an outage of the bus shorter than this holds nothing up.
const ROOM_S: f64 = 15.0;
/// And for this many, for a load that only begins.
const ROOM_MIN: u64 = 2_000;
/// And for so many of each user.
const ROOM_PER_USER: u64 = 8;

/// One process's lease; its threads share it.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    sent: AtomicU64,
    ceiling: AtomicU64,
    raised: Notify,
}

impl Lease {
    /// Requests that left, or are about to.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many may.
    pub(crate) fn ceiling(&self) -> u64 {
        self.ceiling.load(Ordering::Relaxed)
    }

    /// The coordinator keeps this ceiling.
    pub(crate) fn raise(&self, ceiling: u64) {
        if self.ceiling.fetch_max(ceiling, Ordering::Relaxed) < ceiling {
            self.raised.notify_waiters();
        }
    }

    /// Counts one request that leaves; waits as long as the ceiling does not let it.
    pub(crate) async fn take(&self) {
        while !self.try_take() {
            let raised = self.raised.notified();
            tokio::pin!(raised);
            raised.as_mut().enable();
            if self.try_take() {
                return;
            }
            raised.await;
        }
    }

    fn try_take(&self) -> bool {
        let room = |sent: u64| (sent < self.ceiling()).then_some(sent + 1);
        self.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }
}

/// The ceiling to ask for after so many requests, at this rate, with so many users.
pub(crate) fn ceiling_wanted(sent: u64, rate_per_s: f64, users: u64) -> u64 {
    let room = (rate_per_s * ROOM_S) as u64;
    sent.saturating_add(room.max(ROOM_MIN)).saturating_add(users * ROOM_PER_USER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_leaves_beyond_the_ceiling() {
        let lease = std::sync::Arc::new(Lease::default());
        lease.raise(2);
        lease.take().await;
        lease.take().await;
        let third = tokio::spawn({
            let lease = lease.clone();
            async move { lease.take().await }
        });
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        assert_eq!((lease.sent(), lease.ceiling()), (2, 2));
        lease.raise(1);
        assert_eq!(lease.ceiling(), 2, "a ceiling never sinks");
        lease.raise(3);
        third.await.expect("it leaves");
        assert_eq!(lease.sent(), 3);
    }

    #[test]
    fn a_ceiling_covers_an_outage() {
        assert_eq!(ceiling_wanted(100, 0.0, 0), 2_100);
        assert_eq!(ceiling_wanted(100, 1_000.0, 10), 100 + 15_000 + 80);
    }
}
