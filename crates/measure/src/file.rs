//! The run file as text, and what can be wrong with it.
//! It must not know what is concluded from a run.

use crate::check::check;
use crate::codec::Decoder;
use crate::histogram::Count;
use crate::numbers::check_numbers;
use crate::{CellRecord, EntryName, FORMAT, NameId, Run, StepRun, TimesRecord};

/// Why a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Not JSON, or not of a run's shape.
    #[error("the run file cannot be read: {0}; restore it from a copy or measure again")]
    Json(#[from] serde_json::Error),
    /// Another version's.
    #[error(
        "the run file has the format `{found}`; this version reads `{FORMAT}`, read it with the version that wrote it"
    )]
    Format {
        /// What the file says.
        found: String,
    },
    /// A number that nobody can have measured or asked for.
    #[error(
        "the run file is damaged: {what} is {value}, which is not a number from 0 up; restore it from a copy or \
         measure again"
    )]
    Number {
        /// Which.
        what: String,
        /// Its value.
        value: f64,
    },
    /// The file contradicts itself.
    #[error("the run file is damaged in step `{step}`: {problem}; restore it from a copy or measure again")]
    Damaged {
        /// The step.
        step: String,
        /// What is wrong.
        problem: String,
    },
}

impl RunError {
    pub(crate) fn damaged(step: &StepRun, problem: impl Into<String>) -> Self {
        Self::Damaged { step: step.name.clone(), problem: problem.into() }
    }
}

impl Run {
    /// The content of `run.json`: one line, the same bytes for the same run.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string(self).expect("a run has string keys and finite numbers");
        text.push('\n');
        text
    }

    /// Reads what [`Run::to_json`] wrote.
    ///
    /// # Errors
    /// What is wrong with the text. Histograms are checked when they are summed up.
    pub fn from_json(text: &str) -> Result<Self, RunError> {
        #[derive(serde::Deserialize)]
        struct Head {
            format: String,
        }
        // The format first: another version's file should say so, not which field it lacks.
        let head: Head = serde_json::from_str(text)?;
        if head.format != FORMAT {
            return Err(RunError::Format { found: head.format });
        }
        let run = serde_json::from_str(text)?;
        check(&run)?;
        check_numbers(&run)?;
        Ok(run)
    }

    /// When a moment of the run's clock was, in nanoseconds since the Unix epoch.
    pub fn unix_ns(&self, at_ns: u64) -> u64 {
        self.started_unix_ns.saturating_add(at_ns)
    }
}

/// Reads the histograms of one step, with everything checked that a reader relies on.
pub(crate) struct CellReader<'a> {
    step: &'a StepRun,
    decoder: Decoder,
}

impl<'a> CellReader<'a> {
    pub(crate) fn new(step: &'a StepRun) -> Self {
        Self { step, decoder: Decoder::new() }
    }

    pub(crate) fn entry(&self, name: NameId) -> Result<&'a EntryName, RunError> {
        let unknown = || RunError::damaged(self.step, format!("entry {} is not among its names", name.0));
        self.step.names.get(usize::from(name.0)).ok_or_else(unknown)
    }

    /// The counts of some of a cell's times.
    pub(crate) fn cell(
        &mut self,
        second: usize,
        cell: &CellRecord,
        times: &TimesRecord,
    ) -> Result<&[Count], RunError> {
        self.entry(cell.name)?;
        self.counts(second, &times.histogram, cell.count)
    }

    pub(crate) fn counts(&mut self, second: usize, text: &str, count: u64) -> Result<&[Count], RunError> {
        let step = self.step;
        let counts = self.decoder.decode(text);
        let counts =
            counts.map_err(|error| RunError::damaged(step, format!("{error}, in second {second}")))?;
        let held: u64 = counts.iter().map(|(_, count)| count).sum();
        if held != count {
            let problem = format!("a histogram of second {second} holds {held} times, its cell says {count}");
            return Err(RunError::damaged(step, problem));
        }
        Ok(counts)
    }
}
