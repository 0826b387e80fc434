//! Numbers with a fraction, of a run that was read back: JSON has no NaN and no infinity, but it has negative ones.
//! It must not know of histograms and counts.

use crate::{Level3, Limits, LoadRecord, RateStage, Run, RunError, StepRun, Targets};

/// Refuses what no measurement can have written.
pub(crate) fn check_numbers(run: &Run) -> Result<(), RunError> {
    run.targets.iter().flat_map(of_targets).chain(of_limits(&run.limits)).try_for_each(|(what, value)| {
        if is_measured(value) { Ok(()) } else { Err(RunError::Number { what: what.to_owned(), value }) }
    })?;
    for (at, step) in run.steps.iter().enumerate() {
        if run.steps[..at].iter().any(|other| other.name == step.name) {
            return Err(RunError::damaged(step, "another step has the same name"));
        }
        let wrong = of_step(step).into_iter().find(|(_, value)| !is_measured(*value));
        if let Some((what, value)) = wrong {
            return Err(RunError::damaged(
                step,
                format!("{what} is {value}, which is not a number from 0 up"),
            ));
        }
    }
    Ok(())
}

fn is_measured(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

fn of_targets(targets: &Targets) -> impl Iterator<Item = (&'static str, f64)> {
    let Targets { judged_path: _, p50_ms, p95_ms, p99_ms, failure_ratio, rps } = targets;
    let levels = [
        ("a target of p50_ms", *p50_ms),
        ("a target of p95_ms", *p95_ms),
        ("a target of p99_ms", *p99_ms),
        ("a target of failure_ratio", *failure_ratio),
        ("a target of rps", *rps),
    ];
    levels.into_iter().flat_map(|(what, Level3 { target, acceptable, critical })| {
        [(what, target), (what, acceptable), (what, critical)]
    })
}

fn of_limits(limits: &Limits) -> [(&'static str, f64); 7] {
    [
        ("limits.lateness_ratio_max", limits.lateness_ratio_max),
        ("limits.busy_ratio_max", limits.busy_ratio_max),
        ("limits.dropped_ratio_max", limits.dropped_ratio_max),
        ("limits.rate_error_ratio_max", limits.rate_error_ratio_max),
        ("limits.fit_distance_max", limits.fit_distance_max),
        ("limits.little_error_ratio_max", limits.little_error_ratio_max),
        ("limits.false_alarm_ratio", limits.false_alarm_ratio),
    ]
}

fn of_step(step: &StepRun) -> Vec<(&'static str, f64)> {
    let mut numbers = vec![];
    numbers.extend(step.run_time_s.map(|value| ("its run time", value)));
    numbers.extend(step.edits.iter().map(|edit| ("a spawn rate", edit.spawn_rate_per_s)));
    numbers.extend(step.offered_rps_max.map(|value| ("its offered_rps_max", value)));
    numbers.extend(step.resources.map(|used| ("its processor time", used.cpu_s)));
    numbers.extend(step.arrivals.as_ref().map(|arrivals| ("its mean of arrivals due", arrivals.due_mean)));
    for threshold in &step.thresholds {
        numbers.push(("the bound of a threshold", threshold.bound));
        numbers.extend(threshold.abort_after_s.map(|value| ("the patience of a threshold", value)));
    }
    match &step.load {
        LoadRecord::Closed { spawn_rate_per_s, .. } => numbers.push(("its spawn rate", *spawn_rate_per_s)),
        LoadRecord::Open { stages, .. } => {
            for RateStage { from_per_s, to_per_s, duration_s } in stages {
                numbers.extend([("a rate of its load", *from_per_s), ("a rate of its load", *to_per_s)]);
                numbers.extend(duration_s.map(|value| ("the length of a stage of its load", value)));
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asks, run_of, step_of};

    fn refused(damage: impl FnOnce(&mut Run), problem: &str) {
        let step = |name| step_of(name, 1, &asks(5, 100_000_000, 1_000_000));
        let mut run = run_of(vec![step("a"), step("b")]);
        assert!(check_numbers(&run).is_ok(), "whole before the damage");
        damage(&mut run);
        let error = check_numbers(&run).expect_err(problem).to_string();
        assert!(error.contains(problem), "{error}");
    }

    #[test]
    fn no_negative_number_is_believed() {
        refused(|run| run.steps[1].run_time_s = Some(-1.0), "in step `b`: its run time is -1");
        refused(|run| run.steps[0].offered_rps_max = Some(f64::NAN), "its offered_rps_max is NaN");
        refused(
            |run| run.steps[0].load = LoadRecord::Closed { users: 1, spawn_rate_per_s: -3.0 },
            "its spawn rate is -3",
        );
        refused(
            |run| run.targets.as_mut().unwrap().p95_ms.critical = -5.0,
            "damaged: a target of p95_ms is -5",
        );
        refused(|run| run.limits.busy_ratio_max = f64::INFINITY, "limits.busy_ratio_max is inf");
        refused(|run| run.steps[1].name = "a".to_owned(), "in step `a`: another step has the same name");
    }
}
