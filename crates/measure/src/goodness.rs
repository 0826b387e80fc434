//! Whether arrivals that were sent are those that were asked for: the Kolmogorov–Smirnov test, from bins.
//!
//! What is binned is each gap's probability integral transform: where the gap lies in the distribution that was
//! asked, from 0 to 1. Arrivals as asked make it uniform. It must not know how gaps come about.

/// How well transformed gaps fit the uniform distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// How many gaps.
    pub count: u64,
    /// The greatest distance between the two distributions, at the edges of the bins.
    pub distance: f64,
    /// How much of it the tolerance explains.
    pub tolerance: f64,
    /// The chance of a distance this far beyond the tolerance if the arrivals are as asked.
    pub p_value: f64,
}

/// The Kolmogorov–Smirnov test of counts in equal bins of [0, 1] against the uniform distribution; `None` without any.
///
/// Distances up to `tolerance` count as none. The p-value is Kolmogorov's limit with Stephens's correction for
/// few values (J. R. Statist. Soc. B 32, 1970, p. 115–122). Between the edges of the bins the true distance may be
/// greater, so that the test errs towards a fit.
pub fn uniform_fit(bins: &[u64], tolerance: f64) -> Option<Fit> {
    let count: u64 = bins.iter().sum();
    if count == 0 {
        return None;
    }
    let (mut below, mut distance) = (0, 0.0f64);
    for (bin, held) in (1..).zip(bins) {
        below += held;
        let expected = f64::from(bin) / bins.len() as f64;
        distance = distance.max((below as f64 / count as f64 - expected).abs());
    }
    let root = (count as f64).sqrt();
    let p_value = kolmogorov_above((root + 0.12 + 0.11 / root) * (distance - tolerance).max(0.0));
    Some(Fit { count, distance, tolerance, p_value })
}

/// How far lateness alone can move the transformed gaps of arrivals at this rate.
///
/// A gap changes by at most `jitter_s` when no arrival is later than that; the share of exponential gaps in any
/// window that long is at most 1 − e^(−rate · jitter).
pub fn jitter_tolerance(rate_per_s: f64, jitter_s: f64) -> f64 {
    -libm::expm1(-rate_per_s * jitter_s)
}

/// The upper tail of Kolmogorov's distribution: 2 Σ (−1)^(k−1) e^(−2 k² x²).
fn kolmogorov_above(x: f64) -> f64 {
    // Below, the series needs more terms than it is worth: it is 1 to eleven digits.
    if x < 0.25 {
        return 1.0;
    }
    let term = |k: i32| libm::exp(-2.0 * f64::from(k * k) * x * x) * if k % 2 == 1 { 2.0 } else { -2.0 };
    (1..=20).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    #[test]
    fn the_tail_is_that_of_the_tables() {
        for (x, expected) in
            [(0.2, 1.0), (0.5, 0.963945), (1.0, 0.270000), (1.3581, 0.05), (1.6276, 0.01), (2.5, 7.453e-6)]
        {
            let got = kolmogorov_above(x);
            assert!((got - expected).abs() < 1e-3 * expected, "{x}: {got} is not {expected}");
        }
    }

    fn binned(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
        let mut bins = vec![0; 1_000];
        values.into_iter().for_each(|value: f64| bins[(value * 1_000.0).clamp(0.0, 999.0) as usize] += 1);
        bins
    }

    /// 2,000 samples of what was asked for: rejected about as often as the level says, never more.
    #[test]
    fn what_was_asked_fits() {
        let mut draw = Draw(7);
        let mut rejected = 0;
        for _ in 0..2_000 {
            let fit = uniform_fit(&binned((0..400).map(|_| draw.unit())), 0.0).expect("holds some");
            rejected += u32::from(fit.p_value < 0.05);
        }
        assert!((50..=140).contains(&rejected), "{rejected} of 2000 at 5 %");
    }

    #[test]
    fn what_was_not_asked_does_not_fit() {
        let mut draw = Draw(8);
        let constant = uniform_fit(&binned((0..500).map(|_| 0.632)), 0.02).expect("holds some");
        assert!(constant.p_value < 1e-9, "{constant:?}");
        // A rate 10 % below the one that was asked.
        let slow = (0..20_000).map(|_| 1.0 - libm::pow(1.0 - draw.unit(), 1.0 / 0.9));
        let slow = uniform_fit(&binned(slow), 0.01).expect("holds some");
        assert!(slow.p_value < 1e-5, "{slow:?}");
        assert_eq!(uniform_fit(&[0; 10], 0.0), None);
    }

    /// Gaps of arrivals that are each sent up to 0.2 ms late: no fit without the tolerance, one with it.
    #[test]
    fn a_timers_lateness_is_tolerated() {
        let (rate, mut draw) = (200.0, Draw(9));
        let (mut due, mut last) = (0.0, 0.0);
        let gaps = (0..100_000).map(|_| {
            due += draw.exponential() / rate;
            let sent = f64::max(last, due + 0.000_2 * draw.unit());
            let gap = sent - last;
            last = sent;
            -libm::expm1(-rate * gap)
        });
        let bins = binned(gaps);
        let without = uniform_fit(&bins, 0.0).expect("holds some");
        let with = uniform_fit(&bins, jitter_tolerance(rate, 0.000_2)).expect("holds some");
        assert!(without.p_value < 0.01 && with.p_value > 0.5, "{without:?} {with:?}");
    }
}
