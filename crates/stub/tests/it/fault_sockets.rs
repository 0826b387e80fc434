//! Faults and patches on a real socket, byte for byte.

use std::io::ErrorKind;

use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::server::{ASK, LIMIT, Server, rest, start};

/// A stub that serves, with this fault.
async fn faulty(fault: serde_json::Value) -> Server {
    let server = start("0s").await;
    server.stub.patch_profile(&json!({"fault": [fault]})).unwrap_or_else(|wrong| panic!("{wrong}"));
    server
}

#[tokio::test]
async fn a_close_is_not_announced_and_a_cut_body_falls_short() {
    for (fault, missing) in [
        (json!({"kind": "keep_alive_close"}), 0),
        (json!({"kind": "truncate", "bytes": 1_000_000}), 1),
        (json!({"kind": "truncate", "body_share": 0.0}), usize::MAX),
    ] {
        let server = faulty(fault.clone()).await;
        // A second question waits behind the first; nobody answers it.
        let answer = rest(server.send([ASK, ASK].concat()).await).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("connection: close"), "{head}");
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next());
        let length: usize = length.expect("a length").parse().expect("a number");
        assert_eq!(body.len(), length - missing.min(length), "{fault}: {answer}");
        server.until(|truth| truth.in_flight == 0).await;
        let entry = server.stub.entries(0, 1).entries.remove(0);
        assert_eq!((entry.status, entry.abandoned), (Some(200), missing > 0), "{fault}");
        assert!(entry.first_byte_ns > 0);
    }
}

#[tokio::test]
async fn a_reset_comes_without_a_byte() {
    let server = faulty(json!({"kind": "reset"})).await;
    let mut stream = server.send(ASK).await;
    let read = server.clock.timeout(LIMIT, stream.read_u8()).await.expect("in time");
    assert_eq!(read.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    server.until(|truth| truth.abandoned == 1).await;
}

#[tokio::test]
async fn a_profile_is_patched_over_a_socket() {
    let server = start("0s").await;
    let patch = async |headers: &str, body: &str| {
        let head = format!(
            "PATCH /_stub/profile HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        rest(server.send(head + body).await).await.split(' ').nth(1).map(str::to_owned)
    };
    let burst = r#"{"fault": [{"kind": "error_burst", "status": 418}]}"#;
    let long = format!("{{\"x\": \"{}\"}}", "x".repeat(2 << 20));
    for (headers, body, expected) in [
        ("x-api-key: key\r\n", burst, "403"),
        ("origin: http://evil.test\r\n", burst, "403"),
        ("", "{", "400"),
        ("", &*long, "413"),
        ("", r#"{"fault": [{"kind": "error_burst", "status": 200}]}"#, "422"),
    ] {
        assert_eq!(patch(headers, body).await.as_deref(), Some(expected), "{headers} {body:.60}");
    }
    let ask = ASK.replace("host: x", "host: x\r\nconnection: close");
    assert!(rest(server.send(&ask).await).await.starts_with("HTTP/1.1 200 "), "nothing was changed");
    assert_eq!(patch("origin: http://localhost\r\n", burst).await.as_deref(), Some("200"));
    assert!(rest(server.send(&ask).await).await.starts_with("HTTP/1.1 418 I'm a teapot\r\n"));
}
