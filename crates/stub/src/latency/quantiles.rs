//! A table of measured quantiles: `{ quantiles = [[0.0, "1ms"], [0.5, "2ms"], [1.0, "9ms"]] }`.
//!
//! Inverse transform over the piecewise linear quantile function: U is looked up between its two
//! neighbours and interpolated (Law, *Simulation Modeling and Analysis*, 5th edition, 8.3.16).

use std::time::Duration;

use wire::{Stream, Value};

use super::nanos;

const POINTS_MAX: usize = 10_000;

/// Points (share, delay), rising in both, from share 0 to share 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantiles {
    points: Vec<(f64, f64)>,
}

impl Quantiles {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let points: Option<Vec<_>> = value.items().iter().map(point).collect();
        let points = points?;
        let ends = points.first().is_some_and(|p| p.0 == 0.0) && points.last().is_some_and(|p| p.0 == 1.0);
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        if !ends || !rising || points.len() > POINTS_MAX {
            value.mistake(
                "is no quantile table",
                "give at most 10000 pairs that rise in both columns, the first share 0.0, the last 1.0",
            );
            return None;
        }
        Some(Self { points })
    }

    pub(super) fn draw_ns(&self, stream: &mut Stream) -> f64 {
        let share = stream.unit();
        let above = self.points.partition_point(|point| point.0 <= share);
        let (low, high) = (self.points[above - 1], self.points[above]);
        low.1 + (high.1 - low.1) * (share - low.0) / (high.0 - low.0)
    }

    /// The table read the other way; where several shares have one delay, the greatest counts.
    pub(super) fn cdf(&self, ns: f64) -> f64 {
        let above = self.points.partition_point(|point| point.1 <= ns);
        if above == 0 || above == self.points.len() {
            return if above == 0 { 0.0 } else { 1.0 };
        }
        let (low, high) = (self.points[above - 1], self.points[above]);
        low.0 + (high.0 - low.0) * (ns - low.1) / (high.1 - low.1)
    }
}

fn point(value: &Value<'_>) -> Option<(f64, f64)> {
    let pair = value.items();
    let [share, delay] = &pair[..] else {
        value.mistake("is no pair", "give a share and a duration, such as [0.5, \"2ms\"]");
        return None;
    };
    Some((share.read()?, nanos(delay.read::<Duration>()?)))
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{follows_its_cdf, mistake, moments, share_below};

    #[test]
    fn the_table_comes_back() {
        let model = r#"{ quantiles = [[0.0, "1ms"], [0.5, "2ms"], [0.9, "4ms"], [1.0, "9ms"]] }"#;
        share_below(model, &[(1e6, 0.0), (1.5e6, 0.25), (2e6, 0.5), (3e6, 0.7), (4e6, 0.9), (9.1e6, 1.0)]);
        // Each piece is uniform: its mean is its middle, its second moment (a² + ab + b²) / 3.
        let pieces = [(0.5, 1e6, 2e6), (0.4, 2e6, 4e6), (0.1, 4e6, 9e6)];
        let mean: f64 = pieces.iter().map(|(p, a, b)| p * (a + b) / 2.0).sum();
        let square: f64 = pieces.iter().map(|(p, a, b)| p * (a * a + a * b + b * b) / 3.0).sum();
        moments(model, mean, square - mean * mean);
        follows_its_cdf(model);
        follows_its_cdf(r#"{ quantiles = [[0.0, "1ms"], [0.3, "2ms"], [0.6, "2ms"], [1.0, "9ms"]] }"#);
    }

    #[test]
    fn tables_that_do_not_rise_are_refused() {
        for table in [
            r#"[]"#,
            r#"[[0.0, "1ms"], [0.9, "2ms"]]"#,
            r#"[[0.1, "1ms"], [1.0, "2ms"]]"#,
            r#"[[0.0, "3ms"], [1.0, "2ms"]]"#,
            r#"[[0.0, "1ms"], [0.5, "2ms"], [0.5, "3ms"], [1.0, "4ms"]]"#,
        ] {
            mistake(&format!("{{ quantiles = {table} }}"), "rise in both columns");
        }
        mistake(r#"{ quantiles = [[0.0], [1.0, "2ms"]] }"#, "give a share and a duration");
    }
}
