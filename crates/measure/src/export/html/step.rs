//! One step as blocks: verdict and validity first, then charts, then every table.
//! It must not know of other steps.

use super::block::{Badge, Block, Tone, cut};
use super::chart::Chart;
use super::over_time::over_time;
use super::seconds::Seconds;
use super::spread::spread;
use super::stages::stages;
use super::tables;
use crate::export::figures::{percentiles_note, validity_word, verdict_words};
use crate::{Run, RunError, StepConclusion, StepRun, units};

/// A step's blocks and the charts that they name.
pub(super) struct StepBlocks {
    pub(super) blocks: Vec<Block>,
    pub(super) charts: Vec<Chart>,
}

/// The step's verdict and validity.
pub(super) fn badges(record: &StepRun, step: &StepConclusion) -> Vec<Badge> {
    let mut badges = vec![Badge { text: verdict_words(step), tone: tables::tone(&step.verdict.judgement) }];
    let tone = if step.validity.is_valid() { Tone::Good } else { Tone::Bad };
    badges.push(Badge { text: validity_word(step).to_owned(), tone });
    let mut doubt = |text: &str| badges.push(Badge { text: text.to_owned(), tone: Tone::Doubtful });
    if record.cut {
        doubt("cut short");
    }
    if !record.gate {
        doubt("does not decide the exit code");
    }
    badges
}

/// All of a step but its title.
///
/// # Errors
/// [`RunError::Damaged`] when what the server said of its stages cannot be read.
pub(super) fn step_blocks(
    run: &Run,
    record: &StepRun,
    step: &StepConclusion,
    seconds: &Seconds,
) -> Result<StepBlocks, RunError> {
    let mut blocks = doubts(step);
    blocks.push(Block::Facts(facts(run, record, step)));
    blocks.extend(tables::targets(run, step).map(Block::Table));
    blocks.extend(tables::thresholds(step).map(Block::Table));
    let mut charts = over_time(record, seconds);
    charts.splice(2..2, spread(record, &step.summary.total));
    blocks.push(Block::Part("Charts".to_owned()));
    blocks.extend(charts.iter().map(chart_block));
    let (said, bars) = stages(record)?;
    blocks.extend(said);
    charts.extend(bars);
    blocks.push(Block::Part("Requests".to_owned()));
    blocks.push(Block::Table(tables::requests(step)));
    blocks.push(Block::Part("Percentiles".to_owned()));
    blocks.push(Block::Note(format!(
        "Nearest rank, to 3 digits. – means that there are too few requests for that percentile. {}",
        KINDS
    )));
    blocks.extend(tables::percentiles(step).into_iter().map(Block::Table));
    blocks.extend(tables::intervals(run, step).map(Block::Table));
    blocks.extend(tables::lateness(step).map(Block::Table));
    blocks.extend(tables::checks(step).map(Block::Table));
    blocks.push(Block::Part("Failures".to_owned()));
    blocks.push(match tables::failures(run, record) {
        Some(table) => Block::Table(table),
        None => Block::Note("No request failed.".to_owned()),
    });
    if let Some(table) = tables::tasks(record) {
        blocks.push(Block::Part("Classes and tasks".to_owned()));
        blocks.push(Block::Table(table));
    }
    Ok(StepBlocks { blocks, charts })
}

const KINDS: &str = "Service time is from sending to the last byte of the answer; response time from when the \
                     request was due; lateness is what lies between.";

pub(super) fn chart_block(chart: &Chart) -> Block {
    Block::Chart { id: chart.id.clone(), caption: chart.caption.clone() }
}

/// What makes the step's figures worthless or doubtful.
fn doubts(step: &StepConclusion) -> Vec<Block> {
    let invalid = step.validity.reasons().iter().map(|why| format!("Invalid: {}", cut(why)));
    let critical = step.verdict.reasons.iter().map(|why| format!("Critical: {}", cut(why)));
    let bad: Vec<String> = invalid.chain(critical).collect();
    let words = |warning: &crate::Warning| {
        let [what, why, remedy] = [&warning.what, &warning.why, &warning.remedy].map(|text| cut(text));
        format!("{what}: {why}; {remedy}")
    };
    let doubtful = step.warnings.iter().map(words).collect();
    let lists = [(Tone::Bad, bad), (Tone::Doubtful, doubtful)];
    let mut blocks = vec![];
    for (tone, mut lines) in lists.into_iter().filter(|(_, lines): &(_, Vec<String>)| !lines.is_empty()) {
        let more = lines.len().saturating_sub(super::block::ROWS_MAX);
        lines.truncate(super::block::ROWS_MAX);
        lines.extend((more > 0).then(|| format!("and {more} more")));
        blocks.push(Block::List { tone, lines });
    }
    blocks
}

fn facts(run: &Run, record: &StepRun, step: &StepConclusion) -> Vec<(String, String)> {
    let (summary, total) = (&step.summary, &step.summary.total);
    let moment = |ns| units::utc_second(run.unix_ns(ns));
    let asked = record.run_time_s.map(|seconds| format!(", asked {seconds} s")).unwrap_or_default();
    let mut facts = vec![
        ("Load", record.load.words()),
        ("Began", moment(record.phases.started_ns)),
        ("Ended", moment(record.phases.ended_ns)),
        ("Took", format!("{} s{asked}", units::seconds(summary.elapsed_ns))),
        ("Requests", total.requests().to_string()),
        ("Offered", format!("{} requests/s", summary.offered_rps())),
        ("Accepted", format!("{} successes/s", summary.accepted_rps())),
        ("Failures", format!("{} ({:.2} %)", total.failures(), total.failure_ratio() * 100.0)),
        ("Times", percentiles_note(run, Some(record))),
    ];
    if let Some(arrivals) = &record.arrivals {
        let (due, sent, dropped) = (arrivals.due, arrivals.sent, arrivals.dropped);
        let words = format!("{due} due, {sent} sent, {dropped} dropped, {} not come to", arrivals.unsent);
        facts.push(("Arrivals", words));
    }
    if let Some(used) = &record.resources {
        let mib = used.memory_bytes_max as f64 / 1_048_576.0;
        facts.push(("Generator used", format!("{:.2} s of processor time, {mib:.1} MiB", used.cpu_s)));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), cut(&value))).collect()
}
