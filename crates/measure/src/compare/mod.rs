//! Whether one run differs from another: refused, decided, and every figure beside it.
//!
//! A is the older run, B the newer one. Pure functions of two run files; it must not know where they came from, nor
//! how anything is shown (but for [`text`] and [`markdown`], which show it).

mod cells;
mod chance;
mod decide;
mod estimate;
mod figure;
mod refuse;
mod rounds;
mod series;
mod stratified;
mod trend;
mod words;

use serde::Serialize;

pub use cells::Cell;
pub use decide::Decision;
pub use estimate::{Change, Scale, Verdict};
pub use figure::Figure;
pub use refuse::{Waivers, refusals, trouble};
pub use rounds::{Named, ROUNDS_FORMAT, ROUNDS_MIN, Round, Rounds, rounds};
pub use trend::{ChangePoint, FALSE_ALARM, RUNS_MIN, TREND_FORMAT, Trend, TrendRun, trend};
pub use words::{markdown, rounds_markdown, rounds_text, text, trend_markdown, trend_text};

use crate::compare::decide::{Evidence, Pair, decide, evidence};
use crate::compare::series::StepSeries;
use crate::{Run, RunError, units};

/// The format of a comparison as JSON.
pub const COMPARISON_FORMAT: &str = "weaver-bench.comparison/1";

/// Two runs, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// [`COMPARISON_FORMAT`].
    pub format: &'static str,
    /// The older run.
    pub a: RunLabel,
    /// The newer run.
    pub b: RunLabel,
    /// Changes of times and rates by less than this ratio are the same.
    pub margin: f64,
    /// What the deciding test found.
    pub decision: Decision,
    /// The time of the judged requests in each step, for information: the decision's own parts.
    pub steps: Vec<StepChange>,
    /// Every figure of every entry and step.
    pub cells: Vec<Cell>,
}

/// Which run it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunLabel {
    /// What the caller calls it.
    pub name: String,
    /// Its start, `20261123_094548`.
    pub started: String,
    /// Its seed.
    pub seed: u64,
    /// The server's address; `None` in virtual time.
    pub target_url: Option<String>,
    /// What measured it.
    pub version: String,
}

/// The judged requests of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepChange {
    /// The step.
    pub step: String,
    /// Successes of A and of B.
    pub requests: [u64; 2],
    /// The change of the typical time; not corrected for the number of steps.
    pub time: Option<Change>,
}

impl RunLabel {
    /// Of a run that the caller calls `name`.
    pub fn of(run: &Run, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            started: units::file_stamp(run.started_unix_ns),
            seed: run.seed,
            target_url: run.target_url.clone(),
            version: run.version.clone(),
        }
    }
}

/// Compares two runs, each with the name that it is shown by; [`refusals`] come first. `margin` is the least ratio
/// that matters, such as 0.05.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn compare(a: (&Run, &str), b: (&Run, &str), margin: f64) -> Result<Comparison, RunError> {
    let steps = series(a.0, b.0)?;
    let names: Vec<String> = refuse::pairs(a.0, b.0).map(|(step, _)| step.name.clone()).collect();
    let judged_path = judged_path(a.0);
    let part = |step: &Pair, name: &String| {
        let Evidence { time, requests, .. } = evidence(std::slice::from_ref(step), &judged_path);
        StepChange { step: name.clone(), requests, time: time.map(|time| time.shown(decide::TIME_LEVEL)) }
    };
    Ok(Comparison {
        format: COMPARISON_FORMAT,
        a: RunLabel::of(a.0, a.1),
        b: RunLabel::of(b.0, b.1),
        margin,
        decision: decide(&evidence(&steps, &judged_path), &judged_path, margin),
        steps: steps.iter().zip(&names).map(|(step, name)| part(step, name)).collect(),
        cells: cells::cells(&names, &steps, margin),
    })
}

/// What the deciding test alone says.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn decision(a: &Run, b: &Run, margin: f64) -> Result<Decision, RunError> {
    let judged_path = judged_path(a);
    Ok(decide(&evidence(&series(a, b)?, &judged_path), &judged_path, margin))
}

fn series(a: &Run, b: &Run) -> Result<Vec<Pair>, RunError> {
    refuse::pairs(a, b).map(|(a, b)| Ok((StepSeries::of(a)?, StepSeries::of(b)?))).collect()
}

/// Without targets, every entry is judged.
fn judged_path(run: &Run) -> String {
    run.targets.as_ref().map_or_else(String::new, |targets| targets.judged_path.clone())
}
