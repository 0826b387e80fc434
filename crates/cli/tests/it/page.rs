//! The page's server: Locust's scripts drive it, its figures are the run file's, loads are edited and reset, and it ends as it
//! should. It must not know how the page looks.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Page;
use crate::common::{Server, asker, csv, folder, get, json as read_json, names, profile, results};

/// A stub that takes `delay`, and a folder with a class that asks it.
fn world(delay: &str) -> (Server, TempDir) {
    let server = Server::start("--no-ratelimit --profile p.toml", &[("p.toml", &profile(delay))]);
    (server, folder(&[("s.toml", &asker("50ms", "name = \"/ask\""))]))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_script_for_locust_drives_it() {
    let (server, place) = world("20ms");
    let page = Page::start(place.path(), "-f s.toml", &[]);
    let ready = page.get("/stats/requests").json();
    assert_eq!((&ready["state"], &ready["user_count"]), (&json!("ready"), &json!(0)));
    let wrong = page.form("/swarm", "user_count=many&spawn_rate=1&host=http%3A%2F%2F127.0.0.1%3A1");
    assert_eq!(wrong["success"], false, "{wrong}");
    let body =
        format!("user_count=4&spawn_rate=50&host={}", server.url().replace(':', "%3A").replace('/', "%2F"));
    let told = page.form("/swarm", &body);
    assert_eq!((&told["success"], &told["message"]), (&json!(true), &json!("Swarming started")), "{told}");
    let seen = page.until("/stats/requests", |stats| {
        stats["state"] == "running"
            && stats["stats"][0]["num_requests"].as_u64().is_some_and(|count| count > 20)
    });
    assert_eq!(seen["user_count"], 4);
    let total = seen["stats"].as_array().and_then(|rows| rows.last()).expect("the sum");
    assert_eq!(total["name"], "Aggregated");
    assert!(number(&seen["total_rps"]) > 5.0 && number(&seen["fail_ratio"]) == 0.0, "{seen}");
    assert!(seen["current_response_time_percentiles"]["response_time_percentile_0.95"].is_u64(), "{seen}");
    assert_eq!(page.get("/stop").json()["success"], true);
    let last = page.until("/stats/requests", |stats| stats["state"] == "stopped");
    the_figures_are_the_files(&page, &last, place.path());
    assert!(page.get("/exceptions").json()["exceptions"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(page.get("/tasks").json()["per_class"]["Asker"]["ratio"], 1.0);
    let report = page.get("/stats/report?download=1");
    assert!(report.head.contains("attachment") && report.head.contains("sandbox"), "{}", report.head);
    assert!(report.body.len() > 100_000);
    // A second run after the first, in a folder of its own.
    assert_eq!(page.form("/swarm", &body)["success"], true);
    page.until("/stats/requests", |stats| stats["state"] == "running");
    page.get("/stop");
    page.until("/stats/requests", |stats| stats["state"] == "stopped");
    assert_eq!(names(&place.path().join("results")).len(), 2);
    page.process.signal(Signal::SIGINT);
    ends_well(page);
}

/// It ends as the last run was: on a busy machine that may have been invalid.
#[track_caller]
fn ends_well(page: Page) {
    let done = page.process.end().says(&["LOAD TEST REPORT"]);
    assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
}

/// The page's figures, Locust's, the CSV files and the run file: one truth.
#[track_caller]
fn the_figures_are_the_files(page: &Page, stats: &Value, place: &std::path::Path) {
    let folder = results(&place.join("results"));
    let name = names(&folder).into_iter().find(|name| name.starts_with("run_2")).expect("is there");
    let file = read_json(folder.join(name));
    let total = stats["stats"].as_array().and_then(|rows| rows.last()).expect("the sum");
    let view = page.get("/api/state").json();
    let step = &file[0];
    for (ours, locusts, theirs) in
        [("requests", "num_requests", "total_requests"), ("failures", "num_failures", "failure_count")]
    {
        assert_eq!(view["total"][ours], step[theirs]);
        assert_eq!(total[locusts], step[theirs]);
    }
    assert_eq!(view["total"]["p95_ms"], step["p95"]);
    assert_eq!(view["total"]["rps"], step["rps"]);
    assert!((number(&total["response_time_percentile_0.95"]) - number(&step["p95"])).abs() <= 0.5);
    assert_eq!(number(&total["total_rps"]), number(&step["rps"]));
    assert_eq!(view["state"], "stopped");
    assert_eq!(view["last_result"], json!(folder.file_name().and_then(|name| name.to_str())));
    for (path, kept) in [
        ("/stats/requests/csv", "run_stats.csv"),
        ("/stats/failures/csv", "run_failures.csv"),
        ("/exceptions/csv", "run_exceptions.csv"),
        ("/api/downloads/run.json", "run.json"),
        ("/api/downloads/run_stats_history.csv", "run_stats_history.csv"),
    ] {
        let answer = page.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let file =
            std::fs::read_to_string(folder.join(kept)).unwrap_or_else(|error| panic!("{kept}: {error}"));
        assert!(answer.body == file, "{path} is not {kept}");
    }
    let history = csv(&page.get("/stats/requests_full_history/csv").body);
    assert!(history.iter().any(|row| row[3] == "/ask") && history.iter().any(|row| row[3] == "Aggregated"));
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let about = page.get(&format!("/api/results/{name}")).json();
    for file in about["files"].as_array().expect("a list") {
        let answer = page.get(file["href"].as_str().expect("an address"));
        assert_eq!(
            (answer.status, answer.body.len() as u64),
            (200, file["bytes"].as_u64().expect("a length"))
        );
    }
    let series = page.get(&format!("/api/results/{name}/series")).json();
    assert_eq!(series["points"], page.get("/api/series?since=0").json()["points"]);
    let compared = page.get(&format!("/api/compare?a={name}&b={name}"));
    // On a busy machine the run is invalid, and nothing may be compared with it: the reasons are told.
    assert!(compared.status == 200 || compared.body.contains("mistakes"), "{compared:?}");
    assert_eq!(page.get(&format!("/api/compare?a={name}&b=none")).status, 404);
    for path in [
        "/api/results/..%2f..%2fetc/passwd",
        "/api/results/../run.json",
        "/api/downloads/..%2fx",
        "/assets/..%2fx",
    ] {
        assert_eq!(page.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_load_is_edited_and_reset_while_it_runs() {
    let (server, place) = world("10ms");
    let page = Page::start(place.path(), "-f s.toml", &[]);
    let mut views = page.events();
    assert_eq!(views.next()["state"], "ready");
    let refused = page
        .post("/api/start", &json!({"user_count": -1, "spawn_rate": "x", "host": "", "run_time": "soon"}));
    assert_eq!(refused.status, 422);
    let told = refused.json();
    let fields: Vec<_> =
        told["mistakes"].as_array().expect("a list").iter().map(|m| m["field"].as_str()).collect();
    for field in ["user_count", "spawn_rate", "host", "run_time"] {
        assert!(fields.contains(&Some(field)), "{field} in {told}");
    }
    assert_eq!(page.post("/api/edit", &json!({"user_count": 1, "spawn_rate": 1})).status, 422);
    let start = json!({"user_count": 6, "spawn_rate": 100, "host": server.url(), "run_time": null});
    assert_eq!(page.post("/api/start", &start).status, 200);
    views.until(|view| view["state"] == "running" && view["users"] == 6);
    assert_eq!(page.post("/api/start", &start).status, 422, "one runs");
    assert_eq!(page.post("/api/edit", &json!({"user_count": 2, "spawn_rate": 10})).status, 200);
    let edited = views.until(|view| view["users"] == 2 && view["edits"][0]["users"] == 2);
    assert_eq!(edited["step"]["users_target"], 2);
    let before = edited["total"]["requests"].as_u64().expect("a count");
    assert!(before > 0);
    assert_eq!(page.get("/stats/reset").status, 200);
    let reset = views.until(|view| view["reset_at_s"].is_number());
    assert!(reset["total"]["requests"].as_u64().is_some_and(|count| count < before), "{reset}");
    // Locust's scripts edit by starting again.
    assert_eq!(page.form("/swarm", "user_count=3&spawn_rate=10")["success"], true);
    views.until(|view| view["users"] == 3 && view["state"] == "running");
    assert_eq!(page.post("/api/stop", &json!({})).status, 200);
    views.until(|view| view["state"] == "stopped");
    let run = read_json(results(&place.path().join("results")).join("run.json"));
    let step = &run["steps"][0];
    assert_eq!(step["edits"].as_array().map(Vec::len), Some(2), "{}", step["edits"]);
    assert!(step["reset_ns"].as_u64() == step["phases"]["started_ns"].as_u64() && step["reset_ns"].is_u64());
    page.process.signal(Signal::SIGTERM);
    ends_well(page);
}

#[test]
fn it_starts_and_quits_by_itself() {
    let (server, place) = world("10ms");
    let flags =
        format!("-f s.toml -H {} -u 2 -r 10 -t 2s --autostart --autoquit 0 --csv p --seed 7", server.url());
    let page = Page::start(place.path(), &flags, &[]);
    ends_well(page);
    assert!(place.path().join("p_stats.csv").is_file());
    let failing = Server::start("--allowed-api-keys other", &[]);
    let flags = format!("-f s.toml -H {} -u 1 -t 1s --autostart --autoquit 0", failing.url());
    Page::start(place.path(), &flags, &[]).process.end().exits(1);
}

#[test]
fn an_interrupt_stops_a_run_cleanly() {
    let (server, place) = world("10ms");
    let flags = format!("-f s.toml -H {} -u 2 -r 10 --autostart", server.url());
    let mut page = Page::start(place.path(), &flags, &[]);
    page.until("/stats/requests", |stats| {
        stats["stats"][0]["num_requests"].as_u64().is_some_and(|count| count > 5)
    });
    page.process.signal(Signal::SIGINT);
    page.process.line("stopping: waiting for answers");
    ends_well(page);
    let run = read_json(results(&place.path().join("results")).join("run.json"));
    assert_eq!(run["steps"][0]["cut"], false, "a stop was to be its end");
}

#[test]
fn a_start_puts_a_profile_in_force_at_the_stub_or_starts_nothing() {
    let (server, place) = world("10ms");
    let page = Page::start(place.path(), &format!("-f s.toml -H {}", server.url()), &[]);
    let form = page.until("/api/form", |form| form["stub"] == true);
    let offered = form["stub_profiles"].as_array().expect("a list");
    assert!(offered.contains(&json!("slow")) && offered.contains(&json!("default")), "{form}");
    let in_force = |server: &Server| -> Value {
        let (status, body) = get(&server.address, "/_stub/profile");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).expect("is JSON")["profile"].clone()
    };
    let before = in_force(&server);
    let start = |host: &str, profile: Value| {
        let body = json!({"user_count": 2, "spawn_rate": 100, "host": host, "stub_profile": profile});
        page.post("/api/start", &body)
    };
    // A target that is no stub: the page itself is one.
    let stranger = format!("http://{}", page.address);
    let guarded = Server::start_with("", &[], &[("WEAVER_STUB_OPERATOR_TOKEN", "t")]);
    for (host, profile, status, problem) in [
        (server.url(), json!({"name": "nothing"}), 422, "not known"),
        (server.url(), json!({"name": 3}), 422, "names no profile"),
        (stranger, json!({"name": "slow"}), 422, "no stub of ours"),
        (guarded.url(), json!({"name": "slow"}), 422, "Missing operator token"),
    ] {
        let refused = start(&host, profile.clone());
        let told = refused.json();
        assert_eq!(refused.status, status, "{host} {profile}: {told}");
        assert_eq!(told["mistakes"][0]["field"], "stub_profile", "{told}");
        assert!(told["mistakes"][0]["problem"].as_str().is_some_and(|text| text.contains(problem)), "{told}");
        assert_eq!(page.get("/api/state").json()["state"], "ready", "{host} {profile}");
    }
    assert_eq!(in_force(&server), before, "what is refused changes nothing");
    assert!(!place.path().join("results").exists(), "nothing was started");
    let begun = start(&server.url(), json!({"name": "slow"}));
    assert_eq!(begun.status, 200, "{begun:?}");
    let changed = in_force(&server);
    assert_ne!(changed, before);
    assert!(changed["agent"]["answerer"].is_object(), "{changed}");
    // The one that runs keeps its profile: a second start is refused before it asks the stub.
    assert_eq!(start(&server.url(), json!({"name": "instant"})).status, 422);
    assert_eq!(in_force(&server), changed);
    page.post("/api/stop", &json!({}));
    page.until("/api/state", |view| view["state"] == "stopped");
    let run = read_json(results(&place.path().join("results")).join("run.json"));
    assert_eq!(run["plan"]["setup"]["stub_profile"], "slow");
    // Left as it is, nothing is changed.
    assert_eq!(start(&server.url(), Value::Null).status, 200);
    assert_eq!(in_force(&server), changed);
    page.post("/api/stop", &json!({}));
    page.until("/api/state", |view| view["state"] == "stopped");
    page.process.signal(Signal::SIGTERM);
    let done = page.process.end();
    assert!(matches!(done.code, Some(0 | 1 | 4)), "{done:?}");
}
