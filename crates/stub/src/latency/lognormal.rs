//! Log-normal by median and 99th percentile: `{ lognormal = { median = "20ms", p99 = "60ms" } }`.
//!
//! exp(µ + σ Z) with µ = ln median and σ = (ln p99 − ln median) / z₉₉, z₉₉ = Φ⁻¹(0.99)
//! (Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*, volume 1, chapter 14).

use wire::{Stream, Value};

use super::need_ns;
use super::normal::{phi, standard_normal};

/// Φ⁻¹(0.99).
const Z_99: f64 = 2.326_347_874_040_841;

/// Median and the deviation of the logarithm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lognormal {
    median_ns: f64,
    sigma: f64,
}

impl Lognormal {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let (median, p99) = value.table(|table| (need_ns(table, "median"), need_ns(table, "p99")))?;
        let (median_ns, p99_ns) = (median?, p99?);
        if median_ns <= 0.0 || p99_ns <= median_ns {
            value.mistake("is no log-normal", "give a median above 0 and a p99 above the median");
            return None;
        }
        Some(Self { median_ns, sigma: libm::log(p99_ns / median_ns) / Z_99 })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        self.median_ns * libm::exp(self.sigma * standard_normal(stream))
    }

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        if ns <= 0.0 { 0.0 } else { phi(libm::log(ns / self.median_ns) / self.sigma) }
    }
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn moments_and_quantiles_are_the_analytic_ones() {
        let model = r#"{ lognormal = { median = "20ms", p99 = "60ms" } }"#;
        let variance_of_log = (libm::log(3.0) / 2.326_348).powi(2);
        let mean = 20e6 * libm::exp(variance_of_log / 2.0);
        moments(model, mean, mean * mean * (libm::exp(variance_of_log) - 1.0));
        share_below(model, &[(20e6 / 3.0, 0.01), (20e6, 0.5), (60e6, 0.99)]);
        follows_its_cdf(model);
        for (median, p99) in [("20ms", "20ms"), ("20ms", "10ms"), ("0s", "1ms")] {
            mistake(
                &format!("{{ lognormal = {{ median = \"{median}\", p99 = \"{p99}\" }} }}"),
                "p99 above the median",
            );
        }
    }
}
