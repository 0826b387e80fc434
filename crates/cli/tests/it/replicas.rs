//! Three stubs behind one name, and one Redis: what they share, and what is known when one of them is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::spawn;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{DEADLINE, Running, Server, asker, bench, folder, get, read, run, talk, words};
use crate::redis_server::RedisServer;

const INSTANT: &str = include_str!("../../../../load_tests/stub/instant.toml");
/// Not among the answers that the real server keeps: those are given whatever the limits say.
const ASK: &str = r#"{"user_id": "u", "query": "What is shared?"}"#;

/// Three of them, with these flags.
fn three(redis: &RedisServer, flags: &str) -> [Server; 3] {
    let args = format!("--redis {} --replica-of scaled --repair refill {flags}", redis.url());
    [(); 3].map(|()| Server::start(&args, &[("instant.toml", INSTANT)]))
}

/// One connection on which requests follow each other.
struct Line(BufReader<TcpStream>);

impl Line {
    fn to(server: &Server) -> Self {
        let stream = TcpStream::connect(&server.address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time limit can be set");
        stream.set_nodelay(true).expect("a socket takes options");
        Self(BufReader::new(stream))
    }

    /// The status, the head and the body; nothing if the other side is gone.
    fn ask(&mut self, head: &str, body: &str) -> Option<(u16, String, String)> {
        let text = format!(
            "{head} HTTP/1.1\r\nHost: x\r\nX-API-Key: test-api-key\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(text.as_bytes()).ok()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |digits| digits.parse().expect("a length"))];
        self.0.read_exact(&mut body).ok()?;
        let status = head.get(9..12)?.parse().ok()?;
        Some((status, head, String::from_utf8(body).expect("UTF-8")))
    }
}

/// What is shown once it is as wanted.
#[track_caller]
fn until(shown: impl Fn() -> Value, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let found = (0..100_000).map(|_| shown()).find(|shown| is_wanted(shown));
    found.unwrap_or_else(|| panic!("it never comes to that: {}", shown()))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Answers of this route and status.
fn answered(truth: &Value, route: &str, status: u64) -> u64 {
    let rows = truth["routes"].as_array().expect("a list");
    let wanted = |row: &&Value| row["route"] == route && row["status"] == status;
    rows.iter().filter(wanted).map(|row| number(&row["count"])).sum()
}

/// All entries of the ledger that `server` knows, each a line.
fn entries(server: &Server) -> Vec<Value> {
    let mut entries = vec![];
    loop {
        let (status, page) =
            get(&server.address, &format!("/_stub/ledger?from={}&limit=1000", entries.len()));
        assert_eq!(status, 200, "{page}");
        if page.is_empty() {
            return entries;
        }
        entries.extend(page.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
    }
}

/// From the first arrival to the last, in seconds.
fn took_s(entries: &[Value], truth: &Value) -> f64 {
    let rows = truth["replicas"].as_array().expect("a list");
    let start = |name: &Value| {
        let row = rows.iter().find(|row| row["replica"] == *name);
        number(&row.expect("each replica has a row")["start_unix_ns"])
    };
    let at = |entry: &Value| start(&entry["replica"]) + number(&entry["arrived_ns"]);
    let (first, last) = (entries.iter().map(at).min(), entries.iter().map(at).max());
    last.zip(first).map_or(0.0, |(last, first)| (last - first) as f64 / 1e9)
}

/// 100 a second and 50 at once: what `drive` asks of all three together is granted as one stub would grant it.
fn check_limits(drive: impl Fn(&[Server; 3])) {
    let redis = RedisServer::start();
    let limits = "--ratelimit-rps 100 --ratelimit-burst 50 --ratelimit-address-rps off --ratelimit-global-rps off --profile instant.toml";
    let servers = three(&redis, limits);
    drive(&servers);
    let truth = servers[1].settled();
    let kept = entries(&servers[2]);
    let [granted, refused] = [200, 429].map(|status| answered(&truth, "POST /ask", status));
    let allowed = 50.0 + 100.0 * took_s(&kept, &truth);
    println!("{granted} granted of {allowed:.1} allowed, {refused} refused");
    assert!(refused > 0, "too few were sent to find a limit: {granted} granted");
    let apart = (granted as f64 - allowed).abs() / allowed;
    assert!(apart <= 0.02, "{granted} granted of {allowed:.1} allowed: {:.1} % apart", apart * 100.0);
    assert_eq!(number(&truth["received"]), granted + refused);
    let rows = truth["replicas"].as_array().expect("a list");
    assert!(rows.len() == 3 && rows.iter().all(|row| row["state"] == "live" && number(&row["received"]) > 0));
    assert_eq!(kept.len() as u64, granted + refused, "each request stands in the ledger");
    let names: BTreeSet<_> = kept.iter().map(|entry| entry["replica"].as_str().expect("a name")).collect();
    let ids: BTreeSet<_> = kept.iter().map(|entry| entry["request_id"].as_str().expect("an id")).collect();
    assert_eq!((names.len(), ids.len()), (3, kept.len()), "ids and replicas differ");
}

#[test]
fn limits_are_shared_when_a_few_too_many_come() {
    check_limits(|servers| {
        let place = folder(&[("s.toml", &asker("0s", ""))]);
        let load = |server: &Server| {
            let args =
                format!("run --headless -f s.toml -H {} --arrivals constant --rate 45 -t 6s", server.url());
            Running::start(bench(place.path(), words(&args)))
        };
        // Throttled as they are, the runs' own verdicts are not at issue.
        servers.iter().map(load).collect::<Vec<_>>().into_iter().for_each(|run| drop(run.end()));
    });
}

#[test]
fn limits_are_shared_however_many_come() {
    check_limits(|servers| {
        let send = |mut line: Line| (0..1_000).for_each(|_| assert!(line.ask("POST /ask", ASK).is_some()));
        let lines = servers.iter().flat_map(|server| [(); 4].map(|()| Line::to(server)));
        let threads: Vec<_> = lines.map(|line| spawn(move || send(line))).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("all are answered"));
    });
}

#[test]
fn answers_and_changes_are_shared() {
    let redis = RedisServer::start();
    let servers = three(&redis, "--no-ratelimit --answer-cache-ttl 5m");
    for (server, expected) in servers.iter().zip(["miss", "hit", "hit"]) {
        let (status, head, _) = Line::to(server).ask("POST /ask", ASK).expect("an answer");
        let looked = head.contains(&format!("cache;desc={expected}"));
        assert!(status == 200 && looked, "a {expected} is wanted: {head}");
    }
    // What is wrong goes nowhere; what is right is everywhere within a second.
    let patch = |server: &Server, json: &str| {
        talk(
            &server.address,
            &format!(
                "PATCH /_stub/profile HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{json}",
                json.len()
            ),
        )
    };
    assert!(patch(&servers[0], r#"{"nonsense": 1}"#).starts_with("HTTP/1.1 422"));
    for (at, revision) in [(0, 1), (2, 2)] {
        let answer = patch(&servers[at], &format!(r#"{{"deadline": "{revision}s"}}"#));
        assert!(answer.contains(&format!("\"revision\":{revision}")), "{answer}");
        for server in &servers {
            let shown = || -> Value {
                serde_json::from_str(&get(&server.address, "/_stub/profile").1).expect("JSON")
            };
            let shown = until(shown, |shown| number(&shown["revision"]) == revision);
            assert_eq!(shown["profile"]["deadline"], format!("{revision}s"), "{shown}");
        }
    }
    // Who comes later finds it, too.
    let late = Server::start(&format!("--redis {} --replica-of scaled", redis.url()), &[]);
    let shown = get(&late.address, "/_stub/profile").1;
    assert!(shown.contains("\"revision\":2"), "{shown}");
}

#[test]
fn a_message_is_taken_once_by_all_of_them() {
    let redis = RedisServer::start();
    let place = folder(&[]);
    run(place.path(), "token keys --out k").exits(0);
    let key = serde_json::json!({ "me": read(place.path().join("k/public.pem")) });
    let variables = format!("WEAVER_MCP_SERVER_PUBLIC_KEYS='{key}'\n");
    let args = format!("--redis {} --replica-of scaled --profile instant.toml", redis.url());
    let files = [(".env", &*variables), ("instant.toml", INSTANT)];
    let servers = [(); 2].map(|()| Server::start(&args, &files));
    let args = "token a2a --key k/private.pem --sender me --capability agent --payload {}";
    let message = || run(place.path(), args).exits(0).out;
    let send = |server: &Server, message: &str| {
        Line::to(server).ask("POST /a2a/message", message).expect("an answer").0
    };
    let (first, other) = (message(), message());
    // The real server calls a nonce that was used before a wrong signature.
    for (at, message, expected) in [(0, &first, 200), (1, &first, 401), (1, &other, 200), (0, &other, 401)] {
        assert_eq!(send(&servers[at], message), expected, "replica {at}");
    }
}

#[test]
fn what_a_killed_replica_had_told_stays() {
    let redis = RedisServer::start();
    let servers = three(&redis, "--no-ratelimit");
    let told = |server: &Server| server.settled();
    for (server, count) in servers.iter().zip([30, 20, 10]) {
        let mut line = Line::to(server);
        (0..count).for_each(|_| assert_eq!(line.ask("GET /whoami", "").expect("an answer").0, 200));
    }
    assert_eq!(answered(&told(&servers[1]), "GET /whoami", 200), 60);
    servers[0].process.signal(Signal::SIGKILL);
    let truth = until(|| told(&servers[2]), |truth| truth["replicas"].to_string().contains("lost"));
    assert_eq!((answered(&truth, "GET /whoami", 200), number(&truth["received"])), (60, 60), "{truth}");
    let rows = truth["replicas"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["state"] == "lost").expect("one is lost");
    assert!(number(&row["received"]) == 30 && number(&row["heard_ms_ago"]) >= 3_000, "{row}");
    assert!(row["whole_until_unix_ms"].is_u64(), "{row}");
    assert_eq!(entries(&servers[1]).len(), 60);
    // One that ends by itself is told apart.
    servers[1].process.signal(Signal::SIGTERM);
    let ended = until(|| told(&servers[2]), |truth| truth["replicas"].to_string().contains("ended"));
    assert_eq!(number(&ended["received"]), 60);
}
