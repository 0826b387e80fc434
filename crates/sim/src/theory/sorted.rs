//! Exact quantiles of exact values. It must not know histograms.

/// Values in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ascending(Vec<u64>);

impl Ascending {
    /// Sorts them.
    pub fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        Self(values)
    }

    /// The value at the nearest rank: the least that at least a share of `per_100_000` / 100,000 of all do not exceed
    /// (Hyndman and Fan, *Sample Quantiles in Statistical Packages*, 1996: definition 1); `None` of nothing.
    pub fn quantile(&self, per_100_000: u32) -> Option<u64> {
        let rank = nearest_rank(self.0.len() as u64, per_100_000)?;
        self.0.get(usize::try_from(rank).ok()? - 1).copied()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// The rank, from 1, of a quantile among `count` values: ⌈p × count⌉ in whole numbers; `None` of nothing.
pub fn nearest_rank(count: u64, per_100_000: u32) -> Option<u64> {
    let rank = (u128::from(count) * u128::from(per_100_000)).div_ceil(100_000);
    (count > 0).then(|| u64::try_from(rank).unwrap_or(u64::MAX).clamp(1, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        for (count, p, rank) in [
            (1, 50_000, 1),
            (2, 50_000, 1),
            (3, 50_000, 2),
            (100, 95_000, 95),
            (101, 95_000, 96),
            (1_000, 99_900, 999),
            (1_001, 99_900, 1_000),
            (5, 0, 1),
            (5, 100_000, 5),
        ] {
            assert_eq!(nearest_rank(count, p), Some(rank), "{p} of {count}");
        }
        assert_eq!(nearest_rank(0, 50_000), None);
        let ten = Ascending::of((1..=10).rev().map(|i| i * 10).collect());
        assert_eq!((ten.quantile(50_000), ten.quantile(99_000), ten.count()), (Some(50), Some(100), 10));
    }
}
