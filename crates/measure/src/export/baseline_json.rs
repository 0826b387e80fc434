//! `baseline_TIMESTAMP.json`: a list, one object a step; first the fields that readers of Weaver AI's own
//! baseline files know, then ours. It must not know how the numbers came about.

use std::collections::BTreeMap;

use serde::Serialize;

use super::thresholds;
use super::trust_json::{Bounds, Tested};
use crate::histogram::Quantile;
use crate::{
    ArrivalsRecord, ClassRecord, Conclusion, Intervals, Lateness, LoadRecord, MetricVerdict, Outcome, Row,
    Run, StepConclusion, StepRun, Times, Warning, units,
};

#[derive(Serialize)]
struct Step<'a> {
    name: &'a str,
    users: u32,
    duration: Option<String>,
    start_time: String,
    end_time: String,
    elapsed_seconds: f64,
    total_requests: u64,
    failure_count: u64,
    failure_rate: f64,
    median_response: Option<f64>,
    average_response: Option<f64>,
    min_response: Option<f64>,
    max_response: Option<f64>,
    rps: f64,
    failures_per_sec: f64,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    success_count: u64,
    throttled_count: u64,
    cut_off_count: u64,
    offered_rps: f64,
    accepted_rps: f64,
    offered_rps_max: Option<f64>,
    spawn_rate_per_s: f64,
    gate: bool,
    cut: bool,
    validity: &'static str,
    invalid_reasons: &'a [String],
    verdict: String,
    passed: Option<bool>,
    reasons: &'a [String],
    judged: Option<BTreeMap<&'static str, Judged<'a>>>,
    judged_path: Option<&'a str>,
    thresholds: Vec<thresholds::Judged<'a>>,
    warnings: &'a [Warning],
    times: &'static str,
    service: Figures,
    response: Option<Figures>,
    #[serde(flatten)]
    bounds: Bounds,
    tests: Vec<Tested<'a>>,
    lateness: Option<Late>,
    load: &'a LoadRecord,
    arrivals: Option<Arrived>,
    classes: Vec<Class<'a>>,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Judged<'a> {
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper95_ms: Option<f64>,
    level: String,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct Late {
    average_ms: Option<f64>,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

#[derive(Serialize)]
struct Arrived {
    due: u64,
    due_mean: f64,
    sent: u64,
    dropped: u64,
    unsent: u64,
}

#[derive(Serialize)]
struct Class<'a> {
    name: &'a str,
    weight: u32,
    users: u32,
    share: f64,
    task_requests: u64,
}

#[derive(Serialize)]
struct Entry<'a> {
    method: &'a str,
    name: &'a str,
    path: &'a str,
    requests: u64,
    success: Figures,
    throttled: Figures,
    failure: Figures,
    service: Figures,
    response: Option<Figures>,
    #[serde(flatten)]
    bounds: Bounds,
    lateness_average_ms: Option<f64>,
    lateness_max_ms: f64,
    cut_off: u64,
    statuses: &'a BTreeMap<u16, u64>,
    body_bytes_mean: f64,
}

#[derive(Serialize)]
struct Figures {
    count: u64,
    average_ms: Option<f64>,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// The text, indented by 2. Times are in ms, of the successes of all entries, and what `times` says, `service` or
/// `response`; the figures of both stand under these names.  `failure_rate` is 0 to 1; rates are
/// of the whole step, `elapsed_seconds`.
pub fn baseline_json(run: &Run, conclusion: &Conclusion) -> String {
    let pairs = run.steps.iter().zip(&conclusion.steps);
    let steps: Vec<Step<'_>> = pairs.map(|(record, step)| step_object(run, record, step)).collect();
    let mut text = serde_json::to_string_pretty(&steps).expect("keys are strings or numbers");
    text.push('\n');
    text
}

fn step_object<'a>(run: &'a Run, record: &'a StepRun, step: &'a StepConclusion) -> Step<'a> {
    let (summary, total) = (&step.summary, &step.summary.total);
    let figures = Figures::from(total.success());
    let judged = |verdict: &'a MetricVerdict| (verdict.metric.key(), Judged::from(verdict));
    Step {
        name: &record.name,
        users: record.load.users(),
        duration: record.run_time_s.map(|seconds| format!("{seconds}s")),
        start_time: units::iso(run.unix_ns(record.phases.started_ns)),
        end_time: units::iso(run.unix_ns(record.phases.ended_ns)),
        elapsed_seconds: units::seconds(summary.elapsed_ns),
        total_requests: total.requests(),
        failure_count: total.failures(),
        failure_rate: total.failure_ratio(),
        median_response: figures.p50_ms,
        average_response: figures.average_ms,
        min_response: figures.min_ms,
        max_response: figures.max_ms,
        rps: summary.rps(),
        failures_per_sec: summary.failures_per_s(),
        p50: figures.p50_ms,
        p95: figures.p95_ms,
        p99: figures.p99_ms,
        success_count: total.success().count,
        throttled_count: total.of(Outcome::Throttled).count,
        cut_off_count: total.cut_off,
        offered_rps: summary.offered_rps(),
        accepted_rps: summary.accepted_rps(),
        offered_rps_max: record.offered_rps_max,
        spawn_rate_per_s: record.load.spawn_rate_per_s(),
        gate: record.gate,
        cut: record.cut,
        validity: if step.validity.is_valid() { "valid" } else { "invalid" },
        invalid_reasons: step.validity.reasons(),
        verdict: step.verdict.judgement.to_string(),
        passed: step.verdict.passed(),
        reasons: &step.verdict.reasons,
        judged: run.targets.is_some().then(|| step.verdict.metrics.iter().map(judged).collect()),
        judged_path: run.targets.as_ref().map(|targets| targets.judged_path.as_str()),
        thresholds: step.thresholds.iter().map(thresholds::Judged::from).collect(),
        warnings: &step.warnings,
        times: total.shown.word(),
        service: Figures::from(&total.service[Outcome::Success as usize]),
        response: total.response.as_ref().map(|times| Figures::from(&times[Outcome::Success as usize])),
        bounds: Bounds::from(&step.intervals.total),
        tests: step.checks.iter().map(Tested::from).collect(),
        lateness: summary.lateness.map(|late| Late::of(late, total)),
        load: &record.load,
        arrivals: record.arrivals.as_ref().map(Arrived::from),
        classes: classes(&record.classes),
        entries: entries(step),
    }
}

fn entries(step: &StepConclusion) -> Vec<Entry<'_>> {
    let pairs = step.summary.rows.iter().zip(&step.intervals.rows);
    pairs.filter(|(row, _)| row.planned || row.sent() > 0).map(Entry::from).collect()
}

fn classes(records: &[ClassRecord]) -> Vec<Class<'_>> {
    let all: u64 = records.iter().map(|class| u64::from(class.users)).sum();
    records
        .iter()
        .map(|record| Class {
            name: &record.name,
            weight: record.weight,
            users: record.users,
            share: units::ratio(u64::from(record.users), all),
            task_requests: record.task_requests,
        })
        .collect()
}

impl<'a> From<&'a MetricVerdict> for Judged<'a> {
    fn from(verdict: &'a MetricVerdict) -> Self {
        let MetricVerdict { value, upper95_ms, judgement, metric: _ } = verdict;
        Self { value: *value, upper95_ms: *upper95_ms, level: judgement.to_string(), why: judgement.why() }
    }
}

impl Late {
    fn of(late: Lateness, total: &Row) -> Self {
        let [p50_ms, p95_ms, p99_ms, max_ms] =
            [late.p50_ns, late.p95_ns, late.p99_ns, late.max_ns].map(units::ms);
        Self { average_ms: total.late_mean_ns().map(units::ms), p50_ms, p95_ms, p99_ms, max_ms }
    }
}

impl From<&ArrivalsRecord> for Arrived {
    fn from(record: &ArrivalsRecord) -> Self {
        let ArrivalsRecord { due, due_mean, sent, dropped, unsent, .. } = *record;
        Self { due, due_mean, sent, dropped, unsent }
    }
}

impl<'a> From<(&'a Row, &Intervals)> for Entry<'a> {
    fn from((row, found): (&'a Row, &Intervals)) -> Self {
        let [success, throttled, failure] = Outcome::ALL.map(|outcome| Figures::from(row.of(outcome)));
        Self {
            method: &row.method,
            name: &row.name,
            path: &row.path,
            requests: row.requests(),
            success,
            throttled,
            failure,
            service: Figures::from(&row.service[Outcome::Success as usize]),
            response: row.response.as_ref().map(|times| Figures::from(&times[Outcome::Success as usize])),
            bounds: Bounds::from(found),
            lateness_average_ms: row.late_mean_ns().map(units::ms),
            lateness_max_ms: units::ms(row.late_ns.1),
            cut_off: row.cut_off,
            statuses: &row.statuses,
            body_bytes_mean: row.body_bytes_mean(),
        }
    }
}

impl From<&Times> for Figures {
    fn from(times: &Times) -> Self {
        let at = |quantile| times.quantile_ns(quantile).map(units::ms);
        Self {
            count: times.count,
            average_ms: times.mean_ns().map(units::ms),
            min_ms: times.min_ns().map(units::ms),
            max_ms: times.max_ns().map(units::ms),
            p50_ms: at(Quantile::P50),
            p95_ms: at(Quantile::P95),
            p99_ms: at(Quantile::P99),
        }
    }
}
