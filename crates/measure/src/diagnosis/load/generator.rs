//! The generator's own limit, and workers that were lost: what is then measured is not the target's.
//! It must not know how the target fared.

use crate::PULSE_SLOT_NS;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, ObservedStep, Sign};
use crate::export::repeat_command;

/// Reasons of validity that are the generator's, by how they begin.
const OWN_REASONS: [&str; 4] = [
    "the generator's processor time was the limit",
    "the generator stood still",
    "1 % of the requests were sent",
    "the clock jumped",
];
/// Words of a reason that tell the same.
const OWN_WORDS: [&str; 2] = ["were due and not sent", "the generator did not keep up"];

/// Seconds without a word from a worker: a shorter silence is a pause.
const SILENT_SECONDS_MIN: usize = 5;

/// The generator, not the target, was at its limit.
pub(super) fn limit(observed: &Observed<'_>) -> Vec<Finding> {
    let of_step = |step: &ObservedStep<'_>| {
        let name = step.record.name.clone();
        let own = step.conclusion.validity.reasons().iter().filter(|why| is_own(why));
        own.map(move |why| Evidence { step: name.clone(), seconds: None, words: why.clone() })
            .collect::<Vec<_>>()
    };
    let evidence: Vec<Evidence> = observed.steps.iter().flat_map(of_step).collect();
    if evidence.is_empty() {
        return vec![];
    }
    vec![Finding {
        sign: Sign::GeneratorLimit,
        confidence: Confidence::High,
        evidence,
        advice: Advice {
            change: "give the generator more threads, a machine of its own, or less load to make; what it measured meanwhile is its own"
                .to_owned(),
            effect: "the steps should be valid, and the lateness at p99 far below the times that are shown".to_owned(),
            command: format!("{} --threads N", repeat_command(observed.run)),
        },
    }]
}

fn is_own(why: &str) -> bool {
    OWN_REASONS.iter().any(|own| why.starts_with(own)) || OWN_WORDS.iter().any(|own| why.contains(own))
}

/// A worker of the generator was lost: the run says so, or its timers are no longer heard of.
pub(super) fn lost(observed: &Observed<'_>) -> Vec<Finding> {
    let mut evidence: Vec<Evidence> = observed.steps.iter().filter_map(silent).collect();
    if let Some(why) = observed.run.aborted.as_ref().filter(|why| why.contains("worker")) {
        let step = observed.steps.last().map_or_else(String::new, |step| step.record.name.clone());
        evidence.push(Evidence { step, seconds: None, words: why.clone() });
    }
    if evidence.is_empty() {
        return vec![];
    }
    vec![Finding {
        sign: Sign::WorkerLost,
        confidence: Confidence::High,
        evidence,
        advice: Advice {
            change: "look into the worker's log and its machine: memory, network, what ended it; then measure again".to_owned(),
            effect: "the run should end by its plan, with all workers".to_owned(),
            command: repeat_command(observed.run),
        },
    }]
}

/// Each worker looks once in every slot, or misses it: fewer looks and misses are fewer workers.
fn silent(step: &ObservedStep<'_>) -> Option<Evidence> {
    let phases = &step.record.phases;
    let end_ns = phases.wind_down_ns.saturating_sub(phases.started_ns);
    let workers: Vec<f64> = step
        .seconds
        .iter()
        .filter(|second| second.record.end_ns <= end_ns)
        .map(|second| {
            let slots = second.record.pulse.map_or(0, |pulse| pulse.samples + pulse.missed);
            let span_ns = second.record.end_ns.saturating_sub(second.begin_ns).max(1);
            (slots * PULSE_SLOT_NS) as f64 / span_ns as f64
        })
        .collect();
    let mut sorted = workers.clone();
    sorted.sort_by(f64::total_cmp);
    // In most seconds all are heard of; one that made up for a pause holds more.
    let most = sorted.get(sorted.len() * 3 / 4).copied().unwrap_or(0.0).round();
    let silent = workers.iter().rev().take_while(|seen| **seen < most - 0.5).count();
    (most >= 1.0 && silent >= SILENT_SECONDS_MIN).then(|| {
        let (first, last) = (workers.len() - silent, workers.len() - 1);
        let left = workers.last().map_or(0.0, |seen| seen.round());
        Evidence {
            step: step.record.name.clone(),
            seconds: Some((first as u64, last as u64)),
            words: format!("{left} of {most} workers were heard of until the end of the load"),
        }
    })
}
