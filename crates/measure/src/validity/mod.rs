//! Whether a step's numbers may be trusted at all: what was planned was sent, in time, by a generator that was not itself
//! the limit, and what was counted agrees with what was summed up.
//! It must not know of targets: a valid step may be a bad one, and an invalid one may look good.

mod arrivals;
mod generator;
mod silent;

use crate::{Check, Limits, StepRun, Summary};

/// Whether numbers may be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validity {
    /// They may.
    Valid,
    /// They may not.
    Invalid {
        /// Why, in words; at least one.
        reasons: Vec<String>,
    },
}

impl Validity {
    /// Whether they may be trusted.
    pub fn is_valid(&self) -> bool {
        *self == Self::Valid
    }

    /// Why not; empty when valid.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Valid => &[],
            Self::Invalid { reasons } => reasons,
        }
    }
}

/// Whether the step measured what it planned; `checks` are its own. The reasons begin with what may have caused the others.
pub fn validity(step: &StepRun, summary: &Summary, limits: &Limits, checks: &[Check]) -> Validity {
    let mut reasons = silent::silent(step, summary);
    reasons.extend(generator::clock_jumped(step, limits));
    reasons.extend(generator::stopped(step, limits));
    reasons.extend(generator::busy(step, limits));
    reasons.extend(arrivals::dropped(step, limits));
    reasons.extend(generator::late(summary, limits));
    reasons.extend(arrivals::unsent(step, limits));
    reasons.extend(checks.iter().filter(|check| !check.holds()).map(|check| check.trouble.clone()));
    if reasons.is_empty() { Validity::Valid } else { Validity::Invalid { reasons } }
}
