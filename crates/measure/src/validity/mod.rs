//! Whether a step's numbers may be trusted at all: what was planned was sent, in time, by a generator that was not itself
//! the limit, and what was counted agrees with what was summed up.
//! It must not know of targets: a valid step may be a bad one, and an invalid one may look good.

mod arrivals;
mod generator;
mod silent;
pub(crate) mod workers;

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
    fn of(reasons: Vec<String>) -> Self {
        if reasons.is_empty() { Self::Valid } else { Self::Invalid { reasons } }
    }

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
    let mut reasons = workers::lost(step);
    reasons.extend(silent::silent(step, summary));
    reasons.extend(generators(step, limits));
    reasons.extend(arrivals::dropped(step, limits));
    reasons.extend(generator::late(summary, limits));
    reasons.extend(arrivals::unsent(step, limits));
    reasons.extend(checks.iter().filter(|check| !check.holds()).map(|check| check.trouble.clone()));
    Validity::of(reasons)
}

/// The same of a step that goes on: only what its end cannot put right. Little's law needs a step that has ended empty, as
/// the waits of those who are still there are in no sum; and who has sent nothing yet may still do so.
pub fn validity_so_far(step: &StepRun, summary: &Summary, limits: &Limits) -> Validity {
    let mut reasons = workers::lost(step);
    reasons.extend(generators(step, limits));
    reasons.extend(generator::late(summary, limits));
    Validity::of(reasons)
}

/// What the generator itself suffered.
fn generators(step: &StepRun, limits: &Limits) -> impl Iterator<Item = String> {
    let found = [
        generator::clock_jumped(step, limits),
        generator::stopped(step, limits),
        generator::busy(step, limits),
    ];
    found.into_iter().flatten()
}
