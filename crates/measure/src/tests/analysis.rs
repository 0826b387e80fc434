//! The analysis in every document: what it says of a pool that is full, and that nobody's text gets out of it.

use crate::testing::{Draw, run_of, sample, step_of};
use crate::*;

/// Users without waits before `places` slots of 20 ms each: answers come at the pool's pace from `places` users on.
fn pool(name: &str, users: u32, places: u32) -> StepRun {
    let mut draw = Draw(u64::from(users));
    let taken = users.min(places);
    let gap_ns = 20_000_000 / u64::from(taken);
    let time_ns = 20_000_000 * u64::from(users) / u64::from(taken);
    let vary = |draw: &mut Draw| ((0.95 + 0.1 * draw.unit()) * time_ns as f64) as u64;
    let samples: Vec<Sample> = (0..20_000_000_000 / gap_ns)
        .map(|at| sample(0, Outcome::Success, at * gap_ns, vary(&mut draw)))
        .collect();
    let mut step = step_of(name, users, &samples);
    // Its other task sends nothing, which is no fault here.
    step.classes[0].tasks.truncate(1);
    step
}

fn run() -> Run {
    let names = ["<b>one</b>", "two|`x`", "four", "eight", "sixteen", "lots"];
    let users = [1, 2, 4, 8, 16, 40];
    run_of(names.iter().zip(users).map(|(name, users)| pool(name, users, 8)).collect())
}

#[test]
fn a_full_pool_is_told_in_every_document() {
    let run = run();
    let conclusion = conclude(&run).expect("a whole run");
    let found = analyze(&run, &conclusion).expect("a whole run");
    let signs: Vec<_> = found.findings.iter().map(|finding| finding.sign.key()).collect();
    assert!(signs.contains(&"pool_limit"), "{signs:?}");
    let knee = found.scaling.knee.users.expect("a saturated target");
    assert!((knee - 8.0).abs() < 0.3, "{knee}");
    let why = found.scaling.law.as_ref().expect_err("a pool bends sharply");
    assert!(why.contains("does not describe"), "{why}");
    let documents = [
        analysis::text(&found),
        analysis::markdown(&found),
        export::report_text(&run, &conclusion),
        export::markdown(&run, &conclusion),
        export::html_document(&run, &conclusion).expect("a whole run"),
    ];
    for document in &documents {
        assert!(document.contains("a pool or a concurrency limit is full"), "{document}");
        assert!(document.contains("withheld: the law does not describe this target"));
    }
    assert!(!documents[1].contains("<b>") && !documents[4].contains("<b>"), "text stays text");
    assert!(documents[4].contains("\"chart-suite-law\":"), "the chart has a fixed id");
    let json: serde_json::Value = serde_json::from_str(&analysis::json(&run, &found)).expect("JSON");
    assert_eq!(json["format"], "weaver-bench.analysis/1");
    assert_eq!(json["scalability"]["points"].as_array().map(Vec::len), Some(6));
    assert_eq!(json["scalability"]["law"], serde_json::Value::Null);
}
