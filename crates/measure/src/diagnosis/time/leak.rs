//! Latency that grows with time under a steady load: a leak.
//! It must not know how it is told from other changes.

use super::scores::Scored;
use super::shapes::{Kind, Shape};
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};

/// Memory that grows by less than this share is no evidence.
const GROWTH_MIN: f64 = 1.1;

/// The finding of a drift; `None` of another shape.
pub(super) fn leak(observed: &Observed<'_>, steps: &[Scored<'_>], shape: &Shape) -> Option<Finding> {
    let Kind::Drift { onset_s } = shape.kind else { return None };
    let longest = steps.iter().max_by_key(|step| (step.bins - step.steady) * step.bin_s)?;
    let grown = words::percent(shape.ratio);
    let since = match onset_s - steps[0].start_s {
        s if s > 1.0 => format!(", from about second {s:.0} of the run on"),
        _ => String::new(),
    };
    let mut evidence = vec![Evidence {
        step: longest.step.record.name.clone(),
        seconds: Some(longest.seconds(longest.steady, longest.bins)),
        words: format!(
            "under a steady load the times of {} grow by about {grown} over these seconds{since}; so steady a rise is {:.1} \
             standard deviations from none",
            shape.label, shape.z
        ),
    }];
    let memory = steps.iter().filter_map(memory);
    evidence.extend(memory);
    let confidence = match (shape.is_second, evidence.len()) {
        (true, 1) => Confidence::Low,
        (_, 1) => Confidence::Medium,
        _ => Confidence::High,
    };
    Some(Finding {
        sign: Sign::LatencyWithTime,
        confidence,
        evidence,
        advice: Advice {
            change: "look for what grows with every request and is walked or copied by the next: lists of sessions, \
                     histories, listeners, unbounded caches, connections that are never given back; bound it or give it back"
                .to_owned(),
            effect: "the median of the last minute becomes that of the first; memory stays level".to_owned(),
            command: words::again(observed),
        },
    })
}

/// What the target's memory did over the steady part.
fn memory(step: &Scored<'_>) -> Option<Evidence> {
    let seconds = step.step.seconds.iter().skip(step.steady * step.bin_s);
    let bytes: Vec<u64> = seconds.filter_map(|second| second.record.target.as_ref()?.memory_bytes).collect();
    let tenth = bytes.len() / 10;
    if tenth == 0 {
        return None;
    }
    let middle = |part: &[u64]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part[part.len() / 2] as f64
    };
    let (first, last) = (middle(&bytes[..tenth]), middle(&bytes[bytes.len() - tenth..]));
    (last > first * GROWTH_MIN).then(|| Evidence {
        step: step.step.record.name.clone(),
        seconds: Some(step.seconds(step.steady, step.bins)),
        words: format!("the target's memory grows from {:.0} to {:.0} MB", first / 1e6, last / 1e6),
    })
}
