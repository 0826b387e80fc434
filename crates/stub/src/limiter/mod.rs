//! Rate limits: one bucket a user, one a client address, one for all, asked in this order.
//!
//! A request fits or is refused at once. As they are, buckets throw fractions away ([`truncating`]); repaired
//! ([`Quirk::Refill`]) they keep them ([`gcra`]), in this process or, over Redis, for all processes ([`shared`]).
//! It must not know who a user is or where an address comes from.

mod gcra;
mod names;
mod shared;
mod starving;
mod truncating;

use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use wire::Clock;

use crate::quirk::{Quirk, Repairs};
use crate::redis::Backing;
use crate::refusal::Refusal;
use crate::settings::Limits;
use gcra::Gcra;
use shared::Shared;
pub(crate) use starving::Starving;
use truncating::Truncating;

/// The three limits.
pub(crate) enum Limiter {
    /// Buckets of this process.
    Local(Box<Local>),
    /// Buckets in Redis, shared by all processes.
    Shared(Box<Shared>),
}

/// Limits that are kept in this process.
pub(crate) struct Local {
    clock: Clock,
    buckets: Buckets,
}

enum Buckets {
    Truncating(Truncating),
    Gcra(Gcra),
}

/// One of the three limits, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    User,
    Address,
    Global,
}

/// What the limits leave to a caller, of the bucket that leaves the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests at once.
    limit: u64,
    /// Requests that would be accepted now.
    remaining: u64,
    /// Seconds until the bucket is full.
    reset_s: u64,
    /// Of a refused request: seconds until it would be accepted.
    retry_s: Option<u64>,
}

impl Layer {
    const ALL: [Self; 3] = [Self::User, Self::Address, Self::Global];

    fn refusal(self, allowance: Option<Allowance>) -> Refusal {
        match self {
            Self::User => Refusal::UserLimit(allowance),
            Self::Address => Refusal::AddressLimit(allowance),
            Self::Global => Refusal::GlobalLimit(allowance),
        }
    }
}

impl Limiter {
    /// Limits of this process; repaired and with a Redis server, of all processes that share it.
    pub(crate) fn new(limits: Limits, repairs: Repairs, clock: Clock, redis: &Backing) -> Self {
        if !repairs.has(Quirk::Refill) {
            let buckets = Buckets::Truncating(Truncating::new(limits, clock.unix_ns()));
            return Self::Local(Box::new(Local { clock, buckets }));
        }
        match redis {
            Backing::Server(server) => Self::Shared(Box::new(Shared::new(limits, clock, server.clone()))),
            Backing::Off | Backing::Embedded(_) => {
                Self::Local(Box::new(Local { clock, buckets: Buckets::Gcra(Gcra::new(limits)) }))
            }
        }
    }

    /// Whether one more request of `user` from `address` fits, and what is left after it if callers are told.
    pub(crate) async fn admit(&self, user: &str, address: &str) -> Result<Option<Allowance>, Refusal> {
        match self {
            Self::Local(local) => local.admit(user, address),
            Self::Shared(shared) => shared.admit(user, address).await,
        }
    }

    /// The refusal of this limit, whatever is left in its bucket.
    pub(crate) fn refusal(&self, layer: Layer) -> Refusal {
        let quotas = match self {
            Self::Local(local) => match &local.buckets {
                Buckets::Truncating(_) => return layer.refusal(None),
                Buckets::Gcra(gcra) => gcra.quotas(),
            },
            Self::Shared(shared) => shared.quotas(),
        };
        layer.refusal(Some(gcra::exhausted(quotas, layer)))
    }
}

impl Local {
    fn admit(&self, user: &str, address: &str) -> Result<Option<Allowance>, Refusal> {
        match &self.buckets {
            Buckets::Truncating(truncating) => match truncating.admit(self.clock.unix_ns(), user, address) {
                None => Ok(None),
                Some(refused) => Err(refused.refusal(None)),
            },
            Buckets::Gcra(gcra) => gcra.admit(self.clock.now_ns() / 1_000, user, address),
        }
    }
}

impl Allowance {
    /// `RateLimit-*` (draft-ietf-httpapi-ratelimit-headers-06) and, of a refused request, `Retry-After`.
    pub(crate) fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let limits = [
            ("ratelimit-limit", self.limit),
            ("ratelimit-remaining", self.remaining),
            ("ratelimit-reset", self.reset_s),
        ];
        let retry = self.retry_s.map(|retry_s| (RETRY_AFTER, HeaderValue::from(retry_s)));
        limits
            .into_iter()
            .map(|(name, number)| (HeaderName::from_static(name), HeaderValue::from(number)))
            .chain(retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Limit;
    use std::time::Duration;

    const OFF: Limit = Limit::Off;
    const IMITATED: Repairs = Repairs::NONE;
    const REPAIRED: Repairs = Repairs::NONE.with(Quirk::Refill);

    fn at(rate: i64, burst: i64) -> Limit {
        Limit::per_second(rate, burst)
    }

    /// Requests 10 ms apart; what became of each: ok, user, address or global.
    async fn check(repairs: Repairs, limits: [Limit; 3], requests: usize, expected: &str) {
        let clock = Clock::at(0);
        let [user, address, global] = limits;
        let limiter = Limiter::new(Limits { user, address, global }, repairs, clock, &Backing::Off);
        let mut got = String::new();
        for _ in 0..requests {
            got.push(match limiter.admit("u", "a").await {
                Ok(_) => '.',
                Err(Refusal::UserLimit(_)) => 'u',
                Err(Refusal::AddressLimit(_)) => 'a',
                Err(_) => 'g',
            });
            clock.sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(got, expected, "{repairs:?} {limits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_bucket_that_is_empty_refuses() {
        // What the user's bucket gave before the address refused is lost, unless repaired.
        check(IMITATED, [at(5, 10), at(2, 5), at(100, 100)], 14, ".....aaaaauuuu").await;
        check(REPAIRED, [at(5, 10), at(2, 5), at(100, 100)], 14, ".....aaaaaaaaa").await;
        // Attempts 10 ms apart never refill 50 a second, unless repaired.
        check(IMITATED, [OFF, OFF, at(50, 2)], 8, "..gggggg").await;
        check(REPAIRED, [OFF, OFF, at(50, 2)], 8, "...g.g.g").await;
        check(IMITATED, [at(0, 4), at(0, 2), at(100, 100)], 6, "..aauu").await;
        check(REPAIRED, [at(0, 4), at(0, 2), at(100, 100)], 6, "uuuuuu").await;
        check(IMITATED, [at(-101, 2), at(-51, 1), OFF], 3, ".uu").await;
        for repairs in [IMITATED, REPAIRED] {
            check(repairs, [OFF, OFF, OFF], 9, ".........").await;
            check(repairs, [at(9, 0), OFF, OFF], 3, "uuu").await;
            check(repairs, [at(9, -4), OFF, OFF], 3, "uuu").await;
            check(repairs, [OFF, at(1, 0), OFF], 3, "aaa").await;
            check(repairs, [OFF, OFF, at(0, 0)], 3, "ggg").await;
            check(repairs, [at(i64::MAX, i64::MAX), at(i64::MAX, 1), OFF], 3, "...").await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_repaired_say_what_is_left() {
        let limits = Limits { user: at(2, 3), address: at(1, 2), global: OFF };
        for (repairs, expected) in [
            (IMITATED, vec!["", "", ""]),
            (
                REPAIRED,
                vec![
                    "limit=2 remaining=1 reset=1 ",
                    "limit=2 remaining=0 reset=2 ",
                    "limit=2 remaining=0 reset=2 after=1 ",
                ],
            ),
        ] {
            let limiter = Limiter::new(limits, repairs, Clock::at(0), &Backing::Off);
            for expected in expected {
                let allowance = match limiter.admit("u", "a").await {
                    Ok(allowance) => allowance,
                    Err(refusal) => refusal.allowance(),
                };
                let mut headers = http::HeaderMap::new();
                headers.extend(allowance.into_iter().flat_map(Allowance::headers));
                let mut got = String::new();
                for (name, value) in &headers {
                    let (_, what) = name.as_str().split_once('-').expect("two words");
                    got.push_str(&format!("{what}={} ", value.to_str().expect("a number")));
                }
                assert_eq!(got, expected, "{repairs:?}");
            }
        }
    }
}
