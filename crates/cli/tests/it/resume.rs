//! A coordinator that dies, and one that takes its place; workers that are told to leave.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use serde_json::Value;

use crate::common::{Running, asker, bench, results, words, write};
use crate::fleet::{Site, done};

/// Workers `a` and `b` at work under a coordinator that lives no more.
fn killed(load: &str) -> (Site, [Running; 2]) {
    let site = Site::new();
    let workers = [site.worker("a", ""), site.worker("b", "")];
    let master = site.master(2, load);
    site.received(500);
    master.signal(Signal::SIGKILL);
    assert_eq!(master.end().code, None);
    (site, workers)
}

impl Site {
    fn resume(&self, more: &str) -> Running {
        let folder = results(&self.path().join("out"));
        self.start(&format!("run --resume {} --redis {} {more}", folder.display(), self.redis.url()))
    }
}

#[test]
fn a_run_whose_coordinator_was_killed_is_ended_and_every_request_is_counted() {
    for load in ["-u 12 -r 12 -t 60s", "--arrivals constant --rate 150 -t 60s"] {
        let (site, workers) = killed(load);
        let said = done(site.resume(""), 4);
        assert!(said.out.contains("the coordinator was gone from second"), "{}", said.out);
        for worker in workers {
            done(worker, 0).says(&["the coordinator was gone from second"]);
        }
        let (reported, truth, bound) = site.account();
        assert_eq!((reported, bound), (truth, 0), "{load}");
        let run = site.run_file();
        let step = &run["steps"][0];
        assert!(step["absence"]["until_ns"].as_u64() >= step["absence"]["from_ns"].as_u64());
        assert_eq!(run["workers"].as_array().map(Vec::len), Some(2), "{load}");
        done(site.resume(""), 4).says(&["there is nothing to resume"]);
    }
}

#[test]
fn what_workers_that_died_too_had_in_hand_is_bounded() {
    let (site, [a, b]) = killed("-u 12 -r 12 -t 60s");
    b.signal(Signal::SIGKILL);
    done(site.resume(""), 4).says(&["worker b was lost"]);
    done(a, 0);
    let (_, _, bound) = site.account();
    assert!(bound > 0);
}

#[test]
fn workers_that_nobody_leads_end_by_themselves_and_leave_what_they_did_on_the_bus() {
    let (site, workers) = killed("-u 12 -r 12 -t 60s");
    for worker in workers {
        done(worker, 3).says(&["nothing is heard of the coordinator", "wait for one that resumes the run"]);
    }
    done(site.resume(""), 4);
    let (reported, truth, bound) = site.account();
    assert_eq!((reported, bound), (truth, 0));
}

#[test]
fn a_journal_that_cannot_be_gone_on_with_says_why() {
    let (site, _workers) = killed("-u 4 -r 4 -t 60s");
    let folder = results(&site.path().join("out"));
    let journal = folder.join("fleet.journal");
    let text = fs::read(&journal).expect("is there");
    let broken = |text: &[u8], code: i32, parts: &[&str]| {
        fs::write(&journal, text).expect("can be written");
        done(site.resume(""), code).says(parts);
    };
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let damaged = [lines[0], b"{\n", &lines[1..].concat()].concat();
    broken(&damaged, 2, &["fleet.journal: line 2: is no line of a journal"]);
    broken(b"x\n", 2, &["line 1: no journal of the format"]);
    let older =
        String::from_utf8_lossy(&text).replacen("weaver-bench.journal/1", "weaver-bench.journal/0", 1);
    broken(older.as_bytes(), 2, &["line 1: the format is weaver-bench.journal/0"]);
    fs::write(&journal, &text).expect("can be written");
    fs::write(site.path().join("other"), "mustard").expect("can be written");
    done(site.resume("--fleet-secret other"), 2).says(&["this is not the run secret of its workers"]);
    done(site.start("run --resume nowhere"), 2).says(&["holds neither fleet.journal nor run.json"]);
    broken(&text[..text.len() - 9], 4, &["was not written to its end, and is dropped"]);
    site.account();
}

#[test]
fn there_is_one_coordinator_at_a_time() {
    let site = Site::new();
    let workers = [site.worker("a", ""), site.worker("b", "")];
    let master = site.master(2, "-u 4 -r 4 -t 5s");
    site.received(20);
    done(site.resume(""), 2).says(&["fleet.journal: the run has a coordinator still"]);
    done(master, 0);
    workers.into_iter().for_each(|worker| drop(done(worker, 0)));
    done(site.resume(""), 0).says(&["there is nothing to resume"]);
}

#[test]
fn a_worker_that_is_told_to_leave_leaves_nothing_uncounted() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let site = Site::new();
        let (stays, goes) = (site.worker("stays", ""), site.worker("goes", ""));
        let master = site.master(2, "-u 12 -r 12 -t 8s");
        site.received(400);
        goes.signal(signal);
        done(goes, 0).says(&["left the run"]);
        done(master, 0)
            .says(&["worker goes left", "all that it sent is counted, and 6 users went on elsewhere"]);
        done(stays, 0);
        let (reported, truth, bound) = site.account();
        assert_eq!((reported, bound), (truth, 0));
        let last = site.run_file()["steps"][0]["intervals"].as_array().expect("a list")[6]["users"].clone();
        assert_eq!(last, 12, "its users went on elsewhere");
    }
}

#[test]
fn arrivals_of_a_worker_that_is_gone_come_from_the_others() {
    for (signal, ends, code, part) in [
        (Signal::SIGTERM, Some(0), 0, "worker goes left"),
        (Signal::SIGKILL, None, 4, "worker goes was lost"),
    ] {
        let site = Site::new();
        let (stays, goes) = (site.worker("stays", ""), site.worker("goes", "--threads 2"));
        let master = site.master(2, "--arrivals constant --rate 100 -t 8s");
        site.received(150);
        goes.signal(signal);
        assert_eq!(goes.end().code, ends);
        done(master, code).says(&[part, "its arrivals came from others then"]);
        done(stays, 0);
        let (_, truth, bound) = site.account();
        let run = site.run_file();
        let seconds = run["steps"][0]["intervals"].as_array().expect("a list");
        let ended = |second: &Value| -> u64 {
            second["cells"].as_array().into_iter().flatten().filter_map(|cell| cell["count"].as_u64()).sum()
        };
        let late: u64 = seconds[6..8].iter().map(ended).sum();
        // Alone it would send a third: 67.
        assert!(late > 120, "{late} in two seconds at the end");
        if signal == Signal::SIGTERM {
            assert!(bound == 0 && (770..=830).contains(&truth), "{truth} of 800");
        }
    }
}

#[test]
fn all_results_are_given_to_whom_they_are_for() {
    // Only root can give files away.
    let uid = if geteuid().is_root() { 4_321 } else { geteuid().as_raw() };
    let site = Site::new();
    let worker = site.worker("a", "");
    done(site.master(1, &format!("-u 2 -r 2 -t 1s --results-uid {uid}")), 0);
    done(worker, 0);
    let folder = results(&site.path().join("out"));
    let files: Vec<_> =
        fs::read_dir(&folder).expect("is there").map(|entry| entry.expect("is there").path()).collect();
    assert!(files.iter().any(|file| file.ends_with("fleet.journal")));
    for file in files {
        assert_eq!(fs::metadata(&file).expect("is there").uid(), uid, "{}", file.display());
    }
}

#[test]
fn local_workers_end_with_their_coordinator_and_are_bounded() {
    let site = Site::new();
    let load = "-u 6 -r 6 -t 60s --processes 2";
    let (stub, redis) = (site.stub.url(), site.redis.url());
    let args = format!("run --headless -f asker.toml -H {stub} {load} --redis {redis} --out out");
    // Without a secret of their own: one is drawn.
    let master = Running::start(bench(site.path(), words(&args)));
    site.received(200);
    master.signal(Signal::SIGKILL);
    assert_eq!(master.end().code, None);
    let parts = ["the secret of its workers died", "worker local-0 was lost", "worker local-1 was lost"];
    done(site.resume(""), 4).says(&parts);
    let (_, truth, bound) = site.account();
    assert!(bound > 0);
    assert_eq!(site.stub.truth()["received"], truth, "nobody sends any more");
}

#[test]
fn a_coordinator_that_is_interrupted_ends_all_load_and_writes_what_there_is() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let site = Site::new();
        let workers = [site.worker("a", ""), site.worker("b", "")];
        let master = site.master(2, "-u 12 -r 12 -t 60s");
        site.received(300);
        master.signal(signal);
        done(master, 3).says(&["stopping: waiting for answers", "interrupted in step run"]);
        workers.into_iter().for_each(|worker| drop(done(worker, 0)));
        let (reported, truth, bound) = site.account();
        assert_eq!((reported, bound), (truth, 0));
        done(site.resume(""), 3).says(&["there is nothing to resume"]);
    }
}

#[test]
fn a_worker_is_started_by_locusts_words_too() {
    let site = Site::new();
    let url = site.redis.url();
    let port = url.rsplit(':').next().expect("a port");
    let mut worker = site
        .start(&format!("run --worker --master-host 127.0.0.1 --master-port {port} -H {}", site.stub.url()));
    worker.line("waits for a coordinator");
    done(site.master(1, "-u 2 -r 2 -t 1s"), 0);
    done(worker, 0).says(&["the run is over"]);
    let worker = site.start("run --worker --master-host 127.0.0.1 --master-port 5557");
    done(worker, 2).says(&["the port of Locust's own protocol"]);
}

#[test]
fn the_steps_that_are_left_are_run() {
    let suite = r#"
scenarios = "classes"
cool_down = "300ms"
[mix]
Asker = 1
[targets]
judged_path = "/ask"
p50 = { target = "1s", acceptable = "2s", critical = "3s" }
p95 = { target = "1s", acceptable = "2s", critical = "3s" }
p99 = { target = "1s", acceptable = "2s", critical = "3s" }
failure_ratio = { target = 0.01, acceptable = 0.05, critical = 0.10 }
rps = { target = 1, acceptable = 1, critical = 1 }
[[step]]
name = "first"
users = 4
spawn_rate = 4
run_time = "2s"
[[step]]
name = "second"
users = 6
spawn_rate = 6
run_time = "20s"
[[step]]
name = "third"
users = 8
spawn_rate = 8
run_time = "2s"
"#;
    let site = Site::new();
    write(site.path(), "suites/suite.toml", suite);
    write(site.path(), "suites/classes/asker.toml", &asker("20ms", ""));
    let workers = [site.worker("a", ""), site.worker("b", "")];
    let mut master = site.start(&format!(
        "baseline --plan suites/suite.toml -H {} --master --expect-workers 2 --redis {} --out out --seed 5 --print-stats",
        site.stub.url(),
        site.redis.url()
    ));
    master.line("second");
    site.received(600);
    master.signal(Signal::SIGKILL);
    assert_eq!(master.end().code, None);
    let said = done(site.resume("--print-stats"), 4);
    assert!(said.out.contains("step second: the coordinator was gone"), "{}", said.out);
    workers.into_iter().for_each(|worker| drop(done(worker, 0)));
    let run = site.run_file();
    let steps = run["steps"].as_array().expect("a list");
    let names: Vec<_> = steps.iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert!(steps[2]["absence"].is_null() && steps[2]["cut"] == false);
    let (reported, truth, bound) = site.account();
    assert_eq!((reported, bound), (truth, 0));
}
