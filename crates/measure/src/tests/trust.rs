//! What makes a step invalid, and what only doubtful.

use crate::testing::{asks, sample, step_of};
use crate::*;

const MS: u64 = 1_000_000;

fn reasons(step: &StepRun) -> Vec<String> {
    let (summary, limits) = (Summary::of(step).unwrap(), Limits::default());
    validity(step, &summary, &limits, &checks(step, &summary, &limits, 1)).reasons().to_vec()
}

fn healths(count: u64) -> Vec<Sample> {
    (0..count).map(|at| sample(1, Outcome::Success, at * 10 * MS, 3 * MS)).collect()
}

/// A good step, changed.
fn changed(change: impl FnOnce(&mut StepRun)) -> StepRun {
    let mut samples = asks(40, 100 * MS, 100 * MS);
    samples.extend(healths(80));
    let mut step = step_of("light_load", 5, &samples);
    change(&mut step);
    step
}

#[test]
fn a_good_step_is_valid_and_has_no_warnings() {
    let step = changed(|_| ());
    assert!(reasons(&step).is_empty());
    assert!(warnings(&step, &Summary::of(&step).unwrap()).is_empty());
}

/// The real project's trap: 5 users, every `/ask` task dies before it sends, and the report is green.
#[test]
fn users_whose_asks_never_leave_make_the_step_invalid() {
    let mut step = step_of("light_load", 5, &healths(19));
    step.classes[0].tasks[0].begun = 30;
    step.classes[0].tasks[0].requests = 0;
    assert_eq!(reasons(&step), ["task ask of class SimpleQueryUser began 30 times and sent nothing"]);
    let summary = Summary::of(&step).unwrap();
    let what = &warnings(&step, &summary)[0].what;
    assert_eq!(what, "`POST /ask` was planned and never sent in this step");
}

#[test]
fn each_way_to_send_nothing_is_named() {
    let silent = "class SimpleQueryUser had 5 users and sent nothing of what its tasks plan";
    for (step, expected) in [
        (changed(|step| step.classes[0].task_requests = 0), vec![silent]),
        (step_of("s", 5, &[]), vec!["no request was sent at all", silent]),
        (
            changed(|step| {
                step.classes[0].tasks[0].begun = 0;
                step.classes[0].tasks[0].requests = 0;
            }),
            vec![
                "task ask of class SimpleQueryUser never began; by its weight it should have about 27 times",
            ],
        ),
    ] {
        assert_eq!(reasons(&step), expected);
    }
}

#[test]
fn chance_and_the_steps_end_are_excuses() {
    let excused: [fn(&mut StepRun); 4] = [
        |step| (step.classes[0].users, step.classes[0].task_requests) = (0, 0),
        |step| (step.classes[0].tasks[0].begun, step.classes[0].tasks[0].requests) = (5, 0),
        |step| {
            let tasks = &mut step.classes[0].tasks;
            (tasks[0].begun, tasks[0].requests, tasks[1].begun) = (0, 0, 59);
        },
        |step| (step.classes[0].tasks[0].weight, step.classes[0].tasks[0].begun) = (0, 0),
    ];
    for change in excused {
        assert_eq!(reasons(&changed(change)), Vec::<String>::new());
    }
}

#[test]
fn a_late_generator_is_first_doubtful_then_invalid() {
    for (late_ms, share, invalid, warned) in [
        (9, 100, 0, 0),
        (11, 5, 1, 0),
        (21, 5, 1, 1),
        (21, 2, 0, 1),
        (21, 1, 0, 0),
        (51, 100, 1, 1),
        (51, 1, 0, 0),
    ] {
        let mut samples = asks(100, 100 * MS, 10 * MS);
        samples.extend((0..100).map(|at| sample(1, Outcome::Success, at * MS, MS)));
        for (at, sample) in samples.iter_mut().enumerate() {
            let late_ns = if at % 100 < share { late_ms * MS } else { 0 };
            (sample.sent_ns, sample.done_ns) = (sample.sent_ns + late_ns, sample.done_ns + late_ns);
        }
        let step = step_of("s", 5, &samples);
        assert_eq!(reasons(&step).len(), invalid, "{late_ms} ms for {share} %: {:?}", reasons(&step));
        assert_eq!(warnings(&step, &Summary::of(&step).unwrap()).len(), warned, "{late_ms} ms, {share} %");
    }
}

#[test]
fn what_is_only_doubtful_is_a_warning_with_a_remedy() {
    let hour = sample(0, Outcome::Success, 0, 2 * HIGHEST_NS);
    let mut steps = StepRecorder::new(2, TimesKind::Service);
    let mut recorder = Recorder::new(2);
    recorder.record(&hour, None);
    steps.push_second(1, 1, 0, &mut recorder);
    let long = steps.finish();
    let cases: [(&str, StepRun); 4] = [
        ("the step was interrupted", changed(|step| step.cut = true)),
        (
            "3 requests still in flight",
            changed(|step| step.cut_off = vec![CutOff { name: NameId(0), count: 3 }]),
        ),
        (
            "40 failures under",
            changed(|step| {
                for cell in step.intervals.iter_mut().flat_map(|interval| &mut interval.cells) {
                    if cell.name == NameId(0) {
                        cell.outcome = Outcome::Failure;
                    }
                }
                let error = OTHER_ERRORS.to_owned();
                step.errors =
                    vec![ErrorRecord { name: NameId(0), error, occurrences: 40, first_ns: 0, last_ns: 1 }];
            }),
        ),
        (
            "1 request of an hour",
            changed(|step| (step.intervals, step.statuses) = (long.intervals, long.statuses)),
        ),
    ];
    for (what, step) in cases {
        let found = warnings(&step, &Summary::of(&step).unwrap());
        let warning = found.iter().find(|warning| warning.what.starts_with(what));
        assert!(warning.is_some_and(|warning| !warning.remedy.is_empty()), "{what}: {found:?}");
    }
}

#[test]
fn a_step_that_contradicts_itself_is_damaged() {
    type Damage = fn(&mut StepRun);
    let damages: [(&str, Damage); 6] = [
        ("not base64", |step| step.intervals[0].cells[0].service.histogram = "?".to_owned()),
        ("its cell says", |step| step.intervals[0].cells[0].count += 1),
        ("statuses", |step| step.statuses[0].count += 1),
        ("not among its names", |step| step.intervals[0].cells[0].name = NameId(9)),
        ("not among its names", |step| step.statuses[0].name = NameId(9)),
        ("holds", |step| step.intervals[0].lateness.as_mut().unwrap().count = 0),
    ];
    for (words, damage) in damages {
        let error = Summary::of(&changed(damage)).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("`light_load`"), "{error}");
    }
}
