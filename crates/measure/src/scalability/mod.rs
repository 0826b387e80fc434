//! How answers follow the load: the points that were measured, the law that describes them, where the knee is, and what
//! cannot be exceeded. `ANALYSIS.md` of this crate has the formulae and their sources.
//!
//! Offered load and capacity are never confused: users who think are not in the system, so the law is one of how many are.
//! It must not know how any of it is shown.

mod bounds;
mod closed_loop;
mod fit;
mod law;
mod points;
mod withheld;

pub use bounds::{Bounds, Knee};
pub use fit::FittedLaw;
pub use law::Law;
pub use points::{LeftOut, LoadPoint};

use crate::{Conclusion, Run};

/// How answers follow the load.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// What each usable step says, by users.
    pub points: Vec<LoadPoint>,
    /// Steps that were left out.
    pub left_out: Vec<LeftOut>,
    /// The law, or why it is withheld.
    pub law: Result<FittedLaw, String>,
    /// What cannot be exceeded; `None` without points.
    pub bounds: Option<Bounds>,
    /// Where the target begins to fall behind.
    pub knee: Knee,
    /// The largest load that met the targets: the step and its users; `None` where none did or none were set.
    pub met: Option<(String, u32)>,
}

/// How answers follow the load in a run whose conclusion is known.
pub fn scaling(run: &Run, conclusion: &Conclusion) -> Scaling {
    let (points, left_out) = points::points(run, &conclusion.steps);
    let law = law(&points, &left_out);
    let bounds = bounds::bounds(&points, law.as_ref().ok().map(|fit| &fit.law));
    let knee = bounds::knee(&points, bounds.as_ref());
    Scaling { met: met(run, conclusion), points, left_out, law, bounds, knee }
}

fn law(points: &[LoadPoint], left_out: &[LeftOut]) -> Result<FittedLaw, String> {
    if let Some(why) = withheld::too_few(points, left_out) {
        return Err(why);
    }
    let found = fit::fit(points).ok_or_else(|| "no law settles on what was measured".to_owned())?;
    withheld::doubtful(points, &found).map_or(Ok(found), Err)
}

fn met(run: &Run, conclusion: &Conclusion) -> Option<(String, u32)> {
    let pairs = run.steps.iter().zip(&conclusion.steps);
    let met = pairs.filter(|(_, step)| step.validity.is_valid() && step.verdict.passed() == Some(true));
    let most = met.map(|(record, _)| record).filter(|record| !record.cut);
    most.max_by_key(|record| record.load.users()).map(|record| (record.name.clone(), record.load.users()))
}

impl Scaling {
    /// Answers a second that the law gives `users` users who think as the measured ones did; `None` without a law.
    pub fn predicted_per_s(&self, users: u32) -> Option<f64> {
        let (fit, bounds) = (self.law.as_ref().ok()?, self.bounds.as_ref()?);
        Some(closed_loop::rate_per_s(&fit.law, users, bounds.think_s))
    }
}
