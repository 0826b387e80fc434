//! Secrets: the key opens the suite's own stub, stands in no file, and the operator's token goes nowhere else.

use crate::common::{Running, bench, contents, folder, json, read, results, run, words};
use crate::listener::{Habit, Listener};

const PARTS: &str = r#"
class = "Keyed"
wait_time = { constant = "1s" }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "all"
[[task.step]]
method = "GET"
path = "/x/{{ api_key }}/y"
[[task.step]]
method = "GET"
path = "/health?key={{ api_key }}"
name = "/health"
[[task.step]]
method = "POST"
path = "/ask"
json = { user_id = "u", query = "{{ api_key }}" }
expect = { status = [200], json = [{ pointer = "/none", equals = "x" }] }
"#;
const SUITE: &str = r#"
scenarios = "s.toml"
[mix]
Keyed = 1
[targets]
judged_path = "/ask"
p50 = { target = "1s", acceptable = "1s", critical = "1s" }
p95 = { target = "1s", acceptable = "1s", critical = "1s" }
p99 = { target = "1s", acceptable = "1s", critical = "1s" }
failure_ratio = { target = 1, acceptable = 1, critical = 1 }
rps = { target = 0, acceptable = 0, critical = 0 }
[[step]]
name = "only"
users = 3
spawn_rate = 3
run_time = "30s"
"#;

#[test]
fn any_key_opens_the_own_stub() {
    for key in ["a:b", "a:b:c:d:e", "a,b", "[\"a\"]", ":", "k"] {
        let place = folder(&[]);
        let load = "run --simulate --seed 1 -u 3 -r 3 -t 20s -T workflow --json j.json";
        let mut command = bench(place.path(), words(load));
        command.args(["--api-key", key]);
        Running::start(command).end().exits(0);
        let entries = json(place.path().join("j.json"));
        let statuses = |entry: &serde_json::Value| entry["statuses"].as_object().expect("an object").clone();
        let statuses: Vec<_> = entries.as_array().expect("a list").iter().map(statuses).collect();
        assert!(statuses.iter().all(|of| of.keys().eq(["200"])), "{key}: {statuses:?}");
        assert!(!statuses.is_empty(), "{key}: nothing was sent");
    }
    let place = folder(&[]);
    run(place.path(), "baseline --quick --simulate --seed 3 --api-key a:b --out o").exits(0);
}

#[test]
fn a_key_that_is_too_long_is_refused_without_telling_it() {
    let key = "s3".repeat(150);
    for load in ["run --simulate -t 5s", "baseline --quick --simulate", "baseline --quick"] {
        let place = folder(&[]);
        let done = run(place.path(), &format!("{load} --api-key {key}")).exits(2);
        let done = done.says(&["--api-key", "300 bytes", "256"]);
        assert!(!done.err.contains("s3s3"), "{}", done.err);
        assert!(
            std::fs::read_dir(place.path()).expect("is there").next().is_none(),
            "{load} leaves something"
        );
    }
}

#[test]
fn the_key_stands_in_no_file() {
    const KEY: &str = "t0p-s3cret";
    for args in ["run --headless -f s.toml -t 30s --csv p --json j.json", "baseline --plan suite.toml"] {
        let place = folder(&[("s.toml", PARTS), ("suite.toml", SUITE)]);
        let mut command = bench(place.path(), words(&format!("{args} --simulate --seed 1 --out o")));
        command.env("WEAVER_API_KEY", KEY);
        let done = Running::start(command).end();
        assert!(matches!(done.code, Some(1 | 4)), "{done:?}");
        assert!(!format!("{done:?}").contains(KEY), "the key is shown: {done:?}");
        let files = contents(&results(&place.path().join("o")));
        for (name, text) in &files {
            assert!(!text.contains(KEY), "{args}: {name} holds the key");
        }
        assert!(files["run.json"].contains("\"/x/{{ api_key }}/y\""), "the path as it is written");
        assert!(files["run.json"].contains("404 Client Error"), "the path was asked for");
        for file in ["p_stats.csv", "p_failures.csv", "j.json"].map(|name| place.path().join(name)) {
            assert!(!file.exists() || !read(&file).contains(KEY), "{} holds the key", file.display());
        }
    }
}

#[test]
fn the_operators_token_is_for_the_operators_routes() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for (path, told) in [
        ("/health", false),
        ("/", false),
        ("/_stubs/health", false),
        ("/x/_stub/health", false),
        ("/_stub/health", true),
    ] {
        let listener = Listener::start(Habit::Says(ANSWER));
        let place = folder(&[]);
        let args = format!("healthcheck -H {} --path {path}", listener.url);
        let mut command = bench(place.path(), words(&args));
        command.env("WEAVER_STUB_OPERATOR_TOKEN", "TOPSECRET");
        Running::start(command).end().exits(0);
        let asked = String::from_utf8(listener.first_bytes()).expect("is UTF-8");
        assert!(asked.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{asked}");
        assert_eq!(asked.contains("TOPSECRET"), told, "{asked}");
    }
}
