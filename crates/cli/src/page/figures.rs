//! Figures of the page as JSON: rows, points and times, in the units that the API names.
//! It must not know where they come from.

use measure::{Current, Outcome, Row, Times, units};
use serde_json::{Value, json};

use super::board::Point;

/// Nanoseconds as milliseconds; nothing as `null`.
pub(super) fn ms(ns: Option<u64>) -> Value {
    ns.map_or(Value::Null, |ns| json!(units::ms(ns)))
}

/// Median, 95th and 99th percentile.
fn three(times: &Times) -> [Option<u64>; 3] {
    let quantiles = [measure::Quantile::P50, measure::Quantile::P95, measure::Quantile::P99];
    let found = times.quantiles_ns(&quantiles).and_then(|found| <[u64; 3]>::try_from(found).ok());
    found.map_or([None; 3], |found| found.map(Some))
}

fn times(times: &Times) -> Value {
    if times.count == 0 {
        return Value::Null;
    }
    let [p50, p95, p99] = three(times);
    json!({
        "count": times.count, "p50_ms": ms(p50), "p95_ms": ms(p95), "p99_ms": ms(p99),
        "mean_ms": ms(times.mean_ns()), "min_ms": ms(times.min_ns()), "max_ms": ms(times.max_ns()),
    })
}

/// A row of the statistics; `elapsed_ns` is what its rates divide by.
pub(super) fn row(row: &Row, current: &Current, elapsed_ns: u64) -> Value {
    let success = row.success();
    let [p50, p95, p99] = three(success);
    let recent = |at: usize| ms(current.times_ns.map(|times_ns| times_ns[at]));
    json!({
        "method": row.method, "name": row.name,
        "requests": row.requests(), "successes": success.count,
        "throttled": row.of(Outcome::Throttled).count, "failures": row.failures(), "cut_off": row.cut_off,
        "rps": units::per_s(row.requests(), elapsed_ns),
        "failures_per_s": units::per_s(row.failures(), elapsed_ns),
        "p50_ms": ms(p50), "p95_ms": ms(p95), "p99_ms": ms(p99), "mean_ms": ms(success.mean_ns()),
        "min_ms": ms(success.min_ns()), "max_ms": ms(success.max_ns()),
        "body_bytes_mean": row.body_bytes_mean(),
        "times": row.shown.word(),
        "current": {
            "rps": current.rps, "failures_per_s": current.failures_per_s,
            "throttled_per_s": current.throttled_per_s,
            "p50_ms": recent(0), "p95_ms": recent(1), "p99_ms": recent(2),
        },
        "throttled_times": times(row.of(Outcome::Throttled)),
        "failure_times": times(row.of(Outcome::Failure)),
    })
}

/// A second of the charts.
pub(super) fn point(point: &Point, started_unix_ns: u64) -> Value {
    let second = &point.second;
    let per_s = |count: u64| units::per_s(count, second.duration_ns);
    let [successes, throttled, failures] = second.requests;
    let at = |at: usize| ms(second.times_ns.map(|times_ns| times_ns[at]));
    json!({
        "at_s": units::seconds(point.at_ns), "unix_ms": started_unix_ns.saturating_add(point.at_ns) / 1_000_000,
        "step": point.step, "users": second.users, "in_flight": second.in_flight,
        "rps": per_s(successes + throttled + failures), "successes_per_s": per_s(successes),
        "throttled_per_s": per_s(throttled), "failures_per_s": per_s(failures),
        "p50_ms": at(0), "p95_ms": at(1), "p99_ms": at(2), "late_ms_max": ms(second.late_ns_max),
        "valid": point.valid,
        "generator_cpu_share": point.generator_cpu_ratio, "target_cpu_share": point.target_cpu_ratio,
    })
}

/// Points at most in one answer.
const POINTS_MAX: usize = 2_000;

/// Points from number `since` on, thinned when there are too many: the last of each group stands for it.
pub(super) fn series(points: &[Point], since: usize, started_unix_ns: u64) -> Value {
    let from = since.min(points.len());
    let wanted = &points[from..];
    let every = wanted.len().div_ceil(POINTS_MAX).max(1);
    let shown: Vec<Value> = wanted
        .chunks(every)
        .filter_map(|group| group.last())
        .map(|last| point(last, started_unix_ns))
        .collect();
    json!({"from": from, "points": shown, "per_point_s": every, "length": points.len()})
}
