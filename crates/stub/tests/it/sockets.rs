//! The stub on a real socket: HTTP/1.1 as it stands on the wire, clients that leave, and the drain.

use std::time::Duration;

use crate::common::{one_agent, settings};
use stub::{Stub, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::{Clock, Seed};

const ASK: &str = "POST /ask HTTP/1.1\r\nhost: x\r\nx-api-key: key\r\ncontent-length: 29\r\n\r\n{\"user_id\":\"u\",\"query\":\"hi!\"}";
const LIMIT: Duration = Duration::from_secs(20);

struct Server {
    stub: Stub,
    clock: Clock,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<std::io::Result<()>>,
}

/// A stub whose agent takes `delay`.
async fn start(delay: &str) -> Server {
    let clock = Clock::system();
    let profile = one_agent(&format!("concurrency = 9\ndelay = {{ fixed = \"{delay}\" }}"));
    let stub = Stub::new(settings(), profile, clock, Seed(1));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let done = tokio::spawn(serve(listener, stub.clone(), stopped));
    Server { stub, clock, address, stop, done }
}

impl Server {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("a request");
        stream
    }

    /// Waits until the truth is so.
    async fn until(&self, so: impl Fn(&wire::Truth) -> bool) {
        let wait = async {
            while !so(&self.stub.truth()) {
                self.clock.sleep(Duration::from_millis(1)).await;
            }
        };
        self.clock.timeout(LIMIT, wait).await.expect("it comes to be so");
    }

    async fn finish(self) {
        self.clock.timeout(LIMIT, self.done).await.expect("in time").expect("no panic").expect("drained");
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    text
}

#[tokio::test]
async fn a_drain_answers_what_is_in_flight_and_closes_what_is_idle() {
    let mut server = start("300ms").await;
    let idle = server.send("").await;
    let mut kept = server.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut first = [0; 15];
    kept.read_exact(&mut first).await.expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let asking = server.send(ASK).await;
    server.until(|truth| truth.in_flight == 1).await;
    let stop = std::mem::replace(&mut server.stop, oneshot::channel().0);
    stop.send(()).expect("it serves");
    assert_eq!(rest(idle).await, "");
    assert!(rest(kept).await.ends_with(r#"{"status":"ok"}"#));
    assert_eq!(server.stub.truth().in_flight, 1, "idle connections were closed before the answer was due");
    let answer = rest(asking).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\ndate: ") && answer.contains("[MODEL RESPONSE] hi!"),
        "{answer}"
    );
    assert!(TcpStream::connect(server.address).await.is_err(), "no new connection during the drain");
    server.finish().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_abandoned() {
    let server = start("1h").await;
    let asking = server.send(ASK).await;
    server.until(|truth| truth.in_flight == 1).await;
    drop(asking);
    server.until(|truth| truth.abandoned == 1 && truth.in_flight == 0).await;
}

#[tokio::test]
async fn bodies_come_in_pieces_and_requests_in_a_row() {
    let server = start("0s").await;
    let chunked = "POST /ask HTTP/1.1\r\nhost: x\r\nx-api-key: key\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"user_id\r\n14\r\n\":\"u\",\"query\":\"hi!\"}\r\n0\r\n\r\n";
    let last = "GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let text = rest(server.send(&[ASK, chunked, last].concat()).await).await;
    let statuses: Vec<_> = text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "200", "404"], "{text}");
}
