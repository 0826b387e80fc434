//! What there is to show, as plain figures: of the view of a run, and of what is known of its step. It must not know how it
//! is drawn, nor terminals.

use harness::{StepPlan, View};
use measure::{Current, Outcome, Quantile, Row, Times, units};

use crate::page::board::{Point, Shown};
use crate::page::phase;

/// Entries at most; those with the most requests are shown.
const ENTRIES_MAX: usize = 1_000;
/// Failures at most: the latest.
const FAILURES_MAX: usize = 50;
/// Seconds at most: the newest; no terminal is wider.
const SECONDS_MAX: usize = 500;

/// One moment of a run. Times are in milliseconds, of the successes; rates are a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Picture {
    /// A word.
    pub(super) state: &'static str,
    pub(super) host: String,
    pub(super) seed: u64,
    /// Number, from 1 on.
    pub(super) step: usize,
    pub(super) steps: usize,
    pub(super) step_name: String,
    pub(super) elapsed_s: f64,
    pub(super) run_time_s: Option<f64>,
    pub(super) users: u32,
    /// `None` of arrivals.
    pub(super) users_asked: Option<u32>,
    pub(super) in_flight: u32,
    pub(super) total: Entry,
    pub(super) entries: Vec<Entry>,
    pub(super) entries_hidden: usize,
    pub(super) seconds: Vec<Second>,
    /// The latest first.
    pub(super) failures: Vec<Failure>,
    pub(super) failures_hidden: usize,
    pub(super) trust: Trust,
    /// What the targets say so far; `None` where nothing is judged.
    pub(super) passed: Option<bool>,
}

/// An entry, or all together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) throttled: u64,
    /// Of the last ten seconds, as the two below.
    pub(super) rps: f64,
    pub(super) failures_per_s: f64,
    pub(super) throttled_per_s: f64,
    /// Median, 95th and 99th percentile of the step.
    pub(super) times_ms: [Option<f64>; 3],
    /// The same of the last ten seconds.
    pub(super) now_ms: [Option<f64>; 3],
}

/// A second of the charts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Second {
    pub(super) rps: f64,
    pub(super) p95_ms: Option<f64>,
    /// The generator was not kept from running.
    pub(super) valid: bool,
}

/// What went wrong, and how often.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) name: String,
    pub(super) error: String,
    pub(super) occurrences: u64,
}

/// Whether the numbers can be trusted so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trust {
    /// `None` before there is a number.
    pub(super) valid: Option<bool>,
    pub(super) reasons: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Picture {
    /// Of a run that is carried out in `steps`, and was told to stop `stops` times.
    pub(super) fn of(
        view: &View,
        steps: &[StepPlan],
        shown: Option<&Shown>,
        points: &[Point],
        stops: u32,
    ) -> Self {
        let head = view.head.as_deref();
        let plan = steps.get(view.step);
        let asked = plan.filter(|plan| !plan.load.is_open()).map(|plan| plan.load.users());
        let mut picture = Self {
            state: phase(head.is_none(), Some((view, stops)), false).word(),
            host: head.and_then(|run| run.target_url.clone()).unwrap_or_default(),
            seed: head.map_or(0, |run| run.seed),
            step: view.step + 1,
            steps: steps.len(),
            step_name: plan.map_or_else(String::new, |plan| plan.name.clone()),
            elapsed_s: view.elapsed.as_secs_f64(),
            run_time_s: plan.and_then(|plan| plan.run_time).map(|time| time.as_secs_f64()),
            users: view.users,
            users_asked: asked.map(|planned| if view.asked.0 > 0 { view.asked.0 } else { planned }),
            in_flight: view.in_flight,
            ..Self::default()
        };
        let from = points.len().saturating_sub(SECONDS_MAX);
        picture.seconds = points[from..].iter().map(second).collect();
        if let Some(shown) = shown {
            picture.add(shown);
        }
        picture
    }

    fn add(&mut self, shown: &Shown) {
        let (row, current) = shown.total();
        self.total = entry(row, current);
        let mut rows: Vec<_> = shown.rows().collect();
        self.entries_hidden = rows.len().saturating_sub(ENTRIES_MAX);
        if self.entries_hidden > 0 {
            rows.sort_by_key(|(row, _)| std::cmp::Reverse(row.requests()));
            rows.truncate(ENTRIES_MAX);
        }
        self.entries = rows.into_iter().map(|(row, current)| entry(row, current)).collect();
        let record = &shown.record.0;
        let mut errors: Vec<_> = record.errors.iter().collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.last_ns));
        self.failures_hidden = errors.len().saturating_sub(FAILURES_MAX);
        let name = |error: &measure::ErrorRecord| {
            let entry = record.names.get(usize::from(error.name.0));
            entry.map_or_else(String::new, |entry| format!("{} {}", entry.method, entry.name))
        };
        let failure = |error: &measure::ErrorRecord| Failure {
            name: name(error),
            error: error.error.clone(),
            occurrences: error.occurrences,
        };
        self.failures = errors.into_iter().take(FAILURES_MAX).map(failure).collect();
        self.passed = shown.verdict.passed();
        let warning = |warning: &measure::Warning| format!("{}: {}", warning.what, warning.remedy);
        self.trust = Trust {
            valid: (row.sent() > 0 || !shown.validity.is_valid()).then(|| shown.validity.is_valid()),
            reasons: shown.validity.reasons().to_vec(),
            warnings: shown.warnings.iter().map(warning).collect(),
        };
    }
}

fn entry(row: &Row, current: &Current) -> Entry {
    Entry {
        name: [row.method.as_str(), row.name.as_str()].join(" ").trim().to_owned(),
        requests: row.requests(),
        failures: row.failures(),
        throttled: row.of(Outcome::Throttled).count,
        rps: current.rps,
        failures_per_s: current.failures_per_s,
        throttled_per_s: current.throttled_per_s,
        times_ms: times(row.success()),
        now_ms: current.times_ns.map_or([None; 3], |times_ns| times_ns.map(|ns| Some(units::ms(ns)))),
    }
}

fn times(times: &Times) -> [Option<f64>; 3] {
    let found = times.quantiles_ns(&[Quantile::P50, Quantile::P95, Quantile::P99]);
    let found = found.and_then(|found| <[u64; 3]>::try_from(found).ok());
    found.map_or([None; 3], |found| found.map(|ns| Some(units::ms(ns))))
}

fn second(point: &Point) -> Second {
    let second = &point.second;
    Second {
        rps: units::per_s(second.requests.iter().sum(), second.duration_ns),
        p95_ms: second.times_ns.map(|times_ns| units::ms(times_ns[1])),
        valid: point.valid,
    }
}
