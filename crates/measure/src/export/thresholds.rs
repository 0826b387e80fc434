//! Thresholds as each document shows them. It must not decide anything: what held comes from the conclusion.

use serde::Serialize;

use crate::{FigureUnit, StepConclusion, ThresholdVerdict};

/// The report's lines.
pub(super) fn lines(step: &StepConclusion) -> String {
    let line = |verdict: &ThresholdVerdict| {
        format!("  threshold `{}`: {}\n", verdict.threshold.words(), found(step, verdict))
    };
    step.thresholds.iter().map(line).collect()
}

/// What was found, and whether it counts for nothing.
pub(super) fn found(step: &StepConclusion, verdict: &ThresholdVerdict) -> String {
    format!("{}{}", verdict.words(), idle(step, verdict).unwrap_or_default())
}

/// Why a broken threshold does not decide.
pub(super) fn idle(step: &StepConclusion, verdict: &ThresholdVerdict) -> Option<&'static str> {
    match (verdict.is_broken(), verdict.threshold.gate, step.validity.is_valid()) {
        (false, _, _) | (true, true, true) => None,
        (true, false, _) => Some("; it does not decide"),
        (true, true, false) => Some("; its step is invalid, so it does not decide"),
    }
}

/// A threshold in JSON.
#[derive(Serialize)]
pub(super) struct Judged<'a> {
    threshold: String,
    figure: String,
    unit: &'static str,
    comparison: &'static str,
    bound: f64,
    gate: bool,
    outcome: &'static str,
    value: Option<f64>,
    windows: Option<Windows>,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct Windows {
    judged: u64,
    broken: u64,
    not_judged: u64,
    first_broken_s: Option<(f64, f64)>,
}

impl<'a> From<&'a ThresholdVerdict> for Judged<'a> {
    fn from(verdict: &'a ThresholdVerdict) -> Self {
        let threshold = &verdict.threshold;
        let windows = verdict.windows.map(|windows| Windows {
            judged: windows.judged,
            broken: windows.broken,
            not_judged: windows.not_judged,
            first_broken_s: windows.first_broken_s,
        });
        Self {
            threshold: threshold.words(),
            figure: threshold.figure.word(),
            unit: match threshold.figure.unit() {
                FigureUnit::Ms => "ms",
                FigureUnit::Ratio => "ratio",
                FigureUnit::PerS => "per_s",
                FigureUnit::Count => "count",
            },
            comparison: threshold.comparison.sign(),
            bound: threshold.bound,
            gate: threshold.gate,
            outcome: verdict.outcome.word(),
            value: verdict.value,
            windows,
            why: verdict.why.as_deref(),
        }
    }
}
