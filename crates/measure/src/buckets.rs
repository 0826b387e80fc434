//! Counting times on the hot path: one array look-up a time, no allocation once a bucket was seen.
//!
//! It remembers which buckets it touched, so that emptying it costs what was recorded and not what
//! could have been. It must not know what the times are of.

use crate::histogram::{BUCKETS, Count, bucket_of};

/// Counts by bucket, of at most a few seconds.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    counts: Box<[u32]>,
    touched: Vec<u32>,
}

impl Buckets {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS].into_boxed_slice(), touched: Vec::with_capacity(256) }
    }

    pub(crate) fn record(&mut self, ns: u64) {
        self.add(bucket_of(ns), 1);
    }

    pub(crate) fn add(&mut self, bucket: u32, count: u32) {
        let held = &mut self.counts[bucket as usize];
        if *held == 0 {
            self.touched.push(bucket);
        }
        *held = held.saturating_add(count);
    }

    /// Takes all of `other` and leaves it empty.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        for bucket in other.touched.drain(..) {
            let count = std::mem::take(&mut other.counts[bucket as usize]);
            self.add(bucket, count);
        }
    }

    /// Moves the counts into `sorted`, by bucket, and is empty afterwards.
    pub(crate) fn take(&mut self, sorted: &mut Vec<Count>) {
        sorted.clear();
        self.touched.sort_unstable();
        for bucket in self.touched.drain(..) {
            sorted.push((bucket, u64::from(std::mem::take(&mut self.counts[bucket as usize]))));
        }
    }
}
