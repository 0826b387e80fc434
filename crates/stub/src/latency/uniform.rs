//! Evenly between two bounds: `{ uniform = ["1ms", "5ms"] }`.
//!
//! Inverse transform: low + U (high − low) with U uniform in [0, 1); mean (low + high) / 2,
//! variance (high − low)² / 12 (Devroye, *Non-Uniform Random Variate Generation*, 1986, II.2).

use std::time::Duration;

use wire::{Stream, Value};

use super::nanos;

/// The two bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Uniform {
    low_ns: f64,
    high_ns: f64,
}

impl Uniform {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let bounds: Vec<Duration> = value.read()?;
        match bounds[..] {
            [low, high] if low <= high => Some(Self { low_ns: nanos(low), high_ns: nanos(high) }),
            _ => {
                value.mistake("is no pair of bounds", "give two durations, the lower one first");
                None
            }
        }
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        self.low_ns + stream.unit() * (self.high_ns - self.low_ns)
    }

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        if ns < self.low_ns {
            0.0
        } else if ns >= self.high_ns {
            1.0
        } else {
            (ns - self.low_ns) / (self.high_ns - self.low_ns)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn moments_and_quantiles_are_the_analytic_ones() {
        let model = r#"{ uniform = ["1ms", "5ms"] }"#;
        moments(model, 3e6, 16e12 / 12.0);
        share_below(model, &[(1e6, 0.0), (1.4e6, 0.1), (3e6, 0.5), (4.96e6, 0.99), (5.1e6, 1.0)]);
        follows_its_cdf(model);
        follows_its_cdf(r#"{ uniform = ["0s", "9us"] }"#);
        mistake(r#"{ uniform = ["5ms", "1ms"] }"#, "the lower one first");
        mistake(r#"{ uniform = ["5ms"] }"#, "give two durations");
    }
}
