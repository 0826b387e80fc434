//! What is kept of delays for the stub's audit of itself, and what is said of them.
//!
//! Two things are judged apart, because together they are all that a true delay is made of: what is drawn must follow
//! the model, and what truly passes must not be later than planned. Draws are noted before any work begins, so that
//! deadlines and clients that leave cut none of the long ones off, and each (request, stage) counts once, so that ids
//! that come again prove nothing. It must not know who asks.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use wire::DelayAudit;

use crate::latency::{Fit, LatencyModel, fit};

/// So many of the newest are kept and judged.
const KEPT_MAX: usize = 10_000;
/// Latest that a median may be.
const LATENESS_NS_P50_MAX: u64 = 200_000;
/// Latest that a 99th percentile may be.
const LATENESS_NS_P99_MAX: u64 = 1_000_000;
/// Fewer delays say nothing of their median, or of their 99th percentile.
const MEDIAN_NEEDS: u64 = 30;
const P99_NEEDS: u64 = 300;
/// A right model is doubted so rarely.
const P_VALUE_MIN: f64 = 1e-4;

/// The newest delays of one agent or route.
#[derive(Default)]
pub(super) struct Watch(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    count: u64,
    /// Planned, and what truly passed.
    passed: VecDeque<(u64, u64)>,
    /// The key of the draw, and what was drawn.
    drawn: VecDeque<(u64, u64)>,
}

impl Watch {
    /// A delay was drawn; `key` tells it from the others of this agent or route.
    pub(super) fn drew(&self, key: u64, drawn_ns: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        push(&mut kept.drawn, (key, drawn_ns));
    }

    /// A delay is over.
    pub(super) fn passed(&self, planned_ns: u64, took_ns: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        push(&mut kept.passed, (planned_ns, took_ns));
    }

    /// What is to be said of them, where they were to follow `model`.
    pub(super) fn audit(&self, name: &str, model: &LatencyModel) -> DelayAudit {
        let (count, passed, mut drawn) = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (kept.count, kept.passed.clone(), Vec::from(kept.drawn.clone()))
        };
        drawn.sort_unstable();
        drawn.dedup_by_key(|(key, _)| *key);
        judged(name, model, count, passed.into(), drawn.into_iter().map(|(_, ns)| ns).collect())
    }
}

fn push(ring: &mut VecDeque<(u64, u64)>, pair: (u64, u64)) {
    if ring.len() >= KEPT_MAX {
        ring.pop_front();
    }
    ring.push_back(pair);
}

fn judged(
    name: &str,
    model: &LatencyModel,
    count: u64,
    passed: Vec<(u64, u64)>,
    mut drawn: Vec<u64>,
) -> DelayAudit {
    let mut late: Vec<u64> =
        passed.iter().map(|(planned_ns, took_ns)| took_ns.saturating_sub(*planned_ns)).collect();
    late.sort_unstable();
    let mut took: Vec<u64> = passed.iter().map(|(_, took_ns)| *took_ns).collect();
    took.sort_unstable();
    drawn.sort_unstable();
    let fitted = |sorted: &[u64]| fit(sorted, |ns| model.drawn_shares(ns)).filter(|_| !model.is_fixed());
    let mut audit = DelayAudit {
        name: name.to_owned(),
        count,
        judged: late.len() as u64,
        lateness_ns_p50: rank(&late, 50),
        lateness_ns_p99: rank(&late, 99),
        distance: fitted(&took).map(|fit| fit.distance),
        not_judged: model.is_fixed().then(|| "the delay is fixed: its lateness says all".to_owned()),
        ..DelayAudit::default()
    };
    for (what, got_ns, most_ns, needed) in [
        ("median", audit.lateness_ns_p50, LATENESS_NS_P50_MAX, MEDIAN_NEEDS),
        ("99th percentile", audit.lateness_ns_p99, LATENESS_NS_P99_MAX, P99_NEEDS),
    ] {
        if got_ns > most_ns && audit.judged >= needed {
            let ms = |ns: u64| ns as f64 / 1e6;
            audit.reasons.push(format!(
                "the {what} of its delays is {:.3} ms late, more than {:.3} ms: leave the machine a free core",
                ms(got_ns),
                ms(most_ns)
            ));
        }
    }
    if let Some(Fit { distance, p_value }) = fitted(&drawn) {
        audit.distance_drawn = Some(distance);
        audit.p_value = Some(p_value);
        if p_value < P_VALUE_MIN {
            audit.reasons.push(format!(
                "its delays do not follow their model: distance {distance:.4} of {}, p = {p_value:.1e}; this is a bug, \
                 or chosen ids",
                drawn.len()
            ));
        }
    }
    audit.ok = audit.reasons.is_empty();
    audit
}

/// Nearest rank; 0 of nothing.
fn rank(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(0, |place| sorted[place])
}

#[cfg(test)]
mod tests {
    use wire::{Seed, Source};

    use super::*;

    const SEED: u64 = 21;

    fn model(text: &str) -> LatencyModel {
        let text = format!("delay = {text}");
        let read = Source::read("m.toml", &text, |table| LatencyModel::read(&table.need_value("delay")?));
        read.unwrap_or_else(|wrong| panic!("{wrong}")).expect("a model")
    }

    /// What is said of draws of `real` that were to be of `wanted`, each `late` by what it says for its number.
    fn check(real: &str, wanted: &str, draws: u64, late: fn(u64) -> u64, expected: &[&str]) {
        let (real, wanted, watch) = (model(real), model(wanted), Watch::default());
        for i in 0..draws {
            // Every other id comes twice.
            for _ in 0..1 + i % 2 {
                let drawn_ns = real.draw_ns(&mut Seed(SEED).stream("delay", i));
                watch.drew(i, drawn_ns);
                watch.passed(drawn_ns, drawn_ns + late(i));
            }
        }
        let audit = watch.audit("a", &wanted);
        let same = audit.reasons.len() == expected.len()
            && audit.reasons.iter().zip(expected).all(|(reason, part)| reason.contains(part));
        assert!(same && audit.ok == expected.is_empty(), "seed {SEED}: {audit:?}, not {expected:?}");
        assert_eq!(audit.judged, (draws + draws / 2).min(KEPT_MAX as u64));
        assert_eq!(audit.p_value.is_none(), draws == 0 || wanted.is_fixed());
    }

    #[test]
    fn what_is_right_passes_and_what_is_wrong_is_told() {
        let exponential = r#"{ exponential = { mean = "10ms" } }"#;
        let short = r#"{ exponential = { mean = "20us" } }"#;
        let (fixed, longer) = (r#"{ fixed = "5ms" }"#, r#"{ exponential = { mean = "11ms" } }"#);
        for right in [exponential, short, fixed, r#"{ uniform = ["1ms", "2ms"] }"#] {
            for draws in [0, 1, 100, 20_000] {
                check(right, right, draws, |_| 0, &[]);
            }
            check(right, right, 1_000, |_| 150_000, &[]);
        }
        check(longer, exponential, 9_000, |_| 0, &["do not follow their model"]);
        check(fixed, fixed, 1_000, |_| 200_001, &["the median of its delays is 0.200 ms late"]);
        check(fixed, fixed, 1_000, |i| if i % 40 == 0 { 3_000_000 } else { 0 }, &["99th percentile"]);
        check(exponential, exponential, 1_000, |i| if i % 200 == 0 { 9_000_000 } else { 9 }, &[]);
    }
}
