//! What a run of several steps amounts to.

use crate::testing::{asks, run_of, sample, step_of};
use crate::*;

const MS: u64 = 1_000_000;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Good,
    Slow,
    Silent,
    Few,
}

fn step(kind: Kind, users: u32) -> StepRun {
    let each = if kind == Kind::Slow { 3_000 * MS } else { 100 * MS };
    let count = match kind {
        Kind::Silent => 0,
        Kind::Few => 1,
        _ => 500,
    };
    let mut samples = asks(count, 40 * MS, each);
    if kind != Kind::Silent {
        samples.extend((0..count).map(|at| sample(1, Outcome::Success, at * MS, MS)));
    }
    step_of(&format!("users_{users}"), users, &samples)
}

#[test]
fn exits() {
    use Kind::{Good, Silent, Slow};
    /// Steps with whether they are gates; whether aborted; the exit.
    type Case = (&'static [(Kind, bool)], bool, RunExit);
    let cases: [Case; 9] = [
        (&[(Good, true), (Good, true)], false, RunExit::Passed),
        (&[(Good, true), (Slow, true)], false, RunExit::Failed),
        (&[(Good, true), (Slow, false)], false, RunExit::Passed),
        (&[(Slow, true), (Silent, true)], false, RunExit::Invalid),
        (&[(Good, true), (Silent, false)], false, RunExit::Passed),
        (&[(Good, true), (Silent, true)], false, RunExit::Invalid),
        (&[(Slow, true), (Silent, true)], true, RunExit::Aborted),
        (&[], true, RunExit::Aborted),
        (&[], false, RunExit::Invalid),
    ];
    for (at, (kinds, aborted, expected)) in cases.into_iter().enumerate() {
        let steps = (1..).zip(kinds).map(|(users, (kind, gate))| {
            let mut step = step(*kind, users);
            step.gate = *gate;
            step
        });
        let mut run = run_of(steps.collect());
        run.aborted = aborted.then(|| "interrupted".to_owned());
        let conclusion = conclude(&run).unwrap();
        assert_eq!(conclusion.exit, expected, "case {at}: {:?}", conclusion.exit_reasons);
        assert_eq!(conclusion.exit_reasons.is_empty(), expected == RunExit::Passed);
    }
}

#[test]
fn exit_codes() {
    let codes = [RunExit::Passed, RunExit::Failed, RunExit::Aborted, RunExit::Invalid].map(RunExit::code);
    assert_eq!(codes, [0, 1, 3, 4]);
}

#[test]
fn gates_of_which_none_could_be_judged_decide_nothing() {
    let mut few = step(Kind::Few, 1);
    few.offered_rps_max = Some(1.0);
    let check = |step: StepRun| {
        let conclusion = conclude(&run_of(vec![step])).unwrap();
        assert_eq!(conclusion.exit, RunExit::Invalid);
        assert!(conclusion.exit_reasons.iter().any(|why| why == "no step that decides could be judged"));
    };
    // No failures among its two requests, but too few of them for any time.
    check(few.clone());
    few.intervals.iter_mut().for_each(|interval| interval.cells.clear());
    few.statuses.clear();
    check(few);
}

#[test]
fn the_last_step_that_met_and_the_first_that_did_not() {
    use Kind::{Good, Silent, Slow};
    for (kinds, met, failed) in [
        (vec![Good, Good, Slow, Slow], Some("users_2"), Some("users_3")),
        (vec![Good, Slow, Good], Some("users_3"), Some("users_2")),
        (vec![Slow], None, Some("users_1")),
        (vec![Good, Silent], Some("users_1"), None),
    ] {
        let steps = (1..).zip(kinds).map(|(users, kind)| step(kind, users)).collect();
        let conclusion = conclude(&run_of(steps)).unwrap();
        assert_eq!(conclusion.last_met.as_deref(), met);
        assert_eq!(conclusion.first_failed.as_deref(), failed);
    }
    let mut cut = step(Good, 2);
    cut.cut = true;
    assert_eq!(conclude(&run_of(vec![step(Good, 1), cut])).unwrap().last_met.as_deref(), Some("users_1"));
}

#[test]
fn scalability_compares_the_fewest_and_the_most_users() {
    let paced = |users: u32, every_ms: u64| {
        let mut step = step_of("s", users, &asks(60_000 / every_ms, every_ms * MS, MS));
        step.classes.clear();
        step
    };
    let factor = |steps| conclude(&run_of(steps)).unwrap().scalability;
    let linear = factor(vec![paced(1, 100), paced(4, 25)]).unwrap();
    assert!((linear.factor - 1.0).abs() < 0.01, "{linear:?}");
    let flat = factor(vec![paced(4, 100), paced(2, 50), paced(1, 100)]).unwrap();
    assert!((flat.factor - 0.25).abs() < 0.01, "{flat:?}");
    assert_eq!((flat.users_min, flat.users_max), (1, 4));
    assert_eq!((linear.words(), flat.words()), ("good: close to linear", "poor: something is a bottleneck"));
    assert_eq!(factor(vec![paced(4, 100), paced(4, 50)]), None);
    assert_eq!(factor(vec![]), None);
}
