//! The figures that a threshold can bound, their words and units. It must not know how they are gathered.

use serde::{Deserialize, Serialize};

use crate::histogram::Quantile;

/// What a threshold bounds. Times are of successes, those that the step shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ThresholdFigure {
    /// A percentile of the times, by nearest rank; ms.
    Percentile(Quantile),
    /// The mean of the times, ms.
    Mean,
    /// The greatest time, ms.
    Max,
    /// The least time, ms.
    Min,
    /// Failures among the requests that ended, 0 to 1.
    FailureRatio,
    /// Throttled requests among those that ended, 0 to 1.
    ThrottledRatio,
    /// Successes a second.
    Rps,
    /// Failures.
    Failures,
}

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureUnit {
    /// Milliseconds.
    Ms,
    /// A ratio from 0 to 1, which people read as a percentage.
    Ratio,
    /// A second.
    PerS,
    /// A count.
    Count,
}

impl ThresholdFigure {
    const OTHERS: [Self; 7] = [
        Self::Mean,
        Self::Max,
        Self::Min,
        Self::FailureRatio,
        Self::ThrottledRatio,
        Self::Rps,
        Self::Failures,
    ];

    /// All of them, in the order in which they are told.
    pub fn all() -> impl Iterator<Item = Self> {
        Quantile::COLUMNS.into_iter().map(Self::Percentile).chain(Self::OTHERS)
    }

    /// The figure of this name; `None` where there is none.
    pub fn named(word: &str) -> Option<Self> {
        Self::all().find(|figure| figure.word() == word)
    }

    /// `p50`, `p99.9`, `failure_ratio` and so on.
    pub fn word(self) -> String {
        match self {
            Self::Percentile(quantile) => format!("p{}", quantile.percent()),
            Self::Mean => "mean".to_owned(),
            Self::Max => "max".to_owned(),
            Self::Min => "min".to_owned(),
            Self::FailureRatio => "failure_ratio".to_owned(),
            Self::ThrottledRatio => "throttled_ratio".to_owned(),
            Self::Rps => "rps".to_owned(),
            Self::Failures => "failures".to_owned(),
        }
    }

    /// What it is measured in.
    pub fn unit(self) -> FigureUnit {
        match self {
            Self::Percentile(_) | Self::Mean | Self::Max | Self::Min => FigureUnit::Ms,
            Self::FailureRatio | Self::ThrottledRatio => FigureUnit::Ratio,
            Self::Rps => FigureUnit::PerS,
            Self::Failures => FigureUnit::Count,
        }
    }
}

impl FigureUnit {
    /// A value as plans write it: `800ms`, `1.5%`, `50/s`, `3`.
    pub fn written(self, value: f64) -> String {
        match self {
            Self::Ms => format!("{value}ms"),
            Self::Ratio => format!("{}%", percent(value)),
            Self::PerS => format!("{value}/s"),
            Self::Count => value.to_string(),
        }
    }

    /// A value as people read it: `800 ms`, `1.5 %`, `50/s`, `3`.
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Ms => format!("{value} ms"),
            Self::Ratio => format!("{} %", percent(value)),
            Self::PerS | Self::Count => self.written(value),
        }
    }

    /// The value in base units: seconds instead of ms.
    pub(crate) fn base(self, value: f64) -> f64 {
        if self == Self::Ms { value / 1_000.0 } else { value }
    }
}

/// A ratio in percent, to the digits that ratios have.
fn percent(ratio: f64) -> f64 {
    (ratio * 1e8).round() / 1e6
}

impl From<ThresholdFigure> for String {
    fn from(figure: ThresholdFigure) -> Self {
        figure.word()
    }
}

impl TryFrom<String> for ThresholdFigure {
    type Error = String;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        Self::named(&word).ok_or_else(|| format!("`{word}` is no figure of a threshold"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_word_of_its_own() {
        let words: Vec<String> = ThresholdFigure::all().map(ThresholdFigure::word).collect();
        let expected = "p50 p66 p75 p80 p90 p95 p98 p99 p99.9 p99.99 p100 mean max min failure_ratio \
                        throttled_ratio rps failures";
        assert_eq!(words.join(" "), expected);
        for figure in ThresholdFigure::all() {
            assert_eq!(ThresholdFigure::named(&figure.word()), Some(figure));
        }
        assert_eq!(ThresholdFigure::named("p42"), None);
    }

    #[test]
    fn values_with_their_units() {
        let check = |unit: FigureUnit, value, written, shown| {
            assert_eq!((unit.written(value).as_str(), unit.shown(value).as_str()), (written, shown));
        };
        check(FigureUnit::Ms, 0.5, "0.5ms", "0.5 ms");
        check(FigureUnit::Ratio, 0.07, "7%", "7 %");
        check(FigureUnit::PerS, 50.0, "50/s", "50/s");
        check(FigureUnit::Count, 3.0, "3", "3");
    }
}
