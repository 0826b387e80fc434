//! Little's law on one path: what a timer counted against what was summed up of the single times.
//!
//! In a step that begins and ends empty, the integral of the number present over time *is* the sum of the times
//! that each was present: N · T = Σ W, whatever the distributions (Stidham: A last word on L = λW, Operations Research
//! 22, 1974). The left side is sampled by a timer and never made from the right; so a request that was
//! lost, counted twice or timed wrongly shows. It must not know of seconds or outcomes.

use crate::tails::bernstein_p;

/// What a timer saw: one uniformly random instant in each slot of every worker.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampled {
    /// The slots' length.
    pub slot_ns: u64,
    /// Slots that were looked into.
    pub samples: u64,
    /// Slots that were not, or too late.
    pub missed: u64,
    /// Sum of the numbers seen.
    pub sum: u64,
    /// Sum of the squared differences between neighbouring looks of one worker.
    pub diff2_sum: u64,
    /// The greatest of those differences.
    pub diff_max: u32,
}

/// What was summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summed {
    /// Times.
    pub count: u64,
    /// Their sum.
    pub ns: u64,
}

/// Both sides of the law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Little {
    /// The integral of the number present, as sampled.
    pub sampled_s: f64,
    /// The sum of the times.
    pub summed_s: f64,
    /// At most the chance that sampling alone takes the two so far beyond the tolerance apart.
    pub p_value: f64,
}

impl Little {
    /// How far the sampled side is off, as a share of the summed one.
    pub fn off(&self) -> f64 {
        (self.sampled_s - self.summed_s) / self.summed_s
    }
}

/// Holds the two sides against each other; differences up to `tolerance_ratio` of the sum count as none. `None`
/// when nothing was sampled or there is nothing to hold it against.
///
/// The error of the sampled side: the slots' samples are independent of each other, so the sum's variance is the sum of
/// the slots'. It is estimated by half the squared differences of neighbours (Wolter: Introduction to
/// Variance Estimation, 2nd ed., 2007, 8.2, estimator 2), which errs upwards while the number drifts. Where few
/// samples hit anything it is no less than what independent times would have: a time far below a slot is
/// hit or missed (variance slot · W), a longer one has two ends (slot² / 6 each). How far one sample can be off is
/// taken from the greatest difference of neighbours.
pub fn little(sampled: Sampled, summed: Summed, tolerance_ratio: f64) -> Option<Little> {
    if sampled.samples == 0 || summed.ns == 0 {
        return None;
    }
    let slot_s = sampled.slot_ns as f64 / 1e9;
    // Slots that passed unseen are taken to have held what the others did.
    let scale = slot_s * (sampled.samples + sampled.missed) as f64 / sampled.samples as f64;
    let (sampled_s, summed_s) = (scale * sampled.sum as f64, summed.ns as f64 / 1e9);
    let seen = scale * scale * sampled.diff2_sum as f64 / 2.0;
    let (count, mean_s) = (summed.count as f64, summed_s / summed.count.max(1) as f64);
    let least = count * (slot_s * mean_s).min(slot_s * slot_s / 3.0);
    let beyond = (sampled_s - summed_s).abs() - tolerance_ratio * summed_s;
    let bound = slot_s * f64::from(sampled.diff_max.max(1));
    Some(Little { sampled_s, summed_s, p_value: bernstein_p(beyond, seen.max(least), bound) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    const SLOT_NS: u64 = 10_000_000;

    /// Samples the number present of `(begin, end)` times, as a pulse does.
    fn sampled(times: &[(u64, u64)], draw: &mut Draw) -> Sampled {
        let mut found = Sampled { slot_ns: SLOT_NS, ..Sampled::default() };
        let end_ns = times.iter().map(|time| time.1).max().unwrap_or(0);
        let mut last = 0u64;
        for slot in 0..=end_ns / SLOT_NS {
            let at = slot * SLOT_NS + (draw.unit() * SLOT_NS as f64) as u64;
            let seen = times.iter().filter(|(begin, end)| (*begin..*end).contains(&at)).count() as u64;
            found.samples += 1;
            found.sum += seen;
            found.diff2_sum += seen.abs_diff(last).pow(2);
            found.diff_max = found.diff_max.max(seen.abs_diff(last) as u32);
            last = seen;
        }
        found
    }

    fn summed(times: &[(u64, u64)]) -> Summed {
        Summed { count: times.len() as u64, ns: times.iter().map(|(begin, end)| end - begin).sum() }
    }

    /// Times of about `mean_ms`, `every_ms` apart, `together` at once.
    fn times(mean_ms: f64, every_ms: f64, together: u64, draw: &mut Draw) -> Vec<(u64, u64)> {
        let mut begin = 0.0;
        let mut all = vec![];
        for number in 0..1_000 {
            if number % together == 0 {
                begin += draw.exponential() * every_ms * together as f64;
            }
            let length = mean_ms * (0.5 + draw.unit());
            all.push(((begin * 1e6) as u64, ((begin + length) * 1e6) as u64));
        }
        all
    }

    /// Service in ms, distance in ms, how many at once: none of 200 seeds is an alarm at 10⁻⁴.
    #[test]
    fn the_law_holds_on_every_path() {
        for (mean_ms, every_ms, together) in
            [(0.1, 5.0, 1), (3.0, 1.0, 1), (200.0, 10.0, 1), (4.0, 6.0, 50), (0.02, 9.0, 10)]
        {
            for seed in 0..40 {
                let mut draw = Draw(seed);
                let times = times(mean_ms, every_ms, together, &mut draw);
                let found = little(sampled(&times, &mut draw), summed(&times), 0.0).expect("samples");
                assert!(found.p_value > 1e-4, "{mean_ms} ms, {together} at once, seed {seed}: {found:?}");
            }
        }
    }

    /// What a harness that measures wrongly would sum up.
    #[test]
    fn a_wrong_sum_breaks_the_law() {
        let mut draw = Draw(3);
        let times = times(20.0, 2.0, 1, &mut draw);
        let sampled = sampled(&times, &mut draw);
        let Summed { count, ns } = summed(&times);
        for (name, wrong) in [
            ("a fifth lost", Summed { count: count / 5 * 4, ns: ns / 5 * 4 }),
            ("5 ms too short", Summed { count, ns: ns - count * 5_000_000 }),
            ("5 ms too long", Summed { count, ns: ns + count * 5_000_000 }),
        ] {
            let found = little(sampled, wrong, 0.02).expect("samples");
            assert!(found.p_value < 1e-6 && found.off().abs() > 0.05, "{name}: {found:?}");
        }
        assert_eq!(little(Sampled::default(), Summed { count, ns }, 0.0), None);
    }
}
