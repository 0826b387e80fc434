//! Diagnosis: what limits or ails the target, told from what any target shows.
//!
//! A rule is a pure function from what was observed to findings; several may hold at once. It must not know a
//! ledger, a fault's switch or `Server-Timing`: a real target has none of them.

mod answers;
mod finding;
mod load;
mod modes;
mod observed;
mod time;
mod verdict;

pub use finding::{Advice, Confidence, Evidence, Finding, Layer, Sign};
pub(crate) use observed::{Cell, Observed, ObservedStep, Second};

use crate::{Conclusion, Run, RunError};

/// One rule.
type Rule = fn(&Observed<'_>) -> Vec<Finding>;

/// All that the run shows, the surest first.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn diagnose(run: &Run, conclusion: &Conclusion) -> Result<Vec<Finding>, RunError> {
    Ok(diagnosed(&Observed::of(run, conclusion)?))
}

/// The same of a run that is decoded already.
pub(crate) fn diagnosed(observed: &Observed<'_>) -> Vec<Finding> {
    let rules = [load::RULES, time::RULES, answers::RULES];
    let mut findings: Vec<Finding> =
        rules.iter().copied().flatten().flat_map(|rule| rule(observed)).collect();
    if findings.is_empty() {
        findings.push(verdict::verdict(observed));
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.confidence), finding.sign));
    once(findings)
}

/// What several rules say is said once, as the surest says it, with the evidence of all.
fn once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = vec![];
    for finding in findings {
        match kept.iter_mut().find(|other| other.sign == finding.sign) {
            Some(other) => other.evidence.extend(finding.evidence),
            None => kept.push(finding),
        }
    }
    kept
}
