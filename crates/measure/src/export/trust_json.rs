//! How far numbers may be off, for scripts: 95 % intervals as `[low, high]` in ms, and the tests of a step.
//! It must not decide anything.

use serde::Serialize;

use crate::{Check, Interval95, Intervals, units};

/// Null where seconds or requests are too few.
#[derive(Serialize)]
pub(super) struct Bounds {
    average_ci95_ms: Option<[f64; 2]>,
    p50_ci95_ms: Option<[f64; 2]>,
    p95_ci95_ms: Option<[f64; 2]>,
    p99_ci95_ms: Option<[f64; 2]>,
}

/// A test.
#[derive(Serialize)]
pub(super) struct Tested<'a> {
    name: &'static str,
    found: &'a str,
    p_value: f64,
    alarm_below: f64,
    holds: bool,
}

impl From<&Intervals> for Bounds {
    fn from(found: &Intervals) -> Self {
        let ends = |interval: Option<Interval95>| interval.map(|i| [i.low_ns, i.high_ns].map(units::ms));
        Self {
            average_ci95_ms: ends(found.mean),
            p50_ci95_ms: ends(found.p50),
            p95_ci95_ms: ends(found.p95),
            p99_ci95_ms: ends(found.p99),
        }
    }
}

impl<'a> From<&'a Check> for Tested<'a> {
    fn from(check: &'a Check) -> Self {
        let Check { name, found, p_value, level, trouble: _ } = check;
        Self { name, found, p_value: *p_value, alarm_below: *level, holds: check.holds() }
    }
}
