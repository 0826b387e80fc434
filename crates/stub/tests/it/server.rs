//! What the tests over sockets share: a stub that serves on a free port, and clients that speak in bytes.

use std::net::SocketAddr;
use std::time::Duration;

use stub::{Stub, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::{Clock, Seed};

use crate::common::{one_agent, settings};

/// How long anything may take before a test fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// A question of 29 bytes.
pub(crate) const ASK: &str = "POST /ask HTTP/1.1\r\nhost: x\r\nx-api-key: key\r\ncontent-length: 29\r\n\r\n{\"user_id\":\"u\",\"query\":\"hi!\"}";

pub(crate) struct Server {
    pub(crate) stub: Stub,
    pub(crate) clock: Clock,
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    done: JoinHandle<std::io::Result<()>>,
}

/// A stub whose agent takes `delay`.
pub(crate) async fn start(delay: &str) -> Server {
    start_at(Clock::system(), delay).await
}

/// The same with a clock of one's own.
pub(crate) async fn start_at(clock: Clock, delay: &str) -> Server {
    let profile = one_agent(&format!("concurrency = 9\ndelay = {{ fixed = \"{delay}\" }}"));
    let stub = Stub::new(settings(), profile, clock, Seed(1));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let done = tokio::spawn(serve(listener, stub.clone(), stopped));
    Server { stub, clock, address, stop, done }
}

impl Server {
    /// A connection on which these bytes were sent.
    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(bytes.as_ref()).await.expect("a request");
        stream
    }

    /// Everything that comes back for these bytes until the server closes, without the dates.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let stream = self.send(bytes).await;
        undated(&self.clock.timeout(LIMIT, rest(stream)).await.expect("the server closes"))
    }

    /// Waits until the truth is so.
    pub(crate) async fn until(&self, so: impl Fn(&wire::Truth) -> bool) {
        let wait = async {
            while !so(&self.stub.truth()) {
                self.clock.sleep(Duration::from_millis(1)).await;
            }
        };
        self.clock.timeout(LIMIT, wait).await.expect("it comes to be so");
    }

    pub(crate) async fn finish(self) {
        self.clock.timeout(LIMIT, self.done).await.expect("in time").expect("no panic").expect("drained");
    }
}

/// Everything until the server closes.
pub(crate) async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    text
}

/// One answer, whose head says how long it is.
pub(crate) async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        text.push(char::from(stream.read_u8().await.expect("an answer")));
    }
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body).await.expect("a body");
    text + &String::from_utf8(body).expect("text")
}

/// `text` with `*` for every date.
pub(crate) fn undated(text: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name @ ("date" | "Date"), _)) => format!("{name}: *"),
        _ => line.to_owned(),
    };
    text.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n")
}

/// The statuses of all answers in `text`.
pub(crate) fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}
