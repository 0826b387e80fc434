//! Rules about how latency moves with time and how it is spread.
//!
//! Requests become [scores](scores), so that names and mixes can be added up; pauses are looked for first, and what is left is
//! held against the shapes in which latency can move. It must not know the rules of the other rooms.

mod caches;
mod cold_start;
mod crowds;
mod floors;
mod joint;
mod leak;
mod outage;
mod pauses;
mod recovery;
mod scan;
mod scores;
mod shapes;
mod spell;
mod together;
mod words;

use super::{Finding, Observed, Rule};
use scores::Scored;

/// The rules of this room.
pub(super) const RULES: &[Rule] = &[changes];

/// What changes with time.
fn changes(observed: &Observed<'_>) -> Vec<Finding> {
    let steps: Vec<Scored<'_>> = observed.steps.iter().map(Scored::of).collect();
    let (mut findings, paused) = pauses::pauses(observed, &steps);
    let shapes = shapes::shapes(&steps, &paused);
    for shape in &shapes {
        findings.extend(leak::leak(observed, &steps, shape));
        findings.extend(cold_start::cold_start(observed, &steps, shape));
        findings.extend(spell::spell(observed, &steps, shape));
    }
    findings.extend(crowds::crowds(observed, &steps, &paused));
    findings.extend(recovery::recovery(observed, &steps, &crate::bursts::observed(observed)));
    let outages = outage::outages(observed, &steps, &paused);
    findings.extend(if outages.is_empty() { caches::caches(observed, &steps, &shapes) } else { outages });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Sign;
    use crate::testing::{Draw, run_of, sample, step_of};
    use crate::{Outcome, Sample, conclude};

    const MS: f64 = 1e6;

    /// Two minutes with about 20 requests a second of log-normal times, of which `ends` makes what the fault makes: from the
    /// second of sending and the time in ms to the time in ms.
    fn signs(seed: u64, mut ends: impl FnMut(f64, f64, &mut Draw) -> f64) -> Vec<Sign> {
        let mut draw = Draw(seed);
        let (mut at_s, mut samples): (f64, Vec<Sample>) = (0.0, vec![]);
        while at_s < 120.0 {
            let normal = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
            let ms = ends(at_s, 100.0 * libm::exp(0.5 * normal), &mut draw);
            samples.push(sample(0, Outcome::Success, (at_s * 1e9) as u64, (ms * MS) as u64));
            at_s += draw.exponential() / 20.0;
        }
        let run = run_of(vec![step_of("s", 20, &samples)]);
        let conclusion = conclude(&run).expect("a whole run");
        let observed = Observed::of(&run, &conclusion).expect("a whole run");
        changes(&observed).iter().map(|finding| finding.sign).collect()
    }

    #[track_caller]
    fn check(sign: Sign, ends: impl Fn(f64, f64, &mut Draw) -> f64 + Copy) {
        for seed in 1..=2 {
            let found = signs(seed, ends);
            assert!(found.contains(&sign), "seed {seed}: {sign:?} is not among {found:?}");
        }
    }

    /// Until the end of the pause in which an answer would end, ms.
    fn held(at_s: f64, ms: f64, begin_s: f64, length_s: f64) -> f64 {
        let end_s = at_s + ms / 1e3;
        let within = (begin_s..begin_s + length_s).contains(&end_s);
        if within { (begin_s + length_s - at_s) * 1e3 } else { ms }
    }

    #[test]
    fn each_change_has_its_sign() {
        check(Sign::LatencyWithTime, |at_s, ms, _| ms + at_s);
        check(Sign::ColdStart, |at_s, ms, _| ms + 300.0 * libm::exp(-at_s / 10.0));
        check(Sign::SlowSpell, |at_s, ms, _| ms + if (40.0..70.0).contains(&at_s) { 60.0 } else { 0.0 });
        check(Sign::Bimodal, |at_s, ms, draw| {
            ms + if (40.0..70.0).contains(&at_s) && draw.unit() < 0.25 { 600.0 } else { 0.0 }
        });
        check(Sign::Freeze, |at_s, ms, _| held(at_s, ms, 60.3, 3.0));
        check(Sign::PeriodicStalls, |at_s, ms, _| held(at_s, ms, (at_s / 10.0).floor() * 10.0 + 2.0, 2.4));
    }

    #[test]
    fn nothing_is_found_where_nothing_changes() {
        for seed in 100..108 {
            assert_eq!(signs(seed, |_, ms, _| ms), [], "seed {seed}");
        }
    }
}
