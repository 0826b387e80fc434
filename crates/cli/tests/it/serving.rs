//! What `serve` is set by and what it logs: `.env`, folders and files beside it, quirks, and the access log.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Done, Running, bench, folder, get, talk, words};

const KEY: &str = "s3cret-key";

/// `serve` in a folder with these files and variables, stopped after `asked`; what it said.
fn served(args: &str, files: &[(&str, &str)], variables: &[(&str, &str)], asked: impl FnOnce(&str)) -> Done {
    let place = folder(files);
    let args = format!("serve --host 127.0.0.1 --port 0 --seed 1 --no-ratelimit {args}");
    let mut command = bench(place.path(), words(&args));
    command.envs(variables.iter().copied());
    let mut process = Running::start(command);
    let line = process.line("stub of Weaver AI on http://");
    asked(line.split_once("http://").and_then(|(_, rest)| rest.split_once(',')).expect("it tells").0);
    process.signal(Signal::SIGTERM);
    process.end().exits(0)
}

fn whoami(address: &str, key: &str) -> String {
    let request =
        format!("GET /whoami?{KEY} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n");
    talk(address, &request)
}

/// The status of /whoami with this key.
#[track_caller]
fn check(args: &str, files: &[(&str, &str)], variables: &[(&str, &str)], key: &str, status: &str) {
    served(args, files, variables, |address| {
        let answer = whoami(address, key);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{args} {files:?} {variables:?}\n{answer}"
        );
    });
}

#[test]
fn a_file_of_variables_lies_below_the_environment() {
    let file = &[(".env", "# keys\nexport weaver_allowed_api_keys='file' # one\n")][..];
    let variable = &[("WEAVER_ALLOWED_API_KEYS", "variable")][..];
    check("", file, &[], "file", "200");
    check("", file, variable, "file", "401");
    check("", file, variable, "variable", "200");
    check("--allowed-api-keys flag", file, variable, "variable", "401");
    check("--allowed-api-keys flag", file, variable, "flag", "200");
    let both = "K=key\nWEAVER_ALLOWED_API_KEYS=\"${K}2\"\nOTHER=1\n";
    check("", &[(".env", both)], &[], "key2", "200");
    let place = folder(&[(".env", "WEAVER_RATELIMIT_RPS=many\nnot a variable\n")]);
    let done = Running::start(bench(place.path(), ["serve", "--port", "0"])).end().exits(2);
    done.says(&["WEAVER_RATELIMIT_RPS", "`many`", ".env:2: "]);
}

#[test]
fn fidelity_is_a_flag() {
    let answers = |args: &str| {
        let mut found = vec![];
        served(args, &[], &[], |address| {
            found.push(get(address, "/docs").1.contains("swagger-ui"));
            found.push(
                talk(address, "HEAD /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                    .contains(" 200 OK"),
            );
            found.push(whoami(address, "x").contains("x-request-id"));
        });
        found
    };
    assert_eq!(answers(""), [false, false, true]);
    assert_eq!(answers("--fidelity faithful --no-own-headers"), [false, false, false]);
    assert_eq!(answers("--repair head"), [false, true, true]);
    assert_eq!(answers("--repair docs,head"), [true, true, true]);
    assert_eq!(answers("--fidelity repaired"), [true, true, true]);
}

/// Lines that are neither the first nor the last two words of `serve` itself.
fn logged(done: &Done) -> Vec<&str> {
    let own = ["stub of Weaver AI", "stopping: ", "stopped: "];
    done.err.lines().filter(|line| !own.iter().any(|part| line.starts_with(part))).collect()
}

#[test]
fn nothing_is_logged_by_itself() {
    let done = served("", &[], &[("WEAVER_ALLOWED_API_KEYS", KEY)], |address| {
        for key in [KEY, "no", ""] {
            whoami(address, key);
        }
        get(address, "/nowhere");
    });
    assert_eq!(logged(&done), Vec::<&str>::new());
}

#[test]
fn an_answer_a_line_where_it_is_asked_for() {
    for (args, variables) in [
        ("--access-log", &[("WEAVER_ALLOWED_API_KEYS", KEY)][..]),
        ("--access-log --log-format json", &[("WEAVER_ALLOWED_API_KEYS", KEY)]),
        ("--log-format json", &[("WEAVER_ALLOWED_API_KEYS", KEY), ("WEAVER_STUB_ACCESS_LOG", "true")]),
        ("--access-log -L trace", &[("WEAVER_ALLOWED_API_KEYS", KEY)]),
    ] {
        let done = served(args, &[], variables, |address| {
            assert!(whoami(address, KEY).contains(" 200 OK"));
            get(address, "/nowhere");
        });
        assert!(!done.err.contains(KEY), "{args} tells the key:\n{}", done.err);
        if args.contains("trace") {
            continue;
        }
        let lines = logged(&done);
        assert_eq!(lines.len(), 2, "{args}\n{}", done.err);
        if !args.contains("json") {
            assert!(
                lines[0].contains(" access: ") && lines[0].contains("method=GET path=\"/whoami\" status=200")
            );
            assert!(lines[1].contains("path=\"/nowhere\" status=404") && lines[1].contains("peer=127.0.0.1"));
            continue;
        }
        let line: Value = serde_json::from_str(lines[0]).expect("is JSON");
        let told =
            ["method", "path", "status", "id", "peer", "target", "level"].map(|name| line[name].to_string());
        let expected =
            ["\"GET\"", "\"/whoami\"", "200", "\"stub-0\"", "\"127.0.0.1\"", "\"access\"", "\"INFO\""];
        assert_eq!(told, expected, "{line}");
        assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    }
}

#[test]
fn prometheus_is_for_operators() {
    served("", &[], &[], |address| {
        let (status, text) = get(address, "/_stub/metrics");
        assert!(status == 200 && text.contains("\nweaver_stub_received_total 0\n"), "{status} {text}");
    });
    served("", &[], &[("WEAVER_STUB_OPERATOR_TOKEN", "t")], |address| {
        assert_eq!(get(address, "/_stub/metrics").0, 401);
    });
}
