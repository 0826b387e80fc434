//! A step summed up: what every table, file and verdict shows.
//!
//! Times are of successes alone unless said otherwise; those of throttled and failed requests stand
//! beside them and never mix. It must not know how a number is laid out.

use std::collections::BTreeMap;

use crate::file::CellReader;
use crate::histogram::{Histogram, Quantile};
use crate::times::Times;
use crate::{Outcome, RunError, StepRun, units};

/// A step, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// One an entry, sorted by name, then method; entries without requests too.
    pub rows: Vec<Row>,
    /// All entries together; its method is empty, its name `Aggregated`.
    pub total: Row,
    /// From the first request that could be sent to the last answer: what every rate divides by.
    pub elapsed_ns: u64,
    /// How late the harness sent; `None` when nothing ended.
    pub lateness: Option<Lateness>,
}

/// One entry, summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// `GET`, `POST`, …
    pub method: String,
    /// The entry's name.
    pub name: String,
    /// The path that is asked.
    pub path: String,
    /// A class with users plans it in this step.
    pub planned: bool,
    /// By outcome, in the order of [`Outcome::ALL`].
    pub times: [Times; Outcome::ALL.len()],
    /// Requests whose answer was not waited for.
    pub cut_off: u64,
    /// Requests by status; 0 when there was no answer.
    pub statuses: BTreeMap<u16, u64>,
}

/// How late the harness sent its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// Requests.
    pub count: u64,
    /// The greatest, exact.
    pub max_ns: u64,
    /// The median.
    pub p50_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
}

impl Row {
    /// The times of one outcome.
    pub fn of(&self, outcome: Outcome) -> &Times {
        &self.times[outcome as usize]
    }

    /// The times of the successes: what "times" means where nothing else is said.
    pub fn success(&self) -> &Times {
        self.of(Outcome::Success)
    }

    /// Requests that ended: successes, throttled and failures.
    pub fn requests(&self) -> u64 {
        self.times.iter().map(|times| times.count).sum()
    }

    /// Requests that were sent: those that ended, and those cut off.
    pub fn sent(&self) -> u64 {
        self.requests() + self.cut_off
    }

    /// Failures.
    pub fn failures(&self) -> u64 {
        self.of(Outcome::Failure).count
    }

    /// Failures among the requests that ended, 0 to 1.
    pub fn failure_ratio(&self) -> f64 {
        units::ratio(self.failures(), self.requests())
    }

    /// The mean of the answers' bodies, over all that ended; 0 without any.
    pub fn body_bytes_mean(&self) -> f64 {
        units::ratio(self.times.iter().map(|times| times.body_bytes).sum(), self.requests())
    }

    fn merge(&mut self, other: &Self) {
        for (sum, times) in self.times.iter_mut().zip(&other.times) {
            sum.merge(times);
        }
        self.cut_off += other.cut_off;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
    }
}

impl Summary {
    /// Decodes and sums up a step.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when the step contradicts itself.
    pub fn of(step: &StepRun) -> Result<Self, RunError> {
        let mut reader = CellReader::new(step);
        let mut rows: Vec<Row> = step.names.iter().map(Row::from).collect();
        for name in step.classes.iter().filter(|class| class.users > 0).flat_map(|class| &class.entries) {
            reader.entry(*name)?;
            rows[usize::from(name.0)].planned = true;
        }
        let mut late = (Histogram::default(), 0);
        for (second, interval) in step.intervals.iter().enumerate() {
            for cell in &interval.cells {
                let counts = reader.cell(second, cell)?;
                rows[usize::from(cell.name.0)].times[cell.outcome as usize].add(cell, counts);
            }
            if let Some(record) = &interval.lateness {
                late.0.add(reader.counts(second, &record.histogram, record.count)?.iter().copied());
                late.1 = late.1.max(record.max_ns);
            }
        }
        add_counts(step, &reader, &mut rows)?;
        rows.sort_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
        let mut total = Row { name: "Aggregated".to_owned(), ..Row::default() };
        rows.iter().for_each(|row| total.merge(row));
        let elapsed_ns = step.phases.ended_ns.saturating_sub(step.phases.started_ns);
        Ok(Self { rows, total, elapsed_ns, lateness: lateness(&late.0, late.1) })
    }

    /// `count` a second of the step.
    pub fn per_s(&self, count: u64) -> f64 {
        units::per_s(count, self.elapsed_ns)
    }

    /// Requests that ended, a second.
    pub fn rps(&self) -> f64 {
        self.per_s(self.total.requests())
    }

    /// Failures a second.
    pub fn failures_per_s(&self) -> f64 {
        self.per_s(self.total.failures())
    }

    /// Successes a second.
    pub fn accepted_rps(&self) -> f64 {
        self.per_s(self.total.success().count)
    }

    /// Requests sent a second, those cut off included.
    pub fn offered_rps(&self) -> f64 {
        self.per_s(self.total.sent())
    }

    /// The successes of all entries whose path starts so, summed up.
    pub fn successes_of(&self, path_prefix: &str) -> Times {
        let mut sum = Times::default();
        let judged = self.rows.iter().filter(|row| row.path.starts_with(path_prefix));
        judged.for_each(|row| sum.merge(row.success()));
        sum
    }

    /// The rows that the step's users plan, sent or not.
    pub fn rows_planned(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.planned || row.sent() > 0)
    }

    /// The rows that anything was sent under: those that Locust would show.
    pub fn rows_sent(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.sent() > 0)
    }
}

impl From<&crate::EntryName> for Row {
    fn from(entry: &crate::EntryName) -> Self {
        let crate::EntryName { method, name, path } = entry.clone();
        Self { method, name, path, ..Self::default() }
    }
}

fn add_counts(step: &StepRun, reader: &CellReader<'_>, rows: &mut [Row]) -> Result<(), RunError> {
    for record in &step.statuses {
        reader.entry(record.name)?;
        *rows[usize::from(record.name.0)].statuses.entry(record.status).or_default() += record.count;
    }
    for record in &step.cut_off {
        reader.entry(record.name)?;
        rows[usize::from(record.name.0)].cut_off += record.count;
    }
    let mut errors = vec![0; rows.len()];
    for record in &step.errors {
        reader.entry(record.name)?;
        errors[usize::from(record.name.0)] += record.occurrences;
    }
    // The same requests are counted thrice; were they to differ, some output would be wrong.
    for (row, errors) in rows.iter().zip(errors) {
        let (requests, failures) = (row.requests(), row.failures());
        let statuses: u64 = row.statuses.values().sum();
        if statuses != requests || errors != failures {
            let problem = format!(
                "`{} {}` has {requests} requests of which {failures} failed, but {statuses} statuses and {errors} errors",
                row.method, row.name
            );
            return Err(RunError::damaged(step, problem));
        }
    }
    Ok(())
}

fn lateness(histogram: &Histogram, max_ns: u64) -> Option<Lateness> {
    let at =
        |quantile: Quantile| histogram.at_rank_ns(quantile.rank(histogram.total())).map(|ns| ns.min(max_ns));
    Some(Lateness {
        count: histogram.total(),
        max_ns,
        p50_ns: at(Quantile::P50)?,
        p99_ns: at(Quantile::P99)?,
    })
}
