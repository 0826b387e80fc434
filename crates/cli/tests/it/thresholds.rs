//! Thresholds from flags and suites: held, broken, the run stopped, and mistakes.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Running, Server, asker, bench, folder, json, profile, read, results};

const SUITE: &str = r#"
scenarios = "scenarios"
[mix]
Asker = 1
[targets]
judged_path = "/ask"
p50 = { target = "200ms", acceptable = "500ms", critical = "1s" }
p95 = { target = "1s", acceptable = "2s", critical = "5s" }
p99 = { target = "2s", acceptable = "5s", critical = "10s" }
failure_ratio = { target = 0.01, acceptable = 0.05, critical = 0.10 }
rps = { target = 10, acceptable = 5, critical = 5 }
[[threshold]]
expect = "p50 < 30ms"
over = "POST /ask"
window = "10s"
[[step]]
name = "first"
users = 20
spawn_rate = 20
run_time = "30s"
[[step.threshold]]
expect = "failures < 1"
over = { tag = "asking" }
[[step]]
name = "second"
users = 20
spawn_rate = 20
run_time = "30s"
"#;

fn suite(change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let scenario = asker("1s", "").replace("name = \"ask\"", "name = \"ask\"\ntags = [\"asking\"]");
    let suite = change(SUITE);
    folder(&[("suite.toml", &suite), ("scenarios/a.toml", &scenario), ("slow.toml", &profile("50ms"))])
}

const SIMULATED: [&str; 9] =
    ["baseline", "--plan", "suite.toml", "--simulate", "--seed", "7", "--no-ratelimit", "--out", "o"];

#[track_caller]
fn check_suite(more: &[&str], change: impl Fn(&str) -> String, code: i32, said: &[&str]) -> Value {
    let place = suite(change);
    let args = SIMULATED.iter().chain(more);
    Running::start(bench(place.path(), args)).end().exits(code).says(said);
    let results = results(&place.path().join("o"));
    let run = json(results.join("run.json"));
    assert_eq!(run["format"], "weaver-bench.run/2");
    // Judged again from the file alone, it ends the same.
    let folder = results.display().to_string();
    for format in ["text", "markdown", "junit", "prometheus", "json"] {
        Running::start(bench(place.path(), ["report", &*folder, "--format", format])).end().exits(code);
    }
    assert!(read(results.join("first.html")).contains("Thresholds"));
    run
}

const HOLDS: &str = "threshold `p50 < 100ms on POST /ask every 10s`: held in 3 windows, at worst";

#[test]
fn what_holds_passes_and_what_does_not_fails() {
    let lax = |suite: &str| suite.replace("p50 < 30ms", "p50 < 100ms");
    let run = check_suite(
        &["--profile", "slow.toml"],
        lax,
        0,
        &[HOLDS, "threshold `failures < 1 on tag \"asking\"`: held: 0"],
    );
    let thresholds = |step: usize| run["steps"][step]["thresholds"].as_array().map(Vec::len);
    assert_eq!((thresholds(0), thresholds(1)), (Some(2), Some(1)));
    let why = "step second: threshold `p50 < 30ms on POST /ask every 10s` broken in 3 of 3 windows, first from 0 to 10 s";
    check_suite(&["--profile", "slow.toml"], str::to_owned, 1, &[why]);
    let idle = |suite: &str| suite.replace("window = \"10s\"", "window = \"10s\"\ngate = false");
    check_suite(&["--profile", "slow.toml"], idle, 0, &["at worst 50", "it does not decide"]);
    let flag = ["--profile", "slow.toml", "--threshold", "rps > 1000/s"];
    check_suite(&flag, lax, 1, &["threshold `rps > 1000/s` broken: "]);
}

#[test]
fn too_little_to_judge_is_said() {
    let few = |suite: &str| suite.replace("p50 < 30ms", "p99.9 < 30ms");
    check_suite(&["--profile", "slow.toml"], few, 0, &["every 10s`: not judged: ", " of 2995 successes"]);
}

#[test]
fn a_broken_threshold_stops_the_run() {
    let stops =
        |suite: &str| suite.replace("window = \"10s\"", "window = \"5s\"\nabort = { after = \"10s\" }");
    let why = "in step first: the threshold `p50 < 30ms on POST /ask every 5s abort after 10s` was broken for 10 s: p50 was 50";
    let run = check_suite(&["--profile", "slow.toml"], stops, 3, &[why]);
    assert_eq!(run["steps"].as_array().map(Vec::len), Some(1), "the second step was not begun");
    let step = &run["steps"][0];
    assert_eq!((&step["cut"], &step["phases"]["wind_down_ns"]), (&true.into(), &10_000_000_000_u64.into()));
    assert_eq!(step["cut_off"], Value::Array(vec![]), "what was in flight was waited for");
}

#[test]
fn it_stops_over_sockets_too() {
    let mut server = Server::start("--profile slow.toml --no-ratelimit", &[("slow.toml", &profile("50ms"))]);
    let place = folder(&[("a.toml", &asker("100ms", ""))]);
    let url = server.url();
    let rule = "max < 1ms on /ask every 1s abort";
    let args = [
        "run",
        "--headless",
        "-f",
        "a.toml",
        "-H",
        &url,
        "-u",
        "3",
        "-r",
        "3",
        "-t",
        "10m",
        "--threshold",
        rule,
        "--out",
        "o",
    ];
    let done = Running::start(bench(place.path(), args)).end().exits(3);
    done.says(&["the threshold `max < 1ms on /ask every 1s abort` was broken for 1 s: max was "]);
    let run = json(results(&place.path().join("o")).join("run.json"));
    assert!(run["steps"][0]["intervals"].as_array().is_some_and(|seconds| !seconds.is_empty()));
    server.process.signal(Signal::SIGTERM);
    server.process.line("stopp");
}

#[test]
fn mistakes_come_all_at_once_with_line_and_remedy() {
    let place = suite(|suite| {
        suite
            .replace("expect = \"p50 < 30ms\"", "expect = \"p51 < 30\"")
            .replace("over = \"POST /ask\"", "over = 5")
            .replace("window = \"10s\"", "window = \"1.5s\"\nabort = { afer = \"1m\" }\nwindows = 1")
            .replace("failures < 1", "failures < 1.5")
    });
    let args =
        SIMULATED.iter().chain(&["--threshold", "p95 < 1", "--threshold", "rps > 5/s on /ask every soon"]);
    let done = Running::start(bench(place.path(), args)).end().exits(2);
    done.says(&[
        "suite.toml:13: in `threshold[0].expect`: `p51` is no figure; known: p50, ",
        "suite.toml:14: `threshold[0].over` = 5 has the wrong type or range; give a string in quotes",
        "suite.toml:15: in `threshold[0].window`: a window of 1.5s; give whole seconds, from 1s to 24h",
        "suite.toml:16: unknown key `afer` in `threshold[0].abort`; did you mean `after`?",
        "suite.toml:17: unknown key `windows` in `threshold[0]`; did you mean `window`?",
        "suite.toml:24: in `step[0].threshold[0].expect`: `1.5` is no value of failures; give a whole number, such as 10",
    ]);
    let place = suite(|suite| suite.replace("POST /ask", "POST /aks").replace("\"asking\"", "\"askin\""));
    let done = Running::start(bench(place.path(), SIMULATED)).end().exits(2);
    done.says(&[
        "suite.toml:12: no request counts under `POST /aks`; did you mean `POST /ask`?",
        "suite.toml:21: no task that sends anything has the tag `askin`; did you mean `asking`?",
    ]);
    let flags =
        ["run", "--simulate", "-t", "5s", "--threshold", "p95 < 1", "--threshold", "rps > 5/s every soon"];
    let done = Running::start(bench(place.path(), flags)).end().exits(2);
    done.says(&[
        "--threshold 'p95 < 1': `1` is no value of p95; give a time with its unit, such as 800ms or 1.5s",
        "--threshold 'rps > 5/s every soon': `soon` is no time up to 24h; write it like every 30s",
    ]);
}
