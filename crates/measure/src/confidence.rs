//! How far a percentile of a sample can be trusted, whatever the times are distributed like.
//!
//! The count of samples at or below a quantile is binomial, so the k-th smallest of n is an upper 95 %
//! bound of the p-quantile when P(Bin(n, p) ≥ k) ≤ 5 % (Hahn, Meeker: Statistical Intervals, 5.2; the least
//! n for which the greatest sample is one, 1 − pⁿ ≥ 95 %, is Wilks's, 1941). It must not know of targets.

use crate::histogram::Quantile;
use crate::times::Times;

/// What an upper bound may fail by.
const RISK: f64 = 0.05;

/// The fewest samples for which a 95 % upper bound of this quantile exists: 5 for P50, 59 for P95, 299 for P99.
pub fn samples_needed(quantile: Quantile) -> u64 {
    let mut needed = 1;
    let mut all_below = quantile.ratio();
    while all_below > RISK && all_below < 1.0 {
        all_below *= quantile.ratio();
        needed += 1;
    }
    needed
}

/// The distribution-free 95 % upper bound of a quantile; `None` with fewer than [`samples_needed`].
pub fn upper95_ns(times: &Times, quantile: Quantile) -> Option<u64> {
    times.at_rank_ns(upper_rank(times.count, quantile)?)
}

/// The least rank whose value bounds the quantile from above.
fn upper_rank(n: u64, quantile: Quantile) -> Option<u64> {
    if n < samples_needed(quantile) {
        return None;
    }
    let p = quantile.ratio();
    let (mean, deviation) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
    // Far above the mean nothing is left to add: start there and come down, adding up the upper tail.
    let mut k = ((mean + 12.0 * deviation).ceil() as u64 + 12).min(n);
    let (log_p, log_q) = (libm::log(p), libm::log(1.0 - p));
    let log_choose = |k: u64| {
        libm::lgamma(n as f64 + 1.0) - libm::lgamma(k as f64 + 1.0) - libm::lgamma((n - k) as f64 + 1.0)
    };
    let mut tail = 0.0;
    loop {
        tail += libm::exp(log_choose(k) + k as f64 * log_p + (n - k) as f64 * log_q);
        if tail > RISK || k == 0 {
            return Some(k + 1).filter(|&rank| rank <= n);
        }
        k -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_samples() {
        let needed = [Quantile::P50, Quantile::P95, Quantile::P99].map(samples_needed);
        assert_eq!(needed, [5, 59, 299]);
    }

    #[test]
    fn one_sample_less_has_no_bound_and_the_fewest_have_the_greatest() {
        for quantile in [Quantile::P50, Quantile::P95, Quantile::P99] {
            let needed = samples_needed(quantile);
            assert_eq!(upper_rank(needed - 1, quantile), None);
            assert_eq!(upper_rank(needed, quantile), Some(needed));
        }
    }

    /// P(Bin(n, p) < k) by multiplying out, coin by coin.
    fn below(n: u64, p: f64, k: u64) -> f64 {
        let mut chances = vec![1.0];
        for _ in 0..n {
            let mut next = vec![0.0; chances.len() + 1];
            for (successes, chance) in chances.iter().enumerate() {
                next[successes] += chance * (1.0 - p);
                next[successes + 1] += chance * p;
            }
            chances = next;
        }
        chances[..k as usize].iter().sum()
    }

    #[test]
    fn the_rank_is_the_least_that_bounds() {
        for quantile in [Quantile::P50, Quantile::P95, Quantile::P99] {
            for n in [5, 9, 59, 60, 100, 299, 300, 473, 700] {
                let Some(rank) = upper_rank(n, quantile) else { continue };
                assert!(below(n, quantile.ratio(), rank) >= 0.95, "{n} {quantile:?} {rank}");
                assert!(below(n, quantile.ratio(), rank - 1) < 0.95, "{n} {quantile:?} {rank}");
            }
        }
    }

    #[test]
    fn many_samples_have_a_bound_close_by() {
        // The normal approximation: np + 1.645 σ.
        let rank = upper_rank(1_000_000, Quantile::P95).unwrap();
        assert!((950_350..950_370).contains(&rank), "{rank}");
    }
}
