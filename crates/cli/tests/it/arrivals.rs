//! Open loads from outside: arrivals by flags, by a file and in a suite; what is dropped is counted; each file says
//! which times it shows.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Server, asker, csv, folder, json, profile, read, results, run};

/// Runs the asker with these flags and gives the run file's only step.
#[track_caller]
fn step(place: &Path, flags: &str) -> Value {
    let done = run(place, &format!("run --headless -f s.toml --no-ratelimit --out o {flags}"));
    assert!([Some(0), Some(4)].contains(&done.code), "{}{}", done.out, done.err);
    json(results(&place.join("o")).join("run.json"))["steps"][0].clone()
}

#[track_caller]
fn check(flags: &str, load: &Value, counts: [u64; 4]) -> Value {
    let place =
        folder(&[("s.toml", &asker("0s", "")), ("times.txt", "# five\n2.25\n0.5\n0.5\n1s\n1500ms\n")]);
    let step = step(place.path(), &format!("--simulate --seed 3 {flags}"));
    assert_eq!(step["load"], json!({"open": load}), "{flags}");
    let arrivals = &step["arrivals"];
    let got = ["due", "sent", "dropped", "unsent"].map(|key| arrivals[key].as_u64().expect("a count"));
    assert_eq!(got, counts, "{flags}");
    step
}

#[test]
fn processes() {
    let steady = |rate: f64| json!([{"from_per_s": rate, "to_per_s": rate, "duration_s": null}]);
    let load = json!({"process": "constant", "stages": steady(50.0), "in_flight_max": 10_000});
    let step = check("--arrivals constant --rate 50 -t 4s", &load, [200, 200, 0, 0]);
    assert_eq!((&step["arrivals"]["gaps"], &step["arrivals"]["due_mean"]), (&Value::Null, &json!(200.0)));

    let stages = json!([{"from_per_s": 0.0, "to_per_s": 20.0, "duration_s": 5.0}, {"from_per_s": 20.0, "to_per_s": 20.0, "duration_s": 5.0}]);
    let load = json!({"process": "constant", "stages": stages, "in_flight_max": 10_000});
    check("--arrivals constant --rate 0-20/5s,20/5s", &load, [150, 150, 0, 0]);
    check("--arrivals constant --rate 0-20/5s,20/5s -t 5s", &load, [50, 50, 0, 0]);

    let load = json!({"process": "poisson", "stages": steady(50.0), "in_flight_max": 7});
    let step = check("--arrivals poisson --rate 50 -t 4s --in-flight-max 7", &load, POISSON);
    assert_eq!(step["arrivals"]["gaps"]["count"], json!(POISSON[1]));

    let load = json!({"process": "replay", "stages": [], "in_flight_max": 10_000});
    let step = check("--replay times.txt", &load, [5, 5, 0, 0]);
    assert_eq!(step["phases"]["wind_down_ns"], json!(3_000_000_000_u64), "the second of the last");
}

/// Of seed 3, with room for seven.
const POISSON: [u64; 4] = [241, 193, 48, 0];

#[test]
fn what_finds_no_room_is_counted_and_the_run_is_invalid() {
    let place = folder(&[("s.toml", &asker("0s", "")), ("p.toml", &profile("990ms"))]);
    let flags = "--simulate --arrivals constant --rate 10 -t 4s --in-flight-max 5 --no-ratelimit";
    let done = run(place.path(), &format!("run --headless -f s.toml --profile p.toml {flags}"));
    done.exits(4).says(&["40 due (40 in the mean), 20 sent, 20 dropped", "INVALID"]);
}

#[test]
fn each_file_names_its_times() {
    let place = folder(&[("s.toml", &asker("0s", ""))]);
    let flags = "--simulate --arrivals constant --rate 20 -t 5s --no-ratelimit --csv p --json j.json";
    run(place.path(), &format!("run --headless -f s.toml {flags}"))
        .exits(0)
        .says(&["response time: arrivals", "100 due (100 in the mean)"]);
    let rows = csv(&read(place.path().join("p_times.csv")));
    let kinds: Vec<&str> = rows[1..].iter().map(|row| &*row[2]).collect();
    assert_eq!(kinds, ["service", "response", "lateness", "service", "response", "lateness"]);
    assert!(rows[1..].iter().all(|row| row[3] == "100"), "{rows:?}");
    assert_eq!(json(place.path().join("j.json"))[0]["times"], "response");
    run(place.path(), "run --headless -f s.toml --simulate -t 5s --csv c --json c.json --no-ratelimit")
        .exits(0)
        .says(&["service time: closed users"]);
    assert_eq!(json(place.path().join("c.json"))[0]["times"], "service");
    let rows = csv(&read(place.path().join("c_times.csv")));
    assert!(rows[1..].iter().all(|row| row[2] != "response"), "{rows:?}");
}

#[test]
fn a_suite_has_arrivals_and_replays_beside_it() {
    let suite = r#"
scenarios = "scenarios"
mix = { Asker = 1 }
[targets]
judged_path = "/ask"
p50 = { target = "1s", acceptable = "1s", critical = "1s" }
p95 = { target = "1s", acceptable = "1s", critical = "1s" }
p99 = { target = "1s", acceptable = "1s", critical = "1s" }
failure_ratio = { target = 0.5, acceptable = 0.5, critical = 0.5 }
rps = { target = 0.1, acceptable = 0.1, critical = 0.1 }
[[step]]
name = "ramp"
arrivals = { poisson = [{ from = 0, to = 20, for = "10s" }, { rate = 20, for = "10s" }] }
[[step]]
name = "again"
arrivals = { replay = "times.txt" }
in_flight_max = 3
gate = false
"#;
    let files =
        [("d/scenarios/s.toml", &*asker("0s", "")), ("d/suite.toml", suite), ("d/times.txt", "0\n0.25\n")];
    let place = folder(&files);
    let flags = "--simulate --seed 3 --no-ratelimit --out o";
    run(place.path(), &format!("baseline --plan d/suite.toml {flags}")).exits(0).says(&["ramp", "again"]);
    let steps = json(results(&place.path().join("o")).join("run.json"))["steps"].clone();
    assert_eq!(
        (&steps[0]["arrivals"]["due_mean"], &steps[1]["arrivals"]["sent"]),
        (&json!(300.0), &json!(2))
    );
    let done = run(place.path(), &format!("baseline --plan d/suite.toml --quick {flags}2"));
    assert!(done.code.is_some(), "it ends");
    let quick = json(results(&place.path().join("o2")).join("run.json"))["steps"][0].clone();
    assert_eq!(quick["arrivals"]["due_mean"], json!(30.0), "a tenth of every stage");
}

#[test]
fn mistakes_are_told_at_once() {
    for (flags, words) in [
        ("--arrivals poisson -t 1s", vec!["--rate: is missing", "--rate 100"]),
        ("--arrivals poisson --rate x -t 1s", vec!["`x` is no rate", "0-100/30s"]),
        ("--arrivals constant --rate 1,5/x -t 1s", vec!["--rate", "x"]),
        ("--arrivals constant --rate 1,5/2s -t 1s", vec!["a stage before the last has no time"]),
        ("--arrivals constant --rate 0 --in-flight-max 0 -t 1s", vec!["in_flight_max = 0", "never reaches"]),
        ("--arrivals constant --rate 5 -u 3 -t 1s", vec!["cannot be used with", "--users"]),
        ("--replay no.txt", vec!["no.txt: cannot be read"]),
        ("--replay bad.txt -f gone.toml", vec!["bad.txt:2: `soon` is no time", "gone.toml"]),
        ("--replay bad.txt --arrivals poisson", vec!["cannot be used with"]),
        ("--rate 5 -t 1s", vec!["--arrivals"]),
        ("--in-flight-max 5 -t 1s", vec!["--in-flight-max: without arrivals"]),
        ("--arrivals poisson --rate 5", vec!["--simulate: without a run time"]),
    ] {
        let place = folder(&[("s.toml", &asker("0s", "")), ("bad.txt", "1\nsoon\n")]);
        run(place.path(), &format!("run --simulate -f s.toml {flags}")).exits(2).says(&words);
    }
}

/// Over sockets, on two workers: every arrival once, and the server saw as many.
#[test]
fn over_sockets_all_that_is_due_is_sent() {
    let server = Server::start("--no-ratelimit", &[]);
    for (flags, due) in [("", 60), ("--threads 2", 60), ("--http 2", 60)] {
        let place = folder(&[("s.toml", &asker("0s", ""))]);
        let load = "--arrivals constant --rate 50 -t 1200ms";
        let step = step(place.path(), &format!("-H {} {load} {flags}", server.url()));
        let arrivals = &step["arrivals"];
        assert_eq!((&arrivals["due"], &arrivals["sent"]), (&json!(due), &json!(due)), "{flags}: {arrivals}");
        assert_eq!(step["errors"], json!([]), "{flags}");
    }
}
