//! Times as they are gathered: exact count, sum, least and greatest beside the buckets.
//! It must not know what the times are of.

use crate::TimesRecord;
use crate::buckets::Buckets;
use crate::codec::Encoder;
use crate::histogram::Count;

/// Times of at most a few seconds.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    pub(crate) count: u64,
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
    buckets: Buckets,
}

impl Spread {
    pub(crate) fn new() -> Self {
        Self { count: 0, sum_ns: 0, min_ns: u64::MAX, max_ns: 0, buckets: Buckets::new() }
    }

    /// What a record and the counts in its histogram say.
    pub(crate) fn of(times: &TimesRecord, counts: &[Count]) -> Self {
        let mut spread = Self::new();
        for (bucket, count) in counts {
            spread.buckets.add(*bucket, u32::try_from(*count).unwrap_or(u32::MAX));
            spread.count += count;
        }
        (spread.sum_ns, spread.min_ns, spread.max_ns) = (times.sum_ns, times.min_ns, times.max_ns);
        spread
    }

    pub(crate) fn record(&mut self, ns: u64) {
        self.count += 1;
        self.sum_ns += ns;
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.buckets.record(ns);
    }

    /// Takes all of `other` and leaves it empty.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.buckets.merge(&mut other.buckets);
        other.clear();
    }

    /// Empties it into a record; `counts` holds the buckets' counts afterwards.
    pub(crate) fn take(&mut self, encoder: &mut Encoder, counts: &mut Vec<Count>) -> TimesRecord {
        self.buckets.take(counts);
        let histogram = encoder.encode(counts);
        let record = TimesRecord { sum_ns: self.sum_ns, min_ns: self.min_ns, max_ns: self.max_ns, histogram };
        self.clear();
        record
    }

    /// Forgets everything but the buckets, which are emptied by being taken.
    fn clear(&mut self) {
        (self.count, self.sum_ns, self.min_ns, self.max_ns) = (0, 0, u64::MAX, 0);
    }
}
