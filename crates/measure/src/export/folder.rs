//! A results folder: every derived file's name and content. It must not know where the folder is.

use super::{CsvFile, baseline_json, report_text};
use crate::{Run, RunError, RunKind, conclude, units};

/// When the run started, in UTC, as file names carry it: `20261123_094548`.
pub fn timestamp(run: &Run) -> String {
    units::file_stamp(run.started_unix_ns)
}

/// Every file that is derived from the run, by name, `run.json` itself aside.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn results_folder(run: &Run, timestamp: &str) -> Result<Vec<(String, Vec<u8>)>, RunError> {
    let conclusion = conclude(run)?;
    let kind = match run.kind {
        RunKind::Baseline => "baseline",
        RunKind::Run => "run",
    };
    let mut files = vec![
        (format!("{kind}_{timestamp}.json"), baseline_json(run, &conclusion)),
        (format!("{kind}_report_{timestamp}.txt"), report_text(run, &conclusion)),
    ];
    for (record, step) in run.steps.iter().zip(&conclusion.steps) {
        for file in CsvFile::all(false) {
            files.push((file.file_name(&record.name), file.write(run, record, &step.summary)?));
        }
    }
    Ok(files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect())
}
