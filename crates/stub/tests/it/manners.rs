//! The manners of the real server's HTTP/1.1, byte for byte: what it refuses, when it closes, and what it says then.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{ASK, LIMIT, Server, answer, start, statuses, undated};

const INVALID: &str = "HTTP/1.1 400 Bad Request\r\ndate: *\r\nserver: uvicorn\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\nconnection: close\r\n\r\nInvalid HTTP request received.";
const TOO_LARGE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\ndate: *\r\nserver: uvicorn\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 32\r\nconnection: close\r\n\r\nRequest header fields too large.";
const NO_WEBSOCKET: &str = "HTTP/1.1 403 Forbidden\r\nDate: *\r\nConnection: close\r\nContent-Length: 0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
const HEALTH: &str = "GET /health HTTP/1.1\r\n\r\n";

#[track_caller]
fn check(request: &str, answer: &str, expected: &str) {
    assert_eq!(answer, expected, "{:?}", &request[..request.len().min(200)]);
}

#[tokio::test]
async fn what_is_not_http_is_answered_in_these_bytes() {
    let server = start("0s").await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70 * 1024));
    for request in [
        "NONSENSE\r\n\r\n",
        "get /health HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        "FROB /health HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        "FRO",
        "\u{16}\u{3}\u{1}",
        "GET /health HTTP/1.2\r\n\r\n",
        "GET health HTTP/1.1\r\n\r\n",
        "CONNECT x.y:80 HTTP/1.1\r\n\r\n",
        "GET /é HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET /health HTTP/1.1\r\nA : b\r\n\r\n",
        "GET /health HTTP/1.1\nA: b\n\n",
        "POST /ask HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST /ask HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST /ask HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /ask HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /ask HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        &[HEALTH, "FROB / HTTP/1.1\r\n\r\n"].concat(),
        &long,
    ] {
        check(request, &server.exchange(request).await, INVALID);
    }
    assert_eq!(server.stub.truth().received, 0, "nothing of it was a request");
    let large = format!("GET /health HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(1 << 20));
    check(&large, &server.exchange(&large).await, TOO_LARGE);
}

#[tokio::test]
async fn what_turns_out_not_to_be_http_ends_what_is_in_flight() {
    let server = start("1h").await;
    for more in ["FROB / HTTP/1.1\r\n\r\n", "\0"] {
        let mut stream = server.send(ASK).await;
        server.until(|truth| truth.in_flight == 1).await;
        stream.write_all(more.as_bytes()).await.expect("it is open");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        check(more, &undated(&text), INVALID);
        server.until(|truth| truth.in_flight == 0).await;
    }
}

#[tokio::test]
async fn nothing_is_a_websocket() {
    let server = start("0s").await;
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    for path in ["/health", "/ask", "/nowhere"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}");
        check(&request, &server.exchange(&request).await, NO_WEBSOCKET);
    }
}

#[tokio::test]
async fn what_ends_with_its_answer_says_so_last() {
    let server = start("0s").await;
    for (first, fields) in [
        ("GET /health HTTP/1.0", ""),
        ("GET /health HTTP/1.0", "Connection: keep-alive\r\n"),
        ("GET /health HTTP/0.9", ""),
        ("GET /health HTTP/1.1", "Connection: close\r\n"),
        ("GET /health HTTP/1.1", "Connection: x, Close \r\n"),
        ("GET http://127.0.0.1:8000/health HTTP/1.1", "Connection: close\r\n"),
        ("GET /nowhere HTTP/1.1", "Connection: close\r\n"),
        ("HEAD /health HTTP/1.1", "Connection: close\r\n"),
    ] {
        let text = server.exchange(format!("{first}\r\n{fields}\r\nGET /health HTTP/1.1\r\n\r\n")).await;
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 ") && head.ends_with("\r\nconnection: close"), "{first}: {text}");
        assert_eq!(head.matches("\r\ndate: ").count(), 1, "{first}: {text}");
        assert_eq!(statuses(&text).len(), 1, "{first}: what follows is not answered: {text}");
        assert_eq!(body.is_empty(), first.starts_with("HEAD"), "{first}: {text}");
    }
}

#[tokio::test]
async fn requests_that_came_together_are_answered_in_turn() {
    let server = start("0s").await;
    let gets = [HEALTH, "\r\nGET /nowhere HTTP/1.1\r\n\r\n", HEALTH].concat();
    let mut stream = server.send(gets).await;
    for expected in ["200", "404", "200"] {
        let text = answer(&mut stream).await;
        assert_eq!(statuses(&text), [expected], "{text}");
        assert!(!text.contains("connection: "), "{text}");
    }
    let large = format!("GET /health HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(200 << 10));
    stream.write_all(large.as_bytes()).await.expect("it is open");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"), "200 KiB of headers are fine");
}

/// The answer to a request that crashes the real server, and how long it then took to close, in ms.
async fn crash(server: &Server, request: &[u8]) -> (String, u64) {
    let mut stream = server.send(request).await;
    let text = answer(&mut stream).await;
    let before_ns = server.clock.now_ns();
    let mut rest = vec![];
    let closed = server.clock.timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("it closes");
    assert_eq!(closed.expect("no reset"), 0, "{rest:?}");
    (text, (server.clock.now_ns() - before_ns) / 1_000_000)
}

#[tokio::test]
async fn a_bare_500_closes_at_once_and_unannounced() {
    let server = start("0s").await;
    let bad = b"GET /whoami HTTP/1.1\r\nX-API-Key: caf\xe9\r\n";
    for more in ["\r\n", "\r\nGET /health HTTP/1.1\r\n\r\n", "Content-Length: 9\r\n\r\nabc"] {
        let (text, took_ms) = crash(&server, &[bad, more.as_bytes()].concat()).await;
        assert!(text.starts_with("HTTP/1.1 500 ") && text.ends_with("Internal Server Error"), "{text}");
        assert!(!text.contains("connection: ") && took_ms < 100, "{took_ms} ms, {text}");
    }
    let (text, _) = crash(&server, &[bad, "Connection: close\r\n\r\n".as_bytes()].concat()).await;
    assert!(text.contains("\r\nconnection: close\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn a_body_is_asked_for_when_it_is_read_and_not_waited_for_otherwise() {
    let server = start("0s").await;
    let (head, body) = ASK.split_once("\r\n\r\n").expect("a body");
    let expecting = |head: &str| format!("{head}\r\nExpect: 100-continue\r\n\r\n");
    let mut stream = server.send(expecting(head)).await;
    assert_eq!(answer(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.expect("it is open");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Asked for even if it is already there.
    stream.write_all((expecting(head) + body).as_bytes()).await.expect("it is open");
    assert_eq!(answer(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Refused without it; what comes late is read over.
    for head in
        [expecting(&head.replace("key: key", "key: bad")), head.replace("key: key", "key: bad") + "\r\n\r\n"]
    {
        stream.write_all(head.as_bytes()).await.expect("it is open");
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 401"));
        stream.write_all([body, HEALTH].concat().as_bytes()).await.expect("it is open");
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn blanks_after_a_value_count() {
    let server = start("0s").await;
    for (value, expected) in [("key", "200"), (" \t key", "200"), ("key ", "401"), ("key\t", "401")] {
        let request = format!("GET /whoami HTTP/1.1\r\nX-API-Key:{value}\r\nConnection: close\r\n\r\n");
        let text = server.exchange(&request).await;
        assert_eq!(statuses(&text), [expected], "{value:?}: {text}");
    }
}

#[tokio::test]
async fn a_byte_of_the_next_request_ends_the_idleness() {
    let server = start("0s").await;
    let mut stream = server.send(HEALTH).await;
    answer(&mut stream).await;
    stream.write_all(b"G").await.expect("it is open");
    let silent = server.clock.timeout(Duration::from_millis(5_600), stream.read_u8()).await;
    assert!(silent.is_err(), "it neither answers nor closes: {silent:?}");
    stream.write_all(&HEALTH.as_bytes()[1..]).await.expect("it is open");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}
