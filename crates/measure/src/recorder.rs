//! Taking samples in: one recorder a worker thread, no lock, swapped and merged once a second.
//!
//! It must not know of files, seconds or verdicts.

use crate::buckets::Buckets;
use crate::tally::Tally;
use crate::{NameId, Outcome, Sample};

/// Service times of one entry and outcome.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) count: u64,
    pub(crate) sum_ns: u64,
    pub(crate) min_ns: u64,
    pub(crate) max_ns: u64,
    pub(crate) body_bytes: u64,
    pub(crate) buckets: Buckets,
}

impl Cell {
    fn new() -> Self {
        Self { count: 0, sum_ns: 0, min_ns: u64::MAX, max_ns: 0, body_bytes: 0, buckets: Buckets::new() }
    }

    fn record(&mut self, ns: u64, body_bytes: u64) {
        self.count += 1;
        self.sum_ns += ns;
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.body_bytes += body_bytes;
        self.buckets.record(ns);
    }

    fn merge(&mut self, other: &mut Self) {
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.body_bytes += other.body_bytes;
        self.buckets.merge(&mut other.buckets);
        other.clear();
    }

    /// Forgets everything but the buckets, which are emptied by being taken.
    pub(crate) fn clear(&mut self) {
        (self.count, self.sum_ns, self.min_ns, self.max_ns, self.body_bytes) = (0, 0, u64::MAX, 0, 0);
    }
}

/// What one worker thread measured since it was last emptied.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// By entry and outcome; a cell is made by its first sample and kept.
    cells: Vec<Option<Box<Cell>>>,
    pub(crate) lateness: Cell,
    pub(crate) tally: Tally,
}

impl Recorder {
    /// A recorder for the entries 0 to `names` − 1; others are taken too, at the price of an allocation.
    pub fn new(names: usize) -> Self {
        Self {
            cells: vec![None; names * Outcome::ALL.len()],
            lateness: Cell::new(),
            tally: Tally::new(names),
        }
    }

    /// Takes one finished request. `error` says what happened to a failure and is ignored otherwise.
    pub fn record(&mut self, sample: &Sample, error: Option<&str>) {
        self.cell(sample.name, sample.outcome).record(sample.service_ns(), sample.body_bytes);
        self.lateness.record(sample.lateness_ns(), 0);
        self.tally.status(sample.name, sample.status, 1);
        if sample.outcome == Outcome::Failure {
            self.tally.error(sample.name, error, sample.done_ns);
        }
    }

    /// Counts a request whose answer is not waited for any longer.
    pub fn cut_off(&mut self, name: NameId) {
        self.tally.cut_off(name);
    }

    /// Whether nothing was taken since it was last emptied.
    pub fn is_empty(&self) -> bool {
        self.lateness.count == 0 && self.tally.is_empty()
    }

    /// Takes all of `other` and leaves it empty, its buffers kept for what comes next.
    pub fn merge(&mut self, other: &mut Self) {
        for (at, from) in other.cells.iter_mut().enumerate() {
            if let Some(from) = from.as_deref_mut().filter(|cell| cell.count > 0) {
                self.cell_at(at).merge(from);
            }
        }
        self.lateness.merge(&mut other.lateness);
        self.tally.merge(&mut other.tally);
    }

    /// The cells that hold anything, by entry, then outcome.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = (NameId, Outcome, &mut Cell)> {
        let outcomes = Outcome::ALL.len();
        self.cells.iter_mut().enumerate().filter_map(move |(at, cell)| {
            let cell = cell.as_deref_mut().filter(|cell| cell.count > 0)?;
            let name = u16::try_from(at / outcomes).expect("cells are made for 16-bit names");
            Some((NameId(name), Outcome::ALL[at % outcomes], cell))
        })
    }

    fn cell(&mut self, name: NameId, outcome: Outcome) -> &mut Cell {
        self.cell_at(usize::from(name.0) * Outcome::ALL.len() + outcome as usize)
    }

    fn cell_at(&mut self, at: usize) -> &mut Cell {
        if at >= self.cells.len() {
            self.cells.resize(at + 1, None);
        }
        self.cells[at].get_or_insert_with(|| Box::new(Cell::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{Count, bucket_of};
    use crate::testing::sample;

    type Seen = (NameId, Outcome, [u64; 5], Vec<Count>);

    fn seen(recorder: &mut Recorder) -> Vec<Seen> {
        let take = |(name, outcome, cell): (NameId, Outcome, &mut Cell)| {
            let mut counts = Vec::new();
            cell.buckets.take(&mut counts);
            let exact = [cell.count, cell.sum_ns, cell.min_ns, cell.max_ns, cell.body_bytes];
            (name, outcome, exact, counts)
        };
        recorder.cells_mut().map(take).collect()
    }

    #[test]
    fn merged_is_what_one_recorder_would_have_seen() {
        let (mut one, mut left, mut right) = (Recorder::new(2), Recorder::new(2), Recorder::new(2));
        for number in 0u64..2_000 {
            let outcome = Outcome::ALL[number as usize % 3];
            let sample = sample((number % 5) as u16, outcome, number * 1_000, number.pow(3));
            one.record(&sample, Some("broken"));
            if number % 7 < 3 { &mut left } else { &mut right }.record(&sample, Some("broken"));
        }
        left.merge(&mut right);
        assert!(right.is_empty() && !left.is_empty());
        assert_eq!(right.cells_mut().count(), 0);
        assert_eq!(left.lateness.count, 2_000);
        assert_eq!(seen(&mut left), seen(&mut one));
        assert_eq!(left.tally.into_records(), one.tally.into_records());
    }

    #[test]
    fn an_emptied_recorder_starts_over() {
        let (mut worker, mut merged) = (Recorder::new(1), Recorder::new(1));
        for ns in [5, 9] {
            worker.record(&sample(0, Outcome::Success, 0, ns), None);
            merged = Recorder::new(1);
            merged.merge(&mut worker);
        }
        let expected = (NameId(0), Outcome::Success, [1, 9, 9, 9, 10], vec![(bucket_of(9), 1)]);
        assert_eq!(seen(&mut merged), [expected]);
    }

    #[test]
    fn cut_off_alone_is_not_nothing() {
        let mut recorder = Recorder::new(1);
        assert!(recorder.is_empty());
        recorder.cut_off(NameId(0));
        assert!(!recorder.is_empty());
    }
}
