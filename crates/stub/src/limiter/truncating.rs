//! The real server's buckets: refilled in whole requests, and the fraction is thrown away at every attempt.
//!
//! So a bucket refills only if two attempts are at least 1/rate apart. Time is a float of seconds, as there. It
//! must not read a clock.

use std::sync::{Mutex, PoisonError};

use super::Layer;
use super::names::Names;
use crate::settings::{Limit, Limits};

/// The three kinds of buckets.
pub(super) struct Truncating {
    limits: Limits,
    kept: Mutex<Kept>,
}

struct Kept {
    users: Names<Bucket>,
    addresses: Names<Bucket>,
    global: Bucket,
}

/// What is in a bucket, and when it was asked last.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    tokens: i64,
    asked_s: f64,
}

impl Bucket {
    fn full(limit: Limit, now_s: f64) -> Self {
        let tokens = match limit {
            Limit::Off => 0,
            Limit::PerSecond { burst, .. } => burst,
        };
        Self { tokens, asked_s: now_s }
    }

    /// Refills and takes one.
    fn admits(&mut self, limit: Limit, now_s: f64) -> bool {
        let Limit::PerSecond { rate, burst } = limit else { return true };
        // The cast truncates towards 0, and keeps to the range of numbers.
        let refill = ((now_s - self.asked_s) * rate as f64) as i64;
        self.tokens = burst.min(self.tokens.saturating_add(refill));
        self.asked_s = now_s;
        let admits = self.tokens >= 1;
        self.tokens -= i64::from(admits);
        admits
    }
}

impl Truncating {
    /// Buckets of a server that starts at `unix_ns`.
    pub(super) fn new(limits: Limits, unix_ns: u64) -> Self {
        let kept = Kept {
            users: Names::new(limits.user),
            addresses: Names::new(limits.address),
            global: Bucket::full(limits.global, seconds(unix_ns)),
        };
        Self { limits, kept: Mutex::new(kept) }
    }

    /// Takes one from each bucket in their order, and says which one refused; what an earlier one gave is lost.
    pub(super) fn admit(&self, unix_ns: u64, user: &str, address: &str) -> Option<Layer> {
        let now_s = seconds(unix_ns);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { users, addresses, global } = &mut *kept;
        if !named(users, self.limits.user, user, unix_ns, now_s) {
            return Some(Layer::User);
        }
        if !named(addresses, self.limits.address, address, unix_ns, now_s) {
            return Some(Layer::Address);
        }
        (!global.admits(self.limits.global, now_s)).then_some(Layer::Global)
    }
}

/// Takes one from the bucket of `name`; a new one is full.
fn named(names: &mut Names<Bucket>, limit: Limit, name: &str, unix_ns: u64, now_s: f64) -> bool {
    if matches!(limit, Limit::PerSecond { burst, .. } if burst < 1) {
        return false;
    }
    names.with(name, unix_ns, Bucket::full(limit, now_s), |bucket| bucket.admits(limit, now_s))
}

/// Seconds since the Unix epoch as CPython's `time.time()` gives them, rounding and all: nanoseconds to the nearest
/// float and then divided, but whole seconds exactly.
fn seconds(unix_ns: u64) -> f64 {
    const SECOND_NS: u64 = 1_000_000_000;
    if unix_ns.is_multiple_of(SECOND_NS) { (unix_ns / SECOND_NS) as f64 } else { unix_ns as f64 / 1e9 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_NS: u64 = 1_795_426_475_000_000_000;

    /// Attempts this far apart: which are accepted.
    fn check(rate: i64, burst: i64, gap_ns: u64, attempts: u64, expected: &str) {
        let limit = Limit::per_second(rate, burst);
        let mut bucket = Bucket::full(limit, seconds(START_NS));
        let got: String = (0..attempts)
            .map(|n| if bucket.admits(limit, seconds(START_NS + n * gap_ns)) { '.' } else { 'x' })
            .collect();
        assert_eq!(got, expected, "{rate}/s, {burst} at once, every {gap_ns} ns");
    }

    #[test]
    fn fractions_are_thrown_away() {
        const MS: u64 = 1_000_000;
        check(2, 3, 499 * MS, 9, "...xxxxxx");
        check(2, 3, 500 * MS, 9, ".........");
        check(2, 1, 0, 3, ".xx");
        check(0, 3, 3_600_000 * MS, 5, "...xx");
        // A negative rate empties the bucket, but only in whole requests.
        check(-1, 5, 300 * MS, 7, ".....xx");
        check(-1, 5, 1_000 * MS, 5, "...xx");
        check(i64::MIN, 5, MS, 3, ".xx");
        check(1, 0, 9_000 * MS, 2, "xx");
        check(1, -5, 9_000 * MS, 2, "xx");
        check(i64::MAX, i64::MAX, MS, 4, "....");
    }

    #[test]
    fn exactly_at_the_rate_the_floats_decide() {
        // 10 ms are not a float: of these gaps some are a little less, and give nothing. CPython counts the same.
        let limit = Limit::per_second(100, 100);
        let mut bucket = Bucket::full(limit, seconds(START_NS));
        let attempts = (0..1_000).map(|n| seconds(START_NS + n * 10_000_000));
        assert_eq!(attempts.filter(|now_s| bucket.admits(limit, *now_s)).count(), 380);
        assert_eq!(seconds(START_NS), 1_795_426_475.0);
        assert_eq!(seconds(START_NS + 10_000_000), 1_795_426_475.01);
        assert!((seconds(START_NS + 10_000_000) - seconds(START_NS)) * 100.0 < 1.0);
    }
}
