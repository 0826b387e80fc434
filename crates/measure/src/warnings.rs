//! What a reader should know before using a step's numbers, as values: what happened, why, and what to do.
//! It must not know how they are shown.

use crate::tally::{ERRORS_MAX, OTHER_ERRORS};
use crate::validity::workers;
use crate::{EditRecord, Outcome, Row, Run, StepRun, Summary, units};

/// The harness's own 99th percentile of lateness from which it is worth a word.
const LATENESS_P99_NS_MAX: u64 = 20_000_000;

/// Something that makes a number doubtful without making it useless.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// What happened, with its numbers.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
}

impl Warning {
    fn new(what: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), remedy: remedy.into() }
    }
}

/// A step's warnings, in the order in which they are shown.
pub fn warnings(step: &StepRun, summary: &Summary) -> Vec<Warning> {
    let mut found = Vec::new();
    found.extend(cut(step));
    found.extend(edited(step));
    found.extend(reset(step));
    found.extend(lost(step));
    found.extend(never_sent(summary));
    found.extend(none_succeeded(summary));
    found.extend(late(summary));
    found.extend(cut_off(summary));
    found.extend(other_errors(step));
    found.extend(beyond_the_histogram(summary));
    found
}

/// Workers that left in good order, or were lost where the run was told to put up with it; else the step is invalid.
fn lost(step: &StepRun) -> impl Iterator<Item = Warning> + '_ {
    let tolerated = step.losses.iter().filter(|loss| !workers::hurts(step, loss));
    tolerated.map(|loss| {
        Warning::new(
            workers::words(step, loss),
            "the load was less than planned until others had taken over, and what was not counted stands in no figure",
            "see why the worker ended, and measure again before comparing",
        )
    })
}

fn cut(step: &StepRun) -> Option<Warning> {
    step.cut.then(|| {
        Warning::new(
            "the step was interrupted before its time",
            "its figures are of a shorter load than planned",
            "run it again to its end before comparing it",
        )
    })
}

fn edited(step: &StepRun) -> Option<Warning> {
    let last = step.edits.last()?;
    let edit = |edit: &EditRecord| {
        let at_s = units::seconds(edit.at_ns.saturating_sub(step.phases.started_ns));
        format!(
            "{} at {} a second after {at_s:.1} s",
            units::counted(edit.users.into(), "user"),
            edit.spawn_rate_per_s
        )
    };
    let steady_s = units::seconds(step.phases.steady_ns.saturating_sub(step.phases.started_ns));
    let more = match step.edits.len() - 1 {
        0 => String::new(),
        others => format!(", the last of {}", units::counted(others as u64 + 1, "edit")),
    };
    Some(Warning::new(
        format!("the load was edited while it ran: {}{more}", edit(last)),
        format!("the step's figures mix several loads; the last one was in force from {steady_s:.1} s on"),
        "measure it again with one load before comparing it",
    ))
}

fn reset(step: &StepRun) -> Option<Warning> {
    step.reset_ns.map(|at_ns| {
        Warning::new(
            format!("the figures were reset {:.1} s after the run's clock began", units::seconds(at_ns)),
            "what was measured before is not in them",
            "measure it again without a reset before comparing it",
        )
    })
}

fn never_sent(summary: &Summary) -> impl Iterator<Item = Warning> + '_ {
    summary.rows_planned().filter(|row| row.sent() == 0).map(|row| {
        Warning::new(
            format!("`{} {}` was planned and never sent in this step", row.method, row.name),
            "nothing can be judged of it",
            "run longer or with more users",
        )
    })
}

fn none_succeeded(summary: &Summary) -> impl Iterator<Item = Warning> + '_ {
    let fruitless = |row: &&Row| row.requests() > 0 && row.success().count == 0;
    summary.rows.iter().filter(fruitless).map(|row| {
        let requests = units::counted(row.requests(), "request");
        Warning::new(
            format!("none of {requests} of `{} {}` succeeded", row.method, row.name),
            "it has no times, whatever the other entries show",
            "look at its statuses and failures",
        )
    })
}

fn late(summary: &Summary) -> Option<Warning> {
    let late = summary.lateness.filter(|late| late.p99_ns > LATENESS_P99_NS_MAX)?;
    let what = format!(
        "1 % of the requests were sent {} ms late or more, the last by {} ms",
        units::ms(late.p99_ns),
        units::ms(late.max_ns)
    );
    Some(Warning::new(
        what,
        "the generator was short of processor time, so the load was less than planned",
        "use fewer users, or a machine that the server does not share",
    ))
}

/// The target's figures were asked for and never came.
pub(crate) fn target_unread(run: &Run, step: &StepRun) -> Option<Warning> {
    let source = run.target_source.as_ref()?;
    step.intervals.iter().all(|interval| interval.target.is_none()).then(|| {
        Warning::new(
            format!("what the target uses could not be read from {source}"),
            "whether its processor was the limit is not known",
            "give --target-pid a process of this machine, or --target-metrics a page with process_cpu_seconds_total",
        )
    })
}

fn cut_off(summary: &Summary) -> Option<Warning> {
    let count = summary.total.cut_off;
    (count > 0).then(|| {
        Warning::new(
            format!("{} still in flight when the stop timeout ended", units::counted(count, "request")),
            "their times, perhaps the longest, are in no percentile",
            "give a longer --stop-timeout",
        )
    })
}

fn other_errors(step: &StepRun) -> Option<Warning> {
    let others = step.errors.iter().filter(|record| record.error == OTHER_ERRORS);
    let count: u64 = others.map(|record| record.occurrences).sum();
    (count > 0).then(|| {
        Warning::new(
            format!("{} under `{OTHER_ERRORS}`", units::counted(count, "failure")),
            format!("only {ERRORS_MAX} different errors are told apart in a step"),
            "leave what differs in every request out of the expectations' texts",
        )
    })
}

fn beyond_the_histogram(summary: &Summary) -> Option<Warning> {
    let clamped = |outcome: &Outcome| summary.total.of(*outcome).histogram.clamped();
    let count: u64 = Outcome::ALL.iter().map(clamped).sum();
    (count > 0).then(|| {
        Warning::new(
            format!("{} of an hour or longer", units::counted(count, "request")),
            "percentiles do not tell them apart; the maximum is exact",
            "set a timeout in the scenario",
        )
    })
}
