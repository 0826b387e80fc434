//! The analysis as blocks: what was found first, then how answers follow the load. It must not decide anything.

use super::block::{Block, Cell, Table, Tone};
use super::chart::{Across, Chart, Look, Role, Series, chart};
use crate::analysis::{Analysis, words};
use crate::bursts::Burst;
use crate::diagnosis::{Finding, Sign};
use crate::export::figures::clipped;
use crate::scalability::Scaling;

/// Findings that a page shows.
const FINDINGS_MAX: usize = 30;
/// Evidence of each.
const EVIDENCE_MAX: usize = 10;
/// Characters of a sentence.
const WORDS_MAX: usize = 1_000;
/// Points of a drawn law.
const LAW_POINTS: u32 = 80;

/// What limits or ails the target.
pub(super) fn diagnosis(analysis: &Analysis) -> Vec<Block> {
    let mut blocks = vec![Block::Section { id: "diagnosis".to_owned(), text: "Diagnosis".to_owned() }];
    if analysis.findings.is_empty() {
        blocks.push(Block::Note("Nothing was found.".to_owned()));
    }
    for finding in analysis.findings.iter().take(FINDINGS_MAX) {
        blocks.push(Block::Part(clipped(&words::finding(finding), WORDS_MAX)));
        let evidence = finding.evidence.iter().take(EVIDENCE_MAX);
        let lines = evidence.map(|evidence| clipped(&words::evidence(evidence), WORDS_MAX)).collect();
        blocks.push(Block::List { tone: tone(finding), lines });
        let advice = words::advice(finding).into_iter().filter(|(_, what)| !what.is_empty());
        let advice: Vec<_> = advice.map(|(name, what)| (name.to_owned(), clipped(what, WORDS_MAX))).collect();
        if !advice.is_empty() {
            blocks.push(Block::Facts(advice));
        }
    }
    if analysis.findings.len() > FINDINGS_MAX {
        let more = analysis.findings.len() - FINDINGS_MAX;
        blocks.push(Block::Note(format!(
            "{more} more findings are left out; weaver-bench analyze shows them."
        )));
    }
    blocks
}

fn tone(finding: &Finding) -> Tone {
    match finding.sign {
        Sign::Healthy => Tone::Good,
        Sign::TooShort => Tone::Doubtful,
        _ => Tone::Bad,
    }
}

/// How the target takes bursts.
pub(super) fn bursts(bursts: &[Burst]) -> Vec<Block> {
    let title = Block::Section { id: "bursts".to_owned(), text: "Bursts".to_owned() };
    if bursts.is_empty() {
        return vec![title, Block::Note(format!("{}.", words::NO_BURST))];
    }
    let mut table = Table::new("How fast latency and errors came back after each", 2, &words::BURST_HEAD);
    table.fill("bursts", bursts, |burst| words::burst(burst).iter().map(Cell::of).collect());
    vec![title, Block::Table(table)]
}

/// How answers follow the load: nothing without a point.
pub(super) fn scalability(scaling: &Scaling) -> (Vec<Block>, Vec<Chart>) {
    if scaling.points.is_empty() {
        return (vec![], vec![]);
    }
    let mut blocks = vec![Block::Section { id: "scalability".to_owned(), text: "Scalability".to_owned() }];
    let facts = words::scaling(scaling);
    blocks.push(Block::Facts(
        facts.into_iter().map(|(name, what)| (name.to_owned(), clipped(&what, WORDS_MAX))).collect(),
    ));
    let mut table = Table::new("What each step brought under its full load", 1, &words::POINT_HEAD);
    table.fill("steps", &scaling.points, |point| {
        words::point(point, scaling.bounds.as_ref()).iter().map(Cell::of).collect()
    });
    let left_out = scaling.left_out.iter().take(EVIDENCE_MAX);
    table
        .notes
        .extend(left_out.map(|out| clipped(&format!("Left out: {}: {}.", out.step, out.why), WORDS_MAX)));
    blocks.push(Block::Table(table));
    let charts: Vec<Chart> = law_chart(scaling).into_iter().collect();
    blocks.extend(charts.iter().map(super::step::chart_block));
    (blocks, charts)
}

/// Throughput against users: measured, the law, what bounds both, and the knee.
fn law_chart(scaling: &Scaling) -> Option<Chart> {
    let bounds = scaling.bounds.as_ref()?;
    let most_users = scaling.points.iter().map(|point| point.users).max().filter(|users| *users > 1)?;
    let most_rate = scaling.points.iter().map(|point| point.rate_per_s).fold(0.0, f64::max);
    let points = scaling.points.iter().take(1_000);
    let measured = points.clone().map(|point| (f64::from(point.users), Some(point.rate_per_s)));
    let mut series = vec![Series {
        labels: points.clone().map(|point| clipped(&point.step, 100)).collect(),
        errors: points.map(|point| point.rate_error_per_s()).collect(),
        ..Series::new("measured, with its 95 % interval", Role::Success, 0, measured).look(Look::Markers)
    }];
    let users = || {
        (1..=LAW_POINTS).map(|at| (u64::from(most_users) * u64::from(at)).div_ceil(LAW_POINTS.into()) as u32)
    };
    if scaling.law.is_ok() {
        let law = users().map(|users| (f64::from(users), scaling.predicted_per_s(users)));
        series.push(Series::new("the fitted law", Role::P50, 0, law));
    }
    let bound = users().map(|users| {
        let users = f64::from(users);
        (users, Some(bounds.rate_per_s_max(users, bounds.think_s)).filter(|rate| *rate < 2.0 * most_rate))
    });
    series.push(Series::new("at most", Role::Users, 0, bound));
    if let Some(knee) = scaling.knee.users.filter(|knee| *knee <= f64::from(most_users)) {
        series.push(Series::new("knee", Role::Lateness, 0, [(knee, Some(0.0)), (knee, Some(most_rate))]));
    }
    Some(chart(
        "chart-suite-law".to_owned(),
        "Successes a second against users, each step under its full load: measured, the law that was fitted, and what bounds both.",
        Across { title: "users", log: None },
        &[("a second", 1.0)],
        series,
    ))
}
