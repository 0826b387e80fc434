//! What was measured and what it means.
//!
//! Measuring writes one file, the [`Run`]; judging only reads it: every table, CSV file and verdict is a
//! pure function of it. This crate must not know tokio, the network, a clock or `wire`.
//!
//! The way of a sample: [`Recorder::record`] → [`StepRecorder::push_second`] → [`Run`] → [`Summary::of`] →
//! [`judge`] and [`validity`] → [`conclude`] → [`export`].

mod buckets;
mod check;
mod codec;
mod conclude;
mod confidence;
pub mod export;
mod file;
mod histogram;
mod judge;
mod recorder;
mod run;
mod sample;
mod step;
mod summary;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod times;
pub mod units;
mod validity;
mod warnings;
mod window;

pub use conclude::{Conclusion, RunExit, Scalability, StepConclusion, conclude};
pub use confidence::{samples_needed, upper95_ns};
pub use file::RunError;
pub use histogram::{HIGHEST_NS, Histogram, Quantile};
pub use judge::{Judgement, Level, Metric, MetricVerdict, StepVerdict, judge};
pub use recorder::Recorder;
pub use run::{
    CellRecord, ClassRecord, CutOff, EntryName, ErrorRecord, FORMAT, Host, IntervalRecord, LatenessRecord,
    Level3, Phases, Resources, Run, RunKind, StatusCount, StepRun, Targets, TaskRecord,
};
pub use sample::{NameId, Outcome, RequestId, Sample};
pub use step::{Live, StepRecorder, StepRecords};
pub use summary::{Lateness, Row, Summary};
pub use tally::{ERRORS_MAX, OTHER_ERRORS};
pub use times::Times;
pub use validity::{Validity, validity};
pub use warnings::{Warning, warnings};
