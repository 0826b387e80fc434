//! From seconds to a step: turns what the recorders hold into records, and keeps the running totals.
//! It must not know how the load is made.

use crate::codec::Encoder;
use crate::histogram::{Count, Quantile};
use crate::recorder::{Cell, Recorder};
use crate::spread::Spread;
use crate::stages::{Stages, StagesRecord};
use crate::tally::Tally;
use crate::times::Times;
use crate::window::Window;
use crate::{
    CellRecord, CutOff, ErrorRecord, GeneratorRecord, IntervalRecord, LatenessRecord, NameId, Outcome,
    ProcessRecord, PulseRecord, StatusCount, TimesKind, TimesRecord,
};

/// A step has at most a day of seconds, and an hour to wind down.
const INTERVALS_MAX: usize = 25 * 3_600;

/// Collects a step, second by second.
#[derive(Debug)]
pub struct StepRecorder {
    shown: TimesKind,
    intervals: Vec<IntervalRecord>,
    tally: Tally,
    stages: Stages,
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
    /// Median of all successes, of the times that the step shows; `None` without any.
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
    /// Throttled requests by entry and what the answer said, sorted.
    pub refusals: Vec<ErrorRecord>,
    /// Requests cut off, by entry.
    pub cut_off: Vec<CutOff>,
    /// Where the server says that the time went; `None` where it says nothing.
    pub stages: Option<StagesRecord>,
}

impl StepRecorder {
    /// Of a step with this many entries whose live figures are of these times.
    pub fn new(names: usize, shown: TimesKind) -> Self {
        Self {
            shown,
            intervals: Vec::new(),
            tally: Tally::new(names),
            stages: Stages::default(),
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
            cells.push(self.take_cell(name, outcome, cell));
        }
        let lateness = self.take_lateness(&mut recorder.lateness);
        self.tally.merge(&mut recorder.tally);
        self.stages.merge(&mut recorder.stages);
        let pulse =
            Some(std::mem::take(&mut recorder.pulse)).filter(|pulse| *pulse != PulseRecord::default());
        let (generator, target) = (None, None);
        self.intervals.push(IntervalRecord {
            end_ns,
            users,
            in_flight,
            cells,
            lateness,
            pulse,
            generator,
            target,
        });
    }

    /// How the processes fared in the last second.
    pub fn attach(&mut self, generator: Option<GeneratorRecord>, target: Option<ProcessRecord>) {
        if let Some(last) = self.intervals.last_mut() {
            (last.generator, last.target) = (generator, target);
        }
    }

    /// The last of the two times that is taken is the one that is shown: its counts are there to be added up.
    fn take_cell(&mut self, name: NameId, outcome: Outcome, cell: &mut Cell) -> CellRecord {
        let count = cell.service.count;
        let response_first = self.shown == TimesKind::Service;
        let take = |spread: &mut Spread, at: &mut Self| spread.take(&mut at.encoder, &mut at.counts);
        let early = cell.response.as_mut().filter(|_| response_first).map(|spread| take(spread, self));
        let service = take(&mut cell.service, self);
        let late = cell.response.as_mut().filter(|_| !response_first).map(|spread| take(spread, self));
        let (body_bytes, late_sum_ns, late_max_ns) = (cell.body_bytes, cell.late_sum_ns, cell.late_max_ns);
        cell.clear();
        let response = early.or(late);
        let record =
            CellRecord { name, outcome, count, body_bytes, late_sum_ns, late_max_ns, service, response };
        self.requests[outcome as usize] += count;
        let shown = record.times(self.shown);
        if outcome == Outcome::Success {
            self.successes.add(&record, shown, &self.counts);
        }
        self.window.add(&record, shown, &self.counts);
        record
    }

    fn take_lateness(&mut self, late: &mut Spread) -> Option<LatenessRecord> {
        let count = Some(late.count).filter(|count| *count > 0)?;
        let TimesRecord { max_ns, histogram, .. } = late.take(&mut self.encoder, &mut self.counts);
        Some(LatenessRecord { count, max_ns, histogram })
    }

    /// The last second that was ended.
    pub fn last(&self) -> Option<&IntervalRecord> {
        self.intervals.last()
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

    /// How many seconds have ended.
    pub fn seconds(&self) -> usize {
        self.intervals.len()
    }

    /// What [`StepRecorder::finish`] would give now, without the first `since` seconds.
    pub fn look(&self, since: usize) -> StepRecords {
        let (statuses, errors, refusals, cut_off) = self.tally.clone().into_records();
        let intervals = self.intervals.get(since..).unwrap_or_default().to_vec();
        let stages = self.stages.record_of();
        StepRecords { intervals, statuses, errors, refusals, cut_off, stages }
    }

    /// The step's records.
    pub fn finish(self) -> StepRecords {
        let (statuses, errors, refusals, cut_off) = self.tally.into_records();
        let stages = self.stages.record_of();
        StepRecords { intervals: self.intervals, statuses, errors, refusals, cut_off, stages }
    }
}
