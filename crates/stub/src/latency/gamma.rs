//! Gamma by shape and mean: `{ gamma = { shape = 2.0, mean = "30ms" } }`.
//!
//! Marsaglia and Tsang, *A Simple Method for Generating Gamma Variables*, ACM TOMS 26 (2000): for
//! shape k ≥ 1 it accepts d v with d = k − 1/3, c = 1/√(9 d), v = (1 + c x)³, x normal; for k < 1 a draw
//! of shape k + 1 is multiplied by U^(1/k). Mean k θ and variance k θ², so that θ = mean / k.

use wire::{Stream, Value};

use super::need_ns;
use super::normal::standard_normal;

/// Tries that may be refused in a row: each is accepted with more than 95 %.
const TRIES_MAX: u32 = 64;
/// Least and greatest shape: below, all but a few draws are 0; above, it is a fixed delay.
const SHAPES: std::ops::RangeInclusive<f64> = 0.01..=1e6;

/// Shape and scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gamma {
    shape: f64,
    scale_ns: f64,
}

impl Gamma {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let (shape, mean_ns) = value.table(|table| {
            let shape = table.need_value("shape").and_then(|shape| {
                let number: f64 = shape.read()?;
                if !SHAPES.contains(&number) {
                    shape.mistake("is out of range", "give a shape from 0.01 to 1000000");
                    return None;
                }
                Some(number)
            });
            (shape, need_ns(table, "mean"))
        })?;
        Some(Self { shape: shape?, scale_ns: mean_ns? / shape? })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        let unscaled = if self.shape >= 1.0 {
            at_least_1(self.shape, stream)
        } else {
            at_least_1(self.shape + 1.0, stream) * libm::pow(stream.unit_open(), 1.0 / self.shape)
        };
        unscaled * self.scale_ns
    }
}

fn at_least_1(shape: f64, stream: &mut Stream) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    for _ in 0..TRIES_MAX {
        let x = standard_normal(stream);
        let root = 1.0 + c * x;
        let v = root * root * root;
        if v > 0.0 && libm::log(stream.unit_open()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{mistake, moments, share_below};

    #[test]
    fn moments_are_the_analytic_ones() {
        for shape in [0.5, 1.0, 2.0, 7.5] {
            moments(&format!("{{ gamma = {{ shape = {shape:?}, mean = \"30ms\" }} }}"), 30e6, 900e12 / shape);
        }
        mistake(r#"{ gamma = { shape = 0, mean = "30ms" } }"#, "give a shape from");
    }

    #[test]
    fn quantiles_are_those_of_closed_forms() {
        // Shape 2 (Erlang): 1 − e^(−x/θ) (1 + x/θ). Shape 1/2: erf(√(x/θ)).
        let erlang = |t: f64| (15e6 * t, 1.0 - libm::exp(-t) * (1.0 + t));
        share_below(r#"{ gamma = { shape = 2.0, mean = "30ms" } }"#, &[0.3, 1.0, 2.0, 6.0].map(erlang));
        let half = |t: f64| (60e6 * t, libm::erf(t.sqrt()));
        share_below(r#"{ gamma = { shape = 0.5, mean = "30ms" } }"#, &[0.01, 0.2, 1.0, 3.0].map(half));
    }
}
