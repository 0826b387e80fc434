//! How well a sample fits a distribution: Kolmogorov and Smirnov's distance, and how probable a greater one is.
//!
//! Pure functions of numbers. They must not know what was sampled.

/// How well a sample fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    /// The greatest difference between the sample's share below a value and the distribution's.
    pub(crate) distance: f64,
    /// The probability of a distance at least as great, were the sample drawn from a continuous distribution of that
    /// kind; from one with steps a great distance is rarer still, so that a test by it errs on the safe side.
    pub(crate) p_value: f64,
}

/// Of sorted values; `shares` gives the distribution's share below, and up to, a value. `None` of nothing.
pub(crate) fn fit(sorted: &[u64], shares: impl Fn(u64) -> (f64, f64)) -> Option<Fit> {
    let n = sorted.len() as f64;
    let mut distance = 0.0_f64;
    let mut below = 0;
    for run in sorted.chunk_by(|a, b| a == b) {
        let up_to = below + run.len();
        let (share_below, share_up_to) = shares(run[0]);
        distance = distance.max((share_below - below as f64 / n).abs());
        distance = distance.max((share_up_to - up_to as f64 / n).abs());
        below = up_to;
    }
    (!sorted.is_empty()).then(|| Fit { distance, p_value: p_value(distance, n) })
}

/// Q(λ) = 2 Σ (−1)^(j−1) e^(−2 j² λ²) with λ = (√n + 0.12 + 0.11/√n) D (Stephens, *Use of the Kolmogorov–Smirnov,
/// Cramér–von Mises and Related Statistics Without Extensive Tables*, J. R. Stat. Soc. B 32 (1970)).
fn p_value(distance: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    // Below, the sum converges slowly to what is 1 to ten digits.
    if lambda < 0.25 {
        return 1.0;
    }
    let term = |j: u32| {
        let sign = if j % 2 == 1 { 2.0 } else { -2.0 };
        sign * libm::exp(-2.0 * f64::from(j * j) * lambda * lambda)
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use wire::Seed;

    use super::*;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        // Critical values of λ (Smirnov 1948): 1.2238 at 10 %, 1.3581 at 5 %, 1.6276 at 1 %, 1.9495 at 0.1 %.
        for (lambda, p) in [(1.2238, 0.1), (1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)] {
            let n: f64 = 1e12;
            let got = p_value(lambda / n.sqrt(), n);
            assert!((got / p - 1.0).abs() < 2e-3, "{lambda}: {got}, not {p}");
        }
        // Of ten values 0.409 is exceeded in 5 % of all cases (Massey 1951, table 1: 0.410).
        assert!((p_value(0.409, 10.0) - 0.05).abs() < 2e-3, "{}", p_value(0.409, 10.0));
    }

    #[test]
    fn distances_are_those_counted_by_hand() {
        let even = |value: u64| ((value as f64 - 0.5) / 100.0, (value as f64 + 0.5) / 100.0);
        for (sorted, expected) in [
            (&[50][..], 0.495),
            (&[0, 0, 0, 0], 0.995),
            (&[25, 75], 0.245),
            (&[10, 10, 90], 2.0 / 3.0 - 0.105),
        ] {
            let got = fit(sorted, even).expect("values").distance;
            assert!((got - expected).abs() < 1e-12, "{sorted:?}: {got}, not {expected}");
        }
        assert_eq!(fit(&[], even), None);
    }

    #[test]
    fn probabilities_are_even_where_the_distribution_is_right_and_small_where_it_is_not() {
        const SEED: u64 = 3;
        let shares = |value: u64| (value as f64 / 1e9, value as f64 / 1e9);
        let mut small = 0;
        for sample in 0..1_000 {
            let mut stream = Seed(SEED).stream("fit", sample);
            let mut drawn: Vec<_> = (0..200).map(|_| stream.below(1_000_000_000)).collect();
            drawn.sort_unstable();
            small += u32::from(fit(&drawn, shares).expect("values").p_value < 0.1);
            let late: Vec<_> = drawn.iter().map(|value| value + 150_000_000).collect();
            assert!(fit(&late, shares).expect("values").p_value < 0.01, "seed {SEED}, sample {sample}");
        }
        // 100 expected, standard deviation 9.5: five of them.
        assert!((52..=148).contains(&small), "seed {SEED}: {small} of 1000 below 0.1");
    }
}
