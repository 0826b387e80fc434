//! Requests of some paths that wait in vain for a time, while others are answered as ever: what those paths depend on is away
//! and does not even refuse.
//!
//! Timeouts alone are the answers' room. It must not know of latency that merely moves.

use std::collections::BTreeMap;

use super::pauses::Pause;
use super::scores::Scored;
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};
use crate::units::counted;
use crate::{Outcome, Quantile};

/// A request waited in vain when it took at least so long, and so many times its path's median.
const WAIT_NS_MIN: u64 = 500_000_000;
const WAIT_RATIO_MIN: f64 = 20.0;
/// So many have to, and in their time nearly nothing else of the path is answered.
const WAITS_MIN: f64 = 3.0;
const WAIT_SHARE_MIN: f64 = 0.7;
/// At other times, and of the paths that are as ever, hardly any does.
const OTHERS_SHARE_MAX: f64 = 0.03;
/// Requests of the other paths in that time.
const OTHERS_MIN: f64 = 10.0;

/// What began on a path in a bin: requests, and those that waited in vain.
type Waits = Vec<(f64, f64)>;

/// One finding of all such times, or none.
pub(super) fn outages(observed: &Observed<'_>, steps: &[Scored<'_>], paused: &[Pause]) -> Vec<Finding> {
    let each = steps.iter().enumerate();
    let evidence: Vec<Evidence> = each.flat_map(|(at, step)| of_step(at, step, paused)).collect();
    if evidence.is_empty() {
        return vec![];
    }
    vec![Finding {
        sign: Sign::DependencyOutage,
        confidence: Confidence::High,
        evidence,
        advice: Advice {
            change: "look at what these paths ask and the others do not, such as a cache's server (Redis): give its client a \
                     short timeout and a breaker, so that requests go on without it"
                .to_owned(),
            effect: "with the dependency away the paths answer within the client's timeout instead of hanging".to_owned(),
            command: words::again(observed),
        },
    }]
}

fn of_step(at: usize, scored: &Scored<'_>, paused: &[Pause]) -> Vec<Evidence> {
    let ends: Vec<usize> = paused.iter().filter(|pause| pause.step == at).map(|pause| pause.end).collect();
    let paths = paths(scored, &ends);
    let mut found = vec![];
    for (path, bins) in &paths {
        let waiting: Vec<usize> = (0..bins.len()).filter(|bin| bins[*bin].1 > 0.0).collect();
        let (Some(&first), Some(&last)) = (waiting.first(), waiting.last()) else { continue };
        let sum =
            |bins: &[(f64, f64)]| bins.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1));
        let (within, whole) = (sum(&bins[first..=last]), sum(bins));
        let is_time = within.1 >= WAITS_MIN
            && within.1 >= WAIT_SHARE_MIN * within.0
            && whole.0 - within.0 >= OTHERS_MIN
            && (first > 1 || last + 2 < bins.len());
        let as_ever = |other: &Waits| {
            let (requests, waits) = sum(&other[first..=last]);
            requests >= OTHERS_MIN && waits <= OTHERS_SHARE_MAX * requests
        };
        if !is_time || !paths.iter().any(|(name, other)| name != path && as_ever(other)) {
            continue;
        }
        found.push(Evidence {
            step: scored.step.record.name.clone(),
            seconds: Some(scored.seconds(first, last + 1)),
            words: format!(
                "{} of {:.0} of {path} waited in vain or for seconds, while other paths were answered as ever",
                counted(within.1 as u64, "request"),
                within.0
            ),
        });
    }
    found
}

/// By path, what began in each bin, without what was held by a pause that ends in one of `ends`.
fn paths<'a>(scored: &Scored<'a>, ends: &[usize]) -> BTreeMap<&'a str, Waits> {
    let record = scored.step.record;
    let mut usual: BTreeMap<&str, crate::Times> = BTreeMap::new();
    let cells =
        || scored.step.seconds.iter().flat_map(|second| second.cells.iter().map(move |cell| (second, cell)));
    for (_, cell) in cells().filter(|(_, cell)| cell.outcome == Outcome::Success) {
        usual.entry(&record.names[usize::from(cell.name.0)].path).or_default().merge(&cell.service);
    }
    let mut paths: BTreeMap<&str, Waits> = BTreeMap::new();
    let seconds = scored.step.seconds.iter().enumerate();
    let numbered = seconds.flat_map(|(at, second)| second.cells.iter().map(move |cell| (at, (second, cell))));
    for (number, (second, cell)) in numbered {
        if ends.contains(&(number / scored.bin_s)) {
            continue;
        }
        let path = record.names[usize::from(cell.name.0)].path.as_str();
        let Some(median_ns) = usual.get(path).and_then(|times| times.quantile_ns(Quantile::P50)) else {
            continue;
        };
        let bins = paths.entry(path).or_insert_with(|| vec![(0.0, 0.0); scored.bins]);
        let middle_ns = second.begin_ns.midpoint(second.record.end_ns);
        for (ns, count) in cell.service.histogram.iter() {
            let at = (middle_ns.saturating_sub(ns) / 1_000_000_000) as usize / scored.bin_s;
            let Some(bin) = bins.get_mut(at) else { continue };
            bin.0 += count as f64;
            bin.1 += if ns >= WAIT_NS_MIN && ns as f64 >= WAIT_RATIO_MIN * median_ns as f64 {
                count as f64
            } else {
                0.0
            };
        }
    }
    paths
}
