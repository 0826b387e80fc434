//! A coordinator and workers in processes of their own, over a real Redis: happy, killed, frozen, without Redis, and lied to.

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Done, Running, Server, asker, bench, folder, json, results, words};
use crate::redis_server::RedisServer;

const SECRET: &str = "sesame";

/// A class of quick users.
fn files() -> Vec<(&'static str, String)> {
    vec![("asker.toml", asker("20ms", ""))]
}

pub(crate) struct Site {
    pub(crate) redis: RedisServer,
    pub(crate) stub: Server,
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let files = files();
        let listed: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let stub = Server::start(
            "--no-ratelimit --profile idle.toml",
            &[("idle.toml", &crate::common::profile("5ms"))],
        );
        Self { redis: RedisServer::start(), stub, folder: folder(&listed) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn start(&self, args: &str) -> Running {
        let mut command = bench(self.path(), words(args));
        command.env("WEAVER_FLEET_SECRET", SECRET);
        Running::start(command)
    }

    pub(crate) fn worker(&self, id: &str, more: &str) -> Running {
        let mut worker = self.start(&format!("worker --redis {} --id {id} {more}", self.redis.url()));
        worker.line("waits for a coordinator");
        worker
    }

    pub(crate) fn master(&self, workers: u16, more: &str) -> Running {
        self.start(&format!(
            "run --headless -f asker.toml -H {} --master --expect-workers {workers} --expect-workers-max-wait 30s --redis {} \
             --out out --seed 5 --print-stats {more}",
            self.stub.url(),
            self.redis.url()
        ))
    }

    /// Waits until the stub has had so many requests.
    #[track_caller]
    pub(crate) fn received(&self, count: u64) {
        let seen = (0..200_000).any(|_| self.stub.truth()["received"].as_u64() >= Some(count));
        assert!(seen, "the load stops at {}", self.stub.truth()["received"]);
    }

    pub(crate) fn run_file(&self) -> Value {
        json(results(&self.path().join("out")).join("run.json"))
    }

    /// Reported ≤ truth ≤ reported + bound; the three numbers.
    #[track_caller]
    pub(crate) fn account(&self) -> (u64, u64, u64) {
        let run = self.run_file();
        let steps = run["steps"].as_array().expect("a list");
        let sum = |list: &str, key: &str| -> u64 {
            let items = steps.iter().filter_map(|step| step[list].as_array()).flatten();
            items.map(|item| item[key].as_u64().unwrap_or(0)).sum()
        };
        let reported = sum("statuses", "count") + sum("cut_off", "count");
        let bound = sum("losses", "requests_max");
        let truth = self.stub.settled()["received"].as_u64().expect("a number");
        assert!(
            reported <= truth && truth <= reported + bound,
            "{reported} ≤ {truth} ≤ {reported} + {bound}"
        );
        (reported, truth, bound)
    }
}

#[track_caller]
pub(crate) fn done(running: Running, code: i32) -> Done {
    running.end().exits(code)
}

#[test]
fn workers_elsewhere_carry_the_load_and_every_request_is_counted() {
    let site = Site::new();
    let workers = [site.worker("a", ""), site.worker("b", "--threads 2")];
    let master = site.master(2, "-u 12 -r 12 -t 4s");
    done(master, 0);
    for worker in workers {
        done(worker, 0).says(&["the run is over"]);
    }
    let (reported, truth, bound) = site.account();
    assert_eq!((reported, bound), (truth, 0));
    assert!(truth > 200, "{truth}");
    let run = site.run_file();
    let workers = run["workers"].as_array().expect("a list");
    let mut ids: Vec<_> = workers.iter().map(|worker| worker["id"].as_str().expect("a name")).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a", "b"]);
    assert!(workers.iter().all(|worker| worker["users"] == 6 && worker["rtt_ns"].as_u64() > Some(0)));
}

#[test]
fn a_killed_worker_is_told_of_and_bounded() {
    for (more, code) in [("", 4), ("--tolerate-worker-loss", 0)] {
        let site = Site::new();
        let stays = site.worker("stays", "");
        let goes = site.worker("goes", "");
        let mut master = site.master(2, &format!("-u 12 -r 12 -t 8s {more}"));
        site.received(600);
        goes.signal(Signal::SIGKILL);
        master.line("worker goes is lost");
        let said = master.end();
        assert_eq!(said.code, Some(code), "{}\n{}", said.out, said.err);
        assert!(said.out.contains("worker goes was lost"), "{}", said.out);
        done(stays, 0);
        let (_, _, bound) = site.account();
        assert!(bound > 0);
        let run = site.run_file();
        assert_eq!(run["steps"][0]["losses"][0]["users_moved"], 6, "{}", run["steps"][0]["losses"]);
    }
}

#[test]
fn a_frozen_worker_comes_back_with_all_that_it_had() {
    let site = Site::new();
    let (stays, freezes) = (site.worker("stays", ""), site.worker("freezes", ""));
    let mut master = site.master(2, "-u 8 -r 8 -t 12s");
    site.received(400);
    freezes.signal(Signal::SIGSTOP);
    master.line("worker freezes is lost");
    freezes.signal(Signal::SIGCONT);
    let said = master.end();
    assert_eq!(said.code, Some(4), "{}\n{}", said.out, said.err);
    done(stays, 0);
    done(freezes, 0);
    let (reported, truth, bound) = site.account();
    assert_eq!((reported, bound), (truth, 0));
    assert!(site.run_file()["workers"].to_string().contains("\"rejoined\":1"));
}

#[test]
fn redis_gone_for_a_time_loses_nothing() {
    let mut site = Site::new();
    let workers = [site.worker("a", ""), site.worker("b", "")];
    let master = site.master(2, "-u 8 -r 8 -t 10s");
    site.received(400);
    site.redis.kill();
    // As long as it takes to start a stub and stop it again: a second or so.
    drop(Server::start("", &[]));
    site.redis.restart();
    done(master, 0);
    for worker in workers {
        done(worker, 0);
    }
    let (reported, truth, bound) = site.account();
    assert_eq!((reported, bound), (truth, 0));
}

#[test]
fn a_worker_is_sent_against_no_stranger() {
    let site = Site::new();
    let worker = site.worker("w", "--allow-target 10.0.0.7:8000");
    let master = site.master(1, "-u 1 -t 2s");
    done(master, 3).says(&["worker w refuses", "--allow-target 127.0.0.1:"]);
    done(worker, 2).says(&["is no target of this worker"]);
    assert_eq!(site.stub.truth()["received"], 0);
}

#[test]
fn what_is_missing_is_said_before_anything_starts() {
    let site = Site::new();
    let url = site.stub.url();
    for (args, part) in [
        (
            format!("run --headless -f asker.toml -H {url} -t 1s --master"),
            "--redis: coordinator and workers talk over Redis",
        ),
        ("worker".to_owned(), "--redis"),
        ("worker --redis http://x".to_owned(), "--redis: no address of redis"),
        ("worker --redis redis://x --allow-target weaver:port".to_owned(), "--allow-target"),
    ] {
        done(site.start(&args), 2).says(&[part]);
    }
    let mut command = bench(site.path(), words("worker --redis redis://127.0.0.1:1"));
    command.env_remove("WEAVER_FLEET_SECRET");
    done(Running::start(command), 2).says(&["there is no run secret"]);
    let master = site.start(&format!(
        "run --headless -f asker.toml -H {url} -t 1s --master --expect-workers 2 --expect-workers-max-wait 1s --redis {}",
        site.redis.url()
    ));
    done(master, 3).says(&["0 of 2 workers came within 1s"]);
}

#[test]
fn local_processes_are_started_and_ended() {
    let site = Site::new();
    let master = site.start(&format!(
        "run --headless -f asker.toml -H {} -u 6 -r 6 -t 3s --processes 3 --expect-workers-max-wait 30s --redis {} --out out",
        site.stub.url(),
        site.redis.url()
    ));
    done(master, 0);
    let (reported, truth, _) = site.account();
    assert_eq!(reported, truth);
    assert_eq!(site.run_file()["workers"].as_array().map(Vec::len), Some(3));
}
