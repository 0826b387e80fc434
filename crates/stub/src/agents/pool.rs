//! Connections of one replica to its backend: made anew for each piece of work, or kept, reused and shared.
//!
//! It must not know what a connection is used for, nor what a new one takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use wire::Clock;

use crate::profile::ConnectionPlan;

/// The connections of one replica.
pub(super) struct Pool {
    /// Fair: who waits longest gets the next one. `None` where nothing is kept.
    permits: Option<Semaphore>,
    idle_ns: u64,
    /// Since when each idle connection is, the latest last. Those and the ones in use never outnumber the permits.
    idle: Mutex<Vec<u64>>,
    clock: Clock,
    opened: AtomicU64,
    reused: AtomicU64,
    expired: AtomicU64,
}

/// What operators see of a pool.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct PoolStatus {
    opened: u64,
    reused: u64,
    expired: u64,
    idle: usize,
}

/// A connection in use. One that is dropped, because its request left in the middle of an exchange, is closed.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    pub(super) is_new: bool,
    /// Given back after the connection is.
    _permit: Option<SemaphorePermit<'a>>,
}

impl Pool {
    pub(super) fn new(plan: &ConnectionPlan, clock: Clock) -> Self {
        Self {
            permits: (plan.pool > 0).then(|| Semaphore::new(plan.pool as usize)),
            idle_ns: plan.idle_ns,
            idle: Mutex::default(),
            clock,
            opened: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    /// Waits for its turn, then takes the connection that was used last, or a new one.
    pub(super) async fn lease(&self) -> Lease<'_> {
        let permit = match &self.permits {
            None => None,
            Some(permits) => Some(permits.acquire().await.expect("the semaphore is never closed")),
        };
        let is_new = self.idle().pop().is_none();
        let count = if is_new { &self.opened } else { &self.reused };
        count.fetch_add(1, Ordering::Relaxed);
        Lease { pool: self, is_new, _permit: permit }
    }

    pub(super) fn status(&self) -> PoolStatus {
        let idle = self.idle().len();
        PoolStatus {
            opened: self.opened.load(Ordering::Relaxed),
            reused: self.reused.load(Ordering::Relaxed),
            expired: self.expired.load(Ordering::Relaxed),
            idle,
        }
    }

    /// The idle connections, without those that were idle for too long.
    fn idle(&self) -> MutexGuard<'_, Vec<u64>> {
        let now_ns = self.clock.now_ns();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let over = idle.partition_point(|since_ns| now_ns.saturating_sub(*since_ns) >= self.idle_ns);
        idle.drain(..over);
        self.expired.fetch_add(over as u64, Ordering::Relaxed);
        idle
    }
}

impl Lease<'_> {
    /// The work is done: the connection is idle from now on, or closed where nothing is kept.
    pub(super) fn give_back(self) {
        if self.pool.permits.is_some() {
            let mut idle = self.pool.idle();
            idle.push(self.pool.clock.now_ns());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::latency::LatencyModel;

    fn pool(pool: u32, idle_ms: u64) -> (Pool, Clock) {
        let clock = Clock::at(0);
        let plan = ConnectionPlan { connect: LatencyModel::MILLISECOND, pool, idle_ns: idle_ms * 1_000_000 };
        (Pool::new(&plan, clock), clock)
    }

    #[track_caller]
    fn check(pool: &Pool, opened: u64, reused: u64, expired: u64, idle: usize) {
        assert_eq!(pool.status(), PoolStatus { opened, reused, expired, idle });
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_without_a_pool() {
        let (pool, _) = pool(0, 30);
        let (one, two) = (pool.lease().await, pool.lease().await);
        one.give_back();
        two.give_back();
        assert!(pool.lease().await.is_new);
        check(&pool, 3, 0, 0, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_ones_are_reused_and_dropped_ones_are_closed() {
        let (pool, clock) = pool(2, 30);
        let (one, two) = (pool.lease().await, pool.lease().await);
        let third = clock.timeout(Duration::from_millis(5), pool.lease()).await;
        assert!(third.is_err(), "two at once, no more");
        one.give_back();
        drop(two);
        check(&pool, 2, 0, 0, 1);
        let (again, new) = (pool.lease().await, pool.lease().await);
        assert_eq!((again.is_new, new.is_new), (false, true));
        check(&pool, 3, 1, 0, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_ones_expire_and_the_latest_is_taken_first() {
        let (pool, clock) = pool(2, 30);
        let (one, two) = (pool.lease().await, pool.lease().await);
        one.give_back();
        clock.sleep(Duration::from_millis(20)).await;
        two.give_back();
        clock.sleep(Duration::from_millis(10)).await;
        check(&pool, 2, 0, 1, 1);
        let kept = pool.lease().await;
        assert!(!kept.is_new, "20 ms younger");
        kept.give_back();
        clock.sleep(Duration::from_millis(30)).await;
        assert!(pool.lease().await.is_new);
        check(&pool, 3, 1, 2, 0);
    }
}
