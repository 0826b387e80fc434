//! Normal, truncated at 0: `{ normal = { mean = "20ms", stddev = "5ms" } }`.
//!
//! Box and Muller, *A Note on the Generation of Random Normal Deviates* (1958); a negative draw is
//! drawn again. The mean given is that of the whole curve: what is cut off raises the mean of the rest,
//! by less than 1 % from mean ≥ 2.5 stddev on.

use wire::{Stream, Value};

use super::need_ns;

/// Draws that may be negative in a row; each is so with probability ≤ 1/2, so 0 follows with 2⁻⁶⁴.
const DRAWS_MAX: u32 = 64;

/// Mean and standard deviation before the cut.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Normal {
    mean_ns: f64,
    stddev_ns: f64,
}

impl Normal {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let (mean, stddev) = value.table(|table| (need_ns(table, "mean"), need_ns(table, "stddev")))?;
        Some(Self { mean_ns: mean?, stddev_ns: stddev? })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        (0..DRAWS_MAX)
            .map(|_| self.mean_ns + self.stddev_ns * standard_normal(stream))
            .find(|delay_ns| *delay_ns >= 0.0)
            .unwrap_or(0.0)
    }

    /// (Φ((x − µ)/σ) − Φ(−µ/σ)) / (1 − Φ(−µ/σ)) for x ≥ 0 (Johnson, Kotz and Balakrishnan, *Continuous Univariate
    /// Distributions*, volume 1, 13.10.1).
    pub(super) fn cdf(&self, ns: f64) -> f64 {
        if ns < 0.0 {
            return 0.0;
        }
        if self.stddev_ns == 0.0 {
            return if ns < self.mean_ns { 0.0 } else { 1.0 };
        }
        let cut = phi(-self.mean_ns / self.stddev_ns);
        (phi((ns - self.mean_ns) / self.stddev_ns) - cut) / (1.0 - cut)
    }
}

/// Φ, by the complementary error function, which keeps its digits in the tail (Abramowitz and Stegun, 26.2.29).
pub(super) fn phi(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// One draw of mean 0 and variance 1.
pub(super) fn standard_normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * libm::log(stream.unit_open())).sqrt();
    radius * libm::cos(2.0 * std::f64::consts::PI * stream.unit())
}

#[cfg(test)]
mod tests {
    use super::phi;
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn phi_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 26.1; far out by 26.2.12.
        for (z, share) in
            [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (2.0, 0.977_249_868_051_821), (-5.0, 2.866_515_719e-7)]
        {
            assert!((phi(z) / share - 1.0).abs() < 1e-9, "{z}: {}", phi(z));
        }
    }

    #[test]
    fn far_from_0_it_is_the_whole_curve() {
        let model = r#"{ normal = { mean = "60ms", stddev = "6ms" } }"#;
        moments(model, 60e6, 36e12);
        let points: Vec<_> = [-2.0, -1.0, 0.0, 0.5, 2.3263].map(|z| (60e6 + 6e6 * z, phi(z))).into();
        share_below(model, &points);
        follows_its_cdf(model);
        mistake(r#"{ normal = { mean = "60ms" } }"#, "add `stddev = …`");
        mistake(r#"{ normal = { mean = "60ms", stddev = "1ms", std = 1 } }"#, "did you mean `stddev`?");
    }

    #[test]
    fn near_0_it_is_the_truncated_curve() {
        let model = r#"{ normal = { mean = "10ms", stddev = "10ms" } }"#;
        // Mean μ + σ φ(1)/Φ(1) and variance σ² (1 − φ(1)/Φ(1) − (φ(1)/Φ(1))²), for α = −μ/σ = −1.
        let ratio = libm::exp(-0.5) / (2.0 * std::f64::consts::PI).sqrt() / phi(1.0);
        moments(model, 10e6 + 10e6 * ratio, 100e12 * (1.0 - ratio - ratio * ratio));
        let points: Vec<_> =
            [-1.0, 0.0, 1.0, 2.0].map(|z| (10e6 + 10e6 * z, (phi(z) - phi(-1.0)) / phi(1.0))).into();
        share_below(model, &points);
        follows_its_cdf(model);
    }
}
