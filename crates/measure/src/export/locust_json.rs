//! Locust's `--json`: a list, one object an entry, with our fields after Locust's.
//! It must not know of verdicts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::{Outcome, Row, Run, StepRun, Summary, units};

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    method: &'a str,
    last_request_timestamp: Option<f64>,
    start_time: f64,
    num_requests: u64,
    num_none_requests: u64,
    num_failures: u64,
    total_response_time: f64,
    max_response_time: Option<f64>,
    min_response_time: Option<f64>,
    total_content_length: u64,
    response_times: BTreeMap<u64, u64>,
    num_reqs_per_sec: BTreeMap<u64, u64>,
    num_fail_per_sec: BTreeMap<u64, u64>,
    num_throttled: u64,
    num_cut_off: u64,
    statuses: &'a BTreeMap<u16, u64>,
    /// What the times before are: `service` or `response`.
    times: &'static str,
    total_service_time: f64,
    lateness_average: Option<f64>,
    lateness_max: f64,
}

/// The text, indented by 4. Times are of successes, in ms, and what `times` says: service times of closed users,
/// response times of arrivals; `response_times` by whole ms; the counts a second are
/// by the Unix second in which a second of the step began.
pub fn locust_json(run: &Run, step: &StepRun, summary: &Summary) -> String {
    let entries: Vec<Entry<'_>> = summary.rows_sent().map(|row| entry(run, step, row)).collect();
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    entries.serialize(&mut serializer).expect("keys are numbers, and a Vec takes everything");
    let mut text = String::from_utf8(text).expect("serde_json writes UTF-8");
    text.push('\n');
    text
}

fn entry<'a>(run: &Run, step: &StepRun, row: &'a Row) -> Entry<'a> {
    let seconds = Seconds::of(run, step, row);
    let mut response_times = BTreeMap::new();
    for (ns, count) in row.success().histogram.iter() {
        *response_times.entry(ns.saturating_add(500_000) / 1_000_000).or_default() += count;
    }
    Entry {
        name: &row.name,
        method: &row.method,
        last_request_timestamp: seconds.last_unix_ns.map(units::seconds),
        start_time: units::seconds(run.unix_ns(step.phases.started_ns)),
        num_requests: row.requests(),
        num_none_requests: 0,
        num_failures: row.failures(),
        total_response_time: units::ms(row.success().sum_ns),
        max_response_time: row.success().max_ns().map(units::ms),
        min_response_time: row.success().min_ns().map(units::ms),
        total_content_length: row.body_bytes(),
        response_times,
        num_reqs_per_sec: seconds.requests,
        num_fail_per_sec: seconds.failures,
        num_throttled: row.of(Outcome::Throttled).count,
        num_cut_off: row.cut_off,
        statuses: &row.statuses,
        times: row.shown.word(),
        total_service_time: units::ms(row.service[Outcome::Success as usize].sum_ns),
        lateness_average: row.late_mean_ns().map(units::ms),
        lateness_max: units::ms(row.late_ns.1),
    }
}

#[derive(Default)]
struct Seconds {
    requests: BTreeMap<u64, u64>,
    failures: BTreeMap<u64, u64>,
    /// The end of the last second in which a request ended.
    last_unix_ns: Option<u64>,
}

impl Seconds {
    fn of(run: &Run, step: &StepRun, row: &Row) -> Self {
        let mut seconds = Self::default();
        let mut begin_ns = 0;
        for interval in &step.intervals {
            let unix_s = run.unix_ns(step.phases.started_ns + begin_ns) / 1_000_000_000;
            begin_ns = interval.end_ns;
            for cell in &interval.cells {
                let entry = step.names.get(usize::from(cell.name.0));
                if !entry.is_some_and(|entry| entry.name == row.name && entry.method == row.method) {
                    continue;
                }
                *seconds.requests.entry(unix_s).or_default() += cell.count;
                if cell.outcome == Outcome::Failure {
                    *seconds.failures.entry(unix_s).or_default() += cell.count;
                }
                seconds.last_unix_ns = Some(run.unix_ns(step.phases.started_ns + interval.end_ns));
            }
        }
        seconds
    }
}
