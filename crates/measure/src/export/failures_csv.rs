//! `NAME_failures.csv`: one row an error. It must not know how an error came about.

use super::csv::push_row;
use crate::file::CellReader;
use crate::{Run, RunError, StepRun, units};

const HEADER: &str = "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n";

/// The file's content, sorted by name, method and error; times in UTC.
///
/// # Errors
/// [`RunError::Damaged`] when an error is of an unknown entry.
pub fn failures_csv(run: &Run, step: &StepRun) -> Result<String, RunError> {
    let reader = CellReader::new(step);
    let mut rows = Vec::with_capacity(step.errors.len());
    for record in &step.errors {
        rows.push((reader.entry(record.name)?, record));
    }
    rows.sort_by_key(|(entry, record)| (&entry.name, &entry.method, &record.error));
    let mut csv = HEADER.to_owned();
    for (entry, record) in rows {
        let occurrences = record.occurrences.to_string();
        let [first, last] = [record.first_ns, record.last_ns].map(|ns| units::utc_second(run.unix_ns(ns)));
        push_row(&mut csv, [&*entry.method, &entry.name, &record.error, &occurrences, &first, &last]);
    }
    Ok(csv)
}
