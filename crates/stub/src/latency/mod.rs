//! Models of an agent's delay, one file a model. A draw is a pure function of the stream it is given.
//!
//! Only `libm` and exact arithmetic are used, so that a seed means the same on every platform.
//! They must not know agents, requests or clocks.

mod exponential;
mod fixed;
mod gamma;
mod lognormal;
mod normal;
mod quantiles;
#[cfg(test)]
mod support;
mod uniform;

use wire::{Stream, Value};

use exponential::Exponential;
use fixed::Fixed;
use gamma::Gamma;
use lognormal::Lognormal;
use normal::Normal;
use quantiles::Quantiles;
use uniform::Uniform;

/// No drawn delay is longer: one hour.
pub(crate) const DELAY_NS_MAX: u64 = 3_600_000_000_000;

/// How long an agent takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LatencyModel {
    /// Always the same.
    Fixed(Fixed),
    /// Evenly between two bounds.
    Uniform(Uniform),
    /// Normal, without its negative part.
    Normal(Normal),
    /// Log-normal by median and 99th percentile.
    Lognormal(Lognormal),
    /// Gamma by shape and mean.
    Gamma(Gamma),
    /// Exponential by mean.
    Exponential(Exponential),
    /// A table of measured quantiles.
    Quantiles(Quantiles),
}

const NAMES: [&str; 7] = ["fixed", "uniform", "normal", "lognormal", "gamma", "exponential", "quantiles"];

impl LatencyModel {
    /// No delay at all.
    pub(crate) const NONE: Self = Self::Fixed(Fixed::NONE);

    /// Always one millisecond.
    pub(crate) const MILLISECOND: Self = Self::Fixed(Fixed::MILLISECOND);

    /// Reads `{ fixed = "5ms" }` and its like.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        let (name, value) = value.table(|table| table.variant(&NAMES))??;
        match name.as_str() {
            "fixed" => Fixed::read(&value).map(Self::Fixed),
            "uniform" => Uniform::read(&value).map(Self::Uniform),
            "normal" => Normal::read(&value).map(Self::Normal),
            "lognormal" => Lognormal::read(&value).map(Self::Lognormal),
            "gamma" => Gamma::read(&value).map(Self::Gamma),
            "exponential" => Exponential::read(&value).map(Self::Exponential),
            "quantiles" => Quantiles::read(&value).map(Self::Quantiles),
            other => unreachable!("`variant` let `{other}` through"),
        }
    }

    /// One delay in nanoseconds, at most [`DELAY_NS_MAX`].
    pub(crate) fn draw_ns(&self, stream: &mut Stream) -> u64 {
        let delay_ns = match self {
            Self::Fixed(model) => model.draw_ns(),
            Self::Uniform(model) => model.draw_ns(stream),
            Self::Normal(model) => model.draw_ns(stream),
            Self::Lognormal(model) => model.draw_ns(stream),
            Self::Gamma(model) => model.draw_ns(stream),
            Self::Exponential(model) => model.draw_ns(stream),
            Self::Quantiles(model) => model.draw_ns(stream),
        };
        capped_ns(delay_ns)
    }
}

/// A delay as whole nanoseconds between 0 and the longest.
pub(crate) fn capped_ns(delay_ns: f64) -> u64 {
    // `as` saturates: a negative number or NaN becomes 0.
    (delay_ns.round() as u64).min(DELAY_NS_MAX)
}

/// A duration read under `key` of a model's table, in nanoseconds.
fn need_ns(table: &mut wire::Table<'_>, key: &'static str) -> Option<f64> {
    table.need::<std::time::Duration>(key).map(nanos)
}

fn nanos(duration: std::time::Duration) -> f64 {
    duration.as_nanos() as f64
}
