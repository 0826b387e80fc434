//! From seconds to a step: turns what the recorders hold into records, and keeps the running totals.
//! It must not know how the load is made.

use crate::codec::Encoder;
use crate::histogram::{Count, Quantile};
use crate::recorder::{Cell, Recorder};
use crate::tally::Tally;
use crate::times::Times;
use crate::window::Window;
use crate::{CellRecord, CutOff, ErrorRecord, IntervalRecord, LatenessRecord, Outcome, StatusCount};

/// A step has at most a day of seconds, and an hour to wind down.
const INTERVALS_MAX: usize = 25 * 3_600;

/// Collects a step, second by second.
#[derive(Debug)]
pub struct StepRecorder {
    intervals: Vec<IntervalRecord>,
    tally: Tally,
    requests: [u64; Outcome::ALL.len()],
    successes: Times,
    window: Window,
    encoder: Encoder,
    counts: Vec<Count>,
}

/// How a step stands: totals since its start, and the last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// Requests that ended.
    pub requests: u64,
    /// Those that met all expectations.
    pub successes: u64,
    /// Those refused by a declared limit.
    pub throttled: u64,
    /// The others.
    pub failures: u64,
    /// Requests that ended, a second, in the last ten seconds.
    pub rps: f64,
    /// Failures a second in the last ten seconds.
    pub failures_per_s: f64,
    /// Median of all successes; `None` without any.
    pub p50_ns: Option<u64>,
    /// 95th percentile of all successes; `None` without any.
    pub p95_ns: Option<u64>,
    /// Median of the successes of the last ten seconds; `None` without any.
    pub recent_p50_ns: Option<u64>,
    /// 95th percentile of the successes of the last ten seconds; `None` without any.
    pub recent_p95_ns: Option<u64>,
}

/// The parts of a `StepRun` that a [`StepRecorder`] collected, under the same names.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecords {
    /// One a second, gapless from the step's start.
    pub intervals: Vec<IntervalRecord>,
    /// Requests by entry and status, sorted.
    pub statuses: Vec<StatusCount>,
    /// Failures by entry and error, sorted.
    pub errors: Vec<ErrorRecord>,
    /// Requests cut off, by entry.
    pub cut_off: Vec<CutOff>,
}

impl StepRecorder {
    /// Of a step with this many entries.
    pub fn new(names: usize) -> Self {
        Self {
            intervals: Vec::new(),
            tally: Tally::new(names),
            requests: [0; Outcome::ALL.len()],
            successes: Times::default(),
            window: Window::default(),
            encoder: Encoder::new(),
            counts: Vec::new(),
        }
    }

    /// Ends a second `end_ns` after the step's start, and empties `recorder` into it.
    ///
    /// # Panics
    /// When time runs backwards or the step is longer than 25 hours: the caller bounds it.
    pub fn push_second(&mut self, end_ns: u64, users: u32, in_flight: u32, recorder: &mut Recorder) {
        let begin_ns = self.intervals.last().map_or(0, |last| last.end_ns);
        assert!(end_ns >= begin_ns, "a second ends at {end_ns} ns, before the last one at {begin_ns} ns");
        assert!(self.intervals.len() < INTERVALS_MAX, "a step is longer than {INTERVALS_MAX} seconds");
        self.window.begin(end_ns - begin_ns);
        let mut cells = Vec::new();
        for (name, outcome, cell) in recorder.cells_mut() {
            let histogram = self.take(cell);
            let record = CellRecord {
                name,
                outcome,
                count: cell.count,
                sum_ns: cell.sum_ns,
                min_ns: cell.min_ns,
                max_ns: cell.max_ns,
                body_bytes: cell.body_bytes,
                histogram,
            };
            cell.clear();
            self.count(&record);
            cells.push(record);
        }
        let lateness = self.take_lateness(&mut recorder.lateness);
        self.tally.merge(&mut recorder.tally);
        self.intervals.push(IntervalRecord { end_ns, users, in_flight, cells, lateness });
    }

    fn take(&mut self, cell: &mut Cell) -> String {
        cell.buckets.take(&mut self.counts);
        self.encoder.encode(&self.counts)
    }

    fn count(&mut self, record: &CellRecord) {
        self.requests[record.outcome as usize] += record.count;
        if record.outcome == Outcome::Success {
            self.successes.add(record, &self.counts);
        }
        self.window.add(record, &self.counts);
    }

    fn take_lateness(&mut self, cell: &mut Cell) -> Option<LatenessRecord> {
        if cell.count == 0 {
            return None;
        }
        let histogram = self.take(cell);
        let record = LatenessRecord { count: cell.count, max_ns: cell.max_ns, histogram };
        cell.clear();
        Some(record)
    }

    /// How the step stands at the end of the last second.
    pub fn live(&self) -> Live {
        let [successes, throttled, failures] = self.requests;
        let shown = [Quantile::P50, Quantile::P95];
        let pair = |found: Option<Vec<u64>>| found.map_or((None, None), |ns| (Some(ns[0]), Some(ns[1])));
        let (p50_ns, p95_ns) = pair(self.successes.quantiles_ns(&shown));
        let (recent_p50_ns, recent_p95_ns) = pair(self.window.quantiles_ns(&shown));
        Live {
            requests: successes + throttled + failures,
            successes,
            throttled,
            failures,
            rps: self.window.rps(),
            failures_per_s: self.window.failures_per_s(),
            p50_ns,
            p95_ns,
            recent_p50_ns,
            recent_p95_ns,
        }
    }

    /// The step's records.
    pub fn finish(self) -> StepRecords {
        let (statuses, errors, cut_off) = self.tally.into_records();
        StepRecords { intervals: self.intervals, statuses, errors, cut_off }
    }
}
