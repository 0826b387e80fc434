//! Ctrl-C: what was measured is kept and marked, whatever the moment.

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Done, Running, Server, bench, folder, json, names, read, results, run, words};
use crate::listener::{Habit, Listener};

const BUSY: &str = r#"
class = "Busy"
wait_time = { constant = "50ms" }
[[task]]
name = "look"
[[task.step]]
method = "GET"
path = "/health"
timeout = "60s"
"#;

/// Steps of the suite, by name and seconds.
fn suite(steps: &[(&str, u32)], stop_timeout: &str, cool_down: &str) -> TempDir {
    let mut text = format!(
        "scenarios = \"scenarios\"\ncool_down = \"{cool_down}\"\nstop_timeout = \"{stop_timeout}\"\n"
    );
    text.push_str("[mix]\nBusy = 1\n[targets]\njudged_path = \"/health\"\n");
    for (key, limit) in
        [("p50", "\"10s\""), ("p95", "\"10s\""), ("p99", "\"10s\""), ("failure_ratio", "0.5"), ("rps", "0")]
    {
        text.push_str(&format!("{key} = {{ target = {limit}, acceptable = {limit}, critical = {limit} }}\n"));
    }
    for (name, run_time_s) in steps {
        let numbers = format!("users = 2\nspawn_rate = 20\nrun_time = \"{run_time_s}s\"\n");
        text.push_str(&format!("[[step]]\nname = \"{name}\"\n{numbers}"));
    }
    folder(&[("suite.toml", &text), ("scenarios/busy.toml", BUSY)])
}

fn start(place: &Path, url: &str) -> Running {
    Running::start(bench(place, words(&format!("baseline --plan suite.toml --out o -H {url}"))))
}

/// What is on disk: the steps, each with its name and whether it was cut.
#[track_caller]
fn kept(place: &Path, expected: &[(&str, bool)]) -> Value {
    let results = results(&place.join("o"));
    let run = json(results.join("run.json"));
    let steps = run["steps"].as_array().expect("a list").iter();
    let steps: Vec<_> = steps.map(|s| (s["name"].as_str().unwrap_or("?"), s["cut"] == true)).collect();
    assert_eq!(steps, expected);
    let of_steps = names(&results).into_iter().filter(|name| name.ends_with("_stats.csv"));
    let mut named: Vec<_> = expected.iter().map(|(name, _)| format!("{name}_stats.csv")).collect();
    named.sort();
    assert_eq!(of_steps.collect::<Vec<_>>(), named);
    assert!(names(&results).iter().all(|name| !name.ends_with(".part")), "half a file was left");
    run
}

fn aborted(done: Done, words: &[&str]) {
    done.exits(3).says(&["ABORTED (exit code 3)"]).says(words);
}

#[test]
fn in_a_step() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = Server::start("", &[]);
        let place = suite(&[("first", 1), ("second", 60), ("third", 60)], "5s", "0s");
        let mut running = start(place.path(), &server.url());
        running.line("second 1/60 s");
        kept(place.path(), &[("first", false)]);
        running.signal(signal);
        aborted(running.end(), &["interrupted in step second", ", cut)", "steps that were not run", "third"]);
        let run_file = kept(place.path(), &[("first", false), ("second", true)]);
        assert_eq!(run_file["planned_steps"].as_array().map(Vec::len), Some(3));
        let results = results(&place.path().join("o"));
        let name = names(&results).into_iter().find(|name| name.starts_with("baseline_2")).expect("is there");
        let steps = json(results.join(name));
        assert_eq!([&steps[0]["cut"], &steps[1]["cut"]], [&Value::Bool(false), &Value::Bool(true)]);
        let requests = |step: &Value| step["total_requests"].as_u64().expect("a number");
        assert!(requests(&steps[0]) > 0 && requests(&steps[1]) > 0, "{steps}");
        aborted(run(place.path(), &format!("report {}", results.display())), &["interrupted in step second"]);
    }
}

#[test]
fn killed_outright_the_earlier_steps_are_there() {
    let server = Server::start("", &[]);
    let place = suite(&[("first", 1), ("second", 60)], "5s", "0s");
    let mut running = start(place.path(), &server.url());
    running.line("second 1/60 s");
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().code, None);
    let run_file = kept(place.path(), &[("first", false)]);
    assert_eq!(run_file["planned_steps"].as_array().map(Vec::len), Some(2));
    let results = results(&place.path().join("o"));
    run(place.path(), &format!("report {}", results.display())).says(&["steps that were not run", "second"]);
}

#[test]
fn twice_cuts_off_what_is_in_flight() {
    let listener = Listener::start(Habit::Silent);
    let place = suite(&[("first", 60), ("second", 60)], "60s", "0s");
    let mut running = start(place.path(), &listener.url);
    running.line("first 1/60 s");
    running.signal(Signal::SIGINT);
    running.line("stopping: waiting for answers");
    running.signal(Signal::SIGINT);
    aborted(running.end(), &["interrupted in step first", "2 requests still in flight"]);
    let run_file = kept(place.path(), &[("first", true)]);
    let ended_ns = run_file["steps"][0]["phases"]["ended_ns"].as_u64().expect("a number");
    assert!(ended_ns < 30_000_000_000, "the stop timeout was waited for");
}

#[test]
fn while_a_step_winds_down() {
    let listener = Listener::start(Habit::Silent);
    let place = suite(&[("first", 1), ("second", 60)], "60s", "0s");
    let mut running = start(place.path(), &listener.url);
    // The line of its end comes just before the load is stopped.
    running.line("first 1/1 s");
    running.signal(Signal::SIGINT);
    running.line("stopping: waiting for answers");
    running.signal(Signal::SIGINT);
    aborted(running.end(), &["first", "steps that were not run", "second"]);
    let results = results(&place.path().join("o"));
    assert_eq!(json(results.join("run.json"))["steps"].as_array().map(Vec::len), Some(1));
}

/// The signal comes when the load has ended: the last answers are in, or will be at once.
#[test]
fn between_two_steps() {
    let server = Server::start("", &[]);
    let place = suite(&[("first", 1), ("second", 60)], "5s", "60s");
    let mut running = start(place.path(), &server.url());
    running.line("first 1/1 s");
    running.signal(Signal::SIGINT);
    aborted(running.end(), &["interrupted after step first", "steps that were not run", "second"]);
    kept(place.path(), &[("first", false)]);
}

#[test]
fn ends_a_run_without_a_run_time_as_planned() {
    let server = Server::start("", &[]);
    let place = folder(&[("s.toml", BUSY)]);
    let args = format!("run --headless -f s.toml -H {} --csv p --out o", server.url());
    let mut running = Running::start(bench(place.path(), words(&args)));
    running.line("run 1 s");
    running.signal(Signal::SIGINT);
    running.end().exits(0).says(&["passed (exit code 0)"]);
    kept(place.path(), &[("run", false)]);
    assert!(read(place.path().join("p_stats.csv")).contains("/health"));
}

#[test]
fn a_run_that_is_interrupted_writes_what_was_asked_for() {
    let server = Server::start("", &[]);
    let place = folder(&[("s.toml", BUSY)]);
    let args = format!("run --headless -f s.toml -H {} -t 60s --csv p --json j.json", server.url());
    let mut running = Running::start(bench(place.path(), words(&args)));
    running.line("run 1/60 s");
    running.signal(Signal::SIGINT);
    aborted(running.end(), &["interrupted in step run"]);
    let total = server.truth()["received"].clone();
    assert!(read(place.path().join("p_stats.csv")).contains(&format!(",Aggregated,{total},0,")));
    assert_eq!(json(place.path().join("j.json"))[0]["num_requests"], total);
}

/// Ten hours of 2,000 users take far longer than anyone waits, in virtual time too.
#[test]
fn in_virtual_time() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let place = folder(&[]);
        let args = "run --simulate -u 2000 -r 1000 -t 10h --seed 1 --out o";
        let running = Running::start(bench(place.path(), words(args)));
        running.heeds(signal);
        running.signal(signal);
        aborted(running.end(), &["interrupted in step run"]);
        let results = results(&place.path().join("o"));
        let run_file = json(results.join("run.json"));
        let steps = run_file["steps"].as_array().expect("a list");
        assert_eq!(steps.iter().map(|step| &step["cut"]).collect::<Vec<_>>(), [&Value::Bool(true)]);
        assert!(names(&results).contains(&"run_stats.csv".to_owned()), "{:?}", names(&results));
    }
}

#[test]
fn a_folder_that_is_gone_ends_the_run_in_words() {
    let server = Server::start("", &[]);
    let place = suite(&[("first", 2), ("second", 60)], "5s", "0s");
    let mut running = start(place.path(), &server.url());
    running.line("first 1/2 s");
    std::fs::remove_dir_all(results(&place.path().join("o"))).expect("can be removed");
    running.end().exits(2).says(&["cannot be written"]);
}
