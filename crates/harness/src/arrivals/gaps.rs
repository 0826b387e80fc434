//! The gaps between arrivals as uniform numbers, for a test of fit. It must not know who judges them.

use super::Curve;

/// Turns one worker's moments of sending into `measure::GapsRecord`'s numbers.
#[derive(Clone, Debug)]
pub(crate) struct Gaps {
    curve: Curve,
    /// The worker's share of the arrivals.
    share: f64,
    /// Λ at the moment before.
    mean: f64,
}

impl Gaps {
    pub(crate) fn new(curve: Curve, share: f64) -> Self {
        Self { curve, share, mean: 0.0 }
    }

    /// u = 1 − exp(−p·(Λ(s) − Λ(before))), of a moment in nanoseconds since the step's start.
    pub(crate) fn next(&mut self, sent_ns: u64) -> f64 {
        let mean = self.curve.mean_until(sent_ns as f64 / 1e9);
        let grown = std::mem::replace(&mut self.mean, mean);
        -libm::expm1(-self.share * (mean - grown).max(0.0))
    }
}
