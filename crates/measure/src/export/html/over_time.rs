//! Charts over a step's time: times, rates, and what generator and target used.
//! It must not know how seconds are decoded.

use super::chart::{Across, Chart, Look, Role, Series, chart};
use super::seconds::{Point, Seconds, Usage};
use crate::{Outcome, StepRun, units};

const MIB: f64 = 1_048_576.0;

/// The charts of one step; those that have nothing to show are left out.
pub(super) fn over_time(step: &StepRun, seconds: &Seconds) -> Vec<Chart> {
    let mut charts = vec![times(step, seconds), rates(step, seconds)];
    charts.extend(resources(step, seconds));
    charts
}

/// The whole suite, one step after the other; `None` when that is more than can be drawn.
pub(super) fn suite_over_time(steps: &[(&StepRun, &Seconds)], points_max: usize) -> Option<Chart> {
    let all: usize = steps.iter().map(|(_, seconds)| seconds.points.len()).sum();
    if all == 0 || all > points_max || steps.len() < 2 {
        return None;
    }
    let start_ns = steps.first()?.0.phases.started_ns;
    let mut series = vec![];
    for (at, role) in [Role::P50, Role::P95, Role::P99].into_iter().enumerate() {
        series.push(Series::new(NAMES[at], role, 0, joined(steps, start_ns, |p| quantile_ms(p, at))));
    }
    let users = joined(steps, start_ns, |point| Some(f64::from(point.users)));
    series.push(Series::new("users", Role::Users, 1, users).look(Look::Steps));
    let failures = joined(steps, start_ns, |point| Some(rate(point, point.of(Outcome::Failure))));
    series.push(Series::new("failures/s", Role::Failure, 2, failures).look(Look::Steps));
    let across = Across { title: "seconds since the first step began", log: None };
    let caption = "The whole suite: times of successes, users and failures, step after step.";
    Some(chart("chart-suite-time".to_owned(), caption, across, &THREE, series))
}

const NAMES: [&str; 3] = ["p50", "p95", "p99"];
const THREE: [(&str, f64); 3] = [("ms", 0.6), ("users", 0.2), ("failures/s", 0.2)];

/// A value a point; after each step the line is broken.
fn joined(
    steps: &[(&StepRun, &Seconds)],
    start_ns: u64,
    value: impl Fn(&Point) -> Option<f64>,
) -> Vec<(f64, Option<f64>)> {
    let mut points = vec![];
    for (step, seconds) in steps {
        let at =
            |point: &Point| units::seconds(step.phases.started_ns.saturating_sub(start_ns) + point.end_ns);
        points.extend(seconds.points.iter().map(|point| (at(point), value(point))));
        if let Some(last) = seconds.points.last() {
            points.push((at(last), None));
        }
    }
    points
}

fn times(step: &StepRun, seconds: &Seconds) -> Chart {
    let mut series = vec![];
    for (at, role) in [Role::P50, Role::P95, Role::P99].into_iter().enumerate() {
        series.push(Series::new(NAMES[at], role, 0, each(seconds, |point| quantile_ms(point, at))));
    }
    let in_flight = each(seconds, |point| Some(f64::from(point.in_flight)));
    series.push(Series::new("in flight", Role::InFlight, 1, in_flight).look(Look::Steps));
    let users = each(seconds, |point| Some(f64::from(point.users)));
    let who = if step.load.is_open() { "arrivals in progress" } else { "users" };
    series.push(Series::new(who, Role::Users, 1, users).look(Look::Steps));
    let failures = each(seconds, |point| Some(rate(point, point.of(Outcome::Failure))));
    series.push(Series::new("failures/s", Role::Failure, 2, failures).look(Look::Steps));
    let caption = format!(
        "{} times of successes over time, in ms, with {who} and failures. {}",
        capital(step.load.times().word()),
        how_coarse(seconds)
    );
    let count = if step.load.is_open() { "in progress" } else { "users" };
    let rows = [THREE[0], (count, THREE[1].1), THREE[2]];
    chart(format!("chart-time-{}", step.name), caption, SINCE, &rows, series)
}

fn rates(step: &StepRun, seconds: &Seconds) -> Chart {
    let of = |outcome: Outcome| each(seconds, move |point| Some(rate(point, point.of(outcome))));
    let mut series =
        vec![Series::new("requests", Role::Requests, 0, each(seconds, |p| Some(rate(p, p.requests()))))];
    for (outcome, role) in Outcome::ALL.into_iter().zip([Role::Success, Role::Throttled, Role::Failure]) {
        let name = match outcome {
            Outcome::Success => "successes",
            Outcome::Throttled => "throttled",
            Outcome::Failure => "failures",
        };
        series.push(Series::new(name, role, 0, of(outcome)));
    }
    let caption = format!("Requests that ended, a second, by what became of them. {}", how_coarse(seconds));
    chart(format!("chart-rate-{}", step.name), caption, SINCE, &[("requests/s", 1.0)], series)
}

fn resources(step: &StepRun, seconds: &Seconds) -> Option<Chart> {
    let mut series = vec![];
    let mut add = |name: &str, role, usage: fn(&Point) -> Option<Usage>| {
        if seconds.points.iter().any(|point| usage(point).is_some()) {
            let cpu = each(seconds, |point| usage(point).map(|usage| percent(usage.cpu_ns, usage.span_ns)));
            let memory = each(seconds, |point| usage(point)?.memory_bytes.map(mib));
            series.push(Series::new(&format!("{name}, processor"), role, 0, cpu));
            series.push(Series::new(&format!("{name}, memory"), role, 1, memory));
        }
    };
    add("generator", Role::Generator, |point| point.generator);
    add("target", Role::Target, |point| point.target);
    if !seconds.knows_usage() {
        return None;
    }
    let late = each(seconds, |point| point.late_ns_max.map(units::ms));
    series.push(Series::new("latest sending", Role::Lateness, 2, late).look(Look::Steps));
    let rows = [("% of one CPU", 0.4), ("MiB", 0.3), ("ms late", 0.3)];
    let caption = "What the generator and the target used, and the most that the generator sent late.";
    Some(chart(format!("chart-resources-{}", step.name), caption, SINCE, &rows, series))
}

const SINCE: Across = Across { title: "seconds since the step began", log: None };

fn each(
    seconds: &Seconds,
    value: impl Fn(&Point) -> Option<f64>,
) -> impl Iterator<Item = (f64, Option<f64>)> {
    seconds.points.iter().map(move |point| (units::seconds(point.end_ns), value(point)))
}

fn quantile_ms(point: &Point, at: usize) -> Option<f64> {
    point.quantiles_ns.map(|quantiles| units::ms(quantiles[at]))
}

fn rate(point: &Point, count: u64) -> f64 {
    units::per_s(count, point.duration_ns)
}

fn percent(part: u64, whole: u64) -> f64 {
    (units::ratio(part, whole) * 1_000.0).round() / 10.0
}

fn mib(bytes: u64) -> f64 {
    (bytes as f64 / MIB * 10.0).round() / 10.0
}

fn how_coarse(seconds: &Seconds) -> String {
    match seconds.per_point {
        1 => "A point is a second.".to_owned(),
        n => format!("A point is {n} seconds."),
    }
}

pub(super) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
