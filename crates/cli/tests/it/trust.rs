//! A generator that cannot be trusted says so: stopped, late, its clock set, its processor the limit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Running, Server, asker, bench, folder, json, profile, results, run, words};

/// A run against a stub of its own, with what happened to it; its only step.
#[track_caller]
fn step(flags: &str, meanwhile: impl FnOnce(&Running)) -> Value {
    step_of("50ms", flags, |_, _| {}, |running, _| meanwhile(running))
}

/// The same of users who wait so long, with variables of its own, and its folder.
#[track_caller]
fn step_of(
    wait: &str,
    flags: &str,
    prepare: impl FnOnce(&mut Command, &Path),
    meanwhile: impl FnOnce(&Running, &Path),
) -> Value {
    let server = Server::start("--no-ratelimit --profile p.toml", &[("p.toml", &profile("5ms"))]);
    let place = folder(&[("asker.toml", &asker(wait, ""))]);
    let line = format!("run --headless -H {} -f asker.toml --only-summary --out o {flags}", server.url());
    let mut command = bench(place.path(), words(&line));
    prepare(&mut command, place.path());
    let running = Running::start(command);
    meanwhile(&running, place.path());
    let done = running.end();
    assert!(done.code.is_some(), "{}", done.err);
    let run = json(results(&place.path().join("o")).join("run.json"));
    let step = run["steps"][0].clone();
    Value::Array(vec![step, Value::String(done.out), Value::from(done.code)])
}

fn pause(seconds: f64) {
    let (_keep, nothing) = std::sync::mpsc::channel::<()>();
    // Nobody sends: it is the wait that is wanted.
    let _ = nothing.recv_timeout(Duration::from_secs_f64(seconds));
}

#[test]
fn a_stopped_generator_is_invalid_and_says_why_first() {
    let found = step("-u 5 -r 10 -t 5s", |running| {
        pause(2.0);
        running.signal(Signal::SIGSTOP);
        pause(2.0);
        running.signal(Signal::SIGCONT);
    });
    invalid_for(&found, &["the generator stood still for ", "; run it again"]);
}

/// The run ended with exit code 4, and its first reason holds these words.
#[track_caller]
fn invalid_for(found: &Value, parts: &[&str]) {
    assert_eq!(found[2], 4, "{}", found[1]);
    let text = found[1].as_str().expect("a report");
    let first = text.lines().find(|line| line.trim().starts_with("INVALID:")).expect("a reason");
    assert!(parts.iter().all(|part| first.contains(part)), "{first}");
}

/// Wall time is set an hour ahead in the middle of a run; monotonic time goes on.
#[test]
fn a_clock_that_is_set_makes_a_run_invalid() {
    let loaded = Command::new("faketime").args(["-m", "-f", "+0", "sh", "-c", "echo $LD_PRELOAD"]).output();
    let loaded = loaded.expect("these tests need faketime: apt-get install faketime").stdout;
    let set = |folder: &Path, text: &str| fs::write(folder.join("time"), text).expect("a file");
    let prepare = |command: &mut Command, folder: &Path| {
        set(folder, "+0");
        command.env("LD_PRELOAD", String::from_utf8_lossy(&loaded).trim());
        command.env("FAKETIME_TIMESTAMP_FILE", folder.join("time"));
        command.env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
    };
    let found = step_of("50ms", "-u 2 -r 10 -t 4s", prepare, |_, folder| {
        pause(2.0);
        set(folder, "+3600");
    });
    invalid_for(&found, &["the clock jumped forwards"]);
}

/// Users who never wait, more than one thread can serve.
#[test]
fn a_generator_without_processor_time_to_spare_is_the_limit() {
    let found = step_of("0s", "-u 300 -r 10000 -t 4s --threads 1", |_, _| {}, |_, _| {});
    invalid_for(&found, &["worker-0", "processor"]);
}

/// Whatever the machine is up to, the run file holds what the generator and its target used.
#[test]
fn the_run_file_tells_what_was_used() {
    let own = std::process::id();
    let found = step(&format!("-u 3 -r 10 -t 3s --target-pid {own}"), |_| {});
    let second = &found[0]["intervals"][1];
    let generator = &second["generator"];
    let threads = generator["threads"].as_array().expect("threads");
    assert!(threads.iter().any(|thread| thread["name"] == "worker-0"), "{generator}");
    for number in [
        &generator["process"]["memory_bytes"],
        &generator["process"]["sockets"],
        &second["target"]["memory_bytes"],
    ] {
        assert!(number.as_u64().is_some_and(|number| number > 0), "{second}");
    }
    assert!(
        second["pulse"]["samples"].as_u64().expect("a count")
            + second["pulse"]["missed"].as_u64().expect("a count")
            > 50
    );
    assert!(found[1].as_str().expect("a report").contains("Little's law of requests"), "{}", found[1]);
}

/// The stub's own page tells what it uses.
#[test]
fn a_stub_can_be_asked_what_it_uses() {
    let server = Server::start("--no-ratelimit", &[]);
    let place = folder(&[("asker.toml", &asker("50ms", ""))]);
    let url = server.url();
    let line = format!(
        "run --headless -H {url} -f asker.toml -u 1 -t 3s --only-summary --out o --target-metrics {url}/_stub/metrics"
    );
    run(place.path(), &line);
    let run = json(results(&place.path().join("o")).join("run.json"));
    let target = &run["steps"][0]["intervals"][1]["target"];
    assert!(target["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1_000_000), "{target}");
    assert_eq!(run["target_source"], format!("{url}/_stub/metrics"));
}

#[test]
fn a_target_that_cannot_be_read_is_a_warning() {
    let found = step("-u 1 -t 2s --target-metrics http://127.0.0.1:9/metrics", |_| {});
    let text = found[1].as_str().expect("a report");
    assert!(
        text.contains("warning: what the target uses could not be read from http://127.0.0.1:9/metrics"),
        "{text}"
    );
}

#[test]
fn a_page_of_figures_must_be_an_address() {
    let place = folder(&[]);
    run(place.path(), "run --headless -H http://127.0.0.1:9 --target-metrics x")
        .exits(2)
        .says(&["--target-metrics", "http"]);
}

/// In virtual time the tests hold, whatever the seed.
#[test]
fn a_simulated_run_is_valid() {
    let place = folder(&[("asker.toml", &asker("50ms", "")), ("p.toml", &profile("30ms"))]);
    for seed in 1..=5 {
        let line = format!(
            "run --simulate --no-ratelimit --profile p.toml -f asker.toml -u 20 -r 20 -t 60s --seed {seed}"
        );
        run(place.path(), &line)
            .exits(0)
            .says(&["holds: Little's law of requests", "holds: Little's law of users"]);
        let line = format!(
            "run --simulate --no-ratelimit --profile p.toml -f asker.toml --arrivals poisson --rate 50 -t 60s --seed {seed}"
        );
        run(place.path(), &line)
            .exits(0)
            .says(&["holds: Kolmogorov-Smirnov test of the gaps", "holds: Little's law"]);
    }
}
