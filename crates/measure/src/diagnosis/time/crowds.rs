//! Times that follow how much is asked in the same second, under a load that is held: a limit that the load touches.
//!
//! Where times do not depend on the load, the answers of crowded seconds are a random draw of all (and where users wait for
//! answers, rather quicker than slower ones: who is slow asks less). What is held against them is how many were sent in the
//! second, which is not what the answers of that second made. It must not know of a load that grows.

use super::pauses::Pause;
use super::scan::{Series, limit};
use super::scores::Scored;
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};

/// The chance that a run whose times do not follow the load shows that they do.
const ALARM: f64 = 3e-4;
/// A difference by less between crowded and empty seconds is none that anybody would act on.
const RATIO_MIN: f64 = 1.01;
/// Steady seconds, and requests, below which nothing is said.
const BINS_MIN: usize = 15;
const REQUESTS_MIN: f64 = 100.0;

#[derive(Clone, Debug)]
struct Follows {
    label: String,
    z: f64,
    ratio: f64,
}

/// The finding of the path that follows the load most; none where a limit was found otherwise.
pub(super) fn crowds(observed: &Observed<'_>, steps: &[Scored<'_>], paused: &[Pause]) -> Option<Finding> {
    let mut labels: Vec<&str> =
        steps.iter().flat_map(|step| step.groups.iter().map(|group| group.label.as_str())).collect();
    labels.sort_unstable();
    labels.dedup();
    let needed = limit(ALARM, labels.len() as f64);
    let found = labels.iter().filter_map(|label| follows(steps, paused, label));
    let best = found.max_by(|a, b| a.z.total_cmp(&b.z))?;
    (best.z > needed && best.ratio > RATIO_MIN).then(|| finding(observed, steps, &best))
}

fn follows(steps: &[Scored<'_>], paused: &[Pause], label: &str) -> Option<Follows> {
    let (mut score, mut variance, mut spread, mut range, mut weight) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.bin_s == 1) {
        let Some(group) = step.groups.iter().find(|group| group.label == label) else { continue };
        let crowds: Vec<f64> = group.begun.iter().map(|bin| bin.count).collect();
        let steady = &crowds[step.steady.min(crowds.len())..];
        let requests: f64 = group.begun[step.steady..].iter().map(|bin| bin.count).sum();
        if steady.len() < BINS_MIN || requests < REQUESTS_MIN {
            continue;
        }
        let is_gone = |bin: usize| {
            paused
                .iter()
                .any(|pause| pause.step == at && (pause.from.saturating_sub(1)..=pause.end).contains(&bin))
        };
        let bins = group.begun.iter().map(|bin| (bin.level, bin.count));
        let series = Series::of(bins, &step.strata);
        let (more, varies) = series.along(|bin| (bin >= step.steady && !is_gone(bin)).then(|| crowds[bin]));
        (score, variance) = (score + more, variance + varies);
        let mut sorted = steady.to_vec();
        sorted.sort_by(f64::total_cmp);
        let tenth = sorted.len() / 10;
        let wide = sorted[sorted.len() - 1 - tenth] - sorted[tenth];
        (spread, range, weight) =
            (spread + group.log_spread * varies, range + wide * varies, weight + varies);
    }
    if variance <= 0.0 {
        return None;
    }
    let effect = score / variance * (spread / weight) * (range / weight);
    Some(Follows { label: label.to_owned(), z: score / variance.sqrt(), ratio: libm::exp(effect.min(20.0)) })
}

fn finding(observed: &Observed<'_>, steps: &[Scored<'_>], follows: &Follows) -> Finding {
    let longest = steps.iter().max_by_key(|step| step.bins - step.steady);
    let (name, seconds) = longest.map_or((String::new(), None), |step| {
        (step.step.record.name.clone(), Some(step.seconds(step.steady, step.bins)))
    });
    Finding {
        sign: Sign::LatencyWithLoad,
        confidence: if follows.ratio > 1.1 { Confidence::Medium } else { Confidence::Low },
        evidence: vec![Evidence {
            step: name,
            seconds,
            words: format!(
                "under a steady load the answers of {} take {} in seconds in which many were sent of what they take in others; it is {:.1} standard \
                 deviations from none",
                follows.label,
                words::factor(follows.ratio),
                follows.z
            ),
        }],
        advice: Advice {
            change: "look for what requests wait for when several come at once: a pool or a limit on those in flight, a lock, \
                     processor time; raise it, or run more instances"
                .to_owned(),
            effect: "crowded seconds should take what others take".to_owned(),
            command: words::again(observed),
        },
    }
}
