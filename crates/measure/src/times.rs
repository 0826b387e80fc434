//! Times of a whole step: exact count, sum, least and greatest beside a histogram.
//! It must not know which entry or outcome they are of, nor where they begin.

use crate::histogram::{Count, Histogram, Quantile};
use crate::{CellRecord, TimesRecord};

/// Times, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Requests.
    pub count: u64,
    /// Sum, exact.
    pub sum_ns: u64,
    /// The least and the greatest, exact; `None` without requests.
    pub range_ns: Option<(u64, u64)>,
    /// Sum of the answers' bodies.
    pub body_bytes: u64,
    /// All of them, to 3 significant digits.
    pub histogram: Histogram,
}

impl Times {
    /// The least, exact.
    pub fn min_ns(&self) -> Option<u64> {
        self.range_ns.map(|(min, _)| min)
    }

    /// The greatest, exact.
    pub fn max_ns(&self) -> Option<u64> {
        self.range_ns.map(|(_, max)| max)
    }

    /// The arithmetic mean of the exact times, rounded.
    pub fn mean_ns(&self) -> Option<u64> {
        (self.count > 0).then(|| (self.sum_ns + self.count / 2) / self.count)
    }

    /// The nearest rank's value, to 3 significant digits, within the exact least and greatest.
    pub fn quantile_ns(&self, quantile: Quantile) -> Option<u64> {
        self.quantiles_ns(&[quantile])?.pop()
    }

    /// The same for several, ascending; `None` without requests.
    pub fn quantiles_ns(&self, quantiles: &[Quantile]) -> Option<Vec<u64>> {
        quantiles_ns(&self.histogram, self.range_ns?, quantiles)
    }

    /// The time of a rank, from 1; `None` beyond the last.
    pub(crate) fn at_rank_ns(&self, rank: u64) -> Option<u64> {
        let (min, max) = self.range_ns?;
        self.histogram.at_rank_ns(rank).map(|ns| ns.clamp(min, max))
    }

    /// The same for several, ascending, in one pass; those beyond the last are left out.
    pub(crate) fn at_ranks_ns(&self, ranks: &[u64]) -> Vec<u64> {
        let Some((min, max)) = self.range_ns else { return vec![] };
        self.histogram.at_ranks_ns(ranks).into_iter().map(|ns| ns.clamp(min, max)).collect()
    }

    /// Adds one of the two times of a cell.
    pub(crate) fn add(&mut self, cell: &CellRecord, times: &TimesRecord, counts: &[Count]) {
        self.count += cell.count;
        self.sum_ns += times.sum_ns;
        self.range_ns = Some(widened(self.range_ns, (times.min_ns, times.max_ns)));
        self.body_bytes += cell.body_bytes;
        self.histogram.add(counts.iter().copied());
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.range_ns = other.range_ns.map_or(self.range_ns, |range| Some(widened(self.range_ns, range)));
        self.body_bytes += other.body_bytes;
        self.histogram.merge(&other.histogram);
    }
}

/// The range that holds both.
pub(crate) fn widened(range: Option<(u64, u64)>, (min, max): (u64, u64)) -> (u64, u64) {
    range.map_or((min, max), |(least, greatest)| (least.min(min), greatest.max(max)))
}

/// Nearest ranks, ascending, within an exact range; `None` of nothing.
pub(crate) fn quantiles_ns(
    histogram: &Histogram,
    (min, max): (u64, u64),
    quantiles: &[Quantile],
) -> Option<Vec<u64>> {
    let ranks: Vec<u64> = quantiles.iter().map(|quantile| quantile.rank(histogram.total())).collect();
    let found = histogram.at_ranks_ns(&ranks);
    (found.len() == ranks.len()).then(|| found.into_iter().map(|ns| ns.clamp(min, max)).collect())
}
