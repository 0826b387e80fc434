//! Made-up figures in the shape that the page is promised. It must not know sockets.

use serde_json::{Value, json};

use crate::pretend::World;

const STARTED_MS: u64 = 1_790_000_000_000;

fn wave(beat: u64, period: u64, low: u64, high: u64) -> f64 {
    let at = beat % period;
    let up = at.min(period - at) * 2;
    low as f64 + (high - low) as f64 * up as f64 / period as f64
}

fn point(world: &World, beat: u64) -> Value {
    let gap = beat % 40 == 20;
    let or_gap = |value: f64| if gap { Value::Null } else { json!(value) };
    json!({
        "at_s": beat, "unix_ms": STARTED_MS + beat * 1000, "step": beat / 60,
        "users": beat.min(world.users), "in_flight": wave(beat, 9, 2, 14),
        "rps": wave(beat, 30, 60, 140), "successes_per_s": wave(beat, 30, 55, 130),
        "throttled_per_s": wave(beat, 13, 0, 6), "failures_per_s": wave(beat, 17, 0, 3),
        "p50_ms": or_gap(wave(beat, 20, 80, 130)), "p95_ms": or_gap(wave(beat, 25, 200, 310)),
        "p99_ms": or_gap(wave(beat, 35, 380, 700)), "late_ms_max": wave(beat, 11, 0, 3),
        "valid": !(10..16).contains(&beat) && world.valid,
        "generator_cpu_share": wave(beat, 30, 10, 40) / 100.0, "target_cpu_share": wave(beat, 40, 20, 90) / 100.0,
    })
}

fn row(world: &World, method: &str, name: &str, at: u64, beat: u64) -> Value {
    let requests = beat * 100 / (at + 1) + at;
    let times = |from: f64| {
        json!({ "p50_ms": from, "p95_ms": from * 2.4, "p99_ms": from * 4.7, "mean_ms": from * 1.3,
            "min_ms": from / 9.0, "max_ms": from * 11.0 })
    };
    let mut row = times(104.25 + at as f64);
    row["method"] = json!(method);
    row["name"] = json!(format!("{name}{}", if name.is_empty() { "" } else { &world.hostile }));
    row["requests"] = json!(requests);
    row["successes"] = json!(requests - requests / 20 - requests / 50);
    row["throttled"] = json!(requests / 20);
    row["failures"] = json!(requests / 50);
    row["rps"] = json!(100.0 / (at + 1) as f64);
    row["failures_per_s"] = json!(2.0 / (at + 1) as f64);
    row["body_bytes_mean"] = json!(1234.5);
    row["current"] = json!({ "rps": 98.7, "failures_per_s": 1.5, "throttled_per_s": 4.0, "p50_ms": 99.0,
        "p95_ms": 250.0, "p99_ms": Value::Null });
    row["throttled_times"] = times(2.5);
    row["failure_times"] = Value::Null;
    row
}

/// One view.
pub(crate) fn view(world: &World, beat: u64) -> Value {
    let spoiled = if world.valid { vec![] } else { vec![format!("the generator was late{}", world.hostile)] };
    let ready = world.state == "ready";
    let elapsed = if ready { 0 } else { beat };
    json!({
        "state": world.state, "kind": world.kind, "run_id": 3, "version": "0.1.0", "seed": 7, "stub": true,
        "host": format!("http://127.0.0.1:8000{}", world.hostile),
        "step": { "index": elapsed / 60 % 6, "count": if world.kind == "baseline" { 6 } else { 1 },
            "name": "single_user", "users_target": world.users, "spawn_rate": 5.0,
            "elapsed_s": elapsed % 60, "run_time_s": 60.0 },
        "users": if ready { 0 } else { world.users }, "in_flight": 12,
        "edits": [{ "at_s": 24.0, "users": 20, "spawn_rate": 2.0 }],
        "total": row(world, "", "", 0, elapsed), "names_count": world.names, "errors_count": 3,
        "verdict": { "judgement": "degraded", "words": "p95 above the target" },
        "validity": { "valid": world.valid, "reasons": spoiled, "warnings": ["the run is short: take longer"] },
        "lateness": { "p50_ms": 0.1, "p99_ms": 0.4, "max_ms": 2.0, "late_share": 0.001 },
        "classes": [{ "name": "SimpleQueryUser", "weight": 60, "users": 30 }],
        "generator": { "cpu_share": 0.2, "memory_bytes": 123_456_789, "threads": [{ "name": "worker-0", "cpu_share": 0.1 }] },
        "target": { "cpu_share": 0.5, "memory_bytes": 23_456_789 }, "dropped_views": 2,
        "point": point(world, elapsed), "series_length": elapsed, "last_result": Value::Null,
    })
}

fn asked<'q>(query: &'q str, key: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value)
}

fn number(query: &str, key: &str) -> u64 {
    asked(query, key).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn statistics(world: &World, beat: u64, query: &str) -> Value {
    let search = asked(query, "search").unwrap_or_default();
    let mut rows: Vec<_> = (0..world.names)
        .map(|at| row(world, "POST", &format!("/ask/{at:05}"), at, beat))
        .filter(|row| row["name"].as_str().is_some_and(|name| name.contains(search)))
        .collect();
    if asked(query, "sort") == Some("requests") {
        rows.sort_by_key(|row| row["requests"].as_u64());
    }
    if asked(query, "order") == Some("desc") {
        rows.reverse();
    }
    let count = rows.len();
    let (from, most) = (number(query, "offset") as usize, number(query, "limit") as usize);
    let rows: Vec<_> = rows.into_iter().skip(from).take(most).collect();
    json!({ "total": row(world, "", "", 0, beat), "count": count, "rows": rows })
}

fn failures(world: &World, query: &str) -> Value {
    let (from, most) = (number(query, "offset"), number(query, "limit"));
    let made = |at: u64| {
        let text = format!("503: upstream said no {at}{}", world.hostile);
        json!({ "method": "POST", "name": format!("/ask{}", world.hostile), "error": text, "message": text,
            "traceback": "scenario ask, step 2", "occurrences": at + 1,
            "first_seen_unix_ms": STARTED_MS, "last_seen_unix_ms": STARTED_MS + at * 1000 })
    };
    let end = world.names.min(from + most);
    json!({ "count": world.names, "rows": (from..end).map(made).collect::<Vec<_>>() })
}

fn form(world: &World) -> Value {
    let step = |name: &str, users: u64| json!({ "name": name, "users": users, "run_time": "60s" });
    json!({
        "host": "http://127.0.0.1:8000", "user_count": 10, "spawn_rate": 2.0, "run_time": "30s",
        "classes": [
            { "name": format!("SimpleQueryUser{}", world.hostile), "weight": 60, "tags": ["ask"] },
            { "name": "ComplexWorkflowUser", "weight": 40, "tags": [] },
        ],
        "class_picker": false, "stub": true, "stub_profiles": ["default", "slow"],
        "suite": { "steps": [step("single_user", 1), step("light", 10), step("moderate", 25)] },
        "arrivals": ["constant", "poisson"],
    })
}

fn truth() -> Value {
    let row = json!({ "name": "POST /ask", "measured_count": 900, "true_count": 900,
        "measured_p50_ms": 104.2, "true_p50_ms": 104.1, "error_p50_ms": 0.1,
        "measured_p95_ms": 250.4, "true_p95_ms": 250.0, "error_p95_ms": 0.4,
        "measured_p99_ms": 490.0, "true_p99_ms": 489.0, "error_p99_ms": 1.0 });
    json!({ "available": true, "why": "", "joined": 900, "unjoined": 0, "rows": [row],
        "ledger": { "received": 1000, "answered": 900, "refused": 80, "abandoned": 8, "in_flight": 12 } })
}

fn diagnosis(world: &World) -> Value {
    let finding = json!({ "sign": "pool_limit", "title": format!("A pool is full{}", world.hostile), "confidence": "high",
        "evidence": [{ "step": "moderate", "seconds": [12.0, 40.0], "words": "requests queue from 25 in flight on" }],
        "advice": { "change": "give the pool more connections.", "effect": "p95 falls below 300 ms.",
            "command": "weaver-bench run --users 25" } });
    json!({ "findings": [finding], "scalability": { "sigma": 0.04, "kappa": 0.0002, "knee_users": 69 } })
}

fn results(world: &World) -> Value {
    let run = |name: &str, valid: bool| {
        json!({ "name": name, "kind": "run", "started_unix_ms": STARTED_MS, "users_max": 50, "valid": valid,
            "target": format!("http://127.0.0.1:8000{}", world.hostile), "verdict": "degraded", "simulated": false,
            "bytes": 123_456 })
    };
    let runs = [
        run("run_20261123_100000", true),
        run("run_20261123_090000", false),
        run("baseline_20261122_090000", true),
    ];
    json!({ "count": 3, "runs": runs })
}

fn comparison() -> Value {
    let change = json!({ "scale": "ratio", "change": 0.12, "low": 0.08, "high": 0.16, "p": 0.001 });
    let cell = |figure: &str, a: f64, b: f64| json!({ "step": "run", "method": "POST", "name": "/ask", "figure": figure, "a": a, "b": b });
    json!({ "a": { "name": "run_20261123_100000" }, "b": { "name": "run_20261123_090000" },
        "decision": { "verdict": "worse", "why": "the typical time grew by 12 %", "time": change },
        "steps": [{ "step": "run", "requests": [900, 910], "time": change }],
        "cells": [cell("p50", 100.0, 112.0), cell("failure_ratio", 0.01, 0.02)] })
}

fn logs(world: &World, beat: u64, query: &str) -> Value {
    let since = number(query, "since");
    let line = |n: u64| {
        let level = ["info", "warn", "error", "debug"][n as usize % 4];
        json!({ "n": n, "at_unix_ms": STARTED_MS + n, "level": level, "text": format!("line {n}{}", world.hostile) })
    };
    json!({ "next": beat, "dropped": 0, "lines": (since..beat).map(line).collect::<Vec<_>>() })
}

/// What a question is answered with; `None` when there is nothing there.
pub(crate) fn answer(world: &World, beat: u64, path: &str, query: &str) -> Option<Value> {
    let file = json!({ "name": "run.json", "href": "/files/run.json", "bytes": 1234, "kind": "artefact" });
    let report = json!({ "name": "report.html", "href": "/files/report.html", "bytes": 99, "kind": "html" });
    let trap =
        json!({ "name": "trap", "href": "javascript:window.harmed=1", "bytes": 1, "kind": world.hostile });
    let task = json!([{ "name": format!("ask{}", world.hostile), "share": 0.6, "happened": 0.58 }]);
    let ratio = json!([{ "name": "SimpleQueryUser", "share": 0.6, "happened": 0.61, "tasks": task }]);
    let worker = json!({ "id": "worker-0", "state": "running", "users": 50, "cpu_share": 0.1, "memory_bytes": 1_000_000, "late_p99_ms": 0.4 });
    Some(match path {
        "/api/state" => view(world, beat),
        "/api/form" => form(world),
        "/api/series" => {
            let points: Vec<_> = (number(query, "since")..beat).map(|at| point(world, at)).collect();
            json!({ "from": number(query, "since"), "points": points, "per_point_s": 1 })
        }
        "/api/statistics" => statistics(world, beat, query),
        "/api/failures" | "/api/exceptions" => failures(world, query),
        "/api/ratio" => json!({ "per_class": ratio, "total": ratio }),
        "/api/truth" => truth(),
        "/api/diagnosis" => diagnosis(world),
        "/api/workers" => json!({ "workers": [worker] }),
        "/api/logs" => logs(world, beat, query),
        "/api/downloads" => json!({ "files": [file, report, trap] }),
        "/api/results" => results(world),
        "/api/compare" => comparison(),
        _ if path.ends_with("/series") => {
            let points: Vec<_> = (0..60).map(|at| point(world, at)).collect();
            json!({ "points": points, "per_point_s": 1 })
        }
        _ if path.starts_with("/api/results/") => {
            json!({ "name": "run", "files": [file, report, trap], "words": ["degraded: p95 above the target"] })
        }
        _ => return None,
    })
}
