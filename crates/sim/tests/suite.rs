//! The whole suite in virtual time, from the files of `load_tests/`: repeatable, and equal to the ledger.

mod common;

use std::collections::BTreeMap;

use common::plan;
use measure::export::{SCRIPT_FILE, results_folder};
use measure::{Run, conclude};
use sim::{Simulated, simulate};
use stub::{Limits, Profile, Settings};
use wire::Truth;

fn baseline(seed: u64) -> Simulated {
    simulate(plan(seed), Settings::suite(), Profile::default()).expect("a runtime")
}

/// Requests by method, path and status, as the harness counted them.
fn counted(run: &Run) -> BTreeMap<(String, u16), u64> {
    let mut counts = BTreeMap::new();
    for step in &run.steps {
        for status in &step.statuses {
            let entry = &step.names[usize::from(status.name.0)];
            *counts.entry((format!("{} {}", entry.method, entry.path), status.status)).or_default() +=
                status.count;
        }
    }
    counts
}

/// The same, as the stub's ledger has it.
fn ledger(truth: &Truth) -> BTreeMap<(String, u16), u64> {
    truth.routes.iter().map(|r| ((r.route.clone(), r.status), r.count)).collect()
}

#[test]
fn six_steps_meet_their_targets_and_equal_the_ledger() {
    let Simulated { run, truth } = baseline(7);
    assert_eq!(run.steps.len(), 6);
    let last = run.steps.last().expect("six");
    assert!(last.phases.ended_ns > 500_000_000_000, "over 500 virtual seconds");
    assert_eq!(counted(&run), ledger(&truth));
    assert_eq!(truth.received, truth.answered + truth.refused + truth.abandoned);
    assert_eq!((truth.in_flight, truth.abandoned), (0, 0));
    let conclusion = conclude(&run).expect("a whole run");
    assert_eq!(conclusion.exit.code(), 0, "{conclusion:#?}");
}

#[test]
fn a_seed_repeats_the_folder_to_the_byte_and_another_differs() {
    let folder = |seed| {
        let run = baseline(seed).run;
        let mut files = results_folder(&run, "T").expect("a whole run");
        files.push(("run.json".into(), run.to_json().into()));
        files
    };
    let (first, again, other) = (folder(7), folder(7), folder(8));
    assert!(first == again, "the same seed gives the same bytes");
    for ((name, one), (_, two)) in first.iter().zip(&other) {
        assert!(
            one != two || name.contains("failures") || name.contains("exceptions") || name == SCRIPT_FILE,
            "{name} ignores the seed"
        );
    }
}

#[test]
fn a_run_file_survives_its_own_writing() {
    let run = baseline(3).run;
    assert_eq!(Run::from_json(&run.to_json()).expect("readable"), run);
}

#[test]
fn limits_of_zero_throttle_everything_and_nothing_is_green() {
    let settings = Settings { limits: Limits::of_user(stub::Limit::per_second(0, 0)), ..Settings::suite() };
    let Simulated { run, truth } = simulate(plan(1), settings, Profile::default()).expect("a runtime");
    assert_eq!(counted(&run), ledger(&truth));
    let asked = counted(&run).into_iter().filter(|((name, _), _)| name == "POST /ask");
    assert!(asked.into_iter().all(|((_, status), _)| status == 429));
    assert_ne!(conclude(&run).expect("a whole run").exit.code(), 0);
}
