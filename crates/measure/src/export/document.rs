//! The documents that a whole run can be shown as, one at a time.
//! It must not know where a document goes.

use super::{baseline_json, html_document, junit, markdown, prometheus_text, report_text};
use crate::{Conclusion, Run, RunError};

/// A form of the whole run in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The report for people who read text.
    Text,
    /// A summary for a CI job.
    Markdown,
    /// JUnit XML: a suite a step, a case a target.
    Junit,
    /// Prometheus's text format.
    Prometheus,
    /// A page with everything inside.
    Html,
    /// A list, one object a step.
    Json,
}

impl Document {
    /// The text, ended by a line break.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when a step contradicts itself.
    pub fn write(self, run: &Run, conclusion: &Conclusion) -> Result<String, RunError> {
        Ok(match self {
            Self::Text => report_text(run, conclusion),
            Self::Markdown => markdown(run, conclusion),
            Self::Junit => junit(run, conclusion),
            Self::Prometheus => prometheus_text(run, conclusion),
            Self::Html => html_document(run, conclusion)?,
            Self::Json => baseline_json(run, conclusion),
        })
    }
}
