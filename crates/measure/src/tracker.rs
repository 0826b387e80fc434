//! A step followed second by second while it runs: what [`Summary::of`] would give of its record so far, at the price of
//! the new seconds alone. It must not know where the seconds come from, nor who looks.

use crate::file::CellReader;
use crate::histogram::{Histogram, Quantile};
use crate::summary::{add_cell, blank_rows};
use crate::times::Times;
use crate::window::{Current, Window};
use crate::{IntervalRecord, Outcome, Row, RunError, StepRun, Summary, TimesKind};

/// Follows one step.
#[derive(Debug)]
pub struct Tracker {
    record: StepRun,
    rows: Vec<Row>,
    windows: Vec<Window>,
    all: Window,
    late: (Histogram, u64),
    seconds: Vec<TrackedSecond>,
}

/// What charts show of one second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedSecond {
    /// Its end, nanoseconds since the record's start.
    pub end_ns: u64,
    /// How long it was.
    pub duration_ns: u64,
    /// Users at its end, or arrivals in progress.
    pub users: u32,
    /// Requests in flight at its end.
    pub in_flight: u32,
    /// Requests that ended, by outcome, in the order of [`Outcome::ALL`].
    pub requests: [u64; Outcome::ALL.len()],
    /// Median, 95th and 99th percentile of its successes; `None` without any.
    pub times_ns: Option<[u64; 3]>,
    /// How late the harness sent at the most; `None` when it sent nothing.
    pub late_ns_max: Option<u64>,
}

/// How the step stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its sums.
    pub summary: Summary,
    /// Current figures, one a row of the summary.
    pub current: Vec<Current>,
    /// The same of all rows together.
    pub current_total: Current,
}

impl Tracker {
    /// Of a record, with the seconds that are in it.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when it contradicts itself.
    pub fn new(record: StepRun) -> Result<Self, RunError> {
        let rows = blank_rows(&record);
        let mut tracker = Self {
            windows: rows.iter().map(|_| Window::default()).collect(),
            rows,
            all: Window::default(),
            late: (Histogram::default(), 0),
            seconds: vec![],
            record: StepRun { intervals: vec![], ..record.clone() },
        };
        tracker.extend(record)?;
        Ok(tracker)
    }

    /// Goes on: `record` is newer, and holds no seconds but those that come after the ones that are known.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when it contradicts itself.
    pub fn extend(&mut self, mut record: StepRun) -> Result<(), RunError> {
        let new = std::mem::take(&mut record.intervals);
        let known = std::mem::take(&mut self.record.intervals);
        self.record = StepRun { intervals: known, ..record };
        let (mut reader, shown) = (CellReader::new(&self.record), self.record.load.times());
        let mut begin_ns = self.seconds.last().map_or(0, |second| second.end_ns);
        for interval in &new {
            let at = self.seconds.len();
            for window in self.windows.iter_mut().chain([&mut self.all]) {
                window.begin(interval.end_ns.saturating_sub(begin_ns));
            }
            let mut successes = Times::default();
            for cell in &interval.cells {
                add_cell(&mut reader, at, cell, &mut self.rows)?;
                let times = cell.times(shown);
                let counts = reader.cell(at, cell, times)?;
                self.windows[usize::from(cell.name.0)].add(cell, times, counts);
                self.all.add(cell, times, counts);
                if cell.outcome == Outcome::Success {
                    successes.add(cell, times, counts);
                }
            }
            if let Some(late) = &interval.lateness {
                self.late.0.add(reader.counts(at, &late.histogram, late.count)?.iter().copied());
                self.late.1 = self.late.1.max(late.max_ns);
            }
            self.seconds.push(second(interval, begin_ns, &successes));
            begin_ns = interval.end_ns;
        }
        self.record.intervals.extend(new);
        Ok(())
    }

    /// The record so far.
    pub fn record(&self) -> &StepRun {
        &self.record
    }

    /// One an interval of the record.
    pub fn seconds(&self) -> &[TrackedSecond] {
        &self.seconds
    }

    /// Which times it shows.
    pub fn times(&self) -> TimesKind {
        self.record.load.times()
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when the record contradicts itself.
    pub fn standing(&self) -> Result<Standing, RunError> {
        let summary = Summary::put_together(&self.record, self.rows.clone(), self.late.clone())?;
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        // As the summary sorts its rows.
        let key = |at: &usize| (&self.rows[*at].name, &self.rows[*at].method);
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        let current = order.iter().map(|at| self.windows[*at].current()).collect();
        Ok(Standing { summary, current, current_total: self.all.current() })
    }
}

fn second(interval: &IntervalRecord, begin_ns: u64, successes: &Times) -> TrackedSecond {
    let of = |outcome: Outcome| interval.cells.iter().filter(move |cell| cell.outcome == outcome);
    let times_ns = successes.quantiles_ns(&[Quantile::P50, Quantile::P95, Quantile::P99]);
    TrackedSecond {
        end_ns: interval.end_ns,
        duration_ns: interval.end_ns.saturating_sub(begin_ns),
        users: interval.users,
        in_flight: interval.in_flight,
        requests: Outcome::ALL.map(|outcome| of(outcome).map(|cell| cell.count).sum()),
        times_ns: times_ns.and_then(|times_ns| times_ns.try_into().ok()),
        late_ns_max: interval.lateness.as_ref().map(|late| late.max_ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draw, sample, step_of};

    /// Followed in parts or at once, a step stands as its whole record says.
    #[test]
    fn parts_add_up_to_the_summary() {
        let mut draw = Draw(11);
        let samples: Vec<_> = (0..3_000)
            .map(|at| {
                let outcome = Outcome::ALL[(draw.unit() * 3.0) as usize];
                sample((at % 2) as u16, outcome, at * 9_000_000, (draw.exponential() * 5e7) as u64)
            })
            .collect();
        let whole = step_of("s", 3, &samples);
        assert!(whole.intervals.len() > 25);
        let expected = Summary::of(&whole).expect("is whole");
        for parts in [1, 2, 7, 100] {
            let piece = |from: usize| {
                let to = (from + whole.intervals.len().div_ceil(parts)).min(whole.intervals.len());
                (StepRun { intervals: whole.intervals[from..to].to_vec(), ..whole.clone() }, to)
            };
            let (first, mut at) = piece(0);
            let mut tracker = Tracker::new(first).expect("is whole");
            while at < whole.intervals.len() {
                let (part, to) = piece(at);
                tracker.extend(part).expect("is whole");
                at = to;
            }
            let standing = tracker.standing().expect("is whole");
            assert_eq!(standing.summary, expected, "{parts} parts");
            assert_eq!(*tracker.record(), whole, "{parts} parts");
            let current = standing.current_total;
            let sum = |of: fn(&Current) -> f64| standing.current.iter().map(of).sum::<f64>();
            assert!((sum(|c| c.rps) - current.rps).abs() < 1e-5);
            assert!((sum(|c| c.throttled_per_s) - current.throttled_per_s).abs() < 1e-5);
            assert!(current.failures_per_s > 20.0 && current.times_ns.is_some_and(|ns| ns[0] < ns[2]));
            let counted: u64 = tracker.seconds().iter().flat_map(|second| second.requests).sum();
            assert_eq!(counted, 3_000);
        }
    }
}
