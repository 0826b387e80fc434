//! Nothing is green by accident: a run that proves nothing does not pass.

use serde_json::Value;

use crate::common::{csv, folder, json, names, read, results, run};
use crate::listener::{Habit, Listener};

const PARTS: &str = "
wait_time = { constant = \"1s\" }
[[on_start]]
method = \"GET\"
path = \"/nowhere\"
on_failure = \"stop_user\"
[[task]]
name = \"look\"
[[task.step]]
method = \"GET\"
path = \"/health\"
";
/// Load, but one that only /health succeeds in.
const SUITE: &str = r#"
scenarios = "scenarios"
[mix]
Mixed = 1
[targets]
judged_path = "/ask"
p50 = { target = "1s", acceptable = "1s", critical = "1s" }
p95 = { target = "1s", acceptable = "1s", critical = "1s" }
p99 = { target = "1s", acceptable = "1s", critical = "1s" }
failure_ratio = { target = 0.01, acceptable = 0.5, critical = 0.5 }
rps = { target = 0.1, acceptable = 0.1, critical = 0.1 }
[[step]]
name = "only"
users = 3
spawn_rate = 3
run_time = "60s"
"#;
const MIXED: &str = r#"
class = "Mixed"
wait_time = { constant = "1s" }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "health"
weight = 4
[[task.step]]
method = "GET"
path = "/health"
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
json = { user_id = "u", query = "What is this?" }
expect = { status = [200], throttled = [429] }
"#;

/// A simulated run of `flags` ends with `code` and says why.
#[track_caller]
fn check(flags: &str, code: i32, words: &[&str]) {
    let place = folder(&[
        ("gone.toml", &format!("class = \"Gone\"{PARTS}")),
        ("scenarios/mixed.toml", MIXED),
        ("suite.toml", SUITE),
    ]);
    run(place.path(), &format!("{flags} --simulate --seed 4 --out o")).exits(code).says(words);
    let steps = results(&place.path().join("o"));
    let file = names(&steps).into_iter().find(|name| name.ends_with("0.json")).expect("a list of steps");
    let step = &json(steps.join(file))[0];
    assert!(step["passed"] != Value::Bool(true) || code == 0 || code == 4, "{step}");
}

#[test]
fn the_suite_of_this_file_can_pass() {
    check("baseline --plan suite.toml", 0, &["passed (exit code 0)"]);
}

#[test]
fn a_judged_path_on_which_nothing_succeeds() {
    check("baseline --plan suite.toml --ratelimit-burst 0", 1, &["FAILED", "/ask"]);
}

/// Requests that are cut off count among those that did not succeed.
#[test]
fn a_judged_path_that_never_answers() {
    let listener = Listener::start(Habit::Health);
    let (suite, mixed) = (SUITE.replace("60s", "700ms"), MIXED.replace("1s", "20ms"));
    let place = folder(&[("scenarios/mixed.toml", &mixed), ("suite.toml", &suite)]);
    let args = format!("baseline --plan suite.toml -H {} -s 200ms --seed 4 --out o", listener.url);
    let words = ["FAILED (exit code 1)", "critical: none of ", "requests of `/ask…` succeeded"];
    let done = run(place.path(), &args).exits(1).says(&words);
    let steps = results(&place.path().join("o"));
    let file =
        names(&steps).into_iter().find(|name| name.starts_with("baseline_2")).expect("a list of steps");
    let step = &json(steps.join(file))[0];
    assert_eq!(step["passed"], Value::Bool(false), "{step}\n{}", done.out);
    assert!(step["total_requests"] != 0, "/health is answered: {step}");
}

/// Users that think for 30 s first send nothing in a step of 10 s: it is INVALID, and decides if it is a gate.
#[test]
fn an_invalid_step_decides_only_as_a_gate() {
    let slow = MIXED.replace("[[task]]", "[[on_start]]\nthink = \"30s\"\n[[task]]");
    let slow = slow.replacen(
        "[[on_start]]\nthink = \"30s\"\n[[task]]\nname = \"ask\"",
        "[[task]]\nname = \"ask\"",
        1,
    );
    for (gate, code) in [(false, 0), (true, 4)] {
        let second = "[[step]]\nname = \"second\"\nusers = 3\nspawn_rate = 3\nrun_time = \"10s\"";
        let suite = format!("{}{second}\ngate = {gate}\n", SUITE.replace("60s", "120s"));
        let place = folder(&[("scenarios/mixed.toml", &slow), ("suite.toml", &suite)]);
        let done = run(place.path(), "baseline --plan suite.toml --simulate --seed 4 --out o").exits(code);
        let done = done.says(&["class Mixed had 3 users and sent nothing"]);
        assert_eq!(done.out.contains("INVALID (exit code 4)"), gate, "{}", done.out);
    }
}

#[test]
fn a_class_that_sends_nothing_of_its_plan() {
    let words = ["INVALID (exit code 4)", "class Gone had 5 users and sent nothing"];
    check("run --headless -f gone.toml -u 5 -r 5 -t 20s", 4, &words);
    // Beside a class that works it is not lost in the crowd.
    check(
        "run --headless -f gone.toml,scenarios -u 8 -r 8 -t 20s",
        4,
        &["INVALID (exit code 4)", "class Gone had 4 users"],
    );
}

#[test]
fn everything_is_throttled() {
    check(
        "run --headless -u 5 -r 5 -t 30s --ratelimit-burst 0 WorkflowUser BurstUser",
        1,
        &["FAILED", "throttled"],
    );
}

#[test]
fn nobody_succeeds_by_being_asked_the_wrong_way() {
    // A request that the server refuses is a failure, and the run says which.
    let words =
        ["FAILED (exit code 1)", "HTTPError('401 Client Error: Unauthorized for url: /ask (research)')"];
    let server = crate::common::Server::start("--no-ratelimit", &[]);
    let place = folder(&[]);
    let args =
        format!("run --headless -H {} -u 4 -r 20 -t 2s --api-key wrong --csv p WorkflowUser", server.url());
    run(place.path(), &args).exits(1).says(&words);
    let stats = csv(&read(place.path().join("p_stats.csv")));
    let row = stats.iter().find(|row| row[1] == "/ask (research)").expect("it was sent");
    assert!(row[2] != "0" && row[2] == row[3], "all of them are failures: {row:?}");
    assert!(!stats.iter().any(|row| row[1] == "/ask (analysis)"), "the workflow goes on after a failure");
}

#[test]
fn the_exit_code_on_error_is_the_users() {
    let server = crate::common::Server::start("--no-ratelimit", &[]);
    let place = folder(&[("scenarios/mixed.toml", MIXED)]);
    // One failure in five does not make a step critical.
    for (flags, code) in [("", 1), ("--exit-code-on-error 9", 9), ("--exit-code-on-error 0", 0)] {
        let load = "-f scenarios -u 20 -r 100 -t 1500ms --api-key wrong --seed 5";
        let args = format!("run --headless -H {} {load} {flags}", server.url());
        run(place.path(), &args).exits(code).says(&["HTTPError('401"]);
    }
}

#[test]
fn throttled_is_neither_success_nor_failure() {
    let place = folder(&[("instant.toml", include_str!("../../../../load_tests/stub/instant.toml"))]);
    let flags = "--simulate --seed 4 -u 20 -r 20 -t 60s --ratelimit-rps 4 --profile instant.toml";
    let words = ["FAILED", "successes", "throttled"];
    run(place.path(), &format!("run --headless {flags} --json j.json --csv p -T burst"))
        .exits(1)
        .says(&words[..1]);
    let entries = json(place.path().join("j.json"));
    let entries = entries.as_array().expect("a list");
    let entry = entries.iter().find(|entry| entry["name"] == "/ask (burst)").expect("it was sent");
    let count = |key: &str| entry[key].as_u64().expect("a number");
    let by_status = |status: &str| entry["statuses"][status].as_u64().expect("a number");
    assert_eq!((count("num_failures"), count("num_throttled")), (0, by_status("429")));
    assert_eq!(count("num_requests"), by_status("200") + by_status("429"));
    assert!(by_status("200") > 0 && by_status("429") > 0);
    // Their times stand apart: those shown are of as many requests as succeeded.
    let times = entry["response_times"].as_object().expect("an object").values();
    assert_eq!(times.map(|count| count.as_u64().expect("a number")).sum::<u64>(), by_status("200"));
}
