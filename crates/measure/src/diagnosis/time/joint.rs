//! A time in which scores are greater that goes on over the end of a step: a window over all steps, one after the other.
//!
//! Each step's part of the window is held against the rest of that step, so that what its load does is no part of it; a step
//! that lies in the window as a whole says nothing. It must not know what the scores are of.

use super::scan::{Peak, Series, before};

/// What a window holds of a step: the step's place, the first bin and the bin after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) step: usize,
    pub(super) from: usize,
    pub(super) until: usize,
}

/// Bins of all steps, one after the other, with sums of all before each.
struct Line<'a> {
    all: &'a [Series],
    /// Of each step, its first bin.
    begins: Vec<usize>,
    /// Of each bin, its step.
    steps: Vec<usize>,
    sums: Vec<f64>,
    counts: Vec<f64>,
}

impl<'a> Line<'a> {
    fn of(all: &'a [Series]) -> Self {
        let bins = || all.iter().flat_map(Series::each);
        let mut begins = vec![];
        let mut steps = vec![];
        for (step, one) in all.iter().enumerate() {
            begins.push(steps.len());
            steps.extend(std::iter::repeat_n(step, one.bins()));
        }
        Self {
            all,
            begins,
            steps,
            sums: before(bins().map(|bin| bin.0)),
            counts: before(bins().map(|bin| bin.1)),
        }
    }

    /// The parts of a window at its two ends; steps between lie in it as a whole.
    fn ends(&self, from: usize, until: usize) -> [Part; 2] {
        let (first, last) = (self.steps[from], self.steps[until - 1]);
        let begin = self.begins[first];
        [
            Part { step: first, from: from - begin, until: self.all[first].bins() },
            Part { step: last, from: 0, until: until - self.begins[last] },
        ]
    }

    fn peak(&self, from: usize, until: usize) -> Peak {
        let (mut variance, mut weight) = (0.0, 0.0);
        for part in self.ends(from, until) {
            let begin = self.begins[part.step];
            let (varies, inflation) =
                self.all[part.step].varies(self.counts[begin + part.until] - self.counts[begin + part.from]);
            (variance, weight) = (variance + varies * inflation, weight + varies);
        }
        let (sum, count) = (self.sums[until] - self.sums[from], self.counts[until] - self.counts[from]);
        let z = if variance > 1e-9 { sum / variance.sqrt() } else { 0.0 };
        Peak { z, from, until, count, effect: sum / weight.max(1e-9) }
    }
}

/// The window over the end of a step, or several, of the greatest sum for its size, with its greatest part.
pub(super) fn joint_peak(all: &[Series], share_max: f64) -> Option<(Peak, Part)> {
    let line = Line::of(all);
    let bins = line.steps.len();
    let mut best: Option<Peak> = None;
    let mut length = 4;
    while length <= (bins as f64 * share_max) as usize {
        for from in 0..=bins - length {
            if line.steps[from] != line.steps[from + length - 1] {
                let peak = line.peak(from, from + length);
                if peak.z > best.map_or(0.0, |best| best.z) {
                    best = Some(peak);
                }
            }
        }
        length += (length / 5).max(1);
    }
    let peak = best?;
    let most = line.ends(peak.from, peak.until).into_iter().max_by_key(|part| part.until - part.from)?;
    Some((peak, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    /// Three steps of 40 bins with ten scores each, greater by `more` from bin `from` to `until` of all.
    fn steps(seed: u64, (from, until): (usize, usize), more: f64) -> Vec<Series> {
        let mut draw = Draw(seed);
        let mut bin = |at: usize| {
            let noise = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
            let more = if (from..until).contains(&at) { more } else { 0.0 };
            (noise * 10f64.sqrt() + 10.0 * more, 10.0)
        };
        (0..3).map(|step| Series::of((0..40).map(|at| bin(40 * step + at)), &[0; 40])).collect()
    }

    #[test]
    fn a_time_over_two_ends_is_found() {
        for seed in 1..=5 {
            let (peak, part) = joint_peak(&steps(seed, (30, 100), 0.6), 0.8).expect("a window");
            let found = peak.from.max(30)..peak.until.min(100);
            let both = peak.from.min(30)..peak.until.max(100);
            assert!(peak.z > 6.0 && 5 * found.len() > 4 * both.len(), "seed {seed}: {peak:?}");
            assert_eq!((part.step, part.from), (2, 0), "seed {seed}: {part:?}");
            let (peak, _) = joint_peak(&steps(seed, (0, 0), 0.0), 0.8).expect("a window");
            assert!(peak.z < 5.0, "seed {seed}: {peak:?}");
        }
    }

    #[test]
    fn one_step_has_no_end_within() {
        assert!(joint_peak(&steps(1, (10, 20), 1.0)[..1], 0.8).is_none());
    }
}
