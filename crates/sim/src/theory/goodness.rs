//! How well a sample fits what it was asked to be. It must not know where samples come from.

use super::distribution::normal;

/// A goodness of fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goodness {
    /// The greatest distance between the two distribution functions.
    pub distance: f64,
    /// How often chance alone would make it as great.
    pub p_value: f64,
}

/// The Kolmogorov–Smirnov test of `values` against the uniform distribution on [0, 1]; sorts them. The p-value is that
/// of the limiting distribution at (√n + 0.12 + 0.11/√n) D (Kolmogorov 1933; Stephens, *Use of the
/// Kolmogorov–Smirnov, Cramér–von Mises and Related Statistics Without Extensive Tables*, JRSS B 32, 1970).
pub fn uniform(values: &mut [f64]) -> Goodness {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let apart = |(i, value): (usize, &f64)| f64::max((i as f64 + 1.0) / n - value, value - i as f64 / n);
    let distance = values.iter().enumerate().map(apart).fold(0.0, f64::max);
    let root = n.sqrt();
    Goodness { distance, p_value: kolmogorov_tail((root + 0.12 + 0.11 / root) * distance) }
}

/// P(K > x) = 2 Σ (−1)^(j−1) exp(−2j²x²).
fn kolmogorov_tail(x: f64) -> f64 {
    // Below this it is 1 to nine digits, and the series is slow.
    if x < 0.25 {
        return 1.0;
    }
    let term = |j: i32| {
        let sign = if j % 2 == 1 { 2.0 } else { -2.0 };
        sign * libm::exp(-2.0 * f64::from(j * j) * x * x)
    };
    (1..=30).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// How often a Poisson number of this mean is as far from it as `count` or farther (two-sided), by the normal
/// approximation to its square root, 2(√(n + 3/8) − √mean) (Anscombe, 1948).
pub fn poisson_tail(count: u64, mean: f64) -> f64 {
    let z = 2.0 * ((count as f64 + 0.375).sqrt() - (mean + 0.125).sqrt());
    2.0 * normal(-z.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Seed;

    #[test]
    fn the_limiting_distribution_is_that_of_the_tables() {
        for (x, p) in [(1.224, 0.10), (1.358, 0.05), (1.628, 0.01), (1.949, 0.001)] {
            assert!((kolmogorov_tail(x) / p - 1.0).abs() < 0.01, "{x}: {}", kolmogorov_tail(x));
        }
        // The exact critical value of n = 20 at 5 % is 0.294 (Miller, 1956).
        let mut worst: Vec<f64> = (0..20).map(|i| (f64::from(i) + 1.0) / 20.0 - 0.294).collect();
        let found = uniform(&mut worst);
        assert!((found.distance - 0.294).abs() < 1e-9 && (found.p_value - 0.05).abs() < 0.003, "{found:?}");
    }

    #[test]
    fn chance_is_told_from_its_imitation() {
        let (mut low, rounds) = (0, 400);
        for seed in 0..rounds {
            let mut stream = Seed(seed).stream("goodness", 0);
            let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| stream.unit()).collect() };
            low += u64::from(uniform(&mut draw(500)).p_value < 0.05);
            // Its square root is not uniform, and that shows.
            let mut bent: Vec<f64> = draw(500).into_iter().map(f64::sqrt).collect();
            assert!(uniform(&mut bent).p_value < 1e-4, "seed {seed}");
        }
        // 20 of 400 are expected below 5 %, with a deviation of 4.4: five of them.
        assert!((3..=42).contains(&low), "{low} of {rounds}");
    }

    #[test]
    fn counts_of_a_poisson_process() {
        // Exact two-sided tails of a mean of 100: 80 or fewer, 120 or more: 0.0455 together.
        assert!((poisson_tail(120, 100.0) - 0.05).abs() < 0.01);
        assert!(poisson_tail(100, 100.0) > 0.9);
        assert!(poisson_tail(1_200, 1_000.0) < 1e-8);
    }
}
