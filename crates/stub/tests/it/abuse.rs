//! Clients that misbehave: afterwards the stub answers the next request, holds no request and no socket of theirs,
//! and nothing has panicked.

use std::net::SocketAddr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{ASK, LIMIT, Server, answer, start, statuses};

/// Panics in this process so far; counted from the first call on.
fn panics() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            COUNT.fetch_add(1, Ordering::Relaxed);
            before(panic);
        }));
    });
    COUNT.load(Ordering::Relaxed)
}

/// Sockets on the server's side that this process still holds; none where the system does not tell.
fn sockets_held(server: SocketAddr) -> usize {
    let local = format!(":{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    let is_held = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let is_local = words.next().is_some_and(|address| address.ends_with(&local));
        // Established, or closed by the client alone.
        is_local && matches!(words.nth(1), Some("01" | "08"))
    };
    table.lines().filter(is_held).count()
}

/// The stub is as it was before.
async fn check_unharmed(server: &Server, after: &str, panics_before: u64) {
    let mut stream = server.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let text = server.clock.timeout(LIMIT, answer(&mut stream)).await;
    assert!(text.is_ok_and(|text| text.starts_with("HTTP/1.1 200")), "after {after}");
    drop(stream);
    server.until(|truth| truth.in_flight == 0).await;
    let released = async {
        while sockets_held(server.address) > 0 {
            server.clock.sleep(Duration::from_millis(5)).await;
        }
    };
    server.clock.timeout(LIMIT, released).await.unwrap_or_else(|_| panic!("sockets are held after {after}"));
    let truth = server.stub.truth();
    assert_eq!(truth.received, truth.answered + truth.refused + truth.abandoned, "after {after}");
    assert_eq!(panics(), panics_before, "after {after}");
}

/// `POST /ask` of this body, with this key.
fn post(key: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /ask HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn whatever_is_sent_the_next_request_is_answered() {
    let server = start("0s").await;
    let before = panics();
    let mb = |count: usize| "a".repeat(count << 20);
    let field = |value: &str| format!(r#"{{"user_id":"u","query":"hi!","x":{value}}}"#);
    let chunks = "POST /ask HTTP/1.1\r\nx-api-key: key\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for (name, request, expected) in [
        ("a header of 1 MB", format!("GET /health HTTP/1.1\r\na: {}\r\n\r\n", mb(1)), "431"),
        ("a header of 20 MB", format!("GET /health HTTP/1.1\r\na: {}", mb(20)), "431"),
        ("9,000 headers", format!("GET /health HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(9_000)), "431"),
        ("a name of 1 MB", format!("GET /health HTTP/1.1\r\n{}", mb(1)), "431"),
        ("a target of 1 MB", format!("GET /{}", mb(1)), "400"),
        ("empty lines, 1 MB", "\r\n".repeat(1 << 19), "431"),
        ("a body of 20 MB", post("key", &field(&format!("\"{}\"", mb(20)))), "200"),
        ("a body of 20 MB that nobody reads", post("bad", &mb(20)), "401"),
        ("a body of 65 MB", post("key", &field(&format!("\"{}\"", mb(65)))), "413"),
        ("JSON of depth 100,000", post("key", &field(&"[".repeat(100_000))), "400"),
        ("a chunk of 2^64-1 bytes", format!("{chunks}ffffffffffffffff\r\nab"), ""),
        ("a chunk of 2^68 bytes", format!("{chunks}100000000000000000\r\nab"), "400"),
        ("trailers of 1 MB", format!("{chunks}0\r\na: {}", mb(1)), "431"),
        ("chunks of one byte", chunks + &"1\r\na\r\n".repeat(100_000) + "0\r\n\r\n", "400"),
    ] {
        let (mut read, mut write) = server.send("").await.into_split();
        let sent = async {
            // It may close before all is sent.
            let _ = write.write_all(request.as_bytes()).await;
            if expected.is_empty() {
                let _ = write.shutdown().await;
            }
        };
        let mut status = [0; 12];
        let came = tokio::join!(sent, server.clock.timeout(LIMIT, read.read_exact(&mut status))).1;
        let came = came.unwrap_or_else(|_| panic!("no answer to {name}"));
        let text = if came.is_ok() { String::from_utf8_lossy(&status).into_owned() } else { String::new() };
        assert_eq!(statuses(&text).first().copied().unwrap_or_default(), expected, "{name}");
        drop((read, write));
        check_unharmed(&server, name, before).await;
    }
}

#[tokio::test]
async fn a_refused_body_leaves_its_connection_usable() {
    let server = start("0s").await;
    let before = panics();
    let mut stream = server.send("").await;
    for size in [0, 1, 70_000, 20 << 20] {
        let request = post("bad", &"a".repeat(size)) + "GET /health HTTP/1.1\r\n\r\n";
        let (mut read, mut write) = stream.into_split();
        let answers = async {
            let mut statuses = vec![];
            for _ in 0..2 {
                let (mut head, mut line) = (String::new(), [0; 1]);
                while !head.ends_with("\r\n\r\n") {
                    read.read_exact(&mut line).await.expect("an answer");
                    head.push(char::from(line[0]));
                }
                statuses.push(head[9..12].to_owned());
                let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
                let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
                read.read_exact(&mut body).await.expect("a body");
            }
            statuses
        };
        let (sent, statuses) = tokio::join!(write.write_all(request.as_bytes()), answers);
        sent.expect("it stays open");
        assert_eq!(statuses, ["401", "200"], "{size}");
        stream = read.reunite(write).expect("the same");
    }
    drop(stream);
    check_unharmed(&server, "refused bodies", before).await;
}

/// How a client goes away.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Closes,
    Resets,
    StopsSending,
}

async fn leave(mut stream: TcpStream, how: Leaving) -> Option<TcpStream> {
    match how {
        Leaving::Closes => None,
        Leaving::Resets => {
            stream.set_zero_linger().expect("an option");
            None
        }
        Leaving::StopsSending => {
            // The server may have closed already.
            let _ = stream.shutdown().await;
            Some(stream)
        }
    }
}

#[tokio::test]
async fn clients_leave_at_every_byte() {
    let server = start("1h").await;
    let before = panics();
    for how in [Leaving::Closes, Leaving::Resets, Leaving::StopsSending] {
        let mut left = vec![];
        for end in (0..=ASK.len()).step_by(3) {
            left.push(leave(server.send(&ASK[..end]).await, how).await);
        }
        server
            .until(|truth| truth.in_flight == 0 && truth.abandoned + truth.answered == truth.received)
            .await;
        drop(left);
        check_unharmed(&server, &format!("{how:?}"), before).await;
    }
    assert!(server.stub.truth().abandoned > 20);
}

#[tokio::test]
async fn two_thousand_connections_come_and_go() {
    let server = start("0s").await;
    let before = panics();
    for round in 0..10 {
        let mut streams = vec![];
        for i in 0..200 {
            streams.push(server.send(if i % 2 == 0 { "" } else { "GET /health HTTP/1.1\r\n\r\n" }).await);
        }
        assert!(sockets_held(server.address) <= 400, "round {round}");
    }
    check_unharmed(&server, "2,000 connections", before).await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_holds_up_nobody_else() {
    let server = start("0s").await;
    let before = panics();
    // Answers to all of these do not fit into the buffers of a socket.
    let flood = "GET /health HTTP/1.1\r\n\r\n".repeat(500_000);
    let mut greedy = server.send("").await;
    let sent = server.clock.timeout(Duration::from_millis(500), greedy.write_all(flood.as_bytes())).await;
    assert!(sent.is_err(), "the server stops reading");
    let mut other = server.send("GET /health HTTP/1.1\r\n\r\n").await;
    assert!(answer(&mut other).await.starts_with("HTTP/1.1 200"));
    drop((greedy, other));
    check_unharmed(&server, "answers that nobody takes", before).await;
}
