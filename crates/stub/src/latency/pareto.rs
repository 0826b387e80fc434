//! Pareto, truncated: `{ pareto = { scale = "5ms", shape = 1.5, max = "10s" } }`. Its tail is heavy: the longest of a
//! thousand delays is far longer than all others.
//!
//! Inverse transform of F(x) = (1 − (s/x)^a) / (1 − (s/m)^a) for s ≤ x ≤ m, with scale s, shape a and the greatest
//! value m: what lies above m is not heaped up there, but left out (Aban, Meerschaert and Panorska, *Parameter
//! Estimation for the Truncated Pareto Distribution*, JASA 101 (2006), equation 2).

use wire::{Stream, Value};

use super::{DELAY_NS_MAX, need_ns};

/// Least and greatest shape: below, nearly all is at the scale or at the greatest value; above, it is a fixed delay.
const SHAPES: std::ops::RangeInclusive<f64> = 0.05..=1e3;

/// Scale, shape, the greatest value, and how much of the whole curve lies below it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pareto {
    scale_ns: f64,
    shape: f64,
    max_ns: f64,
    below_max: f64,
}

impl Pareto {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let (scale, shape, max) = value.table(|table| {
            let shape = table.need_value("shape").and_then(|shape| {
                let number: f64 = shape.read()?;
                if !SHAPES.contains(&number) {
                    shape.mistake("is out of range", "give a shape from 0.05 to 1000");
                    return None;
                }
                Some(number)
            });
            (need_ns(table, "scale"), shape, need_ns(table, "max"))
        })?;
        let (scale_ns, shape, max_ns) = (scale?, shape?, max?);
        if scale_ns <= 0.0 || max_ns <= scale_ns || max_ns > DELAY_NS_MAX as f64 {
            value.mistake(
                "is no truncated Pareto",
                "give a scale above 0 and a max above the scale, at most 1h",
            );
            return None;
        }
        let below_max = 1.0 - libm::pow(scale_ns / max_ns, shape);
        Some(Self { scale_ns, shape, max_ns, below_max })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        let above = 1.0 - stream.unit() * self.below_max;
        self.scale_ns * libm::pow(above, -1.0 / self.shape)
    }

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        let ns = ns.clamp(self.scale_ns, self.max_ns);
        (1.0 - libm::pow(self.scale_ns / ns, self.shape)) / self.below_max
    }
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn moments_and_quantiles_are_the_analytic_ones() {
        for (shape, max_ms) in [(1.5, 10_000.0), (2.5, 200.0), (0.5, 100.0)] {
            let model =
                format!(r#"{{ pareto = {{ scale = "5ms", shape = {shape:?}, max = "{max_ms}ms" }} }}"#);
            let (scale, max) = (5e6, max_ms * 1e6);
            let ratio: f64 = scale / max;
            let whole = 1.0 - libm::pow(ratio, shape);
            // E[X^k] = a s^k (1 − (s/m)^(a−k)) / ((a − k) (1 − (s/m)^a)).
            let moment = |k: f64| {
                shape * libm::pow(scale, k) * (1.0 - libm::pow(ratio, shape - k)) / ((shape - k) * whole)
            };
            moments(&model, moment(1.0), moment(2.0) - moment(1.0) * moment(1.0));
            let share = |x: f64| (x, (1.0 - libm::pow(scale / x, shape)) / whole);
            share_below(&model, &[4.99e6, 6e6, 10e6, 50e6, 99e6].map(|x: f64| share(x.max(scale))));
            follows_its_cdf(&model);
        }
    }

    #[test]
    fn mistakes_are_told() {
        for text in [
            r#"{ scale = "5ms", shape = 1.5, max = "5ms" }"#,
            r#"{ scale = "0s", shape = 1.5, max = "5ms" }"#,
            r#"{ scale = "5ms", shape = 1.5, max = "2h" }"#,
        ] {
            mistake(&format!("{{ pareto = {text} }}"), "a max above the scale");
        }
        mistake(r#"{ pareto = { scale = "5ms", shape = 0, max = "1s" } }"#, "give a shape from");
        mistake(r#"{ pareto = { scale = "5ms", shape = 2 } }"#, "add `max = …`");
    }
}
