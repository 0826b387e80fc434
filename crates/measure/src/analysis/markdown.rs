//! The analysis as Markdown, fit for the summary of a CI job. It must not decide anything.

use super::{Analysis, words};
use crate::bursts::Burst;
use crate::diagnosis::Finding;
use crate::export::escaped_markdown as escaped;
use crate::scalability::Scaling;

/// Steps that are shown.
const POINTS_SHOWN: usize = 100;
/// Findings that are shown.
const FINDINGS_SHOWN: usize = 20;
/// Evidence of each that is shown.
const EVIDENCE_SHOWN: usize = 6;

/// The analysis as Markdown.
pub fn markdown(analysis: &Analysis) -> String {
    format!("## Analysis\n\n{}", markdown_part(analysis))
}

/// The same as a part of a document.
pub(crate) fn markdown_part(analysis: &Analysis) -> String {
    let (findings, scaling) = (diagnosis(&analysis.findings), scaling(&analysis.scaling));
    format!("{findings}\n{scaling}{}", bursts(&analysis.bursts))
}

/// Nothing where there was none.
fn bursts(bursts: &[Burst]) -> String {
    if bursts.is_empty() {
        return String::new();
    }
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = "### Bursts\n\n".to_owned();
    text.push_str(&row(&words::BURST_HEAD.map(str::to_owned)));
    text.push_str("| :-- | :-- | --: | --: | --: | --: | --: |\n");
    for burst in bursts.iter().take(POINTS_SHOWN) {
        text.push_str(&row(&words::burst(burst).map(|cell| escaped(&cell))));
    }
    if bursts.len() > POINTS_SHOWN {
        text.push_str(&format!("\nand {} more bursts.\n", bursts.len() - POINTS_SHOWN));
    }
    text.push('\n');
    text
}

fn scaling(scaling: &Scaling) -> String {
    let mut text = "### Scalability\n\n".to_owned();
    if !scaling.points.is_empty() {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text.push_str(&row(&words::POINT_HEAD.map(str::to_owned)));
        text.push_str("| :-- | --: | --: | --: | --: | --: | --: |\n");
        for point in scaling.points.iter().take(POINTS_SHOWN) {
            text.push_str(&row(&words::point(point, scaling.bounds.as_ref()).map(|cell| escaped(&cell))));
        }
        if scaling.points.len() > POINTS_SHOWN {
            text.push_str(&format!("\nand {} more steps.\n", scaling.points.len() - POINTS_SHOWN));
        }
        text.push('\n');
    }
    for (name, what) in words::scaling(scaling) {
        text.push_str(&format!("- {name}: {}\n", clear(&what)));
    }
    text.push('\n');
    text
}

/// Sentences of ours: escaped, and not cut where they name a step.
fn clear(text: &str) -> String {
    let pieces: Vec<String> = text.split(' ').map(escaped).collect();
    pieces.join(" ")
}

fn diagnosis(findings: &[Finding]) -> String {
    let mut text = "### Diagnosis\n\n".to_owned();
    if findings.is_empty() {
        text.push_str("Nothing was found.\n");
    }
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        text.push_str(&format!("- **{}**\n", escaped(&words::finding(finding))));
        for evidence in finding.evidence.iter().take(EVIDENCE_SHOWN) {
            text.push_str(&format!("  - {}\n", clear(&words::evidence(evidence))));
        }
        for (name, what) in words::advice(finding).iter().filter(|(_, what)| !what.is_empty()) {
            text.push_str(&format!("  - {name}: {}\n", clear(what)));
        }
    }
    text
}
