//! The quickest answer of each second: whatever makes all requests slower moves it, however widely their times are spread.
//!
//! The least of n times is beyond `t` with the chance (1 − F(t))ⁿ (David, Nagaraja: Order Statistics, 3rd ed., 2003, 2.1), so
//! that its place under that law scores the same however many were sent. Where many answers take the same time, such as those
//! out of a cache, the middle of the step in the law is its place. It must not know what is looked for.

use std::collections::BTreeMap;

use super::scores::normal_quantile;
use crate::histogram::Histogram;

/// No second says more than so many standard deviations.
const SCORE_MAX: f64 = 3.5;

/// The least time of an entry among the requests that were sent in a bin, and how many they were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Least {
    pub(super) ns: u64,
    pub(super) count: f64,
}

impl Least {
    pub(super) fn take(&mut self, ns: u64, count: u64) {
        self.ns = if self.count == 0.0 { ns } else { self.ns.min(ns) };
        self.count += count as f64;
    }
}

/// How an entry's times are spread.
#[derive(Debug)]
pub(super) struct Law {
    /// By time: the share below it, and that up to it.
    shares: BTreeMap<u64, (f64, f64)>,
}

impl Law {
    pub(super) fn of(times: &Histogram) -> Self {
        let total = times.total().max(1) as f64;
        let mut below = 0.0;
        let shares = times.iter().map(|(ns, count)| {
            let from = below;
            below += count as f64 / total;
            (ns, (from, below))
        });
        Self { shares: shares.collect() }
    }

    /// The normal score of the least of so many times.
    pub(super) fn score(&self, least: Least) -> f64 {
        let Some((below, up_to)) = self.shares.get(&least.ns) else { return 0.0 };
        let beyond = |share: f64| libm::pow((1.0 - share).max(0.0), least.count);
        let place = 1.0 - f64::midpoint(beyond(*below), beyond(*up_to));
        normal_quantile(place.clamp(1e-6, 1.0 - 1e-6)).clamp(-SCORE_MAX, SCORE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::bucket_of;
    use crate::testing::Draw;

    #[test]
    fn the_least_of_any_number_scores_alike() {
        let mut draw = Draw(7);
        let mut times = || ((1.0 + 3.0 * draw.unit() * draw.unit()) * 1e8) as u64;
        let mut whole = Histogram::default();
        let mut leasts = vec![];
        for bin in 0..2_000u64 {
            let mut least = Least::default();
            for _ in 0..1 + bin % 20 {
                let mut one = Histogram::default();
                one.add([(bucket_of(times()), 1)]);
                whole.merge(&one);
                one.iter().for_each(|(ns, count)| least.take(ns, count));
            }
            leasts.push(least);
        }
        let law = Law::of(&whole);
        for few in [true, false] {
            let scores: Vec<f64> = leasts
                .iter()
                .filter(|least| (least.count < 8.0) == few)
                .map(|least| law.score(*least))
                .collect();
            let count = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / count;
            let square = scores.iter().map(|score| score * score).sum::<f64>() / count;
            assert!(
                mean.abs() < 0.15 && (0.8..1.15).contains(&square),
                "few: {few}, mean {mean}, square {square}"
            );
        }
    }

    #[test]
    fn equal_times_score_nothing_and_late_ones_much() {
        let mut whole = Histogram::default();
        whole.add([(bucket_of(1_000_000), 95), (bucket_of(20_000_000), 5)]);
        let law = Law::of(&whole);
        let times: Vec<u64> = whole.iter().map(|(ns, _)| ns).collect();
        assert!(law.score(Least { ns: times[0], count: 10.0 }).abs() < 0.1);
        assert!(law.score(Least { ns: times[1], count: 2.0 }) > 2.5);
    }
}
