//! One of several models by weight, such as a hit and a miss:
//! `{ mixture = [{ weight = 9, model = { fixed = "5ms" } }, { weight = 1, model = { fixed = "80ms" } }] }`.
//!
//! Composition: the model is drawn by its weight, then the delay by the model; F = Σ wᵢ Fᵢ / Σ wᵢ
//! (Law, *Simulation Modeling and Analysis*, 5th edition, 8.2.2).

use wire::{Stream, Value};

use super::LatencyModel;

const MODELS_MAX: usize = 100;
const WEIGHT_MAX: f64 = 1e9;

/// Models, each with its share of all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mixture {
    parts: Vec<(f64, LatencyModel)>,
}

impl Mixture {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let items = value.items();
        if value.is_array() && !(1..=MODELS_MAX).contains(&items.len()) {
            value.mistake("is no mixture", "give 1 to 100 tables with weight and model");
        }
        let parts: Vec<_> = items
            .iter()
            .map(|item| {
                item.table(|table| {
                    let weight = table.need_value("weight").and_then(|weight| {
                        let number: f64 = weight.read()?;
                        if number <= 0.0 || number > WEIGHT_MAX {
                            weight.mistake("is out of range", "give a weight above 0, at most 1000000000");
                            return None;
                        }
                        Some(number)
                    });
                    let model = table.need_value("model").and_then(|model| LatencyModel::read(&model));
                    Some((weight?, model?))
                })?
            })
            .collect::<Option<_>>()?;
        let sum: f64 = parts.iter().map(|(weight, _)| weight).sum();
        Some(Self { parts: parts.into_iter().map(|(weight, model)| (weight / sum, model)).collect() })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        let mut left = stream.unit();
        for (share, model) in &self.parts {
            left -= share;
            if left < 0.0 {
                return model.draw(stream);
            }
        }
        // The shares come to 1 but for rounding.
        self.parts.last().map_or(0.0, |(_, model)| model.draw(stream))
    }

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        self.parts.iter().map(|(share, model)| share * model.cdf(ns)).sum()
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.parts.iter().all(|(_, model)| model.is_fixed())
    }
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{draws, follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn shares_are_those_of_the_weights() {
        let model = r#"{ mixture = [{ weight = 9, model = { fixed = "5ms" } }, { weight = 1.0, model = { fixed = "80ms" } }] }"#;
        assert!(draws(model).iter().all(|ns| [5_000_000, 80_000_000].contains(ns)));
        share_below(model, &[(4e6, 0.0), (6e6, 0.9), (81e6, 1.0)]);
        // Mean 12.5 ms; E[X²] = 0.9 · 25 + 0.1 · 6400.
        moments(model, 12.5e6, (0.9 * 25.0 + 640.0 - 12.5 * 12.5) * 1e12);
        follows_its_cdf(model);
    }

    #[test]
    fn parts_may_be_anything() {
        let model = r#"{ mixture = [
            { weight = 6, model = { uniform = ["1ms", "3ms"] } },
            { weight = 3, model = { mixture = [{ weight = 1, model = { exponential = { mean = "9ms" } } }] } },
            { weight = 1, model = { normal = { mean = "50ms", stddev = "5ms" } } },
        ] }"#;
        let mean = 0.6 * 2.0 + 0.3 * 9.0 + 0.1 * 50.0;
        let square = 0.6 * (4.0 + 4.0 / 12.0) + 0.3 * 162.0 + 0.1 * (2_500.0 + 25.0);
        moments(model, mean * 1e6, (square - mean * mean) * 1e12);
        follows_its_cdf(model);
    }

    #[test]
    fn mistakes_are_told() {
        mistake("{ mixture = [] }", "give 1 to 100 tables");
        mistake("{ mixture = 5 }", "give an array");
        mistake(r#"{ mixture = [{ weight = 0, model = { fixed = "1ms" } }] }"#, "a weight above 0");
        mistake(r#"{ mixture = [{ model = { fixed = "1ms" } }] }"#, "add `weight = …`");
        mistake(r#"{ mixture = [{ weight = 1, modle = { fixed = "1ms" } }] }"#, "did you mean `model`?");
        mistake("{ mixture = [{ weight = 1, model = { fixed = 1 } }] }", "give a duration");
    }
}
