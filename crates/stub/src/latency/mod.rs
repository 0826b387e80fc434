//! Models of an agent's delay, one file a model. A draw is a pure function of the stream it is given.
//!
//! Only `libm` and exact arithmetic are used, so that a seed means the same on every platform.
//! They must not know agents, requests or clocks.

mod exponential;
mod fit;
mod fixed;
mod gamma;
mod lognormal;
mod mixture;
mod normal;
mod pareto;
mod quantiles;
#[cfg(test)]
mod support;
mod uniform;

use wire::{Stream, Value};

use exponential::Exponential;
pub(crate) use fit::{Fit, fit};
use fixed::Fixed;
use gamma::Gamma;
use lognormal::Lognormal;
use mixture::Mixture;
use normal::Normal;
use pareto::Pareto;
use quantiles::Quantiles;
use uniform::Uniform;

/// No drawn delay is longer: one hour.
pub(crate) const DELAY_NS_MAX: u64 = 3_600_000_000_000;

/// One microsecond.
const TICK_NS: f64 = 1_000.0;

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
    /// Pareto between its scale and a greatest value.
    Pareto(Pareto),
    /// A table of measured quantiles.
    Quantiles(Quantiles),
    /// One of several by weight.
    Mixture(Mixture),
}

const NAMES: [&str; 9] =
    ["fixed", "uniform", "normal", "lognormal", "gamma", "exponential", "pareto", "quantiles", "mixture"];

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
            "pareto" => Pareto::read(&value).map(Self::Pareto),
            "quantiles" => Quantiles::read(&value).map(Self::Quantiles),
            "mixture" => Mixture::read(&value).map(Self::Mixture),
            other => unreachable!("`variant` let `{other}` through"),
        }
    }

    /// One delay in nanoseconds: whole microseconds, at most [`DELAY_NS_MAX`].
    pub(crate) fn draw_ns(&self, stream: &mut Stream) -> u64 {
        capped_ns(self.draw(stream))
    }

    /// One delay as the model has it.
    fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Fixed(model) => model.draw_ns(),
            Self::Uniform(model) => model.draw_ns(stream),
            Self::Normal(model) => model.draw_ns(stream),
            Self::Lognormal(model) => model.draw_ns(stream),
            Self::Gamma(model) => model.draw_ns(stream),
            Self::Exponential(model) => model.draw_ns(stream),
            Self::Pareto(model) => model.draw_ns(stream),
            Self::Quantiles(model) => model.draw_ns(stream),
            Self::Mixture(model) => model.draw_ns(stream),
        }
    }

    /// The share of delays of at most so many nanoseconds, as the model has it: not rounded, and without the bound.
    pub(crate) fn cdf(&self, ns: f64) -> f64 {
        match self {
            Self::Fixed(model) => model.cdf(ns),
            Self::Uniform(model) => model.cdf(ns),
            Self::Normal(model) => model.cdf(ns),
            Self::Lognormal(model) => model.cdf(ns),
            Self::Gamma(model) => model.cdf(ns),
            Self::Exponential(model) => model.cdf(ns),
            Self::Pareto(model) => model.cdf(ns),
            Self::Quantiles(model) => model.cdf(ns),
            Self::Mixture(model) => model.cdf(ns),
        }
    }

    /// The shares of drawn delays below and up to a whole microsecond, of which `ns` is one: what lies half a
    /// microsecond around it was rounded to it, and what lies beyond [`DELAY_NS_MAX`] was drawn as that.
    pub(crate) fn drawn_shares(&self, ns: u64) -> (f64, f64) {
        // So little is no more than a half of what the next greater or smaller delay is away.
        const SPECK_NS: f64 = 1e-3;
        let (low, high) = (ns as f64 - TICK_NS / 2.0, ns as f64 + TICK_NS / 2.0);
        let below = if ns == 0 { 0.0 } else { self.cdf(low - SPECK_NS) };
        (below, if ns >= DELAY_NS_MAX { 1.0 } else { self.cdf(high - SPECK_NS) })
    }

    /// Whether it takes a few values only, so that a distribution has little to say of it.
    pub(crate) fn is_fixed(&self) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Mixture(model) => model.is_fixed(),
            _ => false,
        }
    }
}

/// A delay as nanoseconds between 0 and the longest, in whole microseconds: so long is a tick of virtual time, where
/// delays are exact.
pub(crate) fn capped_ns(delay_ns: f64) -> u64 {
    // `as` saturates: a negative number or NaN becomes 0.
    ((delay_ns / TICK_NS).round() as u64).min(DELAY_NS_MAX / 1_000) * 1_000
}

/// A duration read under `key` of a model's table, in nanoseconds.
fn need_ns(table: &mut wire::Table<'_>, key: &'static str) -> Option<f64> {
    table.need::<std::time::Duration>(key).map(nanos)
}

fn nanos(duration: std::time::Duration) -> f64 {
    duration.as_nanos() as f64
}
