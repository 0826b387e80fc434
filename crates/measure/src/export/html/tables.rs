//! A step's tables: what was asked, what came back, how long it took, by name and outcome.
//! It must not compute anything: figures come from the summary, verdicts from the conclusion.

use super::block::{Cell, Table, Tone};
use super::over_time::capital;
use crate::export::figures::{NONE, errors, shown, trusted_ms, value_words};
use crate::export::thresholds::{found, idle};
use crate::histogram::Quantile;
use crate::{
    Interval95, Intervals, Judgement, Level, Level3, Metric, Outcome, Row, Run, StepConclusion, StepRun,
    Targets, ThresholdOutcome, Times, TimesKind, units,
};

/// The targets, and how the step stands to each; `None` when there are none.
pub(super) fn targets(run: &Run, step: &StepConclusion) -> Option<Table> {
    let targets = run.targets.as_ref()?;
    let head = [
        "target",
        "measured",
        "95 % upper bound",
        "verdict",
        "target at",
        "acceptable to",
        "critical from",
        "why",
    ];
    let caption = format!("Targets; percentiles are of the successes of {}…", targets.judged_path);
    let mut table = Table::new(caption, 1, &head);
    for verdict in &step.verdict.metrics {
        let (name, levels) = limits(targets, verdict.metric);
        let upper = verdict.upper95_ms.map_or_else(|| NONE.to_owned(), |ms| format!("{ms} ms"));
        let mut row = vec![Cell::of(name), Cell::of(value_words(verdict)), Cell::of(upper)];
        row.push(Cell::toned(&verdict.judgement, tone(&verdict.judgement)));
        row.extend([levels.target, levels.acceptable, levels.critical].map(Cell::of));
        row.push(Cell::of(verdict.judgement.why().unwrap_or("")));
        table.rows.push(row);
    }
    Some(table)
}

/// The thresholds, and what became of each; `None` when there are none.
pub(super) fn thresholds(step: &StepConclusion) -> Option<Table> {
    let head = ["threshold", "found", "measured", "bound"];
    let kind = step.summary.total.shown.word();
    let mut table = Table::new(format!("Thresholds; {kind} times are of successes"), 2, &head);
    table.fill("thresholds", &step.thresholds, |verdict| {
        let tone = match (verdict.outcome, idle(step, verdict)) {
            (ThresholdOutcome::Held, _) => Tone::Good,
            (ThresholdOutcome::Broken, None) => Tone::Bad,
            _ => Tone::Doubtful,
        };
        let rule = &verdict.threshold;
        let bound = format!("{} {}", rule.comparison.sign(), rule.figure.unit().shown(rule.bound));
        vec![
            Cell::of(rule.words()),
            Cell::toned(found(step, verdict), tone),
            Cell::of(verdict.value_words()),
            Cell::of(bound),
        ]
    });
    (!table.rows.is_empty()).then_some(table)
}

fn limits(targets: &Targets, metric: Metric) -> (&'static str, &Level3) {
    match metric {
        Metric::P50 => ("p50, ms at most", &targets.p50_ms),
        Metric::P95 => ("p95, ms at most", &targets.p95_ms),
        Metric::P99 => ("p99, ms at most", &targets.p99_ms),
        Metric::FailureRatio => ("failures among requests, at most", &targets.failure_ratio),
        Metric::Rps => ("successes/s, at least", &targets.rps),
    }
}

/// How a judgement looks.
pub(super) fn tone(judgement: &Judgement) -> Tone {
    match judgement.level() {
        Some(Level::Target | Level::Acceptable) => Tone::Good,
        Some(Level::Degraded | Level::Critical) => Tone::Bad,
        None => Tone::Doubtful,
    }
}

/// Locust's request statistics, with what was throttled or cut off.
pub(super) fn requests(step: &StepConclusion) -> Table {
    let summary = &step.summary;
    let head = [
        "method",
        "name",
        "requests",
        "successes",
        "throttled",
        "failures",
        "failed %",
        "cut off",
        "average ms",
        "min ms",
        "max ms",
        "average bytes",
        "requests/s",
        "failures/s",
        "statuses",
    ];
    let kind = summary.total.shown.word();
    let mut table = Table::new(format!("Requests; {kind} times are of successes"), 2, &head);
    let row = |row: &Row| {
        let of = |outcome| Cell::of(row.of(outcome).count);
        let times = row.success();
        let ms = |ns: Option<u64>| Cell::of(shown(ns.map(units::ms)));
        let failures = if row.failures() > 0 { Tone::Bad } else { Tone::Plain };
        let statuses: Vec<String> = row.statuses.iter().map(|(status, n)| format!("{status}: {n}")).collect();
        vec![
            Cell::of(&row.method),
            Cell::of(&row.name),
            Cell::of(row.requests()),
            of(Outcome::Success),
            of(Outcome::Throttled),
            Cell::toned(row.failures(), failures),
            Cell::of(format!("{:.2}", row.failure_ratio() * 100.0)),
            Cell::of(row.cut_off),
            ms(times.mean_ns()),
            ms(times.min_ns()),
            ms(times.max_ns()),
            Cell::of(row.body_bytes_mean()),
            Cell::of(summary.per_s(row.requests())),
            Cell::of(summary.per_s(row.failures())),
            Cell::of(statuses.join(", ")),
        ]
    };
    let rows: Vec<&Row> = summary.rows_planned().collect();
    table.fill("entries", &rows, |entry| row(entry));
    table.total = Some(row(&summary.total));
    table
}

/// Percentiles by name, one table a kind of time and outcome that has any.
pub(super) fn percentiles(step: &StepConclusion) -> Vec<Table> {
    let total = &step.summary.total;
    let kinds: &[TimesKind] = match total.response {
        Some(_) => &[TimesKind::Response, TimesKind::Service],
        None => &[TimesKind::Service],
    };
    let pairs = kinds.iter().flat_map(|kind| Outcome::ALL.map(|outcome| (*kind, outcome)));
    let some = pairs.filter(|(_, outcome)| total.of(*outcome).count > 0);
    some.map(|(kind, outcome)| percentile_table(step, kind, outcome)).collect()
}

fn percentile_table(step: &StepConclusion, kind: TimesKind, outcome: Outcome) -> Table {
    let what = match outcome {
        Outcome::Success => "successes",
        Outcome::Throttled => "throttled requests",
        Outcome::Failure => "failures",
    };
    let head = [
        "method", "name", "count", "average", "min", "50 %", "66 %", "75 %", "80 %", "90 %", "95 %", "98 %",
        "99 %", "99.9 %", "99.99 %", "100 %",
    ];
    let mut table = Table::new(format!("{} times of {what}, ms", capital(kind.word())), 2, &head);
    let row = |row: &Row| {
        let times = times(row, kind, outcome);
        let mut cells = vec![Cell::of(&row.method), Cell::of(&row.name), Cell::of(times.count)];
        cells.extend([times.mean_ns(), times.min_ns()].map(|ns| Cell::of(shown(ns.map(units::ms)))));
        cells.extend(Quantile::COLUMNS.map(|quantile| Cell::of(shown(trusted_ms(times, quantile)))));
        cells
    };
    let rows: Vec<&Row> = step.summary.rows.iter().filter(|row| row.of(outcome).count > 0).collect();
    table.fill("entries", &rows, |entry| row(entry));
    table.total = Some(row(&step.summary.total));
    table
}

fn times(row: &Row, kind: TimesKind, outcome: Outcome) -> &Times {
    match (&row.response, kind) {
        (Some(response), TimesKind::Response) => &response[outcome as usize],
        _ => &row.service[outcome as usize],
    }
}

/// 95 % intervals of what is judged and of all; `None` when none could be given.
pub(super) fn intervals(run: &Run, step: &StepConclusion) -> Option<Table> {
    let found = &step.intervals;
    let kind = step.summary.total.shown.word();
    let caption = format!("95 % intervals of the {kind} times of successes, ms");
    let mut table = Table::new(caption, 1, &["of", "mean", "p50", "p95", "p99"]);
    let mut add = |name: String, of: &Intervals| {
        let mut row = vec![Cell::of(name)];
        row.extend([of.mean, of.p50, of.p95, of.p99].map(|interval| Cell::of(between(interval))));
        table.rows.push(row);
    };
    if let (Some(targets), Some(judged)) = (&run.targets, &found.judged) {
        add(format!("{}…, as judged", targets.judged_path), judged);
    }
    add("all entries".to_owned(), &found.total);
    let some = table.rows.iter().any(|row| row[1..].iter().any(|cell| cell.text != NONE));
    some.then_some(table)
}

fn between(interval: Option<Interval95>) -> String {
    interval.map_or_else(
        || NONE.to_owned(),
        |interval| format!("{} to {}", units::ms(interval.low_ns), units::ms(interval.high_ns)),
    )
}

/// How late the generator itself was; `None` when nothing was sent.
pub(super) fn lateness(step: &StepConclusion) -> Option<Table> {
    let late = step.summary.lateness?;
    let mut table = Table::new("Lateness of the generator, ms", 1, &["of", "requests", "p50", "p99", "max"]);
    let mut row = vec![Cell::of("all requests"), Cell::of(late.count)];
    row.extend([late.p50_ns, late.p99_ns, late.max_ns].map(|ns| Cell::of(units::ms(ns))));
    table.rows.push(row);
    Some(table)
}

/// The tests that validity rests on; `None` when none applied.
pub(super) fn checks(step: &StepConclusion) -> Option<Table> {
    let head = ["test", "found", "p-value", "alarm below", "holds"];
    let mut table = Table::new("Tests that validity rests on", 2, &head);
    table.rows.extend(step.checks.iter().map(|check| {
        let (word, tone) = if check.holds() { ("yes", Tone::Good) } else { ("no", Tone::Bad) };
        let [p_value, level] = [check.p_value, check.level].map(|p| Cell::of(format!("{p:.2e}")));
        vec![Cell::of(check.name), Cell::of(&check.found), p_value, level, Cell::toned(word, tone)]
    }));
    (!table.rows.is_empty()).then_some(table)
}

/// What failed, how often, and when; `None` when nothing did.
pub(super) fn failures(run: &Run, step: &StepRun) -> Option<Table> {
    if step.errors.is_empty() {
        return None;
    }
    let head = ["method", "name", "what", "times", "first seen", "last seen"];
    let mut table = Table::new("Failures", 3, &head);
    table.fill("kinds of failure", &errors(step), |error| {
        let entry = step.names.get(usize::from(error.name.0));
        let [method, name] = entry.map_or(["", ""], |entry| [&entry.method, &entry.name]);
        let seen = |ns| Cell::of(units::utc_second(run.unix_ns(ns)));
        vec![
            Cell::of(method),
            Cell::of(name),
            Cell::of(&error.error),
            Cell::toned(error.occurrences, Tone::Bad),
            seen(error.first_ns),
            seen(error.last_ns),
        ]
    });
    Some(table)
}

/// Locust's ratios: users by class, and how often each task began.
pub(super) fn tasks(step: &StepRun) -> Option<Table> {
    let users: u64 = step.classes.iter().map(|class| u64::from(class.users)).sum();
    let weights: u64 = step.classes.iter().map(|class| u64::from(class.weight)).sum();
    let head = ["class", "task", "users", "users %", "asked %", "begun", "begun %", "asked %", "requests"];
    let what = if step.load.is_open() { "arrivals" } else { "users" };
    let mut table = Table::new(format!("Classes and tasks; users are {what} that were begun"), 2, &head);
    let mut rows = vec![];
    for class in &step.classes {
        let percent = |part: u64, whole: u64| Cell::of(format!("{:.1}", units::ratio(part, whole) * 100.0));
        rows.push(vec![
            Cell::of(&class.name),
            Cell::of(""),
            Cell::of(class.users),
            percent(u64::from(class.users), users),
            percent(u64::from(class.weight), weights),
            Cell::of(""),
            Cell::of(""),
            Cell::of(""),
            Cell::of(class.task_requests),
        ]);
        let begun: u64 = class.tasks.iter().map(|task| task.begun).sum();
        let asked: u64 = class.tasks.iter().map(|task| u64::from(task.weight)).sum();
        for task in &class.tasks {
            let mut row = vec![Cell::of(&class.name), Cell::of(&task.name)];
            row.extend(["", "", ""].map(Cell::of));
            row.extend([Cell::of(task.begun), percent(task.begun, begun)]);
            row.extend([percent(u64::from(task.weight), asked), Cell::of(task.requests)]);
            rows.push(row);
        }
    }
    let mut rows = rows.into_iter();
    table.rows.extend(rows.by_ref().take(super::block::ROWS_MAX));
    let more = rows.count();
    if more > 0 {
        table.notes.push(format!("{more} more rows are left out here; the run file has them."));
    }
    (!table.rows.is_empty()).then_some(table)
}
