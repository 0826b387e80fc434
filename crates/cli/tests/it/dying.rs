//! The server's end: killed, its clients name it and end; asked to stop, it answers first.

use std::net::TcpStream;
use std::thread::spawn;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::common::{Running, Server, asker, bench, csv, folder, get, profile, read, run, talk, words};

fn check_killed(flags: &str) {
    let server = Server::start("--no-ratelimit", &[]);
    let place = folder(&[("s.toml", &asker("20ms", "timeout = \"2s\""))]);
    let args = format!("run --headless -f s.toml -H {} -u 4 -r 20 -t 2s --csv p {flags}", server.url());
    let mut running = Running::start(bench(place.path(), words(&args)));
    running.line("run 1/2 s");
    server.process.signal(Signal::SIGKILL);
    running.end().exits(1).says(&["ConnectionRefusedError"]);
    let failures = csv(&read(place.path().join("p_failures.csv")));
    let known = [
        "ConnectionRefusedError(111,",
        "ConnectionResetError(104,",
        "RemoteDisconnected(",
        "ConnectionError(",
    ];
    for row in &failures[1..] {
        assert!(known.iter().any(|error| row[2].starts_with(error)), "{row:?} is none of {known:?}");
    }
    let failed: u64 = failures[1..].iter().map(|row| row[3].parse::<u64>().expect("a number")).sum();
    let stats = csv(&read(place.path().join("p_stats.csv")));
    let sum = stats.last().expect("a sum");
    let requests: u64 = sum[2].parse().expect("a number");
    assert_eq!(sum[3], failed.to_string());
    assert!(failed < requests, "it was killed before it answered: {sum:?}");
}

#[test]
fn killed_in_the_middle_over_http_1() {
    check_killed("");
}

#[test]
fn killed_in_the_middle_over_http_2() {
    check_killed("--http 2");
}

#[test]
fn asked_to_stop_it_answers_what_is_in_flight() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::start("--profile slow.toml", &[("slow.toml", &profile("1500ms"))]);
        let body = r#"{"user_id":"test-user","query":"Hello?"}"#;
        let head =
            "POST /ask HTTP/1.1\r\nHost: x\r\nX-API-Key: test-api-key\r\nContent-Type: application/json";
        let text = format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let address = server.address.clone();
        let client = spawn(move || talk(&address, &text));
        let arrived = (0..100_000).any(|_| server.truth()["in_flight"] == 1);
        assert!(arrived, "the request does not arrive, or is answered at once: {}", server.truth());
        server.process.signal(signal);
        let answer = client.join().expect("it is answered");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let said = server.process.end().exits(0);
        said.says(&["stopped: 1 received, 1 answered, 0 refused, 0 abandoned"]);
        assert!(TcpStream::connect(&server.address).is_err(), "it still listens");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let server = Server::start("", &[]);
    let place = folder(&[]);
    let (_, port) = server.address.rsplit_once(':').expect("a port");
    let args = format!("serve --host 127.0.0.1 --port {port}");
    run(place.path(), &args).exits(2).says(&[&server.address, "--port"]);
    assert_eq!(get(&server.address, "/health").0, 200, "the first one goes on");
}

#[test]
fn health_is_asked_for() {
    let place = folder(&[]);
    let server = Server::start("", &[]);
    run(place.path(), &format!("healthcheck -H {}", server.url())).exits(0).says(&["200"]);
    run(place.path(), &format!("healthcheck -H {} --path /nowhere", server.url())).exits(3).says(&["404"]);
    assert_eq!(server.settled()["routes"][0]["count"], json!(1));
    let url = server.url();
    server.process.signal(Signal::SIGKILL);
    assert_eq!(server.process.end().code, None);
    run(place.path(), &format!("healthcheck -H {url}")).exits(3).says(&[&url, "ConnectionRefused", "-H"]);
}
