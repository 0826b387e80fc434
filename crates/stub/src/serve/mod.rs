//! The stub on a socket: accepts as many clients as there is room for, and drains. It must not know HTTP.
//!
//! HTTP/1 is our own, because the real server's parser is stricter here and laxer there than any library of ours:
//! bytes → [`scan`] → [`head`] → [`body`] → the stub → [`reply`], conducted by [`connection`]. Known differences,
//! all of them at the edges: heads over 512 KiB or 8,192 fields are 431, names over 64 KiB and targets of 65,535
//! bytes 400; fields after a chunked body are dropped; RTSP is not taken for HTTP; a WebSocket handshake with
//! mistakes of its own is 403 like any other.
//!
//! HTTP/2 is the library's, in [`http2`], and ours alone: it closes after 60 s without a request (HTTP/1: 5 s, or 60 s
//! before the first), whether or not its last answers were taken, and after 30 s without a byte of a body that is
//! waited for; 256 requests at once and 64 KiB of header fields are the most.

mod body;
mod chunks;
mod connection;
mod head;
mod http2;
mod reply;
mod scan;
mod socket;
mod target;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::connection::Connection;
use self::socket::Socket;
use crate::stub::Stub;

/// Most connections at once; ours.
const CONNECTIONS_MAX: usize = 16_384;
/// How long in-flight requests may take once the end is asked for.
const DRAIN: Duration = Duration::from_secs(30);
/// How long the truth may take on its way to Redis, when all is answered.
const CLOSING: Duration = Duration::from_secs(1);
/// Pause after a failed accept: out of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` ends, then answers what is in flight (for at most 30 s) and returns. Connections
/// without a request are closed at once. Of 16,384 connections at once, the next has to wait.
///
/// # Errors
/// When requests were still in flight at the end of the drain.
pub async fn serve(listener: TcpListener, stub: Stub, shutdown: impl Future) -> io::Result<()> {
    let (stop, _) = watch::channel(false);
    tokio::select! {
        biased;
        _ = shutdown => {}
        () = accept(&listener, &stub, &stop, CONNECTIONS_MAX) => {}
    }
    drop(listener);
    stop.send_replace(true);
    let drained = stub.clock().timeout(DRAIN, stop.closed()).await;
    // An end does not wait for a Redis that hangs.
    let _ = stub.clock().timeout(CLOSING, stub.close_books()).await;
    drained.map_err(|_| {
        let in_flight = stub.counts().in_flight;
        let text = format!(
            "{in_flight} requests were still in flight {} s after the end was asked for",
            DRAIN.as_secs()
        );
        io::Error::new(io::ErrorKind::TimedOut, text)
    })
}

/// Accepts for ever, and has at most `connections_max` connections at once.
async fn accept(listener: &TcpListener, stub: &Stub, stop: &watch::Sender<bool>, connections_max: usize) {
    let room = Arc::new(Semaphore::new(connections_max));
    let router = stub.router();
    let mut full_count = 0_u64;
    loop {
        if room.available_permits() == 0 {
            full_count += 1;
            // Under pressure it happens again with every connection that ends.
            if full_count.is_power_of_two() {
                tracing::warn!(
                    connections_max,
                    full_count,
                    "all connections are taken, the next has to wait"
                );
            }
        }
        let permit = Arc::clone(&room).acquire_owned().await.expect("nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, peer)) => spawn(permit, stream, peer, stub, &router, stop),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                stub.clock().sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn spawn(
    permit: OwnedSemaphorePermit,
    stream: TcpStream,
    peer: SocketAddr,
    stub: &Stub,
    router: &axum::Router,
    stop: &watch::Sender<bool>,
) {
    // It can only fail on a connection that is already gone.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream, *stub.clock());
    let connection = Connection::new(socket, peer, stub.clone(), router.clone(), stop.subscribe());
    tokio::spawn(async move {
        connection.run().await;
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use wire::{Clock, Seed};

    use super::*;
    use crate::{Profile, Settings};

    #[tokio::test]
    async fn without_room_the_next_has_to_wait() {
        let profile = include_str!("../../../../load_tests/stub/instant.toml");
        let profile = Profile::parse("instant.toml", profile).expect("a profile");
        let clock = Clock::system();
        let stub = Stub::new(Settings::default(), profile, clock, Seed(1));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (stop, _) = watch::channel(false);
            accept(&listener, &stub, &stop, 2).await;
        });
        let mut streams = vec![];
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.expect("the system takes it");
            stream.write_all(b"GET /health HTTP/1.1\r\n\r\n").await.expect("a request");
            streams.push(stream);
        }
        for stream in &mut streams[..2] {
            assert_eq!(stream.read_u8().await.expect("an answer"), b'H');
        }
        let waits = clock.timeout(Duration::from_millis(100), streams[2].read_u8()).await;
        assert!(waits.is_err(), "{waits:?}");
        drop(streams.remove(0));
        assert_eq!(streams[1].read_u8().await.expect("an answer"), b'H');
    }
}
