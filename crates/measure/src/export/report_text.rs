//! `baseline_report_TIMESTAMP.txt`: the run for people who read text.
//! It must not decide anything: every word about good or bad comes from the conclusion.

use super::table::table;
use super::times_text::{arrivals_line, times_line, times_table};
use super::trust_text::{checks_lines, intervals_table};
use crate::histogram::Quantile;
use crate::{
    Conclusion, Metric, Outcome, Row, Run, RunExit, RunKind, StepConclusion, StepRun, Times, WorkerRecord,
    analysis, analyze, samples_needed, units,
};

/// Errors that a step lists; all of them stand in its failures file.
const ERRORS_SHOWN: usize = 5;

/// The report.
pub fn report_text(run: &Run, conclusion: &Conclusion) -> String {
    let mut text = head(run);
    text.push_str(&steps_table(run, conclusion));
    text.push_str(&findings(run, conclusion));
    for (record, step) in run.steps.iter().zip(&conclusion.steps) {
        text.push_str(&step_section(run, record, step));
    }
    // A run that was concluded can be analysed.
    if let Ok(found) = analyze(run, conclusion) {
        text.push_str(&format!("\n{}", analysis::text(&found)));
    }
    text
}

fn head(run: &Run) -> String {
    let title = match run.kind {
        RunKind::Baseline => "BASELINE PERFORMANCE REPORT",
        RunKind::Run => "LOAD TEST REPORT",
    };
    let target = match (&run.target_url, run.simulated) {
        (_, true) => "the stub, in virtual time",
        (Some(url), _) => url,
        (None, _) => "not known",
    };
    let mut text = format!(
        "{title}\n{}\n  started  {}\n  target   {target}\n  seed     {}\n  version  weaver-bench {}\n",
        "=".repeat(title.len()),
        units::utc_second(run.started_unix_ns),
        run.seed,
        run.version
    );
    if let Some(host) = &run.host {
        let gib = units::ratio(host.memory_bytes, 1 << 30);
        let machine = format!("{}, {} x {}, {gib:.1} GiB", host.system, host.cpus, host.cpu_model);
        text.push_str(&format!("  host     {} ({machine})\n", host.name));
    }
    run.workers.iter().for_each(|worker| text.push_str(&worker_line(worker)));
    text
}

fn worker_line(worker: &WorkerRecord) -> String {
    let (users, requests) =
        (units::counted(worker.users.into(), "user"), units::counted(worker.requests, "request"));
    let fate = match (&worker.lost, worker.rejoined) {
        (None, _) => "",
        (Some(_), 0) => ", lost",
        (Some(_), _) => ", lost and back again",
    };
    format!(
        "  worker   {} on {}: {users}, {requests}, round trip {} ms{fate}\n",
        worker.id,
        worker.host,
        units::ms(worker.rtt_ns)
    )
}

fn steps_table(run: &Run, conclusion: &Conclusion) -> String {
    let names = [
        "step",
        "users",
        "requests",
        "success",
        "throttled",
        "failed",
        "cut off",
        "offered/s",
        "accepted/s",
        "failed %",
        "times",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "verdict",
        "validity",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    for (record, step) in run.steps.iter().zip(&conclusion.steps) {
        let (summary, total) = (&step.summary, &step.summary.total);
        let mut row = vec![record.name.clone(), users(record)];
        row.extend(counts(total));
        row.extend([summary.offered_rps(), summary.accepted_rps()].map(|rate| format!("{rate:.2}")));
        row.push(format!("{:.2}", total.failure_ratio() * 100.0));
        row.push(total.shown.word().to_owned());
        row.extend(percentiles(step));
        row.push(verdict(step));
        row.push(if step.validity.is_valid() { "valid" } else { "INVALID" }.to_owned());
        rows.push(row);
    }
    let judged = run.targets.as_ref().map_or_else(
        || "Percentiles are of the successes of all entries; `-`: too few of them.".to_owned(),
        |targets| {
            format!(
                "Percentiles are of the successes of `{}…`, as judged; `-`: too few of them.",
                targets.judged_path
            )
        },
    );
    format!("\nSteps\n{}  {judged} Throttled requests are neither successes nor failures.\n", table(&rows))
}

/// Users asked for, or that it was arrivals.
fn users(record: &StepRun) -> String {
    if record.load.is_open() { "open".to_owned() } else { record.load.users().to_string() }
}

/// The level, and how many of the targets it rests on when that is not all.
fn verdict(step: &StepConclusion) -> String {
    let metrics = &step.verdict.metrics;
    let judged = metrics.iter().filter(|metric| metric.judgement.level().is_some()).count();
    match judged == metrics.len() {
        true => step.verdict.judgement.to_string(),
        false => format!("{} ({judged} of {})", step.verdict.judgement, metrics.len()),
    }
}

fn counts(row: &Row) -> [String; 5] {
    let of = |outcome| row.of(outcome).count;
    let counts =
        [row.requests(), of(Outcome::Success), of(Outcome::Throttled), of(Outcome::Failure), row.cut_off];
    counts.map(|count| count.to_string())
}

/// As judged if they were, otherwise of all entries.
fn percentiles(step: &StepConclusion) -> [String; 3] {
    let pairs = [(Metric::P50, Quantile::P50), (Metric::P95, Quantile::P95), (Metric::P99, Quantile::P99)];
    pairs.map(|(metric, quantile)| match step.verdict.metric(metric) {
        Some(verdict) => shown(verdict.value),
        None => trusted(step.summary.total.success(), quantile),
    })
}

/// A percentile of enough successes to say anything; the CSV files give it anyway.
fn trusted(times: &Times, quantile: Quantile) -> String {
    let enough = times.count >= samples_needed(quantile);
    shown(times.quantile_ns(quantile).filter(|_| enough).map(units::ms))
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn findings(run: &Run, conclusion: &Conclusion) -> String {
    let mut text = "\nFindings\n".to_owned();
    let mut add = |name: &str, what: &str| text.push_str(&format!("  {name:<32}{what}\n"));
    if run.targets.is_some() {
        let none = || "none".to_owned();
        add("last step that met the targets", &conclusion.last_met.clone().unwrap_or_else(none));
        add("first step that did not", &conclusion.first_failed.clone().unwrap_or_else(none));
    }
    let scalability = conclusion.scalability.map_or_else(
        || "not known: it takes two complete, valid steps with different numbers of users".to_owned(),
        |found| {
            let range = format!("{} to {} users, 1 is linear", found.users_min, found.users_max);
            format!("{:.2} ({}; {range})", found.factor, found.words())
        },
    );
    add("scalability factor", &scalability);
    let missing = run.planned_steps.iter().filter(|name| !run.steps.iter().any(|step| step.name == **name));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    if !missing.is_empty() {
        add("steps that were not run", &missing.join(", "));
    }
    let words = match conclusion.exit {
        RunExit::Passed => "passed",
        RunExit::Failed => "FAILED",
        RunExit::Invalid => "INVALID",
        RunExit::Aborted => "ABORTED",
    };
    add("result", &format!("{words} (exit code {})", conclusion.exit.code()));
    conclusion.exit_reasons.iter().for_each(|why| add("", why));
    text
}

fn step_section(run: &Run, record: &StepRun, step: &StepConclusion) -> String {
    let cut = if record.cut { ", cut" } else { "" };
    let gate = if record.gate { "" } else { ", does not decide the exit code" };
    let mut text = format!(
        "\n{} ({}, {} s{cut}{gate})\n",
        record.name,
        record.load.words(),
        units::seconds(step.summary.elapsed_ns)
    );
    text.push_str(times_line(record));
    text.push_str(&entries_table(step));
    text.push_str(&times_table(&step.summary));
    text.push_str(&super::stages::text(record));
    text.push_str(&intervals_table(step));
    text.push_str(&arrivals_line(record));
    text.push_str(&shares(record));
    text.push_str(&judged_lines(run, step));
    text.push_str(&super::thresholds::lines(step));
    text.push_str(&checks_lines(step));
    for why in step.validity.reasons() {
        text.push_str(&format!("  INVALID: {why}\n"));
    }
    for warning in &step.warnings {
        text.push_str(&format!("  warning: {}: {}; {}\n", warning.what, warning.why, warning.remedy));
    }
    text.push_str(&errors(record));
    text
}

fn entries_table(step: &StepConclusion) -> String {
    let names = [
        "entry",
        "requests",
        "success",
        "throttled",
        "failed",
        "cut off",
        "average ms",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
        "statuses",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    for row in step.summary.rows_planned().chain([&step.summary.total]) {
        let times = row.success();
        let mut cells = vec![format!("{} {}", row.method, row.name).trim_start().to_owned()];
        cells.extend(counts(row));
        cells.push(shown(times.mean_ns().map(units::ms)));
        let quantiles = [Quantile::P50, Quantile::P95, Quantile::P99];
        cells.extend(quantiles.map(|quantile| trusted(times, quantile)));
        cells.push(shown(times.max_ns().map(units::ms)));
        let statuses: Vec<String> = row.statuses.iter().map(|(status, n)| format!("{status}:{n}")).collect();
        cells.push(statuses.join(" "));
        rows.push(cells);
    }
    table(&rows)
}

fn shares(record: &StepRun) -> String {
    let all: u64 = record.classes.iter().map(|class| u64::from(class.users)).sum();
    let weights: u64 = record.classes.iter().map(|class| u64::from(class.weight)).sum();
    let share = |class: &crate::ClassRecord| {
        let percent = |part: u32, whole| units::ratio(u64::from(part), whole) * 100.0;
        let (got, asked) = (percent(class.users, all), percent(class.weight, weights));
        format!("{} {} ({got:.1} %, weight {} is {asked:.1} %)", class.name, class.users, class.weight)
    };
    let shares: Vec<String> = record.classes.iter().map(share).collect();
    let whose = if record.load.is_open() { "arrivals" } else { "users" };
    let indent = format!("\n{:1$}", "", whose.len() + 4);
    if shares.is_empty() { String::new() } else { format!("  {whose}: {}\n", shares.join(&indent)) }
}

fn judged_lines(run: &Run, step: &StepConclusion) -> String {
    let mut text = String::new();
    for verdict in &step.verdict.metrics {
        let unit = match verdict.metric {
            Metric::P50 | Metric::P95 | Metric::P99 => " ms",
            Metric::FailureRatio => "",
            Metric::Rps => " successes/s",
        };
        let value = verdict.value.map_or_else(|| "withheld".to_owned(), |value| format!("{value}{unit}"));
        let upper = verdict.upper95_ms.map(|ms| format!(" (95 % upper bound {ms} ms)")).unwrap_or_default();
        let why = verdict.judgement.why().map(|why| format!(", {why}")).unwrap_or_default();
        let (key, judgement) = (verdict.metric.key(), &verdict.judgement);
        text.push_str(&format!("  {key:<15}{value}{upper}: {judgement}{why}\n"));
    }
    for why in &step.verdict.reasons {
        text.push_str(&format!("  critical: {why}\n"));
    }
    if run.targets.is_some() {
        text.push_str(&format!("  {:<15}{}\n", "verdict", verdict(step)));
    }
    text
}

fn errors(record: &StepRun) -> String {
    let mut errors: Vec<_> = record.errors.iter().collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.occurrences));
    let mut text = String::new();
    for error in errors.iter().take(ERRORS_SHOWN) {
        let entry = &record.names[usize::from(error.name.0)];
        let (method, name) = (&entry.method, &entry.name);
        text.push_str(&format!("  {} x {method} {name}: {}\n", error.occurrences, error.error));
    }
    if errors.len() > ERRORS_SHOWN {
        let more = errors.len() - ERRORS_SHOWN;
        text.push_str(&format!("  and {more} more kinds of failure in {}_failures.csv\n", record.name));
    }
    text
}
