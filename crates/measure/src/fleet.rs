//! The workers of a run that several processes carried out, and what was lost with those that did not come to its end.
//! It must not know how they talk.

use serde::{Deserialize, Serialize};

/// A worker of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// What it was called.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Its threads.
    pub threads: u32,
    /// Most users that it had at once.
    pub users: u32,
    /// Requests that it handed in, those that were cut off among them.
    pub requests: u64,
    /// How far its clock was ahead of the coordinator's, both counted from their processes' starts.
    pub offset_ns: i64,
    /// The quickest round trip to it, which that was measured by.
    pub rtt_ns: u64,
    /// How it was lost, the last time; `None` when it was there to the end.
    pub lost: Option<LossRecord>,
    /// How often it came back after it had been lost.
    pub rejoined: u32,
}

/// A worker that was not heard for too long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossRecord {
    /// What it was called.
    pub worker: String,
    /// Its process.
    pub pid: u32,
    /// When it was given up, nanoseconds since the run's clock started.
    pub at_ns: u64,
    /// Requests that it may have sent and did not hand in, at most: a worker never sends more than it has announced.
    pub requests_max: u64,
    /// The same as it most likely is: by its last word, and its rate from then on.
    pub requests_likely: u64,
    /// Users that others were given.
    pub users_moved: u32,
    /// Whether the run was told to put up with it.
    pub tolerated: bool,
    /// It took its leave, and was not lost: what it could not hand in is bounded all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub left: bool,
    /// Others did its arrivals from then on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub arrivals_moved: bool,
}

/// The time in which nobody led the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbsenceRecord {
    /// When the coordinator was last at work, nanoseconds since the run's clock started.
    pub from_ns: u64,
    /// When another one took its place.
    pub until_ns: u64,
}

fn is_false(value: &bool) -> bool {
    !value
}
