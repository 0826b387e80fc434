//! An estimated change with what chance allows: interval, p-value, the smallest change that could be seen, verdict.
//! It must not know what changed.

use serde::Serialize;

use crate::compare::chance::{two_sided_p, two_sided_t};
use crate::compare::stratified::Spread;

/// What is shown are 95 % intervals.
pub(crate) const INTERVAL_LEVEL: f64 = 0.05;

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// B is better than A by more than chance explains.
    Better,
    /// B is worse than A by more than chance explains.
    Worse,
    /// The interval of the change lies within the margin.
    Same,
    /// Neither: the runs are too short, or too noisy, to tell.
    CannotTell,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// How a change is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// B ÷ A − 1.
    Ratio,
    /// B − A, of shares from 0 to 1.
    Difference,
}

/// A change from A to B. All of it is on one scale, but for `p` and `effect_size`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// How it is measured.
    pub scale: Scale,
    /// The change.
    pub change: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The chance of a change like this, to either side, if there were none.
    pub p: f64,
    /// The smallest change that would have been found in 97.5 of 100 pairs of runs, at the level that decides here.
    pub detectable: f64,
    /// The change in standard deviations: see the field it is of.
    pub effect_size: f64,
}

/// A change on the scale on which it is estimated: the logarithm of a ratio, or a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) scale: Scale,
    pub(crate) value: f64,
    pub(crate) error: f64,
    pub(crate) freedom: f64,
    pub(crate) effect_size: f64,
}

impl Estimate {
    pub(crate) fn new(scale: Scale, value: f64, spread: Spread, error_min: f64) -> Self {
        let error = spread.variance.sqrt().max(error_min);
        Self { scale, value, error, freedom: spread.freedom, effect_size: 0.0 }
    }

    /// In multiples of `deviation`.
    pub(crate) fn with_effect(self, deviation: f64) -> Self {
        let effect_size = if deviation > 0.0 { self.value / deviation } else { 0.0 };
        Self { effect_size, ..self }
    }

    pub(crate) fn p(&self) -> f64 {
        if self.error > 0.0 { two_sided_p(self.value / self.error, self.freedom) } else { 1.0 }
    }

    /// Half the width of the 95 % interval.
    pub(crate) fn half_width(&self) -> f64 {
        two_sided_t(INTERVAL_LEVEL, self.freedom) * self.error
    }

    /// A change that is found at `level` and is no larger has an interval that reaches no further than this; one
    /// as large as this is found in 97.5 of 100 cases.
    pub(crate) fn detectable(&self, level: f64) -> f64 {
        two_sided_t(level, self.freedom) * self.error + self.half_width()
    }

    pub(crate) fn within(&self, margin: f64) -> bool {
        self.value.abs() + self.half_width() <= margin
    }

    /// As shown, for a test at `level`.
    pub(crate) fn shown(&self, level: f64) -> Change {
        let width = self.half_width();
        let shown = |value: f64| match self.scale {
            Scale::Ratio => libm::expm1(value.clamp(-20.0, 20.0)),
            Scale::Difference => value.clamp(-1.0, 1.0),
        };
        Change {
            scale: self.scale,
            change: shown(self.value),
            low: shown(self.value - width),
            high: shown(self.value + width),
            p: self.p(),
            detectable: shown(self.detectable(level)),
            effect_size: self.effect_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    /// Where as small a change as the margin could have been seen, there is a verdict: found, or within the margin.
    #[test]
    fn what_can_be_seen_is_told() {
        let (mut draw, margin, level) = (Draw(1), libm::log1p(0.05), 0.03);
        let mut told = 0;
        for _ in 0..2_000 {
            let spread = Spread { variance: draw.unit() * 4e-4, freedom: 1.0 + 80.0 * draw.unit() };
            let estimate = Estimate::new(Scale::Ratio, 0.2 * (draw.unit() - 0.5), spread, 0.0);
            if estimate.shown(level).detectable <= 0.05 {
                told += 1;
                assert!(estimate.p() < level || estimate.within(margin), "{estimate:?}");
            }
        }
        assert!(told > 100, "{told}");
    }

    #[test]
    fn a_change_and_its_interval_are_shown_on_one_scale() {
        let spread = Spread { variance: 1e-4, freedom: 1e9 };
        let shown = |scale| Estimate::new(scale, 0.1, spread, 0.0).shown(0.05);
        let check = |change: Change, expected: [f64; 3]| {
            for (got, expected) in [change.change, change.low, change.high].into_iter().zip(expected) {
                assert!((got - expected).abs() < 1e-4, "{got} is not {expected}");
            }
        };
        check(shown(Scale::Difference), [0.1, 0.080_4, 0.119_6]);
        check(shown(Scale::Ratio), [0.105_2, 0.083_7, 0.127_0]);
    }
}
