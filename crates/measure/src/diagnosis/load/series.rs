//! How long one path's answers took, second by second, beside how much was asked of the target.
//! It must not know what follows from it.

use std::collections::BTreeMap;

use crate::diagnosis::modes::split_ns;
use crate::diagnosis::{Observed, ObservedStep, Second};
use crate::histogram::Histogram;
use crate::{LoadRecord, Outcome, Process, RateStage};

/// The successes of one kind in one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The step, by its place.
    pub(super) step: usize,
    /// Seconds since the run's first step began, the pauses between steps left out.
    pub(super) at_s: f64,
    /// Whether all users were there.
    pub(super) is_steady: bool,
    /// An entry of the run; answers out of its cache and all others are two kinds.
    pub(super) kind: u16,
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

/// Entries, by method and name: their numbers, and the time above which an answer did not come out of a cache.
type Kinds<'a> = BTreeMap<(&'a str, &'a str), (u16, Option<u64>)>;

fn kinds<'a>(observed: &Observed<'a>) -> Kinds<'a> {
    let mut whole: BTreeMap<(&str, &str), Histogram> = BTreeMap::new();
    for step in &observed.steps {
        for cell in step.seconds.iter().flat_map(|second| &second.cells) {
            let Some(entry) = step.record.names.get(usize::from(cell.name.0)) else { continue };
            if cell.outcome == Outcome::Success {
                whole.entry((&entry.method, &entry.name)).or_default().merge(&cell.service.histogram);
            }
        }
    }
    let split = |times: &Histogram| split_ns(&times.iter().collect::<Vec<_>>());
    let numbered = whole.into_iter().zip(0u16..);
    numbered.map(|((entry, times), number)| (entry, (2 * number, split(&times)))).collect()
}

/// One series a path, of the steps that are valid or not; nothing after the load ended.
pub(super) fn series(observed: &Observed<'_>) -> Vec<Series> {
    let most = observed.steps.iter().map(greatest_load).fold(0.0, f64::max);
    let mut found: Vec<Series> = vec![];
    let kinds = kinds(observed);
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
                let (kind, split) = kinds[&(entry.method.as_str(), entry.name.as_str())];
                let row = Row {
                    step: number,
                    at_s: before_s + second.begin_ns as f64 / 1e9,
                    is_steady: second.begin_ns >= steady_ns,
                    kind,
                    load,
                    count: 0.0,
                    log: 0.0,
                    sum_s: 0.0,
                };
                let rows = parts(&cell.service.histogram, split, row);
                match found.iter_mut().find(|series| series.path == entry.path) {
                    Some(series) => series.rows.extend(rows),
                    None => found.push(Series { path: entry.path.clone(), rows: rows.collect() }),
                }
            }
        }
        before_s += phases.ended_ns.saturating_sub(phases.started_ns) as f64 / 1e9;
    }
    found
}

/// The row of the answers out of a cache, and that of the others; without those that are empty.
fn parts(times: &Histogram, split: Option<u64>, row: Row) -> impl Iterator<Item = Row> {
    let mut both = [row, Row { kind: row.kind + 1, ..row }];
    for (ns, count) in times.iter() {
        let part = &mut both[usize::from(split.is_some_and(|split| ns > split))];
        let (s, count) = (ns.max(1) as f64 / 1e9, count as f64);
        part.count += count;
        part.log += count * libm::log(s);
        part.sum_s += count * s;
    }
    both.into_iter().filter(|part| part.count > 0.0).map(|part| Row { log: part.log / part.count, ..part })
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
