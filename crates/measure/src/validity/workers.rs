//! Workers that were lost while the step ran.
//! It must not know how they are led.

use crate::{LoadRecord, LossRecord, StepRun, units};

/// That nobody led them, and one reason a worker, unless the run was told to put up with it.
pub(super) fn lost(step: &StepRun) -> Vec<String> {
    let absent = step.absence.iter().map(|absence| {
        let second = |at_ns: u64| at_ns.saturating_sub(step.phases.started_ns) / 1_000_000_000;
        let (from_s, until_s) = (second(absence.from_ns), second(absence.until_ns));
        format!("the coordinator was gone from second {from_s} to {until_s}, and the step was ended then")
    });
    absent.chain(step.losses.iter().filter(|loss| hurts(step, loss)).map(|loss| words(step, loss))).collect()
}

/// Whether the step is less than it was to be.
pub(crate) fn hurts(step: &StepRun, loss: &LossRecord) -> bool {
    let went_on = loss.arrivals_moved || matches!(step.load, LoadRecord::Closed { .. });
    !(loss.tolerated || loss.left && loss.requests_max == 0 && went_on)
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
    let rest = match step.load {
        LoadRecord::Closed { .. } => format!("{users} went on elsewhere"),
        LoadRecord::Open { .. } if loss.arrivals_moved => "its arrivals came from others then".to_owned(),
        LoadRecord::Open { .. } => "its arrivals came no more".to_owned(),
    };
    format!("worker {id} {went} {at_s} s after the begin: {counts}, and {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AbsenceRecord;
    use crate::testing::step_of;

    #[test]
    fn only_one_who_left_with_all_handed_in_and_users_moved_does_no_harm() {
        for (tolerated, left, requests_max, harms, part) in [
            (false, false, 0, true, "was lost 3 s after the begin: all that it sent is counted, and 2 users"),
            (false, false, 9, true, "was lost 3 s after the begin: up to 9 requests"),
            (true, false, 9, false, "was lost"),
            (false, true, 0, false, "left 3 s after the begin: all that it sent is counted, and 2 users"),
            (false, true, 9, true, "left 3 s after the begin: up to 9 requests"),
        ] {
            let mut step = step_of("s", 4, &[]);
            let at_ns = step.phases.started_ns + 3_000_000_000;
            let (worker, requests_likely) = ("w".to_owned(), requests_max);
            let loss = LossRecord {
                arrivals_moved: false,
                worker,
                pid: 1,
                at_ns,
                requests_max,
                requests_likely,
                users_moved: 2,
                tolerated,
                left,
            };
            step.losses = vec![loss.clone()];
            assert_eq!(hurts(&step, &loss), harms, "{loss:?}");
            assert_eq!(lost(&step).len(), usize::from(harms), "{loss:?}");
            assert!(words(&step, &loss).contains(part), "{}", words(&step, &loss));
            step.load =
                LoadRecord::Open { process: crate::Process::Constant, stages: vec![], in_flight_max: 9 };
            assert_eq!(hurts(&step, &loss), !tolerated, "arrivals go on nowhere else: {loss:?}");
            let loss = LossRecord { arrivals_moved: true, ..loss };
            assert_eq!(hurts(&step, &loss), harms, "{loss:?}");
            assert!(words(&step, &loss).contains("its arrivals came from others"), "{}", words(&step, &loss));
        }
    }

    #[test]
    fn a_step_that_nobody_led_says_when() {
        let mut step = step_of("s", 4, &[]);
        let from_ns = step.phases.started_ns + 2_500_000_000;
        step.absence = Some(AbsenceRecord { from_ns, until_ns: from_ns + 4_000_000_000 });
        let expected = "the coordinator was gone from second 2 to 6, and the step was ended then";
        assert_eq!(lost(&step), [expected]);
    }
}
