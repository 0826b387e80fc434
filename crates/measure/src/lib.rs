//! What was measured and what it means.
//!
//! Measuring writes one file, the [`Run`]; judging only reads it: every table, CSV file and verdict is a
//! pure function of it. This crate must not know tokio, the network, a clock or `wire`.

mod run;
mod sample;

pub use run::{
    CellRecord, ClassRecord, CutOff, EntryName, ErrorRecord, FORMAT, Host, IntervalRecord, LatenessRecord,
    Level3, Phases, Resources, Run, RunKind, StatusCount, StepRun, Targets, TaskRecord,
};
pub use sample::{NameId, Outcome, RequestId, Sample};
