//! A results folder: every derived file's name and content. It must not know where the folder is.

use std::borrow::Cow;

use super::{CsvFile, SCRIPT_FILE, baseline_json, html_pages, report_text, script};
use crate::{Run, RunError, RunKind, conclude, units};

/// When the run started, in UTC, as file names carry it: `20261123_094548`.
pub fn timestamp(run: &Run) -> String {
    units::file_stamp(run.started_unix_ns)
}

/// Every file that is derived from the run, by name, `run.json` itself aside.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn results_folder(run: &Run, timestamp: &str) -> Result<Vec<(String, Cow<'static, str>)>, RunError> {
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
    files.extend(html_pages(run, &conclusion)?);
    let mut files: Vec<_> = files.into_iter().map(|(name, text)| (name, Cow::Owned(text))).collect();
    files.push((SCRIPT_FILE.to_owned(), Cow::Borrowed(script())));
    Ok(files)
}
