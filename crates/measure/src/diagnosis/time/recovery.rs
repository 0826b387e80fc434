//! Latency that takes long to come back after a burst of load has ended.
//! It must not know how bursts are found.

use super::scan::limit;
use super::scores::{Bin, Scored};
use super::words;
use crate::bursts::{Burst, BurstKind};
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};

/// The chance that a run without a slow recovery shows one.
const ALARM: f64 = 1e-4;
/// A burst that is longer is a load of its own.
const BURST_S_MAX: u64 = 60;
/// Seconds that it may take, and those that are looked at then.
const GRACE_S: usize = 3;
const LOOKED_S: usize = 10;

/// A finding of all bursts that ended and after which the same load was answered more slowly than before.
pub(super) fn recovery(observed: &Observed<'_>, steps: &[Scored<'_>], bursts: &[Burst]) -> Option<Finding> {
    let lasting =
        |burst: &&Burst| burst.kind == BurstKind::Load && burst.seconds.1 - burst.seconds.0 < BURST_S_MAX;
    let limit = limit(ALARM, bursts.len() as f64);
    let evidence: Vec<Evidence> = bursts
        .iter()
        .filter(lasting)
        .filter_map(|burst| {
            let scored =
                steps.iter().find(|scored| scored.step.record.name == burst.step && scored.bin_s == 1)?;
            let z = slower(scored, burst)?;
            let back = burst.latency_back_s.map_or("not by the end".to_owned(), |s| format!("after {s} s"));
            (z > limit).then(|| Evidence {
                step: burst.step.clone(),
                seconds: Some((burst.seconds.0, burst.seconds.1 + (GRACE_S + LOOKED_S) as u64)),
                words: format!(
                    "{:.0} requests a second for {} s, {:.0} before; latency was back {back}",
                    burst.height.1,
                    burst.seconds.1 + 1 - burst.seconds.0,
                    burst.height.0
                ),
            })
        })
        .collect();
    (!evidence.is_empty()).then(|| Finding {
        sign: Sign::SlowBurstRecovery,
        confidence: Confidence::Medium,
        evidence,
        advice: Advice {
            change: "bound the queues and refuse early what cannot be answered in time, add instances or workers for the height of \
                     the burst, let clients retry with growing pauses"
                .to_owned(),
            effect: "the seconds until latency is back become fewer in the table of bursts".to_owned(),
            command: words::again(observed),
        },
    })
}

/// By how many standard deviations requests after the burst are slower than those before it.
fn slower(scored: &Scored<'_>, burst: &Burst) -> Option<f64> {
    let group = scored.groups.last()?;
    let sum = |from: usize, until: usize| -> (f64, f64) {
        let bins: &[Bin] = group.begun.get(from..until.min(group.begun.len())).unwrap_or_default();
        bins.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.level, sum.1 + bin.count))
    };
    let (first, last) = (burst.seconds.0 as usize, burst.seconds.1 as usize);
    let (before, after) =
        (sum(first.saturating_sub(30), first), sum(last + 1 + GRACE_S, last + 1 + GRACE_S + LOOKED_S));
    if before.1 < 20.0 || after.1 < 20.0 {
        return None;
    }
    Some((after.0 / after.1 - before.0 / before.1) / (1.0 / before.1 + 1.0 / after.1).sqrt())
}
