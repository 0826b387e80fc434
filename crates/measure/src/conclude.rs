//! The whole run: what its steps together say, and how the process should exit.
//! It must not know how any of it is shown.

use crate::checks::{Check, checks};
use crate::estimate::{StepIntervals, intervals};
use crate::judge::{StepVerdict, judge};
use crate::thresholds::{ThresholdVerdict, judge_thresholds};
use crate::validity::{Validity, validity};
use crate::warnings::{Warning, target_unread, warnings};
use crate::{Run, RunError, Summary};

/// What a run amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion {
    /// One a step of the run, in its order.
    pub steps: Vec<StepConclusion>,
    /// The last valid, complete step that passed.
    pub last_met: Option<String>,
    /// The first step that was judged and did not pass.
    pub first_failed: Option<String>,
    /// See [`Scalability`]; `None` without two comparable steps.
    pub scalability: Option<Scalability>,
    /// How to exit.
    pub exit: RunExit,
    /// Why not with "passed", in words; empty when it is.
    pub exit_reasons: Vec<String>,
}

/// What a step amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct StepConclusion {
    /// The step.
    pub name: String,
    /// Its numbers.
    pub summary: Summary,
    /// Its numbers, judged.
    pub verdict: StepVerdict,
    /// Whether they may be trusted.
    pub validity: Validity,
    /// The tests that it rests on.
    pub checks: Vec<Check>,
    /// How far means and percentiles may be off by chance.
    pub intervals: StepIntervals,
    /// What became of its thresholds, in their order.
    pub thresholds: Vec<ThresholdVerdict>,
    /// What makes them doubtful.
    pub warnings: Vec<Warning>,
}

/// How a run ends, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunExit {
    /// Every gate step passed or had nothing that spoke against it, and no threshold that decides was broken.
    Passed,
    /// A gate step did not pass, or a threshold that decides was broken.
    Failed,
    /// A step's numbers may not be trusted, or no gate step could be judged.
    Invalid,
    /// The run ended before its plan.
    Aborted,
}

impl RunExit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Aborted => 3,
            Self::Invalid => 4,
        }
    }
}

/// How the accepted rate grows with the users, from the valid, complete step with the fewest users to the one
/// with the most: (successes a second ÷ successes a second) ÷ (users ÷ users).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalability {
    /// 1.0 is linear: ten times the users, ten times the successes a second. Rounded to 4 decimals.
    pub factor: f64,
    /// The fewest users.
    pub users_min: u32,
    /// The most users.
    pub users_max: u32,
}

impl Scalability {
    /// In words, with the thresholds that Weaver AI's own report uses.
    pub fn words(&self) -> &'static str {
        match self.factor {
            factor if factor < 0.5 => "poor: something is a bottleneck",
            factor if factor < 0.8 => "moderate: there is room to gain",
            _ => "good: close to linear",
        }
    }
}

/// Concludes a run.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn conclude(run: &Run) -> Result<Conclusion, RunError> {
    let mut steps = Vec::with_capacity(run.steps.len());
    for step in &run.steps {
        let summary = Summary::of(step)?;
        let checks = checks(step, &summary, &run.limits, run.planned_steps.len());
        let judged_path = run.targets.as_ref().map(|targets| targets.judged_path.as_str());
        steps.push(StepConclusion {
            name: step.name.clone(),
            verdict: judge(run.targets.as_ref(), step, &summary),
            validity: validity(step, &summary, &run.limits, &checks),
            checks,
            intervals: intervals(step, &summary, judged_path)?,
            thresholds: judge_thresholds(step)?,
            warnings: warnings(step, &summary).into_iter().chain(target_unread(run, step)).collect(),
            summary,
        });
    }
    let mut met =
        run.steps.iter().zip(&steps).filter(|(run, step)| {
            !run.cut && step.validity.is_valid() && step.verdict.passed() == Some(true)
        });
    let last_met = met.next_back().map(|(_, step)| step.name.clone());
    let first_failed = steps.iter().find(|step| step.verdict.passed() == Some(false));
    let first_failed = first_failed.map(|step| step.name.clone());
    let scalability = scalability(run, &steps);
    let (exit, exit_reasons) = exit(run, &steps);
    Ok(Conclusion { steps, last_met, first_failed, scalability, exit, exit_reasons })
}

fn scalability(run: &Run, steps: &[StepConclusion]) -> Option<Scalability> {
    let pairs = run.steps.iter().zip(steps);
    let usable = pairs.filter(|(run, step)| !run.cut && step.validity.is_valid());
    let mut rates: Vec<(u32, f64)> =
        usable.map(|(run, step)| (run.load.users(), step.summary.accepted_rps())).collect();
    rates.sort_by_key(|(users, _)| *users);
    let (&(users_min, rps_min), &(users_max, rps_max)) = (rates.first()?, rates.last()?);
    if users_min == users_max || users_min == 0 || rps_min <= 0.0 {
        return None;
    }
    let factor = rps_max * f64::from(users_min) / (rps_min * f64::from(users_max));
    Some(Scalability { factor: (factor * 10_000.0).round() / 10_000.0, users_min, users_max })
}

/// The most severe exit that has a reason, with all its reasons.
fn exit(run: &Run, steps: &[StepConclusion]) -> (RunExit, Vec<String>) {
    if let Some(why) = &run.aborted {
        // What makes its steps invalid is worth knowing still.
        let mut reasons = vec![format!("the run was aborted: {why}")];
        reasons.extend(invalid_steps(run, steps));
        return (RunExit::Aborted, reasons);
    }
    let invalid = invalid_reasons(run, steps);
    if !invalid.is_empty() {
        return (RunExit::Invalid, invalid);
    }
    let failed: Vec<String> = gates(run, steps)
        .filter(|step| step.verdict.passed() == Some(false))
        .map(|step| format!("step {} is {}", step.name, step.verdict.judgement))
        .chain(broken_thresholds(steps))
        .collect();
    (if failed.is_empty() { RunExit::Passed } else { RunExit::Failed }, failed)
}

/// Those that decide, in any step whose numbers may be trusted, be it a gate or not.
fn broken_thresholds(steps: &[StepConclusion]) -> impl Iterator<Item = String> + '_ {
    let trusted = steps.iter().filter(|step| step.validity.is_valid());
    trusted.flat_map(|step| {
        let broken = step.thresholds.iter().filter(|verdict| verdict.threshold.gate && verdict.is_broken());
        broken.map(|verdict| {
            format!("step {}: threshold `{}` {}", step.name, verdict.threshold.words(), verdict.words())
        })
    })
}

fn invalid_reasons(run: &Run, steps: &[StepConclusion]) -> Vec<String> {
    let mut reasons = Vec::new();
    if steps.is_empty() {
        reasons.push("no step was run".to_owned());
    }
    reasons.extend(invalid_steps(run, steps));
    let mut gates = gates(run, steps).peekable();
    if run.targets.is_some() && gates.peek().is_some() && gates.all(|step| step.verdict.passed().is_none()) {
        reasons.push("no step that decides could be judged".to_owned());
    }
    reasons
}

fn invalid_steps<'a>(run: &'a Run, steps: &'a [StepConclusion]) -> impl Iterator<Item = String> + 'a {
    let reasons = |step: &'a StepConclusion| {
        step.validity.reasons().iter().map(|why| format!("step {}: {why}", step.name))
    };
    gates(run, steps).flat_map(reasons)
}

fn gates<'a>(run: &'a Run, steps: &'a [StepConclusion]) -> impl Iterator<Item = &'a StepConclusion> {
    run.steps.iter().zip(steps).filter(|(run, _)| run.gate).map(|(_, step)| step)
}
