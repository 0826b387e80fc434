//! What was measured and what it means.
//!
//! Measuring writes one file, the [`Run`]; judging only reads it: every table, CSV file and verdict is a
//! pure function of it. This crate must not know tokio, the network, a clock or `wire`.
//!
//! The way of a sample: [`Recorder::record`] → [`StepRecorder::push_second`] → [`Run`] → [`Summary::of`] →
//! [`judge`] and [`validity`] → [`conclude`] → [`export`].

pub mod analysis;
mod arrivals;
mod buckets;
mod bursts;
mod check;
mod checks;
mod codec;
pub mod compare;
mod conclude;
mod confidence;
pub mod diagnosis;
mod estimate;
pub mod export;
mod file;
mod fleet;
mod goodness;
mod health;
mod histogram;
mod interval;
mod judge;
mod limits;
mod little;
mod load;
mod numbers;
mod parcel;
mod recorder;
mod run;
mod sample;
pub mod scalability;
mod spread;
mod stages;
mod step;
mod summary;
mod tails;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod thresholds;
mod times;
mod tracker;
pub mod units;
mod validity;
mod warnings;
mod window;

pub use analysis::{Analysis, analyze};
pub use arrivals::{ArrivalsRecord, ArrivalsTally, GAP_BINS, GapsRecord};
pub use bursts::{Burst, BurstKind};
pub use checks::{Check, checks};
pub use conclude::{Conclusion, RunExit, Scalability, StepConclusion, conclude};
pub use confidence::{samples_needed, upper95_ns};
pub use estimate::{Interval95, Intervals, StepIntervals, intervals};
pub use file::RunError;
pub use fleet::{AbsenceRecord, LossRecord, WorkerRecord};
pub use goodness::{Fit, jitter_tolerance, uniform_fit};
pub use health::{GeneratorRecord, PULSE_SLOT_NS, ProcessRecord, PulseRecord, SeenRecord, ThreadRecord};
pub use histogram::{HIGHEST_NS, Histogram, Quantile};
pub use judge::{Judgement, Level, Metric, MetricVerdict, StepVerdict, judge};
pub use limits::Limits;
pub use little::{Little, Sampled, Summed, little};
pub use load::{LoadRecord, Process, RateStage, TimesKind};
pub use parcel::{ArrivalsParcel, Packer, Parcel, ParcelError};
pub use recorder::Recorder;
pub use run::{
    CellRecord, ClassRecord, CutOff, EditRecord, EntryName, ErrorRecord, FORMAT, Host, IntervalRecord,
    LatenessRecord, Level3, Phases, Resources, Run, RunKind, StatusCount, StepRun, Targets, TaskRecord,
    TimesRecord,
};
pub use sample::{NameId, Outcome, RequestId, Sample};
pub use stages::{EntryStages, STAGES_MAX, StageRecord, StagesRecord};
pub use step::{Live, StepRecorder, StepRecords};
pub use summary::{Lateness, Row, Summary};
pub use tally::{ERRORS_MAX, OTHER_ERRORS};
pub use thresholds::{
    Comparison, FigureUnit, Over, Threshold, ThresholdFigure, ThresholdOutcome, ThresholdTracker,
    ThresholdVerdict, ThresholdWindows, judge_thresholds,
};
pub use times::Times;
pub use tracker::{Standing, TrackedSecond, Tracker};
pub use validity::{Validity, validity, validity_so_far};
pub use warnings::{Warning, warnings};
pub use window::Current;
