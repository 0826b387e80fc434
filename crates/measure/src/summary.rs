//! A step summed up: what every table, file and verdict shows.
//!
//! Times are of successes alone unless said otherwise; those of throttled and failed requests stand
//! beside them and never mix. It must not know how a number is laid out.

use std::collections::BTreeMap;

use crate::file::CellReader;
use crate::histogram::{Histogram, Quantile};
use crate::times::Times;
use crate::{CellRecord, Outcome, RunError, StepRun, TimesKind, units};

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
    /// The same of all requests, to 3 significant digits.
    pub late: Histogram,
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
    /// Service times by outcome, in the order of [`Outcome::ALL`].
    pub service: [Times; Outcome::ALL.len()],
    /// Response times by outcome; `None` where requests have no due times of their own.
    pub response: Option<[Times; Outcome::ALL.len()]>,
    /// Which of the two [`Row::of`] gives.
    pub shown: TimesKind,
    /// Sum of how late the harness sent them, and the most it was late.
    pub late_ns: (u64, u64),
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
    /// The 95th percentile.
    pub p95_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
}

impl Row {
    /// The times of one outcome: those that the step shows and is judged by.
    pub fn of(&self, outcome: Outcome) -> &Times {
        match (&self.response, self.shown) {
            (Some(response), TimesKind::Response) => &response[outcome as usize],
            _ => &self.service[outcome as usize],
        }
    }

    /// The times of the successes: what "times" means where nothing else is said.
    pub fn success(&self) -> &Times {
        self.of(Outcome::Success)
    }

    /// Requests that ended: successes, throttled and failures.
    pub fn requests(&self) -> u64 {
        self.service.iter().map(|times| times.count).sum()
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

    /// How late the harness sent them in the mean; `None` of nothing.
    pub fn late_mean_ns(&self) -> Option<u64> {
        let count = Some(self.requests()).filter(|count| *count > 0)?;
        Some((self.late_ns.0 + count / 2) / count)
    }

    /// The mean of the answers' bodies, over all that ended; 0 without any.
    pub fn body_bytes_mean(&self) -> f64 {
        units::ratio(self.body_bytes(), self.requests())
    }

    /// The answers' bodies, over all that ended.
    pub fn body_bytes(&self) -> u64 {
        self.service.iter().map(|times| times.body_bytes).sum()
    }

    fn merge(&mut self, other: &Self) {
        merge(&mut self.service, &other.service);
        if let Some(response) = &other.response {
            merge(self.response.get_or_insert_default(), response);
        }
        self.late_ns = (self.late_ns.0 + other.late_ns.0, self.late_ns.1.max(other.late_ns.1));
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
        let mut rows = blank_rows(step);
        let mut late = (Histogram::default(), 0);
        for (second, interval) in step.intervals.iter().enumerate() {
            for cell in &interval.cells {
                add_cell(&mut reader, second, cell, &mut rows)?;
            }
            if let Some(record) = &interval.lateness {
                late.0.add(reader.counts(second, &record.histogram, record.count)?.iter().copied());
                late.1 = late.1.max(record.max_ns);
            }
        }
        Self::put_together(step, rows, late)
    }

    /// Of rows that hold the step's times, and of how late its requests were, with the greatest of it.
    pub(crate) fn put_together(
        step: &StepRun,
        mut rows: Vec<Row>,
        late: (Histogram, u64),
    ) -> Result<Self, RunError> {
        let (reader, shown) = (CellReader::new(step), step.load.times());
        for name in step.classes.iter().filter(|class| class.users > 0).flat_map(|class| &class.entries) {
            reader.entry(*name)?;
            rows[usize::from(name.0)].planned = true;
        }
        add_counts(step, &reader, &mut rows)?;
        rows.sort_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
        let mut total = Row { name: "Aggregated".to_owned(), shown, ..Row::default() };
        rows.iter().for_each(|row| total.merge(row));
        let elapsed_ns = step.phases.ended_ns.saturating_sub(step.phases.started_ns);
        Ok(Self { rows, total, elapsed_ns, lateness: lateness(&late.0, late.1), late: late.0 })
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

fn merge(sums: &mut [Times], times: &[Times]) {
    sums.iter_mut().zip(times).for_each(|(sum, times)| sum.merge(times));
}

/// One an entry, in the record's order, with nothing in it.
pub(crate) fn blank_rows(step: &StepRun) -> Vec<Row> {
    let shown = step.load.times();
    step.names.iter().map(|entry| Row { shown, ..Row::from(entry) }).collect()
}

/// Adds the times of a cell to its row.
pub(crate) fn add_cell(
    reader: &mut CellReader<'_>,
    second: usize,
    cell: &CellRecord,
    rows: &mut [Row],
) -> Result<(), RunError> {
    let outcome = cell.outcome as usize;
    let counts = reader.cell(second, cell, &cell.service)?;
    let row = &mut rows[usize::from(cell.name.0)];
    row.service[outcome].add(cell, &cell.service, counts);
    if let Some(times) = &cell.response {
        let counts = reader.cell(second, cell, times)?;
        row.response.get_or_insert_default()[outcome].add(cell, times, counts);
    }
    row.late_ns = (row.late_ns.0 + cell.late_sum_ns, row.late_ns.1.max(cell.late_max_ns));
    Ok(())
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
        p95_ns: at(Quantile::P95)?,
        p99_ns: at(Quantile::P99)?,
    })
}
