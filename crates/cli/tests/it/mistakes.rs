//! Bad input: the exit code, and words that name the place, the value and the remedy, before anything is sent.

use nix::sys::signal::Signal;

use crate::common::{Running, Server, bench, folder, names, results, run, words};

const GOOD: &str = r#"
class = "Good"
wait_time = { constant = "1s" }
[[task]]
name = "look"
[[task.step]]
method = "GET"
path = "/health"
"#;
/// Line 4: an unknown key; line 8: a wrong type; line 10: an unknown name; line 11: a wrong value.
const BAD: &str = r#"class = "Bad"
wait_time = { constant = "1s" }
weight = 2
wieght = 3

[[task]]
name = "look"
weight = "two"
[[task.step]]
path = "/ask/{{ usr }}"
timeout = "soon"
method = "FETCH"
"#;
const BROKEN: &str = "[agent.slow]\nconcurrency = = 3\n";
const WRONG_PROFILE: &str = "[agent.slow]\nconcurrency = 0\nqueue_max = 1\ndelay = { fixd = \"1s\" }\n[[workflow]]\nname = \"x\"\nstages = [\"fast\"]\n";

/// Runs with these variables; every word must be said on standard error, and nothing on standard output.
#[track_caller]
fn check(args: &str, variables: &[(&str, &str)], code: i32, said: &[&str]) {
    let place = folder(&[
        ("good.toml", GOOD),
        ("bad.toml", BAD),
        ("broken.toml", BROKEN),
        ("profile.toml", WRONG_PROFILE),
        ("void/notes.txt", ""),
        ("empty.toml", ""),
    ]);
    let mut command = bench(place.path(), words(args));
    command.envs(variables.iter().copied());
    let done = Running::start(command).end().exits(code);
    for part in said {
        assert!(done.err.contains(part), "`{part}` is missing after {args}\n{}", done.err);
    }
    assert!(!done.err.contains("panicked") && done.out.is_empty(), "{args}\n{}\n{}", done.out, done.err);
    let before = ["bad.toml", "broken.toml", "empty.toml", "good.toml", "profile.toml", "void"];
    assert_eq!(names(place.path()), before, "{args} leaves something behind");
    assert_eq!(names(&place.path().join("void")), ["notes.txt"], "{args} leaves something behind");
}

#[test]
fn files() {
    check(
        "run --simulate -t 5s -f bad.toml",
        &[],
        2,
        &[
            "bad.toml:4: unknown key `wieght`; did you mean `weight`?",
            "bad.toml:8: `task[0].weight` = \"two\"",
            "whole number",
            "bad.toml:10: ",
            "usr",
            "did you mean `user`",
            "bad.toml:11: ",
            "\"soon\"",
            "30s",
            "bad.toml:12: ",
            "FETCH",
            "GET, POST",
        ],
    );
    check(
        "run --simulate -t 5s -f nowhere.toml,good.toml,nor.toml",
        &[],
        2,
        &["nowhere.toml: ", "nor.toml: "],
    );
    check("run --simulate -t 5s -f void", &[], 2, &["void: holds no .toml file"]);
    check("run --simulate -t 5s -f broken.toml", &[], 2, &["broken.toml:2: "]);
    check("run --simulate -t 5s -f empty.toml", &[], 2, &["`class`", "`wait_time`", "[[task]]"]);
    check("run --simulate -t 5s -f good.toml,good.toml", &[], 2, &["`Good` stands in another file too"]);
    check("serve --profile broken.toml --port 0", &[], 2, &["broken.toml:2: "]);
    check("serve --profile nowhere.toml --port 0", &[], 2, &["nowhere.toml: "]);
    check(
        "serve --profile profile.toml --port 0",
        &[],
        2,
        &["profile.toml:2: ", "profile.toml:4: ", "`fixd`", "profile.toml:7: ", "fast"],
    );
    check("run --simulate -t 5s --profile broken.toml", &[], 2, &["broken.toml:2: "]);
    check("baseline --plan nowhere.toml --simulate", &[], 2, &["nowhere.toml: "]);
    check("baseline --plan broken.toml --simulate", &[], 2, &["broken.toml:2: "]);
    let missing = ["`scenarios` is missing", "`mix` is missing", "`targets` is missing", "[[step]]"];
    check("baseline --plan empty.toml --simulate", &[], 2, &missing);
}

#[test]
fn flags() {
    check("run --simulate -t 5s -u 0", &[], 2, &["users = 0", "1 to 1000000"]);
    check("run --simulate -t 0s -u 0 -r 0", &[], 2, &["run time = 0s", "users = 0", "spawn rate = 0"]);
    check("run --simulate -t 0s -f bad.toml", &[], 2, &["run time = 0s", "bad.toml:4: "]);
    check("run --simulate -t 5s -r nan", &[], 2, &["spawn rate = NaN"]);
    check("run --simulate -t soon", &[], 2, &["soon", "30s", "1h30m"]);
    check("run --simulate -t 5s -s never", &[], 2, &["never", "30s"]);
    check("run --simulate -t 25h", &[], 2, &["25h", "24h"]);
    check("run --simulate", &[], 2, &["-t"]);
    check("run --simulate -t 5s -s 100h", &[], 2, &["stop timeout = 100h", "30m"]);
    check("baseline --quick --simulate -s 100h", &[], 2, &["stop timeout = 100h", "30m"]);
    check("run --simulate -t 5s --threads 1000000", &[], 2, &["--threads", "1..=256"]);
    check("healthcheck --path /_stub/../health", &[], 2, &["/_stub/../health", "/health"]);
    check("healthcheck --path /_stub/%2e%2e/health", &[], 2, &["no plain path"]);
    check(
        "run --simulate -t 5s WorkflowUsr Nobody",
        &[],
        2,
        &["`WorkflowUsr`; did you mean `WorkflowUser`", "`Nobody`"],
    );
    check("run --simulate -t 5s -T nosuchtag", &[], 2, &["--tags"]);
    check("run --simulate -t 5s -H http://127.0.0.1:1", &[], 2, &["--simulate", "--host"]);
    check("baseline --simulate -H http://127.0.0.1:1", &[], 2, &["--simulate", "--host"]);
    check("run --headless -t 5s", &[], 2, &["--host"]);
    check("serve --port 70000", &[], 2, &["70000"]);
    check("serve --port 0 --loglevel a=b=c", &[], 2, &["--loglevel", "info"]);
    check("frobnicate", &[], 2, &["frobnicate"]);
    check("run --headless --frobnicate", &[], 2, &["--frobnicate"]);
}

#[test]
fn addresses() {
    check("run --headless -t 5s -H 127.0.0.1:8000", &[], 2, &["127.0.0.1:8000", "http://"]);
    check("run --headless -t 5s -H ftp://127.0.0.1", &[], 2, &["ftp://127.0.0.1"]);
    check("run --headless -t 5s -H http://127.0.0.1:99999", &[], 2, &["99999"]);
    // Port 1 is nobody's.
    check(
        "run --headless -t 5s -H http://127.0.0.1:1",
        &[],
        3,
        &["http://127.0.0.1:1 cannot be reached", "-H"],
    );
    check("run --headless -t 5s --out void -H http://127.0.0.1:1", &[], 3, &["cannot be reached"]);
    check("baseline --out void -H http://127.0.0.1:1", &[], 3, &["cannot be reached"]);
    check("run --headless -t 5s", &[("TARGET_HOST", "http://127.0.0.1:1")], 3, &["http://127.0.0.1:1"]);
    check("run --headless -t 5s -H http://nonexistent.invalid", &[], 3, &["nonexistent.invalid", "-H"]);
    check("healthcheck -H http://nonexistent.invalid", &[], 3, &["nonexistent.invalid"]);
}

#[test]
fn variables() {
    let three = [
        ("WEAVER_RATELIMIT_RPS", "many"),
        ("WEAVER_AUTH_MODE", "password"),
        ("WEAVER_STUB_LEDGER_ENTRIES_MAX", "-1"),
    ];
    let said = [
        "WEAVER_RATELIMIT_RPS",
        "many",
        "WEAVER_AUTH_MODE",
        "password",
        "api_key or jwt",
        "LEDGER_ENTRIES_MAX",
        "-1",
    ];
    check("serve --port 0", &three, 2, &said);
    check("serve --port 0 --profile broken.toml", &three, 2, &[&said[..], &["broken.toml:2: "]].concat());
    check("serve --port 0 --ratelimit-burst x", &[], 2, &["WEAVER_RATELIMIT_BURST", "`x`"]);
}

/// Whoever types a password does not read it again, and other users of the machine never.
#[test]
fn the_stub_as_it_is_set() {
    let redis = ["--redis", "virtual time", "--redis memory"];
    for (args, said) in [
        (
            "serve --port 0 --fidelity perfect",
            &["WEAVER_STUB_FIDELITY", "`perfect`", "faithful or repaired"][..],
        ),
        ("serve --port 0 --repair head,heads", &["WEAVER_STUB_REPAIR", "`heads` is no quirk", "csrf-500"]),
        ("serve --port 0 --stages moon", &["WEAVER_STUB_STAGES", "`moon`", "local or mesh"]),
        ("serve --port 0 --answer-cache-ttl soon", &["WEAVER_STUB_ANSWER_CACHE_TTL", "soon", "5m"]),
        ("serve --port 0 --policies nowhere", &["--policies", "`nowhere` is no folder", "guardrails.yaml"]),
        ("serve --port 0 --policies good.toml", &["--policies", "`good.toml` is no folder"]),
        ("serve --port 0 --log-format xml", &["--log-format", "xml", "json"]),
        ("serve --port 0 --redis s3cret@host", &["WEAVER_STUB_REDIS", "redis://"]),
        ("serve --port 0 --redis http://:s3cret@host", &["WEAVER_STUB_REDIS", "redis://"]),
        ("serve --port 0 --redis redis://host --redis-ca nowhere.pem", &["nowhere.pem: "]),
        ("run --simulate -t 5s --redis redis://:s3cret@host", &redis),
        ("baseline --simulate --redis rediss://u:s3cret@host/1", &redis),
        (
            "serve --port 0 --fidelity x --stages y --redis z --policies w --profile broken.toml",
            &["_FIDELITY", "_STAGES", "_REDIS", "--policies", "broken.toml:2: "],
        ),
    ] {
        check(args, &[], 2, said);
        let done = run(folder(&[("good.toml", GOOD)]).path(), args);
        assert!(!done.err.contains("s3cret"), "{args} tells a password\n{}", done.err);
    }
    check(
        "serve --port 0",
        &[("REDIS_URL", "http://x"), ("WEAVER_STUB_REPAIR", "redis-url")],
        2,
        &["REDIS_URL: "],
    );
    check("serve --port 0", &[("WEAVER_STUB_HEADERS", "perhaps")], 2, &["WEAVER_STUB_HEADERS", "`perhaps`"]);
    run(folder(&[]).path(), "run --simulate -t 5s --redis memory").exits(0);
}

/// Results that cannot be kept are found out before the first request.
#[test]
fn places_that_cannot_be_written() {
    let server = Server::start("--no-ratelimit", &[]);
    for (flags, said) in [
        ("--out good.toml", "good.toml"),
        ("--out good.toml/below", "good.toml/below"),
        ("--csv nowhere/p", "nowhere/p"),
        ("--json nowhere/j.json", "nowhere/j.json"),
        ("--csv good.toml/p", "good.toml/p"),
        ("--logfile nowhere/log", "nowhere/log"),
    ] {
        check(&format!("run --headless -t 1s -f good.toml -H {} {flags}", server.url()), &[], 2, &[said]);
    }
    check(&format!("baseline --quick --out good.toml -H {}", server.url()), &[], 2, &["good.toml", "--out"]);
    assert_eq!(server.truth()["received"], 0, "something was sent first");
    server.process.signal(Signal::SIGTERM);
    server.process.end().exits(0);
}

/// A reader that has seen enough is no bug of ours, and no reason to lose what was measured.
#[test]
fn output_may_be_closed() {
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let server = Server::start("--no-ratelimit", &[]);
    let real = format!("run --headless -f good.toml -H {} -t 1200ms --out o", server.url());
    for args in ["baseline --simulate --out o --seed 7", "run --simulate -t 9s --json", "run --list", &real] {
        let place = folder(&[("good.toml", GOOD)]);
        let mut command = bench(place.path(), words(args));
        let mut child = command.stdout(closed()).stderr(closed()).spawn().expect("the binary starts");
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{args}");
        let kept = !args.contains("--out") || results(&place.path().join("o")).join("run.json").exists();
        assert!(kept, "{args} keeps nothing");
    }
}

#[test]
fn classes_are_listed() {
    let place = folder(&[("good.toml", GOOD)]);
    run(place.path(), "run --list").exits(0).says(&["SimpleQueryUser", "StressTestUser", "WorkflowUser"]);
    assert_eq!(run(place.path(), "run -l -f good.toml").exits(0).out, "Good (weight 1)\n");
}
