//! What no load can exceed, and where the line of an idle target crosses what a busy one gives.
//!
//! X ≤ min(N / (R_min + Z), 1 / D_max) and R ≥ max(R_min, N · D_max − Z) (Lazowska, Zahorjan, Graham, Sevcik: Quantitative
//! System Performance, 1984, chapter 5). It must not know how anything is shown.

use super::{Law, LoadPoint};

/// Where the load asks for this much more than comes out, the target is taken to be saturated.
const SATURATED_RATIO: f64 = 1.25;
/// A rate below the line by less than this share of it, or by fewer standard errors than the next, is still on it.
const OFF_RATIO_MIN: f64 = 0.05;
/// One step of many should not leave the line by chance.
const OFF_ERRORS_MIN: f64 = 4.0;

/// What bounds the rate.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Bounds {
    /// The mean time of an answer under the least load: R_min, in s.
    pub time_s_min: f64,
    /// What a user waits between its requests, over the steps: Z, in s.
    pub think_s: f64,
    /// The most answers a second, 1 / D_max: the law's, or else what was measured of a saturated target. `None` where the
    /// target kept up with all that was offered.
    pub most_per_s: Option<f64>,
}

/// Where the target begins to fall behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knee {
    /// Users at which the line of an idle target crosses the most that a busy one gives: N* = (R_min + Z) / D_max.
    pub users: Option<f64>,
    /// The first step whose rate lies below that line by more than chance explains, and its users.
    pub left_line_at: Option<(String, u32)>,
}

impl Bounds {
    /// At most so many answers a second for `users` users who think for `think_s`.
    pub fn rate_per_s_max(&self, users: f64, think_s: f64) -> f64 {
        self.most_per_s.unwrap_or(f64::INFINITY).min(users / (self.time_s_min + think_s))
    }

    /// At least so long a mean time, in s, for `users` users.
    pub fn time_s_min(&self, users: f64) -> f64 {
        let busy = self.most_per_s.map_or(0.0, |most| users / most - self.think_s);
        self.time_s_min.max(busy)
    }
}

/// The bounds; `None` without points.
pub(crate) fn bounds(points: &[LoadPoint], law: Option<&Law>) -> Option<Bounds> {
    let (first, last) = (points.first()?, points.last()?);
    let measured = points.iter().map(|point| point.rate_per_s).fold(0.0, f64::max);
    let is_saturated = last.line_per_s(first.time_s) > SATURATED_RATIO * last.rate_per_s && points.len() > 1;
    // A law that promises far more than was seen is not what bounds what was seen.
    let promised = law.and_then(Law::most_per_s).filter(|most| is_saturated && *most < 2.0 * measured);
    let most_per_s = is_saturated.then(|| promised.unwrap_or(measured).max(measured));
    let think_s = points.iter().map(|point| point.think_s).sum::<f64>() / points.len() as f64;
    Some(Bounds { time_s_min: first.time_s, think_s, most_per_s })
}

/// The knee of these bounds.
pub(crate) fn knee(points: &[LoadPoint], bounds: Option<&Bounds>) -> Knee {
    let users = bounds.and_then(|bounds| Some((bounds.time_s_min + bounds.think_s) * bounds.most_per_s?));
    let Some(first) = points.first() else { return Knee::default() };
    let is_off = |point: &&LoadPoint| {
        let line = point.line_per_s(first.time_s);
        let error = |time_error_s: f64| time_error_s / (point.time_s + point.think_s);
        let errors = error(first.time_error_s).hypot(error(point.time_error_s));
        let off = 1.0 - point.rate_per_s / line;
        off > OFF_RATIO_MIN && off > OFF_ERRORS_MIN * errors
    };
    let left = points.iter().skip(1).find(is_off);
    Knee { users, left_line_at: left.map(|point| (point.step.clone(), point.users)) }
}
