//! How the generator itself, and the target's process, fared in each second of a step: what validity rests on.
//! It must not know how any of it is read, nor what is concluded.

use serde::{Deserialize, Serialize};

/// A worker looks at its users and requests once in each slot of this length, at a random instant.
pub const PULSE_SLOT_NS: u64 = 10_000_000;

/// What the workers' timers saw in a second, summed up over them, and what their users say of the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulseRecord {
    /// Slots that were looked into.
    pub samples: u64,
    /// Slots that were not, or so late that what was seen is no fair sample: the worker was kept from running.
    pub missed: u64,
    /// How late the latest look was.
    pub lag_ns_max: u64,
    /// Requests in flight.
    pub in_flight: SeenRecord,
    /// Users, or arrivals in progress.
    pub users: SeenRecord,
    /// Requests that ended between two neighbouring looks of one worker, at the most.
    #[serde(default)]
    pub ended_max: u32,
    /// Time that users spent waiting, as planned, before the requests that ended; and what was left of their lives after
    /// their last ones.
    pub waited_ns: u64,
    /// Time that requests were in flight whose answers were given up.
    pub given_up_ns: u64,
    /// Time that the requests in flight at a reset had been in flight before it: their times hold it, and no look does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests_before_ns: u64,
    /// The same of the users that were there: what they had lived since their last answers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub users_before_ns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A number that was looked at, over a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRecord {
    /// Sum of what was seen.
    pub sum: u64,
    /// Sum of the squared differences between one worker's neighbouring looks.
    pub diff2_sum: u64,
    /// The greatest difference.
    pub diff_max: u32,
}

/// The generator in a second; absent in virtual time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorRecord {
    /// Time since the second before was read.
    pub span_ns: u64,
    /// How late the driver's own timer woke at the most.
    pub loop_lag_ns_max: u64,
    /// By how much the wall clock moved against the monotonic clock between two looks, at the most; forwards is positive.
    pub clock_jump_ns: i64,
    /// The process, if it can be read.
    pub process: Option<ProcessRecord>,
    /// Its threads, by name; a name that several bear is summed up.
    pub threads: Vec<ThreadRecord>,
}

/// A process in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Processor time used in it, user and system.
    pub cpu_ns: u64,
    /// Resident memory at its end, if it can be read.
    pub memory_bytes: Option<u64>,
    /// Open descriptors at its end, if they can be counted.
    pub descriptors: Option<u32>,
    /// Sockets among them, if they can be told.
    pub sockets: Option<u32>,
}

/// A thread in a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadRecord {
    /// Its name.
    pub name: String,
    /// Processor time used.
    pub cpu_ns: u64,
    /// Time that it was ready and no processor was free.
    pub waited_ns: u64,
}

impl PulseRecord {
    /// Takes all of `other` and leaves it empty.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        self.samples += other.samples;
        self.missed += other.missed;
        self.lag_ns_max = self.lag_ns_max.max(other.lag_ns_max);
        self.in_flight.merge(other.in_flight);
        self.users.merge(other.users);
        self.ended_max = self.ended_max.max(other.ended_max);
        self.waited_ns += other.waited_ns;
        self.given_up_ns += other.given_up_ns;
        self.requests_before_ns += other.requests_before_ns;
        self.users_before_ns += other.users_before_ns;
    }
}

impl SeenRecord {
    /// Sees `now`, after `last`.
    pub fn see(&mut self, last: u32, now: u32) {
        let diff = now.abs_diff(last);
        self.sum += u64::from(now);
        self.diff2_sum += u64::from(diff) * u64::from(diff);
        self.diff_max = self.diff_max.max(diff);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.diff2_sum += other.diff2_sum;
        self.diff_max = self.diff_max.max(other.diff_max);
    }
}

impl ThreadRecord {
    /// The share of `span_ns` in which it ran or would have run, had a processor been free.
    pub fn busy_ratio(&self, span_ns: u64) -> f64 {
        (self.cpu_ns + self.waited_ns) as f64 / span_ns.max(1) as f64
    }
}
