//! Rate limits: one bucket a user, one an address, one for all; each bounded in number.
//!
//! Buckets are governor's, over the stub's own clock. It must not wait: a request fits or is refused.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use wire::Clock;

use crate::refusal::Refusal;
use crate::settings::{Limit, Limits};

/// Buckets kept of one kind; beyond it full ones go first, then those that were not asked the longest.
const BUCKETS_MAX: usize = 16_384;

/// The stub's clock as governor wants it.
#[derive(Clone, Copy, Debug)]
struct Nanoseconds(Clock);

impl GovernorClock for Nanoseconds {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.now_ns())
    }
}

type Governor = RateLimiter<NotKeyed, InMemoryState, Nanoseconds, NoOpMiddleware<Nanos>>;

/// One bucket.
enum Bucket {
    Lifted,
    RefusesAll,
    Counts(Box<Governor>),
}

impl Bucket {
    fn new(limit: Limit, clock: Clock) -> Self {
        let Limit::PerSecond { rate, burst } = limit else { return Self::Lifted };
        // governor knows no 0.
        let (Some(rate), Some(burst)) = (NonZeroU32::new(rate), NonZeroU32::new(burst)) else {
            return Self::RefusesAll;
        };
        let quota = Quota::per_second(rate).allow_burst(burst);
        Self::Counts(Box::new(RateLimiter::direct_with_clock(quota, Nanoseconds(clock))))
    }

    fn admits(&self) -> bool {
        match self {
            Self::Lifted => true,
            Self::RefusesAll => false,
            Self::Counts(governor) => governor.check().is_ok(),
        }
    }
}

/// One bucket a name.
struct Buckets {
    limit: Limit,
    clock: Clock,
    /// How long an empty bucket takes to be full again; after it, a bucket may be forgotten.
    refill: Duration,
    named: Mutex<BTreeMap<Box<str>, Named>>,
}

struct Named {
    bucket: Bucket,
    asked_ns: u64,
}

impl Buckets {
    fn new(limit: Limit, clock: Clock) -> Self {
        let refill = match limit {
            Limit::PerSecond { rate, burst } if rate > 0 => {
                Duration::from_secs(u64::from(burst.div_ceil(rate)))
            }
            _ => Duration::ZERO,
        };
        Self { limit, clock, refill, named: Mutex::default() }
    }

    fn admit(&self, name: &str) -> bool {
        match self.limit {
            Limit::Off => return true,
            Limit::PerSecond { rate: 0, .. } | Limit::PerSecond { burst: 0, .. } => return false,
            Limit::PerSecond { .. } => {}
        }
        let now_ns = self.clock.now_ns();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = named.get_mut(name) {
            known.asked_ns = now_ns;
            return known.bucket.admits();
        }
        if named.len() >= BUCKETS_MAX {
            forget(&mut named, now_ns, self.refill);
        }
        let bucket = Bucket::new(self.limit, self.clock);
        let admits = bucket.admits();
        named.insert(name.into(), Named { bucket, asked_ns: now_ns });
        admits
    }
}

/// Forgets full buckets; if that is not enough, the half that was not asked the longest.
fn forget(named: &mut BTreeMap<Box<str>, Named>, now_ns: u64, refill: Duration) {
    let refill_ns = u64::try_from(refill.as_nanos()).unwrap_or(u64::MAX);
    named.retain(|_, known| now_ns.saturating_sub(known.asked_ns) < refill_ns);
    if named.len() < BUCKETS_MAX {
        return;
    }
    let mut asked: Vec<_> = named.values().map(|known| known.asked_ns).collect();
    let middle = asked.len() / 2;
    let (_, median_ns, _) = asked.select_nth_unstable(middle);
    let median_ns = *median_ns;
    let mut surplus = middle;
    named.retain(|_, known| {
        let goes = known.asked_ns <= median_ns && surplus > 0;
        surplus -= usize::from(goes);
        !goes
    });
    tracing::warn!(
        forgotten = middle,
        "more callers at once than rate limits are kept for: some start afresh"
    );
}

/// The three limits.
pub(crate) struct Limiter {
    users: Buckets,
    addresses: Buckets,
    global: Bucket,
}

impl Limiter {
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            users: Buckets::new(limits.user, clock),
            addresses: Buckets::new(limits.address, clock),
            global: Bucket::new(limits.global, clock),
        }
    }

    /// Takes one from each bucket in this order; what an earlier one gave is not given back.
    pub(crate) fn admit(&self, user: &str, address: &str) -> Result<(), Refusal> {
        if !self.users.admit(user) {
            return Err(Refusal::UserLimit);
        }
        if !self.addresses.admit(address) {
            return Err(Refusal::AddressLimit);
        }
        if self.global.admits() { Ok(()) } else { Err(Refusal::GlobalLimit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: Limit = Limit::Off;

    fn at(rate: u32, burst: u32) -> Limit {
        Limit::per_second(rate, burst)
    }

    /// Requests 10 ms apart; what became of each: ok, user, address or global.
    async fn check(limits: [Limit; 3], requests: usize, expected: &str) {
        let clock = Clock::at(0);
        let [user, address, global] = limits;
        let limiter = Limiter::new(Limits { user, address, global }, clock);
        let mut got = String::new();
        for _ in 0..requests {
            got.push(match limiter.admit("u", "a") {
                Ok(()) => '.',
                Err(Refusal::UserLimit) => 'u',
                Err(Refusal::AddressLimit) => 'a',
                Err(_) => 'g',
            });
            clock.sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(got, expected, "{limits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_bucket_that_is_empty_refuses() {
        check([at(5, 10), at(2, 5), at(100, 100)], 14, ".....aaaaauuuu").await;
        check([OFF, OFF, at(50, 2)], 8, "...g.g.g").await;
        check([OFF, OFF, OFF], 9, ".........").await;
        check([at(0, 9), OFF, OFF], 3, "uuu").await;
        check([at(9, 0), OFF, OFF], 3, "uuu").await;
        check([OFF, at(1, 0), OFF], 3, "aaa").await;
        check([OFF, OFF, at(0, 1)], 3, "ggg").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_refills_at_its_rate_to_the_microsecond() {
        let clock = Clock::at(0);
        let bucket = Bucket::new(at(4, 1), clock);
        assert!(bucket.admits() && !bucket.admits());
        clock.sleep_until(249_999_000).await;
        assert!(!bucket.admits());
        clock.sleep_until(250_000_000).await;
        assert!(bucket.admits() && !bucket.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn names_are_apart_and_bounded() {
        let clock = Clock::at(0);
        let buckets = Buckets::new(at(1, 1), clock);
        for n in 0..3 * BUCKETS_MAX {
            assert!(buckets.admit(&n.to_string()) && !buckets.admit(&n.to_string()), "{n}");
            clock.sleep(Duration::from_micros(1)).await;
        }
        let held = buckets.named.lock().expect("the buckets").len();
        assert!((BUCKETS_MAX / 2..=BUCKETS_MAX).contains(&held), "{held}");
        // After the refill all are full, and the next newcomer at the brim sees all of them go.
        clock.sleep(Duration::from_secs(2)).await;
        for n in held..=BUCKETS_MAX {
            assert!(buckets.admit(&format!("late {n}")));
        }
        assert!(buckets.named.lock().expect("the buckets").len() <= BUCKETS_MAX - held + 1);
    }
}
