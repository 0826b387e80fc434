//! Which times each output shows, and that it says so.

use serde_json::Value;

use crate::export::{baseline_json, locust_json, report_text, stats_csv, stats_history_csv, times_csv};
use crate::testing::{run_of, sample, step_with};
use crate::*;

const MS: u64 = 1_000_000;

/// 400 successes, due 100 ms before they could be sent, sent 1 ms after that, served in 20 ms, so the response time is
/// 121 ms.
fn samples() -> Vec<Sample> {
    let late = |number: u64| {
        let sample = sample(0, Outcome::Success, 101 * MS + number * 10 * MS, 20 * MS);
        Sample { intended_ns: sample.sent_ns - 101 * MS, ready_ns: sample.sent_ns - MS, ..sample }
    };
    (0..400).map(late).collect()
}

fn open() -> LoadRecord {
    let stages = vec![RateStage { from_per_s: 100.0, to_per_s: 100.0, duration_s: None }];
    LoadRecord::Open { process: Process::Constant, stages, in_flight_max: 10 }
}

fn check(load: LoadRecord, recorder: Recorder, kind: &str, shown: &str, response: Option<f64>) {
    let paced = response.is_some();
    let mut step = step_with("s", load, &samples(), recorder);
    if step.load.is_open() {
        let mut tally = ArrivalsTally::default();
        tally.due(402);
        (0..400).for_each(|_| tally.sent(101 * MS));
        tally.dropped();
        step.arrivals = Some(tally.into_record(401.5, false));
    }
    let run = run_of(vec![step]);
    let read = Run::from_json(&run.to_json()).expect("a whole run");
    assert_eq!(read, run, "the file holds all of it");
    let (step, conclusion) = (&run.steps[0], conclude(&run).unwrap());
    let summary = &conclusion.steps[0].summary;

    let ms: f64 = shown.parse().unwrap();
    let metric = conclusion.steps[0].verdict.metric(Metric::P95).unwrap();
    assert_eq!(metric.value, Some(ms), "what is judged");
    let csv = stats_csv(summary);
    assert!(csv.contains(&format!("POST,/ask,400,0,{shown},{shown},{shown},{shown},")), "{csv}");
    let history = stats_history_csv(&run, step, false).unwrap();
    assert!(history.lines().last().unwrap().contains(&format!(",{shown},{shown},")), "{history}");

    let whole: Value = serde_json::from_str(&baseline_json(&run, &conclusion)).unwrap();
    let whole = &whole[0];
    assert_eq!((&whole["times"], &whole["p95"]), (&Value::from(kind), &Value::from(ms)));
    assert_eq!((&whole["service"]["p99_ms"], &whole["lateness"]["p99_ms"]), (&20.0.into(), &1.0.into()));
    assert_eq!(whole["response"]["p99_ms"].as_f64(), response);
    assert_eq!((&whole["lateness"]["average_ms"], &whole["lateness"]["max_ms"]), (&1.0.into(), &1.0.into()));
    let entry = &whole["entries"][0];
    assert_eq!((&entry["success"]["p50_ms"], &entry["service"]["p50_ms"]), (&ms.into(), &20.0.into()));
    assert_eq!(
        (&entry["lateness_max_ms"], &whole["arrivals"]["dropped"].is_u64()),
        (&1.0.into(), &step.load.is_open())
    );

    let locust: Value = serde_json::from_str(&locust_json(&run, step, summary)).unwrap();
    let locust = &locust[0];
    assert_eq!((&locust["times"], &locust["max_response_time"]), (&kind.into(), &ms.into()));
    assert_eq!((&locust["total_service_time"], &locust["lateness_max"]), (&8_000.0.into(), &1.0.into()));

    let text = report_text(&run, &conclusion);
    assert!(text.contains(&format!("  {kind} time: ")), "{text}");
    assert_eq!(text.contains("\n  response "), paced, "{text}");
    assert_eq!(
        text.contains("402 due (401.5 in the mean), 400 sent, 1 dropped"),
        step.load.is_open(),
        "{text}"
    );
    assert!(text.contains("\n  lateness           1       1       1       1       1\n"), "{text}");

    let service = ",service,400,20,20,20,20,20,20,20,20,20,20,20,20,20\r\n";
    let response_row = ",response,400,121,121,121,121,121,121,121,121,121,121,121,121,121\r\n";
    let none = "N/A,".repeat(10);
    let expected = |name: &str| {
        let response = if paced { format!("{name}{response_row}") } else { String::new() };
        format!("{name}{service}{response}")
    };
    let csv = times_csv(summary);
    let entry = format!("{}POST,/ask,lateness,400,1,N/A,{none}1\r\n", expected("POST,/ask"));
    let all = format!("{},Aggregated,lateness,400,1,N/A,{}1\r\n", expected(",Aggregated"), "1,".repeat(10));
    assert!(csv.ends_with(&format!("{entry}{all}")), "{csv}");
}

#[test]
fn every_output_says_which_times_it_shows() {
    let closed = || LoadRecord::Closed { users: 5, spawn_rate_per_s: 1.0 };
    check(closed(), Recorder::new(2), "service", "20", None);
    check(closed(), Recorder::with_response(2), "service", "20", Some(121.0));
    check(open(), Recorder::with_response(2), "response", "121", Some(121.0));
}
