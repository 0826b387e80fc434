//! HTTP/2 without TLS, for load: hyper speaks it. The real server does not.
//!
//! What a client may keep us waiting for is bounded as in HTTP/1. It must not know HTTP/1, nor what is answered.

use std::future::pending;
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, watch};
use tower::Service;
use wire::{Clock, ConnectionFault};

use super::connection::BODY_STALL;
use super::socket::Socket;

/// What a client of HTTP/2 says first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Without a request: longer than in HTTP/1, because clients that keep connections for load rest between loads.
const IDLE: Duration = Duration::from_secs(60);
/// From the last answer, once we go away, to the end of a connection that the client does not end itself.
const GOODBYE: Duration = Duration::from_secs(5);
/// Most requests at once on one connection.
const STREAMS_MAX: u32 = 256;
/// Largest list of header fields, in bytes as RFC 9113, 6.5.2 counts them.
const HEADER_LIST_BYTES_MAX: u32 = 65_536;

/// Serves a connection whose first bytes were [`PREFACE`], to its end; after `stop` it takes no new request.
pub(super) async fn serve(socket: Socket, peer: SocketAddr, router: Router, mut stop: watch::Receiver<bool>) {
    let watched = Arc::new(Watched::new(*socket.clock()));
    let (stream, input) = socket.into_parts();
    let (read, write) = stream.into_split();
    let stream = TokioIo::new(tokio::io::join(Cursor::new(input).chain(read), write));
    let on_request = Arc::clone(&watched);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let request_in_hand = InHand::new(&on_request);
        let mut request = request.map(|body| on_request.body(body));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, watched) = (router.clone().call(request), Arc::clone(&on_request));
        async move {
            let Ok(answer) = answer.await;
            drop(request_in_hand);
            faulty(answer, &watched).await
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEADER_LIST_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(stream, service));
    let goes_on = tokio::select! {
        biased;
        () = watched.stalled.notified() => false,
        _ = stop.changed() => true,
        () = watched.idle(IDLE) => true,
        () = watched.closing.notified() => true,
        ended = &mut connection => return log(peer, ended),
    };
    if goes_on {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            () = watched.stalled.notified() => {}
            ended = &mut connection => return log(peer, ended),
            () = watched.idle(GOODBYE) => {}
        }
    }
    tracing::debug!(%peer, "a client kept us waiting for too long");
}

/// The answer, or what a fault on the connection makes of it here. What would strike the whole connection strikes the
/// one stream: a reset resets it, and a body that is cut short ends it early, against the length that was promised.
/// A close is a goodbye, because a connection that just ended would take the other streams along.
async fn faulty(answer: Response<Body>, watched: &Watched) -> io::Result<Response<Body>> {
    match answer.extensions().get() {
        None => {}
        Some(ConnectionFault::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(&ConnectionFault::Truncate { bytes }) => {
            let (head, body) = answer.into_parts();
            let mut body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            body.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
            return Ok(Response::from_parts(head, Body::from(body)));
        }
        Some(ConnectionFault::Close) => watched.closing.notify_one(),
    }
    Ok(answer)
}

fn log(peer: SocketAddr, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}

/// What is going on on one connection.
#[derive(Debug)]
struct Watched {
    clock: Clock,
    /// Requests that are being answered.
    in_hand: AtomicUsize,
    /// When the last of them was answered or given up.
    idle_since_ns: AtomicU64,
    /// Told when a body does not go on.
    stalled: Notify,
    /// Told when the connection is to take no further request.
    closing: Notify,
}

impl Watched {
    fn new(clock: Clock) -> Self {
        let idle_since_ns = AtomicU64::new(clock.now_ns());
        Self {
            clock,
            in_hand: AtomicUsize::new(0),
            idle_since_ns,
            stalled: Notify::new(),
            closing: Notify::new(),
        }
    }

    /// Ends when there has been no request for `limit`, counted from now at the earliest.
    async fn idle(&self, limit: Duration) {
        let begun_ns = self.clock.now_ns();
        loop {
            let now_ns = self.clock.now_ns();
            let since_ns = match self.in_hand.load(Ordering::Acquire) {
                0 => self.idle_since_ns.load(Ordering::Acquire).max(begun_ns),
                _ => now_ns,
            };
            let until_ns = since_ns + nanos(limit);
            if now_ns >= until_ns {
                return;
            }
            // To a millisecond is good enough.
            let left = Duration::from_nanos(until_ns - now_ns);
            let _ = self.clock.timeout(left, pending::<()>()).await;
        }
    }

    /// The body, which never goes on once it has stalled: the connection ends then.
    fn body(self: &Arc<Self>, body: Incoming) -> Body {
        if body.is_end_stream() { Body::empty() } else { Body::from_stream(pieces(Arc::clone(self), body)) }
    }
}

fn pieces(watched: Arc<Watched>, body: Incoming) -> impl Stream<Item = Result<Bytes, hyper::Error>> {
    unfold((watched, body), async |(watched, mut body)| {
        let Ok(frame) = watched.clock.timeout(BODY_STALL, body.frame()).await else {
            watched.stalled.notify_one();
            return pending().await;
        };
        // Trailers are nothing to anyone.
        let piece = frame?.map(|frame| frame.into_data().unwrap_or_default());
        Some((piece, (watched, body)))
    })
}

/// A request that is being answered, until it is dropped.
struct InHand(Arc<Watched>);

impl InHand {
    fn new(watched: &Arc<Watched>) -> Self {
        watched.in_hand.fetch_add(1, Ordering::Release);
        Self(Arc::clone(watched))
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.idle_since_ns.store(self.0.clock.now_ns(), Ordering::Release);
        self.0.in_hand.fetch_sub(1, Ordering::Release);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
