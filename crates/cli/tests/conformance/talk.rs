//! Requests and answers of HTTP/1 as bytes on a socket, written and read by hand: no library smooths anything over.
//!
//! It must not know recordings beyond one request, nor what an answer should be.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use wire::Clock;

use crate::compare::{Got, Tokens};
use crate::recording::Request;

/// The longest that an answer may take; a frozen Redis holds one up for 10 s.
const ANSWER: Duration = Duration::from_secs(20);
/// The longest from an answer that ends a connection to its end.
const CLOSING: Duration = Duration::from_secs(1);
/// A connection is not used again after this: the server gives up at 5 s.
const IDLE_NS_MAX: u64 = 4_000_000_000;
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The request exactly as it was sent, with our tokens in place of recorded ones.
pub(crate) fn bytes(request: &Request, tokens: &Tokens) -> Vec<u8> {
    if let Some(raw) = &request.raw_latin1 {
        return octets(&tokens.replace(raw));
    }
    let mut bytes = octets(&format!("{} {} HTTP/1.1\r\n", request.method, request.path));
    for (name, value) in &request.headers {
        bytes.extend(octets(name));
        bytes.extend(b": ");
        bytes.extend(octets(&tokens.replace(value)));
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    bytes.extend(request.body.bytes());
    bytes
}

/// A character of a recording is a byte on the wire, or UTF-8 where it is beyond that.
fn octets(text: &str) -> Vec<u8> {
    let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    latin1.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// One answer, and what became of the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `HTTP/1.1 200 OK`.
    pub(crate) line: String,
    pub(crate) got: Got,
    /// What is wrong about how the connection ended, or did not end.
    pub(crate) ending: Option<String>,
}

/// A client that keeps its connection while it may.
#[derive(Debug)]
pub(crate) struct Client {
    clock: Clock,
    server: SocketAddr,
    /// From which address, when it was last used, and the connection.
    kept: Option<(IpAddr, u64, TcpStream)>,
}

impl Client {
    pub(crate) fn new(clock: Clock, server: SocketAddr) -> Self {
        Self { clock, server, kept: None }
    }

    /// Takes a new connection for what comes next.
    pub(crate) fn reconnect(&mut self) {
        self.kept = None;
    }

    /// Sends `request` from this address and reads its answer.
    pub(crate) async fn exchange(
        &mut self,
        from: IpAddr,
        request: &[u8],
        is_head: bool,
    ) -> io::Result<Answer> {
        let now_ns = self.clock.now_ns();
        let is_usable = |(of, used_ns, _): &(IpAddr, u64, _)| *of == from && now_ns - used_ns < IDLE_NS_MAX;
        let mut stream = match self.kept.take().filter(is_usable) {
            Some((.., stream)) => stream,
            None => self.connect(from).await?,
        };
        let answer = async {
            // What is refused may be answered before all of it was sent.
            let sent = stream.write_all(request).await;
            let answer = read(&mut stream, is_head).await?;
            sent.map(|()| answer)
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer");
        let (line, got) = self.clock.timeout(ANSWER, answer).await.map_err(late)??;
        let ending = if ends(&got) {
            self.closed(&mut stream).await
        } else {
            self.kept = Some((from, self.clock.now_ns(), stream));
            None
        };
        Ok(Answer { line, got, ending })
    }

    async fn connect(&self, from: IpAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// What is wrong, unless the server closes at once and says nothing more.
    async fn closed(&self, stream: &mut TcpStream) -> Option<String> {
        let mut more = vec![];
        match self.clock.timeout(CLOSING, stream.read_to_end(&mut more)).await {
            Ok(Ok(0)) => None,
            Ok(Ok(_)) => Some(format!("more after the last answer: {:?}", String::from_utf8_lossy(&more))),
            Ok(Err(error)) => Some(format!("it does not close in peace: {error}")),
            Err(_) => Some("the connection stays open".to_owned()),
        }
    }
}

/// Whether the server closes after this answer: it says so, or it is a bare 500.
pub(crate) fn ends(got: &Got) -> bool {
    let has = |name: &str, value: &str| {
        got.headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v.eq_ignore_ascii_case(value))
    };
    has("connection", "close") || got.status == 500 && !has("content-type", "application/json")
}

/// Reads one answer: its first line, and the rest of it.
pub(crate) async fn read(stream: &mut TcpStream, is_head: bool) -> io::Result<(String, Got)> {
    let (mut bytes, wrong) = (vec![], |what: &str| io::Error::new(io::ErrorKind::InvalidData, what));
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            let head = std::mem::replace(&mut bytes, rest);
            break String::from_utf8(head).map_err(|_| wrong("a head that is not UTF-8"))?;
        }
        more(stream, &mut bytes).await?;
    };
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| wrong("no status"))?;
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Option<Vec<_>> = lines.map(field).collect();
    let headers = headers.ok_or_else(|| wrong("a header without colon and blank"))?;
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok());
    let length = if is_head { 0 } else { length.ok_or_else(|| wrong("no content-length"))? };
    while bytes.len() < length.min(ANSWER_BYTES_MAX) {
        more(stream, &mut bytes).await?;
    }
    if bytes.len() > length {
        return Err(wrong("more than one answer"));
    }
    Ok((line, Got { status, headers, body: bytes }))
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    if stream.read_buf(bytes).await? == 0 {
        let text = format!("closed after {:?}", String::from_utf8_lossy(bytes));
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(())
}
