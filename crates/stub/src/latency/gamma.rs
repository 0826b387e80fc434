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

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        if self.scale_ns == 0.0 {
            return if ns < 0.0 { 0.0 } else { 1.0 };
        }
        incomplete(self.shape, ns / self.scale_ns)
    }
}

/// The regularised lower incomplete gamma function P(a, x): below a + 1 by its series, above by the continued fraction
/// of the rest, evaluated from the front (Press et al., *Numerical Recipes*, 3rd edition, 6.2; Lentz's method 5.2).
fn incomplete(a: f64, x: f64) -> f64 {
    /// Terms needed grow with √a; for the greatest shape these are enough.
    const TERMS_MAX: u32 = 100_000;
    const TINY: f64 = 1e-300;
    if x <= 0.0 {
        return 0.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..TERMS_MAX {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return (front * sum).min(1.0);
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / b);
    let mut fraction = d;
    for n in 1..TERMS_MAX {
        let factor = -f64::from(n) * (f64::from(n) - a);
        b += 2.0;
        d = 1.0 / nonzero(factor * d + b, TINY);
        c = nonzero(b + factor / c, TINY);
        fraction *= d * c;
        if (d * c - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    (1.0 - front * fraction).clamp(0.0, 1.0)
}

fn nonzero(number: f64, tiny: f64) -> f64 {
    if number.abs() < tiny { tiny } else { number }
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
    use super::incomplete;
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn the_incomplete_function_is_that_of_closed_forms() {
        // P(1, x) = 1 − e⁻ˣ, P(½, x) = erf √x, P(n, x) = 1 − e⁻ˣ Σ xⁱ/i! for whole n: DLMF 8.4.
        for x in [1e-6, 0.1, 0.9, 1.5, 2.0, 5.0, 7.4, 20.0, 60.0] {
            let mut term = 1.0;
            let poisson: f64 = (1..=7)
                .map(|i| {
                    let now = term;
                    term *= x / f64::from(i);
                    now
                })
                .sum();
            for (a, right) in
                [(1.0, -libm::expm1(-x)), (0.5, libm::erf(x.sqrt())), (7.0, 1.0 - libm::exp(-x) * poisson)]
            {
                let got = incomplete(a, x);
                assert!((got - right).abs() < 1e-13, "P({a}, {x}) = {got}, not {right}");
            }
        }
        // Of a great shape half lies below about a − 1/3, with errors of the order of 1/a (DLMF 8.10.13).
        assert!((incomplete(1e6, 1e6 - 1.0 / 3.0) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn moments_are_the_analytic_ones() {
        for shape in [0.5, 1.0, 2.0, 7.5] {
            moments(&format!("{{ gamma = {{ shape = {shape:?}, mean = \"30ms\" }} }}"), 30e6, 900e12 / shape);
        }
        for shape in [0.05, 0.5, 1.0, 7.5, 100.0, 1e6] {
            follows_its_cdf(&format!("{{ gamma = {{ shape = {shape:?}, mean = \"30ms\" }} }}"));
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
