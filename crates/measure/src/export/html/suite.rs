//! The whole run as blocks: how it ended, its steps beside each other, how they scale, and how to repeat it.
//! It must not know of a step's tables.

use super::block::{Badge, Block, Cell, Table, Tone, cut};
use super::chart::{Across, Chart, Look, Role, Series, chart};
use super::tables;
use crate::export::figures::{
    exit_word, findings, host, percentiles_ms, percentiles_note, repeat_command, repeat_note, shown, target,
    title, validity_word, verdict_words,
};
use crate::{Conclusion, LoadRecord, Outcome, Run, RunExit, StepConclusion, StepRun, units};

/// The run's name and how it ended.
pub(super) fn title_block(run: &Run, conclusion: &Conclusion) -> Block {
    let tone = if conclusion.exit == RunExit::Passed { Tone::Good } else { Tone::Bad };
    let text = format!("{} (exit code {})", exit_word(conclusion.exit), conclusion.exit.code());
    let mut badges = vec![Badge { text, tone }];
    let invalid = conclusion.steps.iter().filter(|step| !step.validity.is_valid()).count();
    badges.push(match invalid {
        0 => Badge { text: "all steps valid".to_owned(), tone: Tone::Good },
        n => Badge { text: format!("{} not valid", units::counted(n as u64, "step")), tone: Tone::Bad },
    });
    Block::Title { text: heading(run), badges }
}

/// `Baseline of 2026-11-23 09:45:48 UTC`.
pub(super) fn heading(run: &Run) -> String {
    format!("{} of {}", title(run), units::utc_second(run.started_unix_ns))
}

/// Why the run did not pass, if it did not.
pub(super) fn reasons(conclusion: &Conclusion) -> Option<Block> {
    let lines: Vec<String> = conclusion.exit_reasons.iter().map(|why| cut(why)).collect();
    (!lines.is_empty()).then_some(Block::List { tone: Tone::Bad, lines })
}

/// What was run, where, and on what.
pub(super) fn facts(run: &Run) -> Block {
    let mut facts = vec![
        ("Target".to_owned(), cut(&target(run))),
        ("Started".to_owned(), units::utc_second(run.started_unix_ns)),
        ("Seed".to_owned(), run.seed.to_string()),
        ("Version".to_owned(), format!("weaver-bench {}", cut(&run.version))),
    ];
    facts.extend(host(run).map(|host| ("Host".to_owned(), cut(&host))));
    Block::Facts(facts)
}

/// All steps beside each other, and how they scale; `link` gives a step's page.
pub(super) fn overview(
    run: &Run,
    conclusion: &Conclusion,
    link: impl Fn(&str) -> String,
) -> (Vec<Block>, Vec<Chart>) {
    let mut blocks = vec![Block::Part("Steps".to_owned()), Block::Table(steps(run, conclusion, link))];
    let found = findings(run, conclusion);
    let found: Vec<_> = found.into_iter().map(|(name, words)| (name.to_owned(), cut(&words))).collect();
    if !found.is_empty() {
        blocks.push(Block::Facts(found));
    }
    let charts = scaling(run, conclusion);
    blocks.extend(charts.iter().map(super::step::chart_block));
    (blocks, charts)
}

fn steps(run: &Run, conclusion: &Conclusion, link: impl Fn(&str) -> String) -> Table {
    let head = [
        "step",
        "load",
        "verdict",
        "validity",
        "requests",
        "successes",
        "throttled",
        "failures",
        "cut off",
        "offered/s",
        "accepted/s",
        "failed %",
        "p50 ms",
        "p95 ms",
        "p99 ms",
    ];
    let mut table = Table::new("The steps beside each other", 4, &head);
    let pairs: Vec<(&StepRun, &StepConclusion)> = run.steps.iter().zip(&conclusion.steps).collect();
    table.fill("steps", &pairs, |(record, step)| {
        let (summary, total) = (&step.summary, &step.summary.total);
        let of = |outcome| Cell::of(total.of(outcome).count);
        let gate = if record.gate { "" } else { ", no gate" };
        let validity = if step.validity.is_valid() { Tone::Good } else { Tone::Bad };
        let verdict = format!("{}{gate}", verdict_words(step));
        let mut row = vec![
            Cell { link: Some(link(&record.name)), ..Cell::of(&record.name) },
            Cell::of(record.load.words()),
            Cell::toned(verdict, tables::tone(&step.verdict.judgement)),
            Cell::toned(validity_word(step), validity),
            Cell::of(total.requests()),
            of(Outcome::Success),
            of(Outcome::Throttled),
            of(Outcome::Failure),
            Cell::of(total.cut_off),
        ];
        row.extend(
            [summary.offered_rps(), summary.accepted_rps()].map(|rate| Cell::of(format!("{rate:.2}"))),
        );
        row.push(Cell::of(format!("{:.2}", total.failure_ratio() * 100.0)));
        row.extend(percentiles_ms(step).map(|ms| Cell::of(shown(ms))));
        row
    });
    table.notes.push(cut(&format!("{} – means too few of them.", percentiles_note(run, None))));
    table
}

/// Throughput and times against users; nothing with fewer than two steps of users.
fn scaling(run: &Run, conclusion: &Conclusion) -> Vec<Chart> {
    let users = |record: &StepRun| match record.load {
        LoadRecord::Closed { users, .. } => Some(f64::from(users)),
        LoadRecord::Open { .. } => None,
    };
    let pairs = run.steps.iter().zip(&conclusion.steps);
    let mut steps: Vec<(f64, &StepConclusion)> =
        pairs.filter_map(|(record, step)| Some((users(record)?, step))).take(1_000).collect();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    if steps.len() < 2 {
        return vec![];
    }
    let line = |name: &str, role, value: &dyn Fn(&StepConclusion) -> Option<f64>| {
        let points = steps.iter().map(|(users, step)| (*users, value(step)));
        let labels = steps.iter().map(|(_, step)| step.name.clone()).collect();
        Series { labels, ..Series::new(name, role, 0, points).look(Look::Points) }
    };
    let rates = vec![
        line("accepted", Role::Success, &|step| Some(step.summary.accepted_rps())),
        line("offered", Role::Requests, &|step| Some(step.summary.offered_rps())),
        line("failures", Role::Failure, &|step| Some(step.summary.failures_per_s())),
    ];
    let times = vec![
        line("p50", Role::P50, &|step| percentiles_ms(step)[0]),
        line("p95", Role::P95, &|step| percentiles_ms(step)[1]),
        line("p99", Role::P99, &|step| percentiles_ms(step)[2]),
    ];
    let users = || Across { title: "users", log: None };
    vec![
        chart(
            "chart-suite-throughput".to_owned(),
            "Throughput against users: what was offered and what was accepted, over each whole step.",
            users(),
            &[("a second", 1.0)],
            rates,
        ),
        chart(
            "chart-suite-times".to_owned(),
            cut(&format!("Times against users. {}", percentiles_note(run, None))),
            users(),
            &[("ms", 1.0)],
            times,
        ),
    ]
}

/// The command that repeats the run, the seed and the plan.
pub(super) fn repeat(run: &Run) -> Vec<Block> {
    let plan = serde_json::to_string_pretty(&run.plan).unwrap_or_default();
    vec![
        Block::Section { id: "repeat".to_owned(), text: "Plan, seed and how to repeat it".to_owned() },
        Block::Code(repeat_command(run)),
        Block::Note(repeat_note(run).to_owned()),
        Block::Folded {
            summary: "The plan".to_owned(),
            code: crate::export::figures::clipped(&plan, PLAN_MAX),
        },
    ]
}

/// Characters of the plan that a page shows.
const PLAN_MAX: usize = 100_000;
