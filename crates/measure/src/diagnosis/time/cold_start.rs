//! Slow at first, then quick, while the load does not fall: a cold start.
//! It must not know how it is told from other changes.

use super::scores::Scored;
use super::shapes::{Kind, Shape};
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};

/// The finding of a fading; `None` of another shape.
pub(super) fn cold_start(observed: &Observed<'_>, steps: &[Scored<'_>], shape: &Shape) -> Option<Finding> {
    let (step, from, fade_s) = match shape.kind {
        Kind::Fade { step, from, fade_s } => (step, from, fade_s),
        // Slow from the first request on, and quick from some time on.
        Kind::Spell { step: 0, peak, .. } if peak.from <= 1 && 2 * peak.until < steps[0].bins => {
            (0, 0, (peak.until * steps[0].bin_s) as f64 / 2.0)
        }
        _ => return None,
    };
    let scored = &steps[step];
    let until = (from + (3.0 * fade_s / scored.bin_s as f64).ceil() as usize).clamp(1, scored.bins.max(1));
    let restart = if from > 1 { " after what looks like a restart" } else { "" };
    Some(Finding {
        sign: Sign::ColdStart,
        confidence: if shape.is_second { Confidence::Low } else { Confidence::Medium },
        evidence: vec![Evidence {
            step: scored.step.record.name.clone(),
            seconds: Some(scored.seconds(from, until)),
            words: format!(
                "the first requests of {}{restart} take {} of what later ones do, which halves in about {:.0} s; it is {:.1} standard \
                 deviations from none",
                shape.label,
                words::factor(shape.ratio),
                (fade_s * std::f64::consts::LN_2).max(1.0),
                shape.z
            ),
        }],
        advice: Advice {
            change: "warm up before taking requests: open the pools' connections, load models and templates, fill caches, \
                     and let the readiness check wait for it"
                .to_owned(),
            effect: "p95 of the first seconds becomes that of the others".to_owned(),
            command: words::again(observed),
        },
    })
}
