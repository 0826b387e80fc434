//! The analysis for people who read text. It must not decide anything.

use super::{Analysis, words};
use crate::bursts::Burst;
use crate::diagnosis::Finding;
use crate::export::table::table;
use crate::scalability::Scaling;

/// The analysis as plain text.
pub fn text(analysis: &Analysis) -> String {
    let mut text = "ANALYSIS\n========\n".to_owned();
    text.push_str(&scaling(&analysis.scaling));
    text.push_str(&diagnosis(&analysis.findings));
    text.push_str(&bursts(&analysis.bursts));
    text
}

fn bursts(bursts: &[Burst]) -> String {
    let mut text = "\nBursts\n".to_owned();
    if bursts.is_empty() {
        text.push_str(&format!("  {}\n", words::NO_BURST));
        return text;
    }
    let mut rows = vec![words::BURST_HEAD.map(str::to_owned).to_vec()];
    rows.extend(bursts.iter().map(|burst| words::burst(burst).to_vec()));
    text.push_str(&table(&rows));
    text
}

fn scaling(scaling: &Scaling) -> String {
    let mut text = "\nScalability\n".to_owned();
    if !scaling.points.is_empty() {
        let mut rows = vec![words::POINT_HEAD.map(str::to_owned).to_vec()];
        rows.extend(scaling.points.iter().map(|point| words::point(point, scaling.bounds.as_ref()).to_vec()));
        text.push_str(&table(&rows));
    }
    for out in &scaling.left_out {
        text.push_str(&format!("  left out: {}: {}\n", out.step, out.why));
    }
    for (name, what) in words::scaling(scaling) {
        text.push_str(&format!("  {name:<34}{what}\n"));
    }
    text
}

fn diagnosis(findings: &[Finding]) -> String {
    let mut text = "\nDiagnosis\n".to_owned();
    if findings.is_empty() {
        text.push_str("  nothing was found\n");
    }
    for finding in findings {
        text.push_str(&format!("  {}\n", words::finding(finding)));
        for evidence in &finding.evidence {
            text.push_str(&format!("    - {}\n", words::evidence(evidence)));
        }
        for (name, what) in words::advice(finding).iter().filter(|(_, what)| !what.is_empty()) {
            text.push_str(&format!("    {name:<9} {what}\n"));
        }
    }
    text
}
