//! Two processes: what the harness's files say is what the server truly did, to the last request.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{Done, Server, csv, folder, json, read, run};

/// Requests by route and status.
type Counts = BTreeMap<(String, u64), u64>;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// An entry's path: `/ask (burst)` is a name for `/ask`.
fn route(method: &str, name: &str) -> String {
    format!("{method} {}", name.split(' ').next().unwrap_or_default())
}

fn told(entries: &Value) -> Counts {
    let mut counts = Counts::new();
    for entry in list(entries) {
        let text = |key: &str| entry[key].as_str().expect("is a text");
        for (status, count) in entry["statuses"].as_object().expect("is an object") {
            let status = status.parse().expect("is a status");
            *counts.entry((route(text("method"), text("name")), status)).or_default() += number(count);
        }
    }
    counts
}

fn true_counts(truth: &Value) -> Counts {
    let row = |row: &Value| {
        ((row["route"].as_str().expect("a text").to_owned(), number(&row["status"])), number(&row["count"]))
    };
    list(&truth["routes"]).iter().map(row).collect()
}

/// A column of the rows of a CSV file, by its header.
fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let at = rows[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("no column {name}"));
    rows[1..].iter().map(|row| row[at].clone()).collect()
}

fn numbers(rows: &[Vec<String>], name: &str) -> Vec<u64> {
    column(rows, name).iter().map(|cell| cell.parse().expect("is a number")).collect()
}

/// CSV, JSON and text against each other.
fn check_agree(files: &std::path::Path, entries: &Value, done: &Done) -> u64 {
    let stats = csv(&read(files.join("p_stats.csv")));
    let (mut names, requests) = (column(&stats, "Name"), numbers(&stats, "Request Count"));
    let failures = numbers(&stats, "Failure Count");
    assert_eq!(names.pop().as_deref(), Some("Aggregated"));
    let of_json = |key: &str| -> Vec<u64> { list(entries).iter().map(|e| number(&e[key])).collect() };
    let (total, total_failures) = (requests[names.len()], failures[names.len()]);
    assert_eq!(list(entries).iter().map(|e| e["name"].as_str().unwrap_or("?")).collect::<Vec<_>>(), names);
    assert_eq!(of_json("num_requests"), requests[..names.len()]);
    assert_eq!(of_json("num_failures"), failures[..names.len()]);
    assert_eq!(of_json("num_requests").iter().sum::<u64>(), total);
    assert_eq!(of_json("num_failures").iter().sum::<u64>(), total_failures);

    let history = csv(&read(files.join("p_stats_history.csv")));
    assert_eq!(numbers(&history, "Total Request Count").last(), Some(&total));
    assert_eq!(numbers(&history, "Total Failure Count").last(), Some(&total_failures));
    let errors = csv(&read(files.join("p_failures.csv")));
    assert_eq!(numbers(&errors, "Occurrences").iter().sum::<u64>(), total_failures);

    let line = done.out.lines().find(|line| line.trim_start().starts_with("Aggregated")).expect("a sum");
    let cells: Vec<u64> = line.split_whitespace().skip(1).take(5).map(|n| n.parse().expect("n")).collect();
    let throttled: u64 = of_json("num_throttled").iter().sum();
    let cut_off: u64 = of_json("num_cut_off").iter().sum();
    let succeeded = total - throttled - total_failures;
    assert_eq!(cells, [total, succeeded, throttled, total_failures, cut_off], "{line}");
    total
}

/// `flags` of the run; statuses that must have been seen, so that the comparison means something.
fn check(stub: &str, flags: &str, code: i32, statuses: &[u64]) {
    let server = Server::start(stub, &[]);
    let files = folder(&[]);
    let args = format!("run --headless -H {} {flags} --csv p --json j.json", server.url());
    let done = run(files.path(), &args).exits(code);
    let entries = json(files.path().join("j.json"));
    let total = check_agree(files.path(), &entries, &done);
    let truth = server.settled();
    assert_eq!(told(&entries), true_counts(&truth), "by route and status");
    let sums = ["received", "in_flight", "abandoned"].map(|key| number(&truth[key]));
    assert_eq!(sums, [total, 0, 0], "received, in flight and abandoned");
    for status in statuses {
        let seen = told(&entries).keys().any(|(_, seen)| seen == status);
        assert!(seen, "no answer had the status {status}: the test compares too little");
    }
}

#[test]
fn all_classes_over_http_1() {
    // All have one key and one address: some are throttled, most are not.
    check(
        "--ratelimit-rps 30 --ratelimit-burst 12",
        "-u 20 -r 20 -t 3s --equal-weights --seed 6",
        0,
        &[200, 401, 429],
    );
}

#[test]
fn all_classes_over_http_2() {
    check("--no-ratelimit", "-u 20 -r 20 -t 2s --equal-weights --http 2 --seed 6", 0, &[200, 401]);
}

#[test]
fn with_failures() {
    check("--no-ratelimit", "-u 6 -r 6 -t 2s --equal-weights --api-key wrong", 1, &[200, 401]);
}
