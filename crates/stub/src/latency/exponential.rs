//! Exponential by mean: `{ exponential = { mean = "10ms" } }`.
//!
//! Inverse transform: −mean ln U with U uniform in (0, 1]; variance mean² (Devroye 1986, II.2).

use wire::{Stream, Value};

use super::need_ns;

/// The mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exponential {
    mean_ns: f64,
}

impl Exponential {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        Some(Self { mean_ns: value.table(|table| need_ns(table, "mean"))?? })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        -self.mean_ns * libm::log(stream.unit_open())
    }

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        if ns < 0.0 || self.mean_ns == 0.0 {
            return if ns < 0.0 { 0.0 } else { 1.0 };
        }
        -libm::expm1(-ns / self.mean_ns)
    }
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn moments_and_quantiles_are_the_analytic_ones() {
        let model = r#"{ exponential = { mean = "10ms" } }"#;
        moments(model, 10e6, 100e12);
        share_below(model, &[0.1, 0.7, 1.0, 4.6].map(|t: f64| (10e6 * t, 1.0 - libm::exp(-t))));
        follows_its_cdf(model);
        follows_its_cdf(r#"{ exponential = { mean = "3us" } }"#);
        // A third of it is beyond the bound.
        follows_its_cdf(r#"{ exponential = { mean = "1h" } }"#);
        mistake(r#"{ exponential = { median = "10ms" } }"#, "add `mean = …`");
    }
}
