//! The limits beyond which a step's numbers may not be trusted. They stand in the plan; the defaults were found by measuring.
//! It must not know how anything is held against them.

use serde::{Deserialize, Serialize};

/// Limits of validity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// The generator's lateness at p99, as a share of the p99 of the times that the step shows …
    pub lateness_ratio_max: f64,
    /// … but never less than this: what a healthy, half busy machine does.
    pub lateness_floor_ns: u64,
    /// A timer of the generator that woke later than this: it was stopped or starved.
    pub stopped_ns_max: u64,
    /// The wall clock against the monotonic clock.
    pub clock_jump_ns_max: u64,
    /// The share of a second in which a thread of the generator ran or wanted to, in half of the steady seconds.
    pub busy_ratio_max: f64,
    /// Arrivals that were not sent because too many were in progress, as a share of those due.
    pub dropped_ratio_max: f64,
    /// How far the rate of arrivals may be off beyond chance.
    pub rate_error_ratio_max: f64,
    /// How far the distribution of gaps between arrivals may be off beyond chance: a distance of Kolmogorov–Smirnov …
    pub fit_distance_max: f64,
    /// … and what is allowed on top of it for arrivals that are each sent up to this late.
    pub fit_jitter_ns: u64,
    /// How far Little's law may be off beyond chance.
    pub little_error_ratio_max: f64,
    /// The chance that any test of a whole run raises an alarm by chance.
    pub false_alarm_ratio: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lateness_ratio_max: 0.1,
            lateness_floor_ns: 10_000_000,
            stopped_ns_max: 500_000_000,
            clock_jump_ns_max: 100_000_000,
            busy_ratio_max: 0.9,
            dropped_ratio_max: 0.0,
            rate_error_ratio_max: 0.01,
            fit_distance_max: 0.01,
            fit_jitter_ns: 250_000,
            little_error_ratio_max: 0.02,
            false_alarm_ratio: 1e-4,
        }
    }
}
