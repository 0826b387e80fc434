//! How the arrivals of an open load came about: counted by each worker, merged at the step's end.
//! It must not know how due times are computed, nor judge whether they were kept.

use serde::{Deserialize, Serialize};

use crate::codec::Encoder;
use crate::spread::Spread;
use crate::{LatenessRecord, TimesRecord};

/// Bins of [`GapsRecord::bins`].
pub const GAP_BINS: usize = 1_000;

/// How the arrivals of an open load came about. `due = sent + dropped + unsent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArrivalsRecord {
    /// Arrivals that the schedule has before the load ended.
    pub due: u64,
    /// How many it has in the mean: the rate, integrated; `due` itself for a replay.
    pub due_mean: f64,
    /// Arrivals that were begun.
    pub sent: u64,
    /// Arrivals that were not, since as many as may be were in progress.
    pub dropped: u64,
    /// Arrivals that were due when the load ended, and that the generator had not come to.
    pub unsent: u64,
    /// |sent − due| of the arrivals that were begun; `None` without any.
    pub lateness: Option<LatenessRecord>,
    /// The gaps between arrivals, for a test of fit; `None` unless the process is Poisson.
    pub gaps: Option<GapsRecord>,
}

/// The gaps between the sendings of one worker's arrivals, over all workers, as numbers that are uniform between 0 and
/// 1 if the arrivals are what was asked for: u = 1 − exp(−p·(Λ(sᵢ) − Λ(sᵢ₋₁))) with the integrated rate Λ, the moments
/// of sending sᵢ since the step's start (s₀ = 0) and the worker's share p of the arrivals. (The probability integral
/// transform of a thinned Poisson process in its operational time: Cox, Lewis: The Statistical Analysis of Series of
/// Events, 1966, 2.2.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapsRecord {
    /// Gaps.
    pub count: u64,
    /// How many fell into each of [`GAP_BINS`] equal bins of 0 to 1.
    pub bins: Vec<u64>,
}

impl Default for GapsRecord {
    fn default() -> Self {
        Self { count: 0, bins: vec![0; GAP_BINS] }
    }
}

/// What one worker counts of its arrivals.
#[derive(Clone, Debug)]
pub struct ArrivalsTally {
    pub(crate) due: u64,
    pub(crate) sent: u64,
    pub(crate) dropped: u64,
    pub(crate) lateness: Spread,
    pub(crate) gaps: GapsRecord,
}

impl Default for ArrivalsTally {
    fn default() -> Self {
        Self { due: 0, sent: 0, dropped: 0, lateness: Spread::new(), gaps: GapsRecord::default() }
    }
}

impl ArrivalsTally {
    /// Arrivals that were due.
    pub fn due(&mut self, count: u64) {
        self.due += count;
    }

    /// An arrival was begun, so late.
    pub fn sent(&mut self, late_ns: u64) {
        self.sent += 1;
        self.lateness.record(late_ns);
    }

    /// An arrival found too many in progress.
    pub fn dropped(&mut self) {
        self.dropped += 1;
    }

    /// A gap, as [`GapsRecord`] has it.
    pub fn gap(&mut self, uniform: f64) {
        // A float that is no number goes to the first bin.
        let bin = ((uniform * GAP_BINS as f64) as usize).min(GAP_BINS - 1);
        self.gaps.bins[bin] += 1;
        self.gaps.count += 1;
    }

    /// Takes all of `other`.
    pub fn merge(&mut self, mut other: Self) {
        self.due += other.due;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.lateness.merge(&mut other.lateness);
        self.gaps.count += other.gaps.count;
        self.gaps.bins.iter_mut().zip(other.gaps.bins).for_each(|(sum, count)| *sum += count);
    }

    /// The record; `due_mean` is what the integrated rate says, `poisson` whether gaps mean anything.
    pub fn into_record(mut self, due_mean: f64, poisson: bool) -> ArrivalsRecord {
        let count = self.lateness.count;
        let lateness = (count > 0).then(|| {
            let TimesRecord { max_ns, histogram, .. } =
                self.lateness.take(&mut Encoder::new(), &mut Vec::new());
            LatenessRecord { count, max_ns, histogram }
        });
        ArrivalsRecord {
            due: self.due,
            due_mean,
            sent: self.sent,
            dropped: self.dropped,
            unsent: self.due.saturating_sub(self.sent + self.dropped),
            lateness,
            gaps: poisson.then_some(self.gaps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let (mut left, mut right) = (ArrivalsTally::default(), ArrivalsTally::default());
        left.due(5);
        left.sent(1_000);
        left.dropped();
        left.gap(0.0);
        right.due(2);
        right.sent(3_000);
        right.gap(1.0);
        right.gap(0.9995);
        right.gap(f64::NAN);
        left.merge(right);
        let record = left.clone().into_record(6.5, true);
        assert_eq!((record.due, record.sent, record.dropped, record.unsent), (7, 2, 1, 4));
        let late = record.lateness.expect("two");
        assert_eq!((late.count, late.max_ns, record.due_mean), (2, 3_000, 6.5));
        let gaps = record.gaps.expect("of a poisson process");
        assert_eq!((gaps.count, gaps.bins.len(), gaps.bins[0], gaps.bins[999]), (4, GAP_BINS, 2, 2));
        assert_eq!(left.into_record(7.0, false).gaps, None);
    }
}
