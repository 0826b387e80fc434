//! Whether a run that was read back can be true: what no measurement can have written is damage.
//! Totals are bounded here, so that whoever sums up later cannot overflow.

use crate::{CellRecord, ClassRecord, Run, RunError, StagesRecord, StepRun, Threshold, TimesRecord};

/// Above every total that can be measured: 146 years in nanoseconds, or as many requests or bytes.
const TOTAL_MAX: u64 = 1 << 62;

type Checked = Result<(), String>;

/// Checks all steps.
pub(crate) fn check(run: &Run) -> Result<(), RunError> {
    let bounded = total("the start", [run.started_unix_ns]);
    for step in &run.steps {
        let outcome = bounded.clone().and_then(|()| check_step(step));
        outcome.map_err(|problem| RunError::damaged(step, problem))?;
    }
    Ok(())
}

fn check_step(step: &StepRun) -> Checked {
    file_name(&step.name)?;
    let phases = &step.phases;
    let moments = [phases.started_ns, phases.steady_ns, phases.wind_down_ns, phases.ended_ns];
    ascending("its phases", moments)?;
    ascending("the ends of its seconds", step.intervals.iter().map(|interval| interval.end_ns))?;
    let cells = || step.intervals.iter().flat_map(|interval| &interval.cells);
    cells().try_for_each(check_cell)?;
    total("times", cells().map(|cell| cell.service.sum_ns))?;
    total("response times", cells().flat_map(|cell| &cell.response).map(|times| times.sum_ns))?;
    total("lateness of its cells", cells().map(|cell| cell.late_sum_ns))?;
    total("bodies", cells().map(|cell| cell.body_bytes))?;
    total("requests", cells().map(|cell| cell.count))?;
    total("lateness", step.intervals.iter().flat_map(|i| &i.lateness).map(|late| late.count))?;
    let pulses = || step.intervals.iter().flat_map(|interval| &interval.pulse);
    total("looks", pulses().flat_map(|pulse| [pulse.samples, pulse.missed]))?;
    let seen = pulses().flat_map(|pulse| [pulse.in_flight, pulse.users]);
    total("what was seen", seen.flat_map(|seen| [seen.sum, seen.diff2_sum]))?;
    total("waits", pulses().flat_map(|pulse| [pulse.waited_ns, pulse.given_up_ns]))?;
    total("times before a reset", pulses().flat_map(|p| [p.requests_before_ns, p.users_before_ns]))?;
    ascending("its edits", step.edits.iter().map(|edit| edit.at_ns).chain([phases.ended_ns]))?;
    ascending("its reset", step.reset_ns.into_iter().chain([phases.steady_ns]))?;
    total("statuses", step.statuses.iter().map(|status| status.count))?;
    total("errors", step.errors.iter().map(|error| error.occurrences))?;
    total("requests cut off", step.cut_off.iter().map(|cut_off| cut_off.count))?;
    step.stages.iter().try_for_each(|stages| check_stages(step, stages))?;
    step.thresholds.iter().try_for_each(|threshold| check_threshold(step, threshold))?;
    step.classes.iter().try_for_each(check_class)
}

fn check_stages(step: &StepRun, said: &StagesRecord) -> Checked {
    total("what the server said", [said.unreadable, said.left_out])?;
    for entry in &said.entries {
        if usize::from(entry.name.0) >= step.names.len() {
            return Err(format!("stages are of entry {}, which is not among its names", entry.name.0));
        }
        total("answers with stages", [entry.answers])?;
        total("times of answers with stages", [entry.service_sum_ns])?;
        for stage in &entry.stages {
            if usize::from(stage.stage) >= said.names.len() {
                return Err(format!("stage {} has no name", stage.stage));
            }
            check_times(stage.count, &stage.times)?;
            total("times of a stage", [stage.count, stage.times.sum_ns])?;
        }
    }
    Ok(())
}

fn check_threshold(step: &StepRun, threshold: &Threshold) -> Checked {
    let unknown = threshold.entries.iter().find(|name| usize::from(name.0) >= step.names.len());
    if let Some(name) = unknown {
        return Err(format!("a threshold is over entry {}, which is not among its names", name.0));
    }
    if threshold.window_s == Some(0) {
        return Err("the window of a threshold lasts 0 s".to_owned());
    }
    Ok(())
}

fn check_class(class: &ClassRecord) -> Checked {
    total("requests of a class", [class.task_requests])?;
    total("begun tasks", class.tasks.iter().map(|task| task.begun))?;
    total("requests of tasks", class.tasks.iter().map(|task| task.requests))
}

fn check_cell(cell: &CellRecord) -> Checked {
    check_times(cell.count, &cell.service)?;
    cell.response.iter().try_for_each(|times| check_times(cell.count, times))?;
    between(cell.count, cell.late_sum_ns, (0, cell.late_max_ns))
}

fn check_times(count: u64, times: &TimesRecord) -> Checked {
    between(count, times.sum_ns, (times.min_ns, times.max_ns))
}

/// The mean lies between the least and the greatest.
fn between(count: u64, sum_ns: u64, (min_ns, max_ns): (u64, u64)) -> Checked {
    let (wide, sum) = (u128::from(count), u128::from(sum_ns));
    let (least, most) = (u128::from(min_ns) * wide, u128::from(max_ns) * wide);
    if count > 0 && min_ns <= max_ns && (least..=most).contains(&sum) {
        return Ok(());
    }
    Err(format!("a cell of {count} requests cannot sum up to {sum_ns} ns between {min_ns} and {max_ns} ns"))
}

/// Files are named by steps: a name must not lead out of the folder.
fn file_name(name: &str) -> Checked {
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if fits { Ok(()) } else { Err(format!("`{name}` is no step name")) }
}

fn total(what: &str, numbers: impl IntoIterator<Item = u64>) -> Checked {
    let sum: u128 = numbers.into_iter().map(u128::from).sum();
    if sum < u128::from(TOTAL_MAX) { Ok(()) } else { Err(format!("{what} sum up to {sum}")) }
}

fn ascending(what: &str, moments: impl IntoIterator<Item = u64>) -> Checked {
    let mut last = 0;
    for moment in moments {
        if moment < last || moment >= TOTAL_MAX {
            return Err(format!("{what} are out of order at {moment} ns"));
        }
        last = moment;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asks, run_of, step_of};

    fn refused(damage: impl FnOnce(&mut StepRun), problem: &str) {
        let mut run = run_of(vec![step_of("s", 1, &asks(5, 100_000_000, 1_000_000))]);
        assert!(check(&run).is_ok(), "whole before the damage");
        damage(&mut run.steps[0]);
        let error = check(&run).expect_err(problem).to_string();
        assert!(error.contains(problem), "{error}");
    }

    #[test]
    fn what_cannot_be_true_is_damage() {
        refused(|step| step.name = "../../x".into(), "`../../x` is no step name");
        refused(|step| step.name.clear(), "`` is no step name");
        refused(|step| step.phases.ended_ns = 0, "its phases are out of order");
        let edit = crate::EditRecord { at_ns: u64::MAX, users: 1, spawn_rate_per_s: 1.0 };
        refused(|step| step.edits = vec![edit], "its edits are out of order");
        refused(|step| step.reset_ns = Some(1), "its reset are out of order");
        refused(|step| step.intervals[0].end_ns = u64::MAX, "the ends of its seconds");
        refused(|step| step.intervals[0].cells[0].service.sum_ns = u64::MAX, "cannot sum up");
        refused(|step| step.intervals[0].cells[0].service.min_ns = 9_000_000, "cannot sum up");
        refused(|step| step.intervals[0].cells[0].late_sum_ns = 1, "cannot sum up");
        refused(|step| step.intervals[0].cells[0].body_bytes = u64::MAX, "bodies sum up to");
        refused(|step| step.classes[0].tasks[0].begun = u64::MAX, "begun tasks sum up to");
        refused(|step| step.statuses[0].count = u64::MAX, "statuses sum up to");
        let threshold = |entry: u16, window_s: u32| {
            let text = format!(
                r#"{{"figure": "p95", "comparison": "<", "bound": 1, "over": {{"name": "x"}}, "entries": [{entry}],
                "window_s": {window_s}}}"#
            );
            vec![serde_json::from_str(&text).expect("a threshold")]
        };
        refused(|step| step.thresholds = threshold(9, 1), "a threshold is over entry 9");
        refused(|step| step.thresholds = threshold(0, 0), "the window of a threshold lasts 0 s");
    }
}
