//! How long one path's answers took, second by second, beside how much was asked of the target.
//! It must not know what follows from it.

use crate::diagnosis::{Observed, ObservedStep, Second};
use crate::{LoadRecord, NameId, Outcome, Process, RateStage};

/// The successes of one name in one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The step, by its place.
    pub(super) step: usize,
    /// Seconds since the run's first step began, the pauses between steps left out.
    pub(super) at_s: f64,
    /// Whether all users were there.
    pub(super) is_steady: bool,
    /// The name, by its place in the step.
    pub(super) name: NameId,
    /// The load, as a share of the run's greatest: users, or arrivals a second.
    pub(super) load: f64,
    /// Successes.
    pub(super) count: f64,
    /// The mean of the logarithms of their service times in s.
    pub(super) log: f64,
    /// The sum of their service times, in s.
    pub(super) sum_s: f64,
}

/// The rows of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) path: String,
    pub(super) rows: Vec<Row>,
}

/// One series a path, of the steps that are valid or not; nothing after the load ended.
pub(super) fn series(observed: &Observed<'_>) -> Vec<Series> {
    let most = observed.steps.iter().map(greatest_load).fold(0.0, f64::max);
    let mut found: Vec<Series> = vec![];
    let mut before_s = 0.0;
    for (number, step) in observed.steps.iter().enumerate() {
        let phases = &step.record.phases;
        let [steady_ns, end_ns] =
            [phases.steady_ns, phases.wind_down_ns].map(|ns| ns.saturating_sub(phases.started_ns));
        let mut users_before = 0;
        for second in step.seconds.iter().filter(|second| second.record.end_ns <= end_ns) {
            let load = load_at(step, second, users_before) / most.max(f64::MIN_POSITIVE);
            users_before = second.record.users;
            for cell in second.cells.iter().filter(|cell| cell.outcome == Outcome::Success) {
                let Some(entry) = step.record.names.get(usize::from(cell.name.0)) else { continue };
                let logs = cell.service.histogram.iter();
                let logs: f64 =
                    logs.map(|(ns, count)| count as f64 * libm::log(ns.max(1) as f64 / 1e9)).sum();
                let count = cell.service.count as f64;
                let row = Row {
                    step: number,
                    at_s: before_s + second.begin_ns as f64 / 1e9,
                    is_steady: second.begin_ns >= steady_ns,
                    name: cell.name,
                    load,
                    count,
                    log: logs / count,
                    sum_s: cell.service.sum_ns as f64 / 1e9,
                };
                match found.iter_mut().find(|series| series.path == entry.path) {
                    Some(series) => series.rows.push(row),
                    None => found.push(Series { path: entry.path.clone(), rows: vec![row] }),
                }
            }
        }
        before_s += phases.ended_ns.saturating_sub(phases.started_ns) as f64 / 1e9;
    }
    found
}

fn greatest_load(step: &ObservedStep<'_>) -> f64 {
    match &step.record.load {
        LoadRecord::Closed { users, .. } => f64::from(*users),
        LoadRecord::Open { stages, .. } => {
            stages.iter().map(|stage| stage.from_per_s.max(stage.to_per_s)).fold(0.0, f64::max)
        }
    }
}

/// Users in the middle of the second, or the rate that was asked for then: never what the target made of it.
fn load_at(step: &ObservedStep<'_>, second: &Second<'_>, users_before: u32) -> f64 {
    match &step.record.load {
        LoadRecord::Closed { .. } => f64::midpoint(f64::from(users_before), f64::from(second.record.users)),
        LoadRecord::Open { process: Process::Replay, .. } => 0.0,
        LoadRecord::Open { stages, .. } => {
            rate_at(stages, f64::midpoint(second.begin_ns as f64, second.record.end_ns as f64) / 1e9)
        }
    }
}

fn rate_at(stages: &[RateStage], mut at_s: f64) -> f64 {
    for stage in stages {
        match stage.duration_s {
            Some(duration_s) if at_s > duration_s => at_s -= duration_s,
            Some(duration_s) => {
                return stage.from_per_s + (stage.to_per_s - stage.from_per_s) * at_s / duration_s.max(1e-9);
            }
            None => return stage.to_per_s,
        }
    }
    stages.last().map_or(0.0, |stage| stage.to_per_s)
}
