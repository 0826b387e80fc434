//! Virtual time: a folder depends on the seed alone, and none is ever overwritten.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::common::{Running, bench, contents, folder, json, names, results, run, words};

/// The folder that a command writes, in a place and an environment of its own.
fn written(args: &str, zone: &str) -> BTreeMap<String, String> {
    let place = folder(&[]);
    let mut command = bench(place.path(), words(&format!("{args} --simulate --out deep/out")));
    command.env("TZ", zone).env("LANG", "de_DE.UTF-8").env("COLUMNS", "60");
    Running::start(command).end().exits(0);
    let files = contents(&results(&place.path().join("deep/out")));
    let here = place.path().display().to_string();
    for (name, text) in &files {
        for path in [&here, env!("CARGO_MANIFEST_DIR")] {
            assert!(!text.contains(path), "{name} holds the path {path}");
        }
    }
    files
}

#[track_caller]
fn check_repeats(args: &str) {
    let first = written(&format!("{args} --seed 7"), "UTC");
    let again = written(&format!("{args} --seed 7"), "Asia/Tokyo");
    assert_eq!(first.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>());
    for (name, text) in &first {
        assert!(*text == again[name], "{name} is not the same to the byte");
    }
    let other = written(&format!("{args} --seed 8"), "UTC");
    assert_eq!(first.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let differ = |part: &str| first.iter().any(|(name, text)| name.contains(part) && *text != other[name]);
    for part in ["run.json", "report", "_stats.csv", "_stats_history.csv"] {
        assert!(differ(part), "another seed gives the same {part}");
    }
    let run: Value = serde_json::from_str(&first["run.json"]).expect("is JSON");
    let nulls = [&run["host"], &run["target_url"], &run["steps"][0]["resources"]];
    assert_eq!(nulls, [&Value::Null; 3], "host, target and resources");
}

#[test]
fn a_baseline_depends_on_the_seed_alone() {
    check_repeats("baseline");
}

#[test]
fn a_run_depends_on_the_seed_alone() {
    check_repeats("run --headless -u 20 -r 5 -t 30s");
}

#[test]
fn arrivals_depend_on_the_seed_alone() {
    check_repeats("run --headless --arrivals poisson --rate 0-20/10s,20/10s --no-ratelimit");
}

#[test]
fn the_suite_takes_its_minutes_in_virtual_time() {
    let place = folder(&[]);
    run(place.path(), "baseline --simulate --seed 7 --out o").exits(0);
    let results = results(&place.path().join("o"));
    let run = json(results.join("run.json"));
    let phases = |step: &Value| {
        let at = |key: &str| step["phases"][key].as_u64().expect("is a number");
        at("ended_ns") - at("started_ns")
    };
    let virtual_ns: u64 = run["steps"].as_array().expect("is a list").iter().map(phases).sum();
    assert!(virtual_ns > 500_000_000_000, "{virtual_ns} ns of virtual time");
    let printed = Running::start(bench(place.path(), ["report", &*results.display().to_string()])).end();
    let text = results.join("baseline_report_20260101_000000.txt");
    assert_eq!(printed.out, crate::common::read(text), "what is printed is what is kept");
}

#[test]
fn a_folder_is_never_overwritten() {
    let place = folder(&[]);
    let out = place.path().join("o");
    let go = |seed: u32| run(place.path(), &format!("run --simulate -t 9s --seed {seed} --out o")).exits(0);
    go(1);
    let first = contents(&results(&out));
    go(2);
    go(3);
    assert_eq!(
        names(&out),
        ["run_20260101_000000", "run_20260101_000000_2", "run_20260101_000000_3"],
        "a folder a run"
    );
    assert!(contents(&out.join("run_20260101_000000")) == first, "the first folder has changed");
    let seed = |folder: &Path| json(folder.join("run.json"))["seed"].clone();
    assert_eq!(seed(&out.join("run_20260101_000000_3")), 3);
}

#[test]
fn a_drawn_seed_repeats_the_run() {
    let place = folder(&[]);
    run(place.path(), "run --simulate -u 5 -r 5 -t 9s --out a").exits(0);
    let first = results(&place.path().join("a"));
    let seed = json(first.join("run.json"))["seed"].as_u64().expect("is a number");
    let said = run(place.path(), &format!("run --simulate -u 5 -r 5 -t 9s --out b --seed {seed}"));
    said.exits(0).says(&[&format!("seed     {seed}")]);
    assert!(contents(&first) == contents(&results(&place.path().join("b"))), "the seed does not repeat it");
}

#[test]
fn a_host_in_the_environment_does_not_forbid_to_simulate() {
    let place = folder(&[]);
    for args in ["run --simulate -t 5s", "baseline --simulate --out o"] {
        let mut command = bench(place.path(), words(args));
        command.env("TARGET_HOST", "http://127.0.0.1:1");
        Running::start(command).end().exits(0).says(&["virtual time"]);
    }
}
