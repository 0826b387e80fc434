//! A time in which answers are slower than before and after: all of them, or some of them much.
//! It must not know how it is told from other changes.

use super::scores::Scored;
use super::shapes::{Kind, Shape, Spread};
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};

/// The findings of a spell; none of another shape.
pub(super) fn spell(observed: &Observed<'_>, steps: &[Scored<'_>], shape: &Shape) -> Vec<Finding> {
    let Kind::Spell { step, peak, spread } = shape.kind else { return vec![] };
    let scored = &steps[step];
    let how = match spread {
        Spread::All => "all of them are slower",
        Spread::Some => "some are much slower, the others as quick as ever",
        Spread::Unclear => "whether all or only some of them, so few requests do not tell",
    };
    let evidence = Evidence {
        step: scored.step.record.name.clone(),
        seconds: Some(scored.seconds(peak.from, peak.until)),
        words: format!(
            "{:.0} requests of {} take {} of what those before and after do: {how}; it is {:.1} standard deviations from none",
            peak.count,
            shape.label,
            words::factor(shape.ratio),
            shape.z
        ),
    };
    // From the first request on it is a cold start before anything else.
    let sure =
        if shape.is_second || (step == 0 && peak.from <= 1) { Confidence::Low } else { Confidence::Medium };
    let all = Finding {
        sign: Sign::SlowSpell,
        confidence: sure,
        evidence: vec![evidence.clone()],
        advice: Advice {
            change: "see what else ran on the target and on what it depends on in these seconds: a job, a backup, a \
                     deployment, a neighbour on the machine; limit its share or move it away"
                .to_owned(),
            effect: "the slow seconds are gone from the chart over time; p95 of the whole falls".to_owned(),
            command: words::again(observed),
        },
    };
    let some = Finding {
        sign: Sign::Bimodal,
        confidence: sure,
        evidence: vec![evidence],
        advice: Advice {
            change: "find what part of the requests has to do that the others need not: open a connection as the pool has \
                     none, ask the model as the cache has no answer; enlarge the pool or keep answers longer"
                .to_owned(),
            effect: "the slow mode of the distribution becomes small: p95 falls towards the median".to_owned(),
            command: words::again(observed),
        },
    };
    match spread {
        Spread::All => vec![all],
        Spread::Some => vec![some],
        Spread::Unclear => vec![Finding { confidence: Confidence::Low, ..some }, all],
    }
}
