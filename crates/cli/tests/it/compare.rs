//! `compare`, `trend`, and baselines that are kept: files, refusals, exit codes.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Done, folder, json, names, read, run};

const QUICK: &str = "baseline --quick --simulate --only-summary";

/// A profile whose answers take twice as long.
const SLOW: &str = "../../load_tests/stub/slow.toml";

fn slow() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(SLOW).display().to_string()
}

/// Two saved baselines of the default profile, and one of the slow one.
fn saved(place: &Path) {
    for (name, seed, more) in [("one", 1, ""), ("two", 2, ""), ("slow", 3, &*format!("--profile {}", slow()))]
    {
        run(place, &format!("{QUICK} --seed {seed} --save {name} --note n{seed} {more}"))
            .says(&["saved as baseline"]);
    }
}

fn document(done: &Done) -> Value {
    serde_json::from_str(&done.out).expect("is JSON")
}

#[test]
fn baselines_are_saved_compared_and_logged() {
    let place = folder(&[]);
    saved(place.path());
    let kept = place.path().join("results/baselines");
    assert_eq!(names(&kept), ["LOG.md", "log.jsonl", "one", "slow", "two"]);
    let log: Vec<Value> =
        read(kept.join("log.jsonl")).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |key: &str| log.iter().map(|entry| entry[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("name"), ["one", "two", "slow"]);
    assert_eq!(of("note"), ["n1", "n2", "n3"]);
    assert_eq!(of("against"), [Value::Null, json!("one"), json!("two")]);
    assert_eq!(log[2]["verdict"], "worse");
    assert!(read(kept.join("LOG.md")).contains("| slow | 20260101_000000 | n3 | two |"));

    // By name, by folder, by file; A is the old one.
    let done = run(place.path(), "compare one results/baselines/slow/run.json --format json").exits(0);
    let found = document(&done);
    assert_eq!((&found["decision"]["verdict"], &found["a"]["name"]), (&json!("worse"), &json!("one")));
    let change = found["decision"]["time"]["change"].as_f64().expect("a number");
    let back = document(&run(place.path(), "compare results/baselines/slow one --format json").exits(0));
    let change_back = back["decision"]["time"]["change"].as_f64().expect("a number");
    assert!(((1.0 + change) * (1.0 + change_back) - 1.0).abs() < 1e-9, "{change} and {change_back}");
    assert_eq!(back["decision"]["verdict"], "better");
    run(place.path(), "compare one slow --fail-on worse")
        .exits(1)
        .says(&["Verdict: worse", "could have seen"]);
    run(place.path(), "compare slow one --fail-on worse").exits(0);
    run(place.path(), "compare one slow --format markdown")
        .exits(0)
        .says(&["## Comparison: worse", "<details>"]);
    run(place.path(), "compare one one").exits(0).says(&["+0.0 %"]);
}

#[test]
fn a_run_is_held_against_a_baseline() {
    let place = folder(&[]);
    run(place.path(), &format!("{QUICK} --seed 1 --save one")).exits(0);
    let against = |flags: &str| run(place.path(), &format!("{QUICK} --against one --fail-on worse {flags}"));
    against("--seed 2").exits(0).says(&["COMPARISON", "A  one"]);
    let slower = against(&format!("--seed 3 --profile {}", slow())).says(&["Verdict: worse"]);
    assert_ne!(slower.code, Some(0));
    against("--against nowhere").exits(2);
    run(place.path(), &format!("{QUICK} --against nowhere")).exits(2).says(&["nowhere"]);
    // Nothing is overwritten, and that is said before anything is measured.
    let before = names(&place.path().join("results"));
    run(place.path(), &format!("{QUICK} --save one")).exits(2).says(&["is there already", "--force"]);
    run(place.path(), &format!("{QUICK} --save ../x")).exits(2).says(&["give letters"]);
    run(place.path(), &format!("{QUICK} --note x")).exits(2).says(&["--save"]);
    run(place.path(), &format!("{QUICK} --fail-on worse")).exits(2).says(&["--against"]);
    assert_eq!(names(&place.path().join("results")), before);
    run(place.path(), &format!("{QUICK} --seed 9 --save one --force")).exits(0);
    assert_eq!(json(place.path().join("results/baselines/one/run.json"))["seed"], 9);
}

#[test]
fn what_cannot_be_compared_is_refused_with_all_reasons() {
    let place = folder(&[]);
    run(place.path(), &format!("{QUICK} --seed 1 --save one")).exits(0);
    let path = place.path().join("results/baselines/one/run.json");
    let mut other = json(&path);
    let check = |other: &Value, flags: &str, code: i32, words: &[&str]| {
        std::fs::write(place.path().join("other.json"), other.to_string()).expect("can be written");
        run(place.path(), &format!("compare one other.json {flags}")).exits(code).says(words);
    };
    check(&other, "", 0, &["Verdict"]);
    other["steps"][0]["run_time_s"] = json!(99.0);
    other["plan"]["classes"][0]["weight"] = json!(99);
    other["steps"][1]["cut"] = json!(true);
    let said = ["duration of step single_user", "`classes` is another", "step light_load was cut short"];
    check(&other, "", 2, &said);
    check(&other, "--allow-invalid", 2, &said[..2]);
    other["simulated"] = json!(false);
    check(&other, "", 2, &["A was measured in virtual time, B in real time"]);
    let mut invalid = json(&path);
    invalid["aborted"] = json!("gone");
    check(&invalid, "", 2, &["B is not whole: it was aborted: gone", "--allow-invalid"]);
    check(&invalid, "--allow-invalid", 0, &["Verdict"]);
    run(place.path(), "compare one nowhere").exits(2).says(&["nowhere"]);
    run(place.path(), "compare one").exits(2);
    run(place.path(), "compare").exits(2);
}

#[test]
fn rounds_are_measured_in_turn() {
    let place = folder(&[]);
    let slow = slow();
    let sides = format!("--profile-a {slow} --profile-b {slow}");
    let flags = "-- --quick --simulate --seed 5 --only-summary --out o";
    let done = run(place.path(), &format!("compare --repeat 3 {sides} --format json {flags}")).exits(0);
    let found = document(&done);
    let rounds = found["rounds"].as_array().expect("a list");
    let seeds: Vec<_> = rounds.iter().flat_map(|r| [&r["a"]["seed"], &r["b"]["seed"]]).cloned().collect();
    assert_eq!(seeds, [5, 6, 7, 8, 9, 10].map(|seed| json!(seed)));
    assert_eq!(names(&place.path().join("o")).len(), 6, "a folder a run");
    assert_ne!(found["decision"]["verdict"], "worse");
    for (flags, words) in [
        ("--repeat 2 --profile-a a --profile-b b", "3..=100"),
        ("--repeat 3 --profile-a a", "required"),
        ("--profile-a a --profile-b b", "required"),
        ("--repeat 3 --profile-a a --profile-b b -- --bogus", "--bogus"),
        ("--repeat 3 --profile-a a --profile-b b -- --simulate --save x", "--save"),
    ] {
        run(place.path(), &format!("compare {flags}")).exits(2).says(&[words]);
    }
}

#[test]
fn a_trend_finds_where_runs_changed() {
    let place = folder(&[("empty/x", "")]);
    for seed in 0..8 {
        let more = if seed < 4 { String::new() } else { format!("--profile {}", slow()) };
        run(place.path(), &format!("{QUICK} --seed {seed} {more}"));
    }
    // Virtual runs all start at one moment: tell them apart.
    for (at, name) in names(&place.path().join("results")).iter().enumerate() {
        let path = place.path().join("results").join(name).join("run.json");
        let mut file = json(&path);
        let seed = file["seed"].as_u64().expect("a number");
        file["started_unix_ns"] = json!(1_767_225_600_000_000_000 + seed * 1_000_000_000);
        std::fs::write(path, file.to_string()).expect("can be written");
        assert!(at < 8);
    }
    let done = run(place.path(), "trend results --format json").exits(0);
    let found = document(&done);
    let changes = found["changes"].as_array().expect("a list");
    assert_eq!((changes.len(), &changes[0]["first"]), (1, &json!(4)), "{found:#}");
    run(place.path(), "trend").exits(0).says(&["1 change point", "in at most 5 of 100 cases"]);
    run(place.path(), "trend --format markdown").exits(0).says(&["## Trend of `/ask…`"]);
    let place = folder(&[("empty/x", "")]);
    run(place.path(), &format!("{QUICK} --seed 1 --save kept")).exits(0);
    let few = run(place.path(), "trend --format json").exits(0);
    assert_eq!(document(&few)["runs"].as_array().map(Vec::len), Some(1), "a saved run counts once");
    run(place.path(), "trend").exits(0).says(&["too few to find a change"]);
    run(place.path(), "trend empty").exits(2).says(&["no results folder"]);
    run(place.path(), "trend nowhere").exits(2).says(&["nowhere"]);
}
