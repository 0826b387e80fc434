//! Arrivals: when requests are due whatever became of those before. Due times are pure functions of seed and step.
//!
//! It must not know the present, the workers or any answer.

mod curve;
mod gaps;
mod read;
mod replay;
mod schedule;
mod share;

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

use measure::{Process, RateStage};
use wire::{Mistakes, format_duration};

pub(crate) use curve::Curve;
pub(crate) use gaps::Gaps;
pub use read::OpenReplay;
pub(crate) use read::load;
pub use replay::read_replay;
use schedule::{Arrival, Schedule};
pub(crate) use share::Share;

/// Arrivals a second at most.
const RATE_PER_S_MAX: f64 = 1e6;
/// Stages at most.
const STAGES_MAX: usize = 1_000;
/// The longest stage.
const STAGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// A process of arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Arrivals {
    /// Evenly spaced: the k-th arrival (from 0) when the integrated rate reaches k.
    Constant(Vec<Stage>),
    /// A Poisson process: unit-exponential increments through the inverse of the integrated rate (Çınlar:
    /// Introduction to Stochastic Processes, 1975, 4.7).
    Poisson(Vec<Stage>),
    /// At these moments, microseconds since the step's start, ascending.
    Replay(Arc<[u64]>),
}

/// A part of the load during which the rate goes from one value to another in a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Arrivals a second at its begin.
    pub from_per_s: f64,
    /// Arrivals a second at its end.
    pub to_per_s: f64,
    /// How long it lasts; `None`, of the last stage alone: to the end of the load.
    pub lasts: Option<Duration>,
}

impl Stage {
    /// One rate to the end of the load.
    pub fn steady(rate_per_s: f64) -> Self {
        Self { from_per_s: rate_per_s, to_per_s: rate_per_s, lasts: None }
    }
}

impl Arrivals {
    /// The rate's parts; empty of a replay.
    pub fn stages(&self) -> &[Stage] {
        match self {
            Self::Constant(stages) | Self::Poisson(stages) => stages,
            Self::Replay(_) => &[],
        }
    }

    /// What spaces them.
    pub fn process(&self) -> Process {
        match self {
            Self::Constant(_) => Process::Constant,
            Self::Poisson(_) => Process::Poisson,
            Self::Replay(_) => Process::Replay,
        }
    }

    /// How long they last: the stages together, or the whole second that the last replayed one falls into; `None`
    /// when they do not end.
    pub fn lasts(&self) -> Option<Duration> {
        match self {
            Self::Constant(stages) | Self::Poisson(stages) => stages.iter().map(|stage| stage.lasts).sum(),
            Self::Replay(due_us) => {
                Some(Duration::from_secs(due_us.last().map_or(0, |last_us| last_us / 1_000_000 + 1)))
            }
        }
    }

    /// The same process with every stage shortened; a replay stays as it is.
    pub(crate) fn shortened(mut self, factor: u32) -> Self {
        if let Self::Constant(stages) | Self::Poisson(stages) = &mut self {
            stages.iter_mut().for_each(|stage| stage.lasts = stage.lasts.map(|lasts| lasts / factor));
        }
        self
    }

    /// How many are due in the mean within `time`; a replay's are counted.
    pub(crate) fn mean_within(&self, time: Duration) -> f64 {
        match self {
            Self::Constant(stages) | Self::Poisson(stages) => {
                Curve::new(stages).mean_until(time.as_secs_f64())
            }
            Self::Replay(due_us) => {
                due_us.partition_point(|at_us| u128::from(*at_us) < time.as_micros()) as f64
            }
        }
    }

    /// The stages, for the run file.
    pub(crate) fn record(&self) -> Vec<RateStage> {
        let record = |stage: &Stage| RateStage {
            from_per_s: stage.from_per_s,
            to_per_s: stage.to_per_s,
            duration_s: stage.lasts.map(|lasts| lasts.as_secs_f64()),
        };
        self.stages().iter().map(record).collect()
    }

    /// Appends what is wrong with them; `place` is what messages call them.
    pub fn check(&self, place: &str, mistakes: &mut Mistakes) {
        let mut wrong = |problem: String, remedy: &str| mistakes.push(place, problem, remedy);
        let stages = match self {
            Self::Replay(due_us) if due_us.is_empty() => {
                return wrong("the replay has no arrival".into(), "add lines with a time each");
            }
            Self::Replay(_) => return,
            Self::Constant(stages) | Self::Poisson(stages) => stages,
        };
        if stages.is_empty() || stages.len() > STAGES_MAX {
            return wrong(format!("{} stages", stages.len()), "give 1 to 1000 stages");
        }
        for stage in stages {
            for rate in [stage.from_per_s, stage.to_per_s] {
                if !(0.0..=RATE_PER_S_MAX).contains(&rate) {
                    wrong(format!("rate = {rate} is out of range"), "give 0 to 1000000 arrivals a second");
                }
            }
            if let Some(lasts) = stage.lasts.filter(|lasts| lasts.is_zero() || *lasts > STAGE_MAX) {
                let problem = format!("a stage of {} is out of range", format_duration(lasts));
                wrong(problem, "give more than 0s and at most 24h");
            }
        }
        if stages.iter().all(|stage| stage.from_per_s.max(stage.to_per_s) < 1e-3) {
            wrong("the rate never reaches 0.001/s".into(), "give a rate above 0, such as 100");
        }
        if stages.iter().rev().skip(1).any(|stage| stage.lasts.is_none()) {
            wrong("a stage before the last has no time".into(), "say how long it lasts");
        }
    }
}
