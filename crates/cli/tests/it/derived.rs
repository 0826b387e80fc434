//! `report`: every other file again from `run.json`, byte for byte; a damaged one is refused in words.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::{Done, contents, folder, json, names, results, run};

/// A small run with throttled requests and failures, so that every file has something to say.
fn measured(place: &Path) -> PathBuf {
    let flags = "--simulate -u 6 -r 6 -t 6s --equal-weights --seed 3 --ratelimit-rps 2 --out o";
    run(place, &format!("run --headless {flags}")).exits(0);
    results(&place.join("o"))
}

#[test]
fn every_other_file_again() {
    for (args, code) in
        [("run --simulate -u 9 -r 3 -t 9s --seed 3", 0), ("baseline --quick --simulate --seed 3", 0)]
    {
        let place = folder(&[]);
        let first = run(place.path(), &format!("{args} --out o")).exits(code);
        let results = results(&place.path().join("o"));
        let before = contents(&results);
        for name in names(&results).iter().filter(|name| *name != "run.json") {
            fs::remove_file(results.join(name)).expect("can be removed");
        }
        assert_eq!(names(&results), ["run.json"]);
        let again = run(place.path(), &format!("report {}", results.display())).exits(code);
        assert!(contents(&results) == before, "not byte for byte: {args}");
        assert_eq!(again.out, first.out);
        // The file itself may be named, and its folder may have been moved.
        let moved = place.path().join("elsewhere");
        fs::rename(&results, &moved).expect("can be moved");
        run(place.path(), "report elsewhere/run.json").exits(code);
        assert!(contents(&moved) == before, "not byte for byte after a move: {args}");
    }
}

/// Changes the run file's value at `pointer` and reports; the folder must not be touched.
#[track_caller]
fn check(run_file: &Value, pointer: &str, value: Value, words: &str) {
    let mut run_file = run_file.clone();
    *run_file.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there")) = value;
    refused(&run_file.to_string(), &[words, "run.json"]);
}

#[track_caller]
fn refused(text: &str, words: &[&str]) -> Done {
    let place = folder(&[("inside/r/run.json", text)]);
    let done = run(place.path(), "report inside/r").exits(2).says(words);
    assert!(done.err.lines().all(|line| line.starts_with("error: ")), "{}", done.err);
    assert_eq!(names(&place.path().join("inside/r")), ["run.json"], "a refused file is derived from");
    assert_eq!(names(&place.path().join("inside")), ["r"], "a file was written outside of the folder");
    done
}

#[test]
fn a_damaged_file_is_refused() {
    let place = folder(&[]);
    let path = measured(place.path()).join("run.json");
    let text = crate::common::read(&path);
    refused(&text[..text.len() / 2], &["cannot be read"]);
    refused("", &["cannot be read"]);
    refused("{}", &["format"]);
    let run_file = json(&path);
    let cell = "/steps/0/intervals/0/cells/0";
    check(&run_file, "/format", json!("weaver-bench.run/9"), "weaver-bench.run/9");
    check(&run_file, "/steps/0/load/closed/users", json!(-1), "cannot be read");
    check(&run_file, &format!("{cell}/service/histogram"), json!("AAAA"), "damaged in step `run`");
    check(&run_file, &format!("{cell}/count"), json!(77), "77");
    check(&run_file, &format!("{cell}/name"), json!(999), "999");
    check(&run_file, &format!("{cell}/service/sum_ns"), json!(u64::MAX), "damaged");
    check(&run_file, &format!("{cell}/body_bytes"), json!(u64::MAX), "damaged");
    check(&run_file, "/steps/0/intervals/1/end_ns", json!(u64::MAX), "damaged");
    check(&run_file, "/steps/0/phases/started_ns", json!(u64::MAX), "damaged");
    check(&run_file, "/steps/0/classes/0/tasks/0/begun", json!(u64::MAX), "damaged");
    check(&run_file, "/steps/0/statuses/0/count", json!(u64::MAX), "damaged");
    check(&run_file, "/steps/0/name", json!("../evil"), "../evil");
}

#[test]
fn what_is_not_there_is_named() {
    let place = folder(&[("empty/x", "")]);
    run(place.path(), "report nowhere").exits(2).says(&["nowhere"]);
    run(place.path(), "report empty").exits(2).says(&["empty/run.json"]);
}
