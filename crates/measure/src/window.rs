//! The last ten seconds, as Locust's "current" figures: the live view and the history file share it.
//! It must not know whether the seconds come from a recorder or from a file.

use std::collections::VecDeque;

use crate::histogram::{Count, Histogram, Quantile};
use crate::times::{quantiles_ns, widened};
use crate::{CellRecord, Outcome, TimesRecord, units};

/// Seconds that count as current.
const SECONDS: usize = 10;

/// Figures of the last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Current {
    /// Requests that ended, a second.
    pub rps: f64,
    /// Throttled ones, a second.
    pub throttled_per_s: f64,
    /// Failures a second.
    pub failures_per_s: f64,
    /// Median, 95th and 99th percentile of the successes, of the times that the step shows; `None` without any.
    pub times_ns: Option<[u64; 3]>,
}

#[derive(Debug, Default)]
struct Second {
    duration_ns: u64,
    requests: u64,
    throttled: u64,
    failures: u64,
    range_ns: Option<(u64, u64)>,
    counts: Vec<Count>,
}

/// A sliding window over the newest seconds.
#[derive(Debug, Default)]
pub(crate) struct Window {
    seconds: VecDeque<Second>,
    histogram: Histogram,
}

impl Window {
    /// A new second begins; the oldest leaves.
    pub(crate) fn begin(&mut self, duration_ns: u64) {
        if self.seconds.len() == SECONDS
            && let Some(oldest) = self.seconds.pop_front()
        {
            self.histogram.remove(&oldest.counts);
        }
        self.seconds.push_back(Second { duration_ns, ..Second::default() });
    }

    /// Counts a cell in the newest second, with the times that are shown. They are of successes alone.
    pub(crate) fn add(&mut self, cell: &CellRecord, times: &TimesRecord, counts: &[Count]) {
        let Some(second) = self.seconds.back_mut() else { return };
        second.requests += cell.count;
        match cell.outcome {
            Outcome::Success => {
                second.range_ns = Some(widened(second.range_ns, (times.min_ns, times.max_ns)));
                second.counts.extend_from_slice(counts);
                self.histogram.add(counts.iter().copied());
            }
            Outcome::Throttled => second.throttled += cell.count,
            Outcome::Failure => second.failures += cell.count,
        }
    }

    /// Requests that ended, a second.
    pub(crate) fn rps(&self) -> f64 {
        self.per_s(|second| second.requests)
    }

    /// Failures a second.
    pub(crate) fn failures_per_s(&self) -> f64 {
        self.per_s(|second| second.failures)
    }

    /// All of it as it stands.
    pub(crate) fn current(&self) -> Current {
        let times_ns = self.quantiles_ns(&[Quantile::P50, Quantile::P95, Quantile::P99]);
        Current {
            rps: self.rps(),
            throttled_per_s: self.per_s(|second| second.throttled),
            failures_per_s: self.failures_per_s(),
            times_ns: times_ns.and_then(|times_ns| times_ns.try_into().ok()),
        }
    }

    fn per_s(&self, of: impl Fn(&Second) -> u64) -> f64 {
        let elapsed_ns = self.seconds.iter().map(|second| second.duration_ns).sum();
        units::per_s(self.seconds.iter().map(of).sum(), elapsed_ns)
    }

    /// Over the successes; `None` without any.
    pub(crate) fn quantiles_ns(&self, quantiles: &[Quantile]) -> Option<Vec<u64>> {
        let ranges = self.seconds.iter().filter_map(|second| second.range_ns);
        let range = ranges.fold(None, |all, range| Some(widened(all, range)))?;
        quantiles_ns(&self.histogram, range, quantiles)
    }
}
