//! The part of the report that says how far its numbers may be off: 95 % intervals, and the tests of the step.
//! It must not decide anything.

use super::table::table;
use crate::{Interval95, Intervals, StepConclusion, units};

/// A table of intervals; empty where there are none.
pub(super) fn intervals_table(step: &StepConclusion) -> String {
    let names = ["95 % intervals, ms", "average", "p50", "p95", "p99"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    let mut add = |name: String, found: &Intervals| {
        let all = [found.mean, found.p50, found.p95, found.p99];
        if all.iter().any(Option::is_some) {
            rows.push([name].into_iter().chain(all.map(shown)).collect());
        }
    };
    for (row, found) in step.summary.rows.iter().zip(&step.intervals.rows) {
        add(format!("{} {}", row.method, row.name), found);
    }
    add("Aggregated".to_owned(), &step.intervals.total);
    if rows.len() > 1 { table(&rows) } else { String::new() }
}

fn shown(interval: Option<Interval95>) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |found| format!("{} to {}", units::ms(found.low_ns), units::ms(found.high_ns)),
    )
}

/// A line a test, alarms or not.
pub(super) fn checks_lines(step: &StepConclusion) -> String {
    let line = |check: &crate::Check| {
        let word = if check.holds() { "holds" } else { "FAILS" };
        format!(
            "  {word}: {}: {} (p {:.2e}, alarm below {:.1e})\n",
            check.name, check.found, check.p_value, check.level
        )
    };
    step.checks.iter().map(line).collect()
}
