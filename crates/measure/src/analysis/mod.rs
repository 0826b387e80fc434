//! All that a run says beyond its own numbers: how the target scales, what limits or ails it, how it takes bursts.
//! It must not know how any of it is reached.

mod json;
mod markdown;
mod text;
pub(crate) mod words;

pub use json::json;
pub use markdown::markdown;
pub(crate) use markdown::markdown_part;
pub use text::text;

use crate::bursts::{self, Burst};
use crate::diagnosis::{Finding, Observed, diagnosed};
use crate::scalability::{Scaling, scaling};
use crate::{Conclusion, Run, RunError};

/// What a run means.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// How answers follow the load.
    pub scaling: Scaling,
    /// What limits or ails the target, the surest first.
    pub findings: Vec<Finding>,
    /// How it takes bursts.
    pub bursts: Vec<Burst>,
}

/// Analyses a run whose conclusion is known.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn analyze(run: &Run, conclusion: &Conclusion) -> Result<Analysis, RunError> {
    let observed = Observed::of(run, conclusion)?;
    Ok(Analysis {
        scaling: scaling(run, conclusion),
        findings: diagnosed(&observed),
        bursts: bursts::observed(&observed),
    })
}
