//! What is looked for in a series of scores: a time in which they are greater, and shapes that they follow.
//!
//! Scan statistics over windows (Glaz, Naus, Wallenstein: Scan Statistics, 2001, ch. 5) and score tests of a given shape
//! (Cox, Hinkley: Theoretical Statistics, 1974, 9.3). It must not know what the scores are of.

use super::scores::normal_quantile;

/// The sums of scores of variance 1 a request, by bin, and how many requests; without the bins' load.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    sums: Vec<f64>,
    counts: Vec<f64>,
    total: f64,
    /// How much more sums vary than those of independent scores.
    inflation: f64,
    /// Whether scores are exponential, less their mean, and not normal.
    is_exponential: bool,
}

/// A time in which scores are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Peak {
    /// In standard deviations.
    pub(super) z: f64,
    /// Its first bin.
    pub(super) from: usize,
    /// The bin after its last.
    pub(super) until: usize,
    /// Requests in it.
    pub(super) count: f64,
    /// Their mean score, less that of the others.
    pub(super) effect: f64,
}

impl Series {
    /// Of `(sum, count)` by bin; scores are taken against those of bins with the same load.
    pub(super) fn of(bins: impl Iterator<Item = (f64, f64)>, strata: &[u32]) -> Self {
        let (mut sums, counts): (Vec<f64>, Vec<f64>) = bins.unzip();
        let mut means = std::collections::BTreeMap::<u32, (f64, f64)>::new();
        for (at, stratum) in strata.iter().enumerate().take(sums.len()) {
            let mean = means.entry(*stratum).or_default();
            (mean.0, mean.1) = (mean.0 + sums[at], mean.1 + counts[at]);
        }
        for (at, stratum) in strata.iter().enumerate().take(sums.len()) {
            let (sum, count) = means[stratum];
            sums[at] -= counts[at] * sum / count.max(1e-9);
        }
        let total = counts.iter().sum();
        let mut series = Self { sums, counts, total, inflation: 1.0, is_exponential: false };
        series.inflation = series.inflated();
        series
    }

    /// The same of exponential scores, less their mean.
    pub(super) fn exponential(self) -> Self {
        Self { is_exponential: true, ..self }
    }

    /// The sum of each bin's scores, and how many they are.
    pub(super) fn each(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.sums.iter().copied().zip(self.counts.iter().copied())
    }

    /// The variance that a sum over so many of the requests has against the rest: independent ones', and how much more it is.
    pub(super) fn varies(&self, count: f64) -> (f64, f64) {
        (count * (self.total - count) / self.total.max(1e-9), self.inflation)
    }

    pub(super) fn bins(&self) -> usize {
        self.sums.len()
    }

    /// The same without what was before a bin.
    pub(super) fn after(&self, from: usize) -> Self {
        let bins = self.sums.iter().zip(&self.counts).skip(from).map(|(sum, count)| (*sum, *count));
        Self::of(bins, &vec![0; self.bins().saturating_sub(from)])
    }

    /// By how much neighbouring requests resemble each other: from differences of neighbouring blocks, which a drift or a
    /// step hardly moves (von Neumann, Ann. Math. Stat. 12, 1941). What chance alone may show is taken off.
    fn inflated(&self) -> f64 {
        let mut most: f64 = 1.0;
        for length in [1, 3, 8] {
            let block = |at: usize| {
                let (from, until) = (at * length, (at + 1) * length);
                let count: f64 = self.counts[from..until].iter().sum();
                (count >= 2.0).then(|| self.sums[from..until].iter().sum::<f64>() / count.sqrt())
            };
            let blocks: Vec<f64> = (0..self.bins() / length).filter_map(block).collect();
            if blocks.len() < 8 {
                continue;
            }
            // Half of the squared differences, without the greatest tenth: one step or pause is no resemblance.
            let mut squares: Vec<f64> =
                blocks.windows(2).map(|pair| (pair[1] - pair[0]).powi(2) / 2.0).collect();
            squares.sort_by(f64::total_cmp);
            let kept = squares.len() - squares.len() / 10;
            // Of squared normals the lower nine tenths have a mean of 0.612.
            let mean = squares[..kept].iter().sum::<f64>() / kept as f64 / 0.612;
            let chance = 1.0 + 1.6 / (kept as f64).sqrt() * 1.2;
            most = most.max(mean / chance);
        }
        most
    }

    /// The window of the greatest sum for its size; at least `bins_min` and at most `share_max` of all bins long,
    /// with `count_min` requests in it and as many beside it.
    pub(super) fn peak(&self, bins_min: usize, share_max: f64, count_min: f64) -> Option<Peak> {
        let (sums, counts) = (before(self.sums.iter().copied()), before(self.counts.iter().copied()));
        let most = (self.bins() as f64 * share_max) as usize;
        let mut best: Option<Peak> = None;
        let mut length = bins_min.max(1);
        while length <= most {
            for from in 0..=self.bins() - length {
                let until = from + length;
                let (sum, count) = (sums[until] - sums[from], counts[until] - counts[from]);
                let rest = self.total - count;
                if count < count_min || rest < count_min || sum <= 0.0 {
                    continue;
                }
                let z = self.deviations(sum, count, rest);
                if best.is_none_or(|best| z > best.z) {
                    best = Some(Peak { z, from, until, count, effect: sum * self.total / (count * rest) });
                }
            }
            length += (length / 5).max(1);
        }
        best
    }

    /// How far a window's sum is from nought, in standard deviations. Few exponential scores add up to a gamma law, whose cube root
    /// is all but normal (Wilson, Hilferty: Proceedings of the National Academy of Sciences 17, 1931).
    fn deviations(&self, sum: f64, count: f64, rest: f64) -> f64 {
        if self.is_exponential {
            let cube = libm::cbrt(1.0 + sum / count) - 1.0 + 1.0 / (9.0 * count);
            return 3.0 * (count * self.total / rest).sqrt() * cube / self.inflation.sqrt();
        }
        sum / (self.inflation * count * rest / self.total).sqrt()
    }

    /// How far the scores go along with a shape over the bins, in standard deviations: its score and its variance, to be
    /// added up over steps. Bins without a value take no part.
    pub(super) fn along(&self, shape: impl Fn(usize) -> Option<f64>) -> (f64, f64) {
        let part: Vec<(f64, f64, f64)> = (0..self.bins())
            .filter_map(|at| shape(at).map(|x| (x, self.sums[at], self.counts[at])))
            .collect();
        let count: f64 = part.iter().map(|(_, _, count)| count).sum();
        if count < 6.0 {
            return (0.0, 0.0);
        }
        let mean_x = part.iter().map(|(x, _, count)| x * count).sum::<f64>() / count;
        let mean = part.iter().map(|(_, sum, _)| sum).sum::<f64>() / count;
        let score = part.iter().map(|(x, sum, count)| (x - mean_x) * (sum - mean * count)).sum();
        let variance: f64 = part.iter().map(|(x, _, count)| (x - mean_x).powi(2) * count).sum();
        (score, variance * self.inflation)
    }
}

/// Sums of all before each place, and of all.
pub(super) fn before(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums.push(sums.last().copied().unwrap_or(0.0) + value);
    }
    sums
}

/// The standard deviations that none of so many looks exceeds but by a chance of `alarm` (Bonferroni).
pub(super) fn limit(alarm: f64, looks: f64) -> f64 {
    -normal_quantile(alarm / looks.max(1.0))
}
