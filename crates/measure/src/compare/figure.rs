//! The figures that are compared: their names, and what they need. It must not know how they are compared.

use serde::Serialize;

use crate::{Quantile, samples_needed};

/// Fewer successes have no mean worth comparing.
const REQUESTS_MIN: u64 = 5;
/// A figure of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Median of the successes, ms.
    P50,
    /// 95th percentile, ms.
    P95,
    /// 99th percentile, ms.
    P99,
    /// Mean, ms.
    Mean,
    /// Requests that ended, a second.
    Rps,
    /// Failures among requests that ended, 0 to 1.
    FailureRatio,
}

impl Figure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [Self::P50, Self::P95, Self::P99, Self::Mean, Self::Rps, Self::FailureRatio];

    /// Its name, with its unit.
    pub fn words(self) -> &'static str {
        match self {
            Self::P50 => "p50 ms",
            Self::P95 => "p95 ms",
            Self::P99 => "p99 ms",
            Self::Mean => "mean ms",
            Self::Rps => "requests/s",
            Self::FailureRatio => "failed",
        }
    }

    pub(crate) fn quantile(self) -> Option<Quantile> {
        match self {
            Self::P50 => Some(Quantile::P50),
            Self::P95 => Some(Quantile::P95),
            Self::P99 => Some(Quantile::P99),
            Self::Mean | Self::Rps | Self::FailureRatio => None,
        }
    }

    /// Whether more of it is better.
    pub(crate) fn more_is_better(self) -> bool {
        self == Self::Rps
    }

    /// Successes that it needs.
    pub(crate) fn needs(self) -> u64 {
        match self {
            Self::Rps | Self::FailureRatio => 0,
            _ => self.quantile().map_or(0, samples_needed).max(REQUESTS_MIN),
        }
    }
}
