//! One finished request, as the harness saw it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Index into the step's table of entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameId(pub u16);

/// Names a request in the harness's records and in the server's ledger alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// Tells runs and steps apart.
    pub run: u32,
    /// The user's number in its step.
    pub user: u32,
    /// The request's number within its user, from 0.
    pub number: u32,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}-{}", self.run, self.user, self.number)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All expectations were met.
    Success,
    /// The server refused for its limits, and the scenario declared that as expected.
    Throttled,
    /// Anything else: another status, a failed expectation, no answer.
    Failure,
}

impl Outcome {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Outcome; 3] = [Outcome::Success, Outcome::Throttled, Outcome::Failure];

    /// `success`, `throttled` or `failure`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Throttled => "throttled",
            Self::Failure => "failure",
        }
    }
}

/// One finished request. Times are nanoseconds since the run's clock started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The request.
    pub request_id: RequestId,
    /// The entry it counts under.
    pub name: NameId,
    /// When it was due: by the schedule, by its user's pace, or at the end of the wait before it.
    pub intended_ns: u64,
    /// When its user could first have sent it: when the answer before was read. Where there was none, when it was due.
    pub ready_ns: u64,
    /// When it was handed to the transport.
    pub sent_ns: u64,
    /// When the last byte of the answer was read, or it failed.
    pub done_ns: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
}

impl Sample {
    /// What the server and the network took: done − sent.
    pub fn service_ns(&self) -> u64 {
        self.done_ns.saturating_sub(self.sent_ns)
    }

    /// What somebody waited for whom the request was due: done − intended. A wait for the answer before it, which the
    /// server took its time for, is in it.
    pub fn response_ns(&self) -> u64 {
        self.done_ns.saturating_sub(self.intended_ns)
    }

    /// How late the harness itself was: sent − the later of intended and ready.
    pub fn lateness_ns(&self) -> u64 {
        self.sent_ns.saturating_sub(self.intended_ns.max(self.ready_ns))
    }
}
