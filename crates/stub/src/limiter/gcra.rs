//! The generic cell rate algorithm, as its continuous-state leaky bucket (ITU-T I.371, annex A): every request
//! adds to a caller's debt, which drains at the rate, and one that would lift it above the burst is refused.
//!
//! All in integers below 2^53, so that a Lua script counts the same. A refused request costs nothing in any bucket.
//! It must not read a clock.

use std::sync::{Mutex, PoisonError};

use super::names::Names;
use super::{Allowance, Layer};
use crate::refusal::Refusal;
use crate::settings::{Limit, Limits};

/// The debt of one request. At a rate of r a second, r such units drain in a microsecond.
pub(super) const REQUEST: u64 = 1_000_000;
/// Greater rates and bursts are this one.
const NUMBER_MAX: i64 = 1_000_000_000;
/// What is said to be the wait for something that never comes.
const NEVER_S: u64 = 86_400;

/// What a bucket allows; a burst of 0 refuses everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) rate: u64,
    pub(super) burst: u64,
}

/// What a caller owes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Debt {
    pub(super) units: u64,
    at_us: u64,
}

/// The quotas of the three buckets; nothing for a lifted one.
pub(super) type Quotas = [Option<Quota>; 3];

/// What became of a request: who refused it, and the debts after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) refused: Option<Layer>,
    pub(super) debts: [Debt; 3],
}

impl Quota {
    pub(super) fn new(limit: Limit) -> Option<Self> {
        let Limit::PerSecond { rate, burst } = limit else { return None };
        if rate < 1 || burst < 1 {
            return Some(Self { rate: 1, burst: 0 });
        }
        let bounded = |number: i64| number.min(NUMBER_MAX).unsigned_abs();
        Some(Self { rate: bounded(rate), burst: bounded(burst) })
    }

    /// The quotas of all three.
    pub(super) fn all(limits: Limits) -> Quotas {
        [limits.user, limits.address, limits.global].map(Self::new)
    }

    fn debt_max(self) -> u64 {
        self.burst * REQUEST
    }

    /// Seconds until `units` have drained, rounded up.
    fn drains_s(self, units: u64) -> u64 {
        units.div_ceil(self.rate * 1_000_000)
    }
}

impl Debt {
    pub(super) const NONE: Self = Self { units: 0, at_us: 0 };

    /// The debt that is left at `now_us`; time never runs backwards.
    fn drained(self, quota: Quota, now_us: u64) -> Self {
        let elapsed_us = now_us.saturating_sub(self.at_us);
        let units = self.units.saturating_sub(elapsed_us.saturating_mul(quota.rate));
        Self { units, at_us: self.at_us.max(now_us) }
    }
}

/// Judges one request: the first bucket that is too deep in debt refuses it, or else it adds to each.
pub(super) fn judge(quotas: &Quotas, debts: [Debt; 3], now_us: u64) -> Judgement {
    let mut debts = debts;
    for (debt, quota) in debts.iter_mut().zip(quotas) {
        *debt = quota.map_or(Debt::NONE, |quota| debt.drained(quota, now_us));
    }
    let all = Layer::ALL.into_iter().zip(quotas).zip(&debts);
    let mut full =
        all.filter(|((_, quota), debt)| quota.is_some_and(|q| debt.units + REQUEST > q.debt_max()));
    let refused = full.next().map(|((kind, _), _)| kind);
    if refused.is_none() {
        for (debt, _) in debts.iter_mut().zip(quotas).filter(|(_, quota)| quota.is_some()) {
            debt.units += REQUEST;
        }
    }
    Judgement { refused, debts }
}

impl Judgement {
    /// The verdict, with what is left in the bucket that leaves the least; of equals the first, so that of a
    /// refused request it is the bucket that refused it.
    pub(super) fn verdict(&self, quotas: &Quotas) -> Result<Option<Allowance>, Refusal> {
        let counted =
            || quotas.iter().zip(&self.debts).filter_map(|(quota, debt)| Some(((*quota)?, debt.units)));
        let left = |(quota, units): (Quota, u64)| Allowance {
            limit: quota.burst,
            remaining: quota.debt_max().saturating_sub(units) / REQUEST,
            reset_s: if quota.burst == 0 { NEVER_S } else { quota.drains_s(units) },
            retry_s: None,
        };
        let wait_s = |(quota, units): (Quota, u64)| match quota.burst {
            0 => NEVER_S,
            _ => quota.drains_s((units + REQUEST).saturating_sub(quota.debt_max())).max(1),
        };
        let tightest = counted().map(left).min_by_key(|allowance| allowance.remaining);
        match self.refused {
            None => Ok(tightest),
            Some(kind) => {
                let retry_s = counted().map(wait_s).max();
                Err(kind.refusal(tightest.map(|allowance| Allowance { retry_s, ..allowance })))
            }
        }
    }
}

/// What a bucket says that has nothing left; of a lifted limit it is the least bucket.
pub(super) fn exhausted(quotas: &Quotas, layer: Layer) -> Allowance {
    let quota = quotas[layer as usize].filter(|quota| quota.burst > 0).unwrap_or(Quota { rate: 1, burst: 1 });
    Allowance {
        limit: quota.burst,
        remaining: 0,
        reset_s: quota.drains_s(quota.debt_max()),
        retry_s: Some(quota.drains_s(REQUEST).max(1)),
    }
}

/// The three kinds of buckets, in this process.
pub(super) struct Gcra {
    quotas: Quotas,
    kept: Mutex<Kept>,
}

struct Kept {
    users: Names<Debt>,
    addresses: Names<Debt>,
    global: Debt,
}

impl Gcra {
    pub(super) fn new(limits: Limits) -> Self {
        let kept = Kept {
            users: Names::new(limits.user),
            addresses: Names::new(limits.address),
            global: Debt::NONE,
        };
        Self { quotas: Quota::all(limits), kept: Mutex::new(kept) }
    }

    pub(super) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Whether one more request fits at `now_us`, and what is left.
    pub(super) fn admit(&self, now_us: u64, user: &str, address: &str) -> Result<Option<Allowance>, Refusal> {
        let now_ns = now_us.saturating_mul(1_000);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { users, addresses, global } = &mut *kept;
        let judgement = users.with(user, now_ns, Debt::NONE, |of_user| {
            addresses.with(address, now_ns, Debt::NONE, |of_address| {
                let judgement = judge(&self.quotas, [*of_user, *of_address, *global], now_us);
                [*of_user, *of_address, *global] = judgement.debts;
                judgement
            })
        });
        drop(kept);
        judgement.verdict(&self.quotas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Seed;

    const OFF: Limit = Limit::Off;

    /// Attempts of one user at these times: which are accepted.
    fn check(rate: i64, burst: i64, times_us: &[u64], expected: &str) {
        let gcra = Gcra::new(Limits { user: Limit::per_second(rate, burst), address: OFF, global: OFF });
        let got: String = times_us
            .iter()
            .map(|now_us| if gcra.admit(*now_us, "u", "a").is_ok() { '.' } else { 'x' })
            .collect();
        assert_eq!(got, expected, "{rate}/s, {burst} at once, at {times_us:?} µs");
    }

    #[test]
    fn a_bucket_refills_at_its_rate_to_the_microsecond() {
        check(4, 1, &[0, 0, 249_999, 250_000, 250_000, 500_000], ".xx.x.");
        // A third of a second is rounded to the safe side, and the fraction is not lost.
        check(3, 1, &[0, 333_333, 333_334, 666_667, 666_668, 1_000_001, 1_000_002], ".x.x.x.");
        check(3, 2, &[0, 0, 333_334, 666_667, 1_000_000], ".....");
        check(1_000_000, 1, &[0, 0, 1, 1, 2, 3], ".x.x..");
        check(i64::MAX, i64::MAX, &[0, 0, 0, 0], "....");
        // A clock that goes back gives nothing and costs nothing.
        check(1, 2, &[5_000_000, 5_000_000, 4_000_000, 5_999_999, 6_000_000], "..xx.");
        check(0, 9, &[0, 1_000_000_000], "xx");
        check(-1, 9, &[0, 1_000_000_000], "xx");
        check(9, 0, &[0, 1_000_000_000], "xx");
    }

    #[test]
    fn a_refused_request_costs_nothing() {
        let at = Limit::per_second;
        let gcra = Gcra::new(Limits { user: at(1, 3), address: at(1, 1), global: at(1, 100) });
        for (address, accepted) in
            [("a", true), ("a", false), ("a", false), ("b", true), ("c", true), ("d", false)]
        {
            assert_eq!(gcra.admit(7, "u", address).is_ok(), accepted, "{address}");
        }
        assert_eq!(gcra.kept.lock().expect("the buckets").global.units, 3 * REQUEST);
    }

    #[test]
    fn the_tightest_bucket_speaks() {
        let at = Limit::per_second;
        let left =
            |limit, remaining, reset_s, retry_s| Some(Allowance { limit, remaining, reset_s, retry_s });
        for (limits, asked, expected) in [
            ([OFF, OFF, OFF], 1, Ok(None)),
            ([at(5, 10), at(2, 5), at(100, 100)], 1, Ok(left(5, 4, 1, None))),
            ([at(5, 10), at(2, 5), at(100, 100)], 5, Ok(left(5, 0, 3, None))),
            ([at(5, 10), at(2, 5), at(100, 100)], 6, Err(Refusal::AddressLimit(left(5, 0, 3, Some(1))))),
            // The refusing bucket speaks, but the wait is that of the slowest.
            ([at(5, 1), OFF, at(1, 1)], 2, Err(Refusal::UserLimit(left(1, 0, 1, Some(1))))),
            ([OFF, OFF, at(3, 7)], 8, Err(Refusal::GlobalLimit(left(7, 0, 3, Some(1))))),
            ([at(9, 9), at(0, 1), OFF], 1, Err(Refusal::AddressLimit(left(0, 0, NEVER_S, Some(NEVER_S))))),
        ] {
            let [user, address, global] = limits;
            let gcra = Gcra::new(Limits { user, address, global });
            let answers = (0..asked).map(|_| gcra.admit(7, "u", "a"));
            assert_eq!(answers.last(), Some(expected), "{limits:?} asked {asked} times");
        }
    }

    #[test]
    fn random_callers_get_the_rate_and_the_burst_and_no_more() {
        for seed in 0..200 {
            let mut stream = Seed(seed).stream("gcra", 0);
            let mut up_to = |max: u64| 1 + stream.below(max);
            let (rate, burst) = (up_to(2_000), up_to(50));
            let limit = Limit::per_second(rate.cast_signed(), burst.cast_signed());
            let gcra = Gcra::new(Limits { user: OFF, address: OFF, global: limit });
            let (mut now_us, mut accepted) = (0, vec![]);
            for _ in 0..500 {
                now_us += up_to(2_000_000 / rate) - 1;
                match gcra.admit(now_us, "", "") {
                    Ok(_) => accepted.push(now_us),
                    Err(refusal) => {
                        let wait_s = refusal.allowance().and_then(|left| left.retry_s).expect("a wait");
                        assert!(wait_s >= 1 && (wait_s - 1) * rate <= 1, "seed {seed}: waits {wait_s} s");
                    }
                }
            }
            for (first, from_us) in accepted.iter().enumerate() {
                for (more, to_us) in accepted[first..].iter().enumerate() {
                    let earned = (to_us - from_us) as f64 * rate as f64 / 1e6;
                    assert!(
                        more as f64 + 1.0 <= burst as f64 + earned + 1e-9,
                        "seed {seed}: {from_us}..{to_us}"
                    );
                }
            }
            let idle_us = (burst * 1_000_000).div_ceil(rate);
            let again = (0..=burst).filter(|_| gcra.admit(now_us + idle_us, "", "").is_ok()).count();
            assert_eq!(again as u64, burst, "seed {seed}: full after {idle_us} µs");
        }
    }

    #[test]
    fn a_steady_client_at_the_rate_is_never_refused() {
        for rate in [1, 3, 7, 50, 100, 999, 1_000_000] {
            let gcra = Gcra::new(Limits { user: Limit::per_second(rate, 1), address: OFF, global: OFF });
            let gap_us = 1_000_000_u64.div_ceil(rate.unsigned_abs());
            assert!(
                (0..1_000).all(|n| gcra.admit(n * gap_us, "u", "a").is_ok()),
                "{rate}/s every {gap_us} µs"
            );
        }
    }

    /// The `governor` crate judges single buckets by the same algorithm: it is the oracle.
    #[test]
    fn one_bucket_judges_as_governor_does() {
        use governor::clock::FakeRelativeClock;
        use governor::{Quota as GovernorQuota, RateLimiter};
        use std::num::NonZeroU32;
        use std::time::Duration;

        let seed = Seed(23);
        // Rates whose interval is whole microseconds, which is what both count in exactly.
        for (round, rate) in
            [1, 2, 4, 5, 8, 10, 20, 25, 50, 100, 125, 200, 500, 1_000].into_iter().enumerate()
        {
            let mut stream = seed.stream("oracle", round as u64);
            let burst = 1 + stream.below(20) as u32;
            let gcra = Gcra::new(Limits {
                user: Limit::per_second(i64::from(rate), i64::from(burst)),
                address: OFF,
                global: OFF,
            });
            let clock = FakeRelativeClock::default();
            let some = |number| NonZeroU32::new(number).expect("above 0");
            let quota = GovernorQuota::per_second(some(rate)).allow_burst(some(burst));
            let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
            let mut now_us = 0;
            for n in 0..2_000 {
                let pause_us = stream.below(3_000_000 / u64::from(rate));
                now_us += pause_us;
                clock.advance(Duration::from_micros(pause_us));
                let (got, expected) = (gcra.admit(now_us, "u", "a").is_ok(), oracle.check().is_ok());
                assert_eq!(got, expected, "{seed:?}: {rate}/s, {burst} at once, request {n} at {now_us} µs");
            }
        }
    }
}
