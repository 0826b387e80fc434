//! Broken thresholds in what a run amounts to, and in every document.

use crate::export::{baseline_json, html_document, junit, markdown, prometheus_text, report_text};
use crate::testing::{asks, run_of, sample, step_of};
use crate::*;

const MS: u64 = 1_000_000;

/// A healthy step of 400 requests that take 20 ms each, with this threshold.
fn run(json: &str) -> Run {
    let mut samples = asks(400, 50 * MS, 20 * MS);
    samples.push(sample(1, Outcome::Success, 0, MS));
    let mut step = step_of("s", 5, &samples);
    step.thresholds = vec![serde_json::from_str(json).expect("a threshold")];
    run_of(vec![step])
}

const BROKEN: &str =
    r#"{"figure": "mean", "comparison": "<", "bound": 10, "over": {"name": "/ask"}, "entries": [0]}"#;
const WORDS: &str = "mean < 10ms on /ask";

#[track_caller]
fn check(run: &Run, exit: RunExit, reasons: &[&str]) {
    let found = conclude(run).expect("whole");
    assert_eq!(
        (found.exit, found.exit_reasons.iter().map(String::as_str).collect::<Vec<_>>()),
        (exit, reasons.to_vec())
    );
}

#[test]
fn a_broken_threshold_decides_unless_it_says_otherwise() {
    let why = ["step s: threshold `mean < 10ms on /ask` broken: 20 ms"];
    check(&run(BROKEN), RunExit::Failed, &why);
    let mut no_gate_step = run(BROKEN);
    no_gate_step.steps[0].gate = false;
    check(&no_gate_step, RunExit::Failed, &why);
    check(&run(&BROKEN.replacen('{', r#"{"gate": false, "#, 1)), RunExit::Passed, &[]);
    check(&run(&BROKEN.replacen('{', r#"{"gate": false, "#, 1)), RunExit::Passed, &[]);
    check(&run(r#"{"figure": "p99.9", "comparison": "<", "bound": 1}"#), RunExit::Passed, &[]);
    let mut invalid = run(BROKEN);
    invalid.steps[0].gate = false;
    invalid.steps[0].classes[0].task_requests = 0;
    check(&invalid, RunExit::Passed, &[]);
    let mut aborted = run(BROKEN);
    aborted.aborted = Some("in step s: enough".to_owned());
    check(&aborted, RunExit::Aborted, &["the run was aborted: in step s: enough"]);
}

#[test]
fn every_document_shows_it() {
    let run = run(BROKEN);
    let found = conclude(&run).expect("whole");
    let shown = [
        (report_text(&run, &found), "  threshold `mean < 10ms on /ask`: broken: 20 ms\n"),
        (markdown(&run, &found), "| s | mean &lt; 10ms on /ask | **broken: 20 ms** |"),
        (junit(&run, &found), "message=\"broken: 20 ms\""),
        (junit(&run, &found), "name=\"mean &lt; 10ms on /ask\""),
        (
            prometheus_text(&run, &found),
            "weaver_bench_threshold_held{step=\"s\",threshold=\"mean < 10ms on /ask\"} 0\n",
        ),
        (
            prometheus_text(&run, &found),
            "weaver_bench_threshold_value{step=\"s\",threshold=\"mean < 10ms on /ask\"} 0.02\n",
        ),
        (html_document(&run, &found).expect("whole"), "mean &#60; 10ms on /ask"),
        (html_document(&run, &found).expect("whole"), "broken: 20 ms"),
    ];
    for (text, words) in shown {
        assert!(text.contains(words), "`{words}` is not in {}", &text[..text.len().min(20_000)]);
    }
    let json: serde_json::Value = serde_json::from_str(&baseline_json(&run, &found)).expect("JSON");
    let threshold = &json[0]["thresholds"][0];
    assert_eq!((&threshold["threshold"], &threshold["outcome"]), (&WORDS.into(), &"broken".into()));
    assert_eq!((&threshold["value"], &threshold["unit"]), (&20.0.into(), &"ms".into()));
}

#[test]
fn a_threshold_over_a_hostile_name_does_no_harm() {
    let name = "<script>alert(1)</script>\\\"|`";
    let run = run(&BROKEN.replace("/ask", name));
    let found = conclude(&run).expect("whole");
    let page = html_document(&run, &found).expect("whole");
    assert!(!page.contains("<script>alert") && !markdown(&run, &found).contains("<script>"));
    quick_junit::Report::deserialize_from_str(&junit(&run, &found)).expect("is JUnit");
}
