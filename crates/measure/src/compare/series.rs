//! One step of a run, entry by entry and second by second, as comparing needs it.
//! It must not know of the other run.

use crate::compare::stratified::{Second, Side};
use crate::file::CellReader;
use crate::histogram::{Count, bucket_max_ns, bucket_of};
use crate::times::Times;
use crate::{EntryName, Outcome, RunError, StepRun};

/// A last second shorter than this counts with the one before.
const LAST_NS_MIN: u64 = 500_000_000;

/// One step.
pub(crate) struct StepSeries {
    /// Whole seconds.
    pub(crate) seconds: usize,
    pub(crate) elapsed_ns: u64,
    pub(crate) entries: Vec<EntrySeries>,
}

/// One entry of a step.
pub(crate) struct EntrySeries {
    pub(crate) entry: EntryName,
    /// Of the successes: the times that the step shows.
    pub(crate) success: Times,
    pub(crate) ended: u64,
    pub(crate) failures: u64,
    seconds: usize,
    /// What ended, by second; seconds in which nothing did are left out.
    cells: Vec<(usize, Cells)>,
}

/// What ended of one entry in one second.
#[derive(Default)]
struct Cells {
    ended: u64,
    failures: u64,
    successes: u64,
    sum_ns: u64,
    log_sum: f64,
    counts: Vec<Count>,
}

/// A value that requests have: what a [`Side`] is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// The logarithm of a success's time in ns.
    Log,
    /// A success's time, ns.
    Time,
    /// Whether a success took at most so many ns.
    AtMost(u64),
    /// Whether a request that ended was a success.
    Success,
    /// Whether a request that ended was a failure.
    Failure,
    /// Requests that ended in a second; the values are the seconds'.
    Ended,
}

/// The logarithm of a bucket's middle.
pub(crate) fn log_of(bucket: u32) -> f64 {
    let high = bucket_max_ns(bucket) as f64;
    let low = bucket.checked_sub(1).map_or(0.0, |below| bucket_max_ns(below) as f64 + 1.0);
    libm::log(((low + high) / 2.0).max(1.0))
}

impl StepSeries {
    /// Decodes a step.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when the step contradicts itself.
    pub(crate) fn of(step: &StepRun) -> Result<Self, RunError> {
        let (mut reader, shown) = (CellReader::new(step), step.load.times());
        let ends = || step.intervals.iter().map(|interval| interval.end_ns);
        let last_begin_ns = ends().rev().nth(1).unwrap_or(0);
        let is_short = ends().next_back().unwrap_or(0) - last_begin_ns < LAST_NS_MIN;
        let seconds = step.intervals.len() - usize::from(is_short && step.intervals.len() > 1);
        let entry = |entry: &EntryName| EntrySeries {
            entry: entry.clone(),
            success: Times::default(),
            ended: 0,
            failures: 0,
            seconds,
            cells: vec![],
        };
        let mut entries: Vec<EntrySeries> = step.names.iter().map(entry).collect();
        for (at, interval) in step.intervals.iter().enumerate() {
            for cell in &interval.cells {
                let times = cell.times(shown);
                let counts = reader.cell(at, cell, times)?;
                let entry = &mut entries[usize::from(cell.name.0)];
                if cell.outcome == Outcome::Success {
                    entry.success.add(cell, times, counts);
                }
                entry.second(at.min(seconds - 1)).add(cell.outcome, cell.count, times.sum_ns, counts);
                entry.ended += cell.count;
                entry.failures += if cell.outcome == Outcome::Failure { cell.count } else { 0 };
            }
        }
        let elapsed_ns = step.phases.ended_ns.saturating_sub(step.phases.started_ns);
        Ok(Self { seconds, elapsed_ns, entries })
    }

    /// The entry of this method and name.
    pub(crate) fn entry(&self, wanted: &EntryName) -> Option<&EntrySeries> {
        self.entries
            .iter()
            .find(|series| series.entry.name == wanted.name && series.entry.method == wanted.method)
    }
}

impl Cells {
    fn add(&mut self, outcome: Outcome, count: u64, sum_ns: u64, counts: &[Count]) {
        self.ended += count;
        match outcome {
            Outcome::Failure => self.failures += count,
            Outcome::Throttled => {}
            Outcome::Success => {
                self.successes += count;
                self.sum_ns += sum_ns;
                self.log_sum +=
                    counts.iter().map(|&(bucket, count)| count as f64 * log_of(bucket)).sum::<f64>();
                self.counts.extend_from_slice(counts);
            }
        }
    }

    fn at_most(&self, limit_ns: u64) -> u64 {
        let below = self.counts.iter().filter(|(bucket, _)| bucket_max_ns(*bucket) <= limit_ns);
        below.map(|(_, count)| count).sum()
    }

    fn second(&self, value: Value) -> Second {
        let (count, sum) = match value {
            Value::Log => return Second { count: self.successes as f64, sum: self.log_sum },
            Value::Time => (self.successes, self.sum_ns),
            Value::AtMost(limit_ns) => (self.successes, self.at_most(limit_ns)),
            Value::Success => (self.ended, self.successes),
            Value::Failure => (self.ended, self.failures),
            Value::Ended => (1, self.ended),
        };
        Second { count: count as f64, sum: sum as f64 }
    }
}

impl EntrySeries {
    fn second(&mut self, at: usize) -> &mut Cells {
        if self.cells.last().is_none_or(|(last, _)| *last != at) {
            self.cells.push((at, Cells::default()));
        }
        &mut self.cells.last_mut().expect("one was just added").1
    }

    /// Its values, second by second.
    pub(crate) fn side(&self, value: Value) -> Side {
        // A second without requests holds no values, but for the value that counts them.
        let empty = Second { count: if value == Value::Ended { 1.0 } else { 0.0 }, sum: 0.0 };
        let mut seconds = vec![empty; self.seconds];
        for (at, cells) in &self.cells {
            seconds[*at] = cells.second(value);
        }
        Side::of(seconds)
    }

    /// Mean and standard deviation of the logarithms of its successes' times.
    pub(crate) fn log_moments(&self) -> (f64, f64) {
        let count = self.success.count as f64;
        let logs = || self.success.histogram.iter().map(|(ns, count)| (log_of(bucket_of(ns)), count as f64));
        let mean = logs().map(|(log, count)| log * count).sum::<f64>() / count;
        let squares: f64 = logs().map(|(log, count)| (log - mean) * (log - mean) * count).sum();
        (mean, (squares / (count - 1.0).max(1.0)).sqrt())
    }
}
