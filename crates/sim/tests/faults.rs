//! Faults on the connection and in the answer, as clients see them: in process, over HTTP/1 and over HTTP/2 the same.

use std::net::SocketAddr;
use std::time::Duration;

use harness::{Call, HttpOptions, HttpTransport, HttpVersion, Reply, SendError, Target, Transport};
use sim::InProcess;
use stub::{Limits, Profile, Settings, Stub, serve};
use tokio::net::TcpListener;
use wire::{Clock, Seed};

/// How long anything may take before a test fails.
const LIMIT: Duration = Duration::from_secs(20);

fn stub(fault: &str) -> Stub {
    let text = format!(
        "[agent.a]\nconcurrency = 9\ndelay = {{ fixed = \"1ms\" }}\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n[[fault]]\n{fault}\n"
    );
    let profile = Profile::parse("faults.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let settings = Settings { limits: Limits::OFF, ..Settings::suite() };
    Stub::new(settings, profile, Clock::system(), Seed(3))
}

fn call(path: &str, id: &str) -> Call {
    let mut call = Call { path: path.to_owned(), ..Call::default() };
    call.headers.insert("x-request-id", id.parse().expect("an id"));
    if path == "/ask" {
        call.method = http::Method::POST;
        call.headers.insert("x-api-key", "test-api-key".parse().expect("a key"));
        call.body = r#"{"user_id":"u","query":"hi"}"#.into();
    }
    call
}

fn told(outcome: &Result<Reply, SendError>) -> String {
    match outcome {
        Err(error) => error.to_string(),
        Ok(reply) => {
            let is_json = serde_json::from_slice::<serde_json::Value>(&reply.body).is_ok();
            format!("{}{}", reply.status, if is_json { "" } else { ", no JSON" })
        }
    }
}

/// Two questions and a health check, one after the other, over one transport; then what the ledger has of them.
async fn seen(stub: &Stub, transport: &impl Transport) -> String {
    let mut seen = vec![];
    for (path, id) in [("/ask", "a"), ("/ask", "b"), ("/health", "c")] {
        let outcome = stub_clock().timeout(LIMIT, transport.send(call(path, id))).await;
        seen.push(told(&outcome.expect("an answer or an error in time")));
    }
    // The last byte may be read before its receipt is signed.
    let closed = async {
        while stub.truth().in_flight > 0 {
            tokio::task::yield_now().await;
        }
    };
    stub_clock().timeout(LIMIT, closed).await.expect("all entries close");
    let mut entries = stub.entries(0, 10).entries;
    entries.sort_by(|a, b| a.request_id.cmp(&b.request_id));
    for entry in entries {
        let status = entry.status.unwrap_or_default();
        let end = if entry.abandoned { " abandoned" } else { "" };
        seen.push(format!("{status}{end} {}", entry.faults.join(" ")).trim_end().to_owned());
    }
    seen.join(" | ")
}

fn stub_clock() -> Clock {
    Clock::system()
}

/// Serves a stub with this fault on a free port, for as long as the runtime lives.
async fn serving(fault: &str) -> (Stub, SocketAddr) {
    let stub = stub(fault);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, stub.clone(), std::future::pending::<()>()));
    (stub, address)
}

async fn check(fault: &str, expected: &str) {
    let in_process = stub(fault);
    let transport = InProcess::new(in_process.router(), Clock::system());
    assert_eq!(seen(&in_process, &transport).await, expected, "in process: {fault}");
    for version in [HttpVersion::Http1, HttpVersion::Http2] {
        let (stub, address) = serving(fault).await;
        let target = Target::parse(&format!("http://{address}")).expect("an address");
        let options = HttpOptions { version, ..HttpOptions::default() };
        let transport = HttpTransport::new(target, &options).expect("a transport");
        assert_eq!(seen(&stub, &transport).await, expected, "{version:?}: {fault}");
    }
}

#[tokio::test]
async fn a_fault_is_the_same_over_every_transport() {
    let reset = SendError::Reset.to_string();
    let closed = SendError::Closed.to_string();
    let cut = |error: &str, kind: &str| {
        format!("{error} | {error} | 200 | 200 abandoned {kind} | 200 abandoned {kind} | 200")
    };
    check("kind = \"reset\"", &cut(&reset, "reset")).await;
    check("kind = \"truncate\"", &cut(&closed, "truncate")).await;
    check("kind = \"truncate\"\nbytes = 0", &cut(&closed, "truncate")).await;
    let whole = |kind: &str| format!("200 | 200 | 200 | 200 {kind} | 200 {kind} | 200");
    check("kind = \"keep_alive_close\"", &whole("keep_alive_close")).await;
    check("kind = \"slow_first_byte\"\ndelay = \"5ms\"", &whole("slow_first_byte")).await;
    let corrupt = "200, no JSON | 200, no JSON | 200 | 200 corrupt | 200 corrupt | 200";
    check("kind = \"corrupt\"", corrupt).await;
    let refused = "503 | 200 | 200 | 503 fail_first | 200 | 200";
    check("kind = \"fail_first\"\ncount = 1", refused).await;
}
