//! A few cells of the diagnosis's confusion matrix: some healthy worlds, and strong faults of every room in one world each.
//!
//! `make diagnosis` has all of it. It must not know how rules decide.

use measure::conclude;
use sim::diagnosis::{Bench, Loads, TRUTHS, healthy};

/// Worlds, which any other numbers would do for as well.
const HEALTHY: [u64; 6] = [2, 3, 6, 7, 9, 10];
/// What is wrong, and a world that is quick to carry out.
const WRONG: [(&str, u64); 6] = [
    ("error_burst", 2),
    ("fail_first", 2),
    ("reset", 2),
    ("timeouts", 2),
    ("throttle_storm (address)", 2),
    ("authentication", 2),
];

#[test]
fn healthy_worlds_have_no_findings() {
    for number in HEALTHY {
        let trial = healthy(number, Loads::Single);
        assert!(conclude(&trial.run).is_ok());
        assert!(trial.right, "world {number}: {:?} of {:?}", trial.wrong, trial.signs);
    }
}

#[test]
fn what_is_wrong_is_found() {
    let bench = Bench::new(Loads::Single);
    for (name, number) in WRONG {
        let truth = TRUTHS.iter().find(|truth| truth.name == name).expect("a truth of this name");
        // The strongest.
        for trial in bench.trials(truth, number, &[2]) {
            assert!(trial.right, "{name} in world {number}, strength {}: {:?}", trial.strength, trial.signs);
        }
    }
}
