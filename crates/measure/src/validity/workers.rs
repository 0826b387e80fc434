//! Workers that were lost while the step ran.
//! It must not know how they are led.

use crate::{LossRecord, StepRun, units};

/// That nobody led them, and one reason a worker, unless the run was told to put up with it.
pub(super) fn lost(step: &StepRun) -> Vec<String> {
    let absent = step.absence.iter().map(|absence| {
        let second = |at_ns: u64| at_ns.saturating_sub(step.phases.started_ns) / 1_000_000_000;
        let (from_s, until_s) = (second(absence.from_ns), second(absence.until_ns));
        format!("the coordinator was gone from second {from_s} to {until_s}, and the step was ended then")
    });
    absent.chain(step.losses.iter().filter(|loss| loss.hurts()).map(|loss| words(step, loss))).collect()
}

/// What was lost, in words.
pub(crate) fn words(step: &StepRun, loss: &LossRecord) -> String {
    let at_s = loss.at_ns.saturating_sub(step.phases.started_ns) / 1_000_000_000;
    let (most, likely) = (units::counted(loss.requests_max, "request"), loss.requests_likely);
    let users = units::counted(u64::from(loss.users_moved), "user");
    let id = &loss.worker;
    let counts = match loss.requests_max {
        0 => "all that it sent is counted".to_owned(),
        _ => format!("up to {most} that it may have sent are not counted, {likely} most likely"),
    };
    let went = if loss.left { "left" } else { "was lost" };
    format!("worker {id} {went} {at_s} s after the begin: {counts}, and {users} went on elsewhere")
}
