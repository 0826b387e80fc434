//! What coordinator and workers say to each other.
//!
//! Every letter names its run, its worker and its place among the letters of its sender, so that none counts twice; it says what
//! the sender has of the other's items, how things stand, and brings items of its own. Letters may be lost, items are not.

use measure::{ArrivalsParcel, GeneratorRecord, Parcel};
use serde::{Deserialize, Serialize};

use crate::desk::ClassCounts;
use crate::open::Taken;

/// The version of the protocol; others are not listened to.
pub(crate) const VERSION: u32 = 2;
/// Items that one letter brings at most.
pub(crate) const ITEMS_MAX: usize = 16;

/// Which way a letter goes: one that is thrown back is not taken for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// From a worker to the coordinator.
    Up,
    /// From the coordinator to a worker.
    Down,
}

/// A letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Letter<B, I> {
    pub(crate) version: u32,
    pub(crate) way: Way,
    /// The run; 0 of a worker that knows none yet.
    pub(crate) run: u64,
    /// Which of the run's coordinators, one after the other, from 1; 0 of a worker that knows none yet. Orders are numbered
    /// anew under each.
    pub(crate) reign: u64,
    /// The worker that sends it or is to read it: drawn when its process began.
    pub(crate) worker: u64,
    /// Greater than that of every letter that the sender wrote before.
    pub(crate) number: u64,
    /// Up to which number the sender has the other's items.
    pub(crate) acknowledged: u64,
    pub(crate) beat: B,
    pub(crate) items: Vec<(u64, I)>,
}

/// Up.
pub(crate) type UpLetter = Letter<UpBeat, Report>;
/// Down.
pub(crate) type DownLetter = Letter<DownBeat, Order>;

/// How a worker stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UpBeat {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// Of weaver-bench.
    pub(crate) release: String,
    pub(crate) threads: u32,
    pub(crate) users: u32,
    pub(crate) in_flight: u32,
    /// Requests that left, since the process began.
    pub(crate) sent: u64,
    /// How many it would like to be allowed, since the process began.
    pub(crate) ceiling: u64,
    /// Answers a probe: its number, and the worker's clock.
    pub(crate) echo: Option<(u64, u64)>,
    pub(crate) cpu_ns: u64,
    pub(crate) memory_bytes: u64,
}

/// What the coordinator says beside its orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DownBeat {
    /// To be answered with the worker's clock.
    pub(crate) probe: Option<u64>,
    /// How many requests the worker may send, since its process began.
    pub(crate) ceiling: u64,
}

/// From the coordinator to one worker. Moments are on the worker's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// The run, sealed: see `Errand`.
    Plan { sealed: String },
    /// Make ready for a step: these are your seats among so many.
    Step { index: usize, first_seat: usize, seats: usize },
    /// Seconds count from here; arrivals come until then, and no request leaves after it.
    Begin { from_ns: u64, until_ns: u64 },
    /// Start users: class, number and generation of each.
    Spawn { users: Vec<(usize, u32, u32)> },
    /// Do the arrivals of these seats too: their worker is gone.
    Take { seats: Vec<Taken> },
    /// Let users go.
    Dismiss { numbers: Vec<u32> },
    /// Drop what was recorded; seconds count from here.
    Reset { at_ns: u64 },
    /// Send nothing new.
    Stop,
    /// Give up what is in flight.
    Cut,
    /// Hand over the last records of the step.
    Finish,
    /// Give up everything: others do your work. Hand over what there is.
    Abandon,
    /// The run is over.
    Bye { words: String },
}

/// From a worker to the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It has the plan.
    Prepared,
    /// It will not take part.
    Refused { words: String },
    /// It is ready for the step.
    Ready { step: usize },
    /// A second.
    Second(Box<Second>),
    /// All users have gone.
    Drained { step: usize },
    /// The step is over here; the last second came before.
    Finished { step: usize, arrivals: Option<ArrivalsParcel> },
    /// It takes its leave: it sends nothing new since then, and hands in what it has.
    Leaving { at_ns: u64 },
}

/// One second of one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Second {
    pub(crate) step: usize,
    /// How often the step had been reset.
    pub(crate) resets: u32,
    /// Which second since then, from 0; the last one may be shorter.
    pub(crate) second: u64,
    pub(crate) users: u32,
    pub(crate) in_flight: u32,
    pub(crate) parcel: Parcel,
    /// Since the step's begin, or its reset.
    pub(crate) counts: Vec<ClassCounts>,
    pub(crate) generator: Option<GeneratorRecord>,
}

/// What seals a plan for one worker: no two runs begin in the same nanosecond, and no two workers are alike.
pub(crate) fn once(run: u64, worker: u64) -> [u8; 12] {
    let mut once = [0; 12];
    once[..8].copy_from_slice(&run.to_le_bytes());
    once[8..].copy_from_slice(&worker.to_le_bytes()[..4]);
    once
}

/// What seals the plan in a run's journal: runs are numbered by the time, which does not reach the highest bit.
pub(crate) fn once_kept(run: u64) -> [u8; 12] {
    once(run | 1 << 63, 0)
}

/// The stream that all workers write to.
pub(crate) fn up_stream(fleet: &str) -> String {
    format!("weaver-bench:{fleet}:up")
}

/// The stream that one worker reads.
pub(crate) fn down_stream(fleet: &str, worker: u64) -> String {
    format!("weaver-bench:{fleet}:down:{worker:016x}")
}
