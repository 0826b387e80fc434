//! The histogram's arithmetic: which bucket a time falls into, and what a rank among buckets is worth.
//!
//! The layout is HdrHistogram's for 1 ns to one hour with 3 significant digits: a bucket is at most
//! 1/1024 of its value wide. It must not know how counts are gathered or written.

use std::collections::BTreeMap;

/// The longest time told apart from longer ones: one hour. Longer ones fall into the last bucket; their
/// exact maximum is kept beside the histogram.
pub const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Significant decimal digits of a bucket.
pub(crate) const DIGITS: u32 = 3;

/// Buckets of the layout.
pub(crate) const BUCKETS: usize = bucket_of(HIGHEST_NS) as usize + 1;

/// The bucket that a time falls into.
pub(crate) const fn bucket_of(ns: u64) -> u32 {
    let ns = if ns > HIGHEST_NS { HIGHEST_NS } else { ns };
    // 2,048 buckets of 1 ns, then for every doubling 1,024 of twice the width.
    let doublings = 53 - (ns | 2_047).leading_zeros();
    (doublings << 10) + (ns >> doublings) as u32
}

/// The greatest time of a bucket.
pub(crate) const fn bucket_max_ns(bucket: u32) -> u64 {
    let doublings = (bucket >> 10).saturating_sub(1);
    let within = (bucket - (doublings << 10)) as u64;
    ((within + 1) << doublings) - 1
}

/// How many times fell into a bucket.
pub(crate) type Count = (u32, u64);

/// A share of the sorted times, in parts of 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantile(u32);

impl Quantile {
    /// The median.
    pub const P50: Self = Self(5_000);
    /// The 95th percentile.
    pub const P95: Self = Self(9_500);
    /// The 99th percentile.
    pub const P99: Self = Self(9_900);
    /// The columns of the CSV files, in their order: 50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99, 100 %.
    pub const COLUMNS: [Self; 11] = [
        Self::P50,
        Self(6_600),
        Self(7_500),
        Self(8_000),
        Self(9_000),
        Self::P95,
        Self(9_800),
        Self::P99,
        Self(9_990),
        Self(9_999),
        Self(10_000),
    ];

    /// The nearest rank among `total` sorted values, from 1: the least with at least this share at or below it.
    pub fn rank(self, total: u64) -> u64 {
        let rank = (u128::from(total) * u128::from(self.0)).div_ceil(10_000);
        u64::try_from(rank).unwrap_or(total).max(1)
    }

    /// In percent, as short as it goes: `50`, `99.9`.
    pub(crate) fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// 0 to 1.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// Times by bucket; only buckets that hold any are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: BTreeMap<u32, u64>,
    total: u64,
}

impl Histogram {
    /// How many times it holds.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many of them stand in the last bucket, where everything from one hour on is.
    pub fn clamped(&self) -> u64 {
        self.counts.get(&bucket_of(HIGHEST_NS)).copied().unwrap_or(0)
    }

    /// The upper ends of the buckets that hold any, ascending, with how many they hold.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter().map(|(&bucket, &count)| (bucket_max_ns(bucket), count))
    }

    /// The upper end of the bucket that holds the value of this rank, from 1; `None` beyond the last.
    pub fn at_rank_ns(&self, rank: u64) -> Option<u64> {
        self.at_ranks_ns(&[rank]).pop()
    }

    /// The same for several ranks, ascending, in one pass; those beyond the last are left out.
    pub(crate) fn at_ranks_ns(&self, ranks: &[u64]) -> Vec<u64> {
        let mut found = Vec::with_capacity(ranks.len());
        let mut seen = 0;
        for (value_ns, count) in self.iter() {
            seen += count;
            while ranks.get(found.len()).is_some_and(|&rank| rank <= seen) {
                found.push(value_ns);
            }
        }
        found
    }

    /// The counts, sorted by bucket.
    pub(crate) fn counts(&self) -> impl Iterator<Item = Count> + '_ {
        self.counts.iter().map(|(&bucket, &count)| (bucket, count))
    }

    pub(crate) fn add(&mut self, counts: impl IntoIterator<Item = Count>) {
        for (bucket, count) in counts {
            *self.counts.entry(bucket).or_default() += count;
            self.total += count;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.add(other.counts());
    }

    /// Takes out what was added before.
    pub(crate) fn remove(&mut self, counts: &[Count]) {
        for &(bucket, count) in counts {
            if let Some(held) = self.counts.get_mut(&bucket) {
                *held -= count;
                if *held == 0 {
                    self.counts.remove(&bucket);
                }
                self.total -= count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram as Reference;
    use proptest::prelude::*;

    use super::*;

    /// Times of every size, not only of the greatest.
    pub(crate) fn any_ns() -> impl Strategy<Value = u64> {
        (0u32..42, any::<u64>()).prop_map(|(bits, raw)| (raw & ((1 << bits) - 1)).min(HIGHEST_NS))
    }

    #[test]
    fn the_layout_has_the_size_of_the_reference() {
        let reference = Reference::<u64>::new_with_bounds(1, HIGHEST_NS, 3).unwrap();
        assert!(BUCKETS <= reference.distinct_values());
        assert_eq!(bucket_of(u64::MAX) as usize, BUCKETS - 1, "longer times fall into the last bucket");
    }

    proptest! {
        #[test]
        fn a_bucket_ends_where_the_reference_says(ns in any_ns()) {
            let reference = Reference::<u64>::new_with_bounds(1, HIGHEST_NS, 3).unwrap();
            prop_assert_eq!(bucket_max_ns(bucket_of(ns)), reference.highest_equivalent(ns));
        }

        #[test]
        fn ranks_are_those_of_sorting_within_a_bucket(mut times in prop::collection::vec(any_ns(), 1..300)) {
            let mut histogram = Histogram::default();
            histogram.add(times.iter().map(|&ns| (bucket_of(ns), 1)));
            times.sort_unstable();
            for quantile in Quantile::COLUMNS {
                // The definition, by counting: the least value with at least this share at or below it.
                let share = |at: usize| (at as u64 + 1) * 10_000 >= times.len() as u64 * u64::from(quantile.0);
                let exact = times[(0..times.len()).find(|&at| share(at)).unwrap()];
                let found = histogram.at_rank_ns(quantile.rank(times.len() as u64)).unwrap();
                prop_assert!(found >= exact && found - exact <= exact / 1_000, "{found} is not {exact}");
            }
        }

        #[test]
        fn what_is_removed_was_never_there(kept in prop::collection::vec(any_ns(), 0..50),
                                           gone in prop::collection::vec(any_ns(), 0..50)) {
            let counts = |times: &[u64]| times.iter().map(|&ns| (bucket_of(ns), 1)).collect::<Vec<_>>();
            let (mut both, mut only) = (Histogram::default(), Histogram::default());
            both.add(counts(&gone));
            both.add(counts(&kept));
            both.remove(&counts(&gone));
            only.add(counts(&kept));
            prop_assert_eq!(both, only);
        }
    }
}
