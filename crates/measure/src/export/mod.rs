//! Everything that is derived from a run, one file a format; each is a pure function of it.
//!
//! Counts come from the one [`Summary`], shown numbers from [`crate::units`]: no two files can disagree.
//! It must not know of directories: the names are given, writing is the caller's.

mod baseline_json;
mod csv;
mod document;
mod exceptions_csv;
mod failures_csv;
mod figures;
mod folder;
mod history_csv;
mod html;
mod junit;
mod locust_json;
mod markdown;
mod prometheus;
mod report_text;
mod stages;
mod stats_csv;
pub(crate) mod table;
mod thresholds;
mod times_csv;
mod times_text;
mod trust_json;
mod trust_text;

pub use baseline_json::baseline_json;
pub use document::Document;
pub use exceptions_csv::exceptions_csv;
pub use failures_csv::failures_csv;
pub(crate) use figures::repeat_command;
pub use folder::{results_folder, timestamp};
pub use history_csv::stats_history_csv;
pub use html::{SCRIPT_FILE, html_document, html_pages, script};
pub use junit::junit;
pub use locust_json::locust_json;
pub(crate) use markdown::escaped as escaped_markdown;
pub use markdown::markdown;
pub use prometheus::prometheus_text;
pub use report_text::report_text;
pub use stats_csv::stats_csv;
pub use times_csv::times_csv;

use crate::{Run, RunError, StepRun, Summary};

/// A CSV file of a step, as Locust's `--csv` writes them, and one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvFile {
    /// One row an entry.
    Stats,
    /// One row a second.
    StatsHistory {
        /// Rows for each entry too (`--csv-full-history`).
        full: bool,
    },
    /// One row an error.
    Failures,
    /// The header alone: what goes wrong on the client's side is a failure here.
    Exceptions,
    /// Ours: service time, response time and lateness of each entry.
    Times,
}

impl CsvFile {
    /// All of them, in the order in which Locust names them, ours last.
    pub fn all(full_history: bool) -> [Self; 5] {
        [
            Self::Stats,
            Self::StatsHistory { full: full_history },
            Self::Failures,
            Self::Exceptions,
            Self::Times,
        ]
    }

    /// The file's name: `PREFIX_stats.csv` and so on.
    pub fn file_name(self, prefix: &str) -> String {
        let suffix = match self {
            Self::Stats => "stats",
            Self::StatsHistory { .. } => "stats_history",
            Self::Failures => "failures",
            Self::Exceptions => "exceptions",
            Self::Times => "times",
        };
        format!("{prefix}_{suffix}.csv")
    }

    /// The file's content.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when the step contradicts itself.
    pub fn write(self, run: &Run, step: &StepRun, summary: &Summary) -> Result<String, RunError> {
        Ok(match self {
            Self::Stats => stats_csv(summary),
            Self::StatsHistory { full } => stats_history_csv(run, step, full)?,
            Self::Failures => failures_csv(run, step)?,
            Self::Exceptions => exceptions_csv(),
            Self::Times => times_csv(summary),
        })
    }
}
