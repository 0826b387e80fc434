//! Files as other tools read them: CSV headers to the byte, and the baseline's JSON in its field's usual way.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{csv, folder, json, names, read, results, run};

const STATS: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%";
const HISTORY: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size";
const FAILURES: &str = "Method,Name,Error,Occurrences,First Seen,Last Seen";
const EXCEPTIONS: &str = "Count,Message,Traceback,Nodes";
const TIMES: &str = "Type,Name,Times,Count,Average,Min,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%";

const STEPS: [(&str, u64, &str); 6] = [
    ("single_user", 1, "30s"),
    ("light_load", 5, "1m"),
    ("moderate_load", 10, "1m"),
    ("normal_load", 25, "2m"),
    ("heavy_load", 50, "2m"),
    ("stress_test", 100, "3m"),
];

fn baseline() -> (TempDir, PathBuf) {
    let place = folder(&[]);
    run(place.path(), "baseline --simulate --seed 7 --out o").exits(0);
    let results = results(&place.path().join("o"));
    (place, results)
}

/// The header to the byte, every row as long as it, every row end CRLF.
#[track_caller]
fn check(text: &str, header: &str) -> Vec<Vec<String>> {
    assert_eq!(text.split("\r\n").next(), Some(header));
    let rows = csv(text);
    for row in &rows {
        assert_eq!(row.len(), header.split(',').count(), "{row:?}");
    }
    rows
}

#[test]
fn csv_files_of_a_baseline() {
    let (_place, results) = baseline();
    let mut expected = vec![
        "baseline_20260101_000000.json".to_owned(),
        "baseline_report_20260101_000000.txt".to_owned(),
        "plotly.min.js".to_owned(),
        "report.html".to_owned(),
        "run.json".to_owned(),
    ];
    for (step, users, _) in STEPS {
        let file = |kind: &str| read(results.join(format!("{step}_{kind}.csv")));
        let stats = check(&file("stats"), STATS);
        assert_eq!(stats.last().map(|row| [&*row[0], &*row[1]]), Some(["", "Aggregated"]));
        let history = check(&file("stats_history"), HISTORY);
        assert!(history.iter().skip(1).all(|row| [&*row[2], &*row[3]] == ["", "Aggregated"]));
        let seconds: Vec<u64> = history.iter().skip(1).map(|row| row[0].parse().expect("a time")).collect();
        assert!(seconds.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a row a second: {seconds:?}");
        assert!(history.iter().any(|row| row[1] == users.to_string()), "{users} users are never reached");
        check(&file("failures"), FAILURES);
        assert_eq!(check(&file("exceptions"), EXCEPTIONS).len(), 1);
        let times = check(&file("times"), TIMES);
        assert!(times[1..].iter().all(|row| ["service", "lateness"].contains(&&*row[2])), "{times:?}");
        let kinds = ["stats", "stats_history", "failures", "exceptions", "times"];
        expected.extend(kinds.map(|kind| format!("{step}_{kind}.csv")));
        expected.push(format!("{step}.html"));
    }
    expected.sort();
    assert_eq!(names(&results), expected);
}

#[test]
fn csv_files_of_a_run() {
    let place = folder(&[]);
    let flags = "--simulate -u 6 -r 2 -t 9s --seed 3 --api-key a --csv d/p --csv-full-history";
    std::fs::create_dir(place.path().join("d")).expect("can be made");
    run(place.path(), &format!("run --headless {flags} BurstUser SimpleQueryUser")).exits(0);
    let file = |kind: &str| read(place.path().join(format!("d/p_{kind}.csv")));
    check(&file("stats"), STATS);
    check(&file("failures"), FAILURES);
    check(&file("exceptions"), EXCEPTIONS);
    let history = check(&file("stats_history"), HISTORY);
    let entries = |name: &str| history.iter().filter(|row| row[3] == name).count();
    assert!(entries("/health") > 0 && entries("/ask (burst)") > 0, "{history:?}");
    assert!(entries("Aggregated") > entries("/ask (burst)"), "the bursts begin later");
    let sums: Vec<u64> = history.iter().skip(1).map(|row| row[17].parse().expect("a number")).collect();
    assert!(sums.iter().any(|sum| *sum > 0));
}

/// A run in which nothing succeeds has no times, and says so instead of showing 0.
#[test]
fn no_time_is_not_a_time_of_zero() {
    let place = folder(&[]);
    let flags = "--simulate -t 9s --ratelimit-burst 0 -T workflow --csv p --json j.json --seed 1";
    run(place.path(), &format!("run --headless {flags}")).exits(1);
    let stats = check(&read(place.path().join("p_stats.csv")), STATS);
    let row = stats.iter().find(|row| row[1] == "/ask (research)").expect("it was sent");
    assert!(row[2] != "0" && row[4..8].iter().chain(&row[11..]).all(|cell| cell == "N/A"), "{row:?}");
    let entries = json(place.path().join("j.json"));
    let mut entries = entries.as_array().expect("is a list").iter();
    let entry = entries.find(|entry| entry["name"] == "/ask (research)").expect("it was sent");
    assert_eq!([&entry["min_response_time"], &entry["max_response_time"]], [&Value::Null; 2]);
    assert_eq!(entry["num_throttled"], entry["num_requests"]);
}

#[test]
fn the_json_of_a_baseline() {
    let (_place, results) = baseline();
    let steps = json(results.join("baseline_20260101_000000.json"));
    let steps = steps.as_array().expect("a list of steps");
    assert_eq!(steps.len(), STEPS.len());
    let mut ended = String::new();
    for (step, (name, users, duration)) in steps.iter().zip(STEPS) {
        let known: Vec<&str> = step.as_object().expect("an object").keys().map(String::as_str).collect();
        let number = |key: &str| {
            step[key].as_f64().unwrap_or_else(|| panic!("{name}: {key} is {} among {known:?}", step[key]))
        };
        let text = |key: &str| step[key].as_str().unwrap_or_else(|| panic!("{name}: {key} is {}", step[key]));
        assert_eq!((&step["name"], &step["users"]), (&name.into(), &users.into()));
        let in_seconds = |text: &str| match text.split_at(text.len() - 1) {
            (minutes, "m") => minutes.parse::<u64>().expect("a number") * 60,
            (seconds, _) => seconds.parse().expect("a number"),
        };
        assert_eq!(in_seconds(text("duration")), in_seconds(duration));
        assert!(ended.as_str() < text("start_time") && text("start_time") < text("end_time"), "in order");
        text("end_time").clone_into(&mut ended);
        let counts = ["total_requests", "failure_count"].map(|key| step[key].as_u64().expect("a count"));
        let elapsed = number("elapsed_seconds");
        assert!(elapsed >= in_seconds(duration) as f64, "{name} took {elapsed} s");
        assert!((number("rps") - counts[0] as f64 / elapsed).abs() < 1e-5, "{name}");
        assert!((number("failures_per_sec") - counts[1] as f64 / elapsed).abs() < 1e-5, "{name}");
        assert!((number("failure_rate") - counts[1] as f64 / counts[0] as f64).abs() < 1e-5, "{name}");
        let rising = ["min_response", "p50", "p95", "p99", "max_response"].map(number);
        assert!(rising.is_sorted() && rising[0] >= 0.0 && rising[0] < rising[4], "{name}: {rising:?}");
        assert!((rising[0]..=rising[4]).contains(&number("average_response")), "{name}");
        assert!((number("median_response") - number("p50")).abs() < 1e-9, "{name}");
    }
}

#[test]
fn json_on_standard_output_stands_alone() {
    let place = folder(&[]);
    let done = run(place.path(), "run --simulate -t 5s --json").exits(0).says(&["LOAD TEST REPORT"]);
    let entries: Value = serde_json::from_str(&done.out).expect("nothing but JSON");
    assert!(entries.as_array().is_some_and(|entries| !entries.is_empty()), "{entries}");
}
