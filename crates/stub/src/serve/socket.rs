//! One client's socket: bytes that came in and are not used yet, and reads and writes that do not wait for ever.
//!
//! It must not know HTTP.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::Clock;

use super::reply::Canned;
use super::scan::Bad;

/// How long a write may make no progress; ours.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// How long what the client still sends is read and thrown away once the last answer is sent, so that the answer is
/// not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
/// A read's room, and the room after reads that filled theirs.
const READ_BYTES: usize = 4_096;
const READ_BYTES_MAX: usize = 65_536;

/// Why a conversation ends.
#[derive(Debug)]
pub(super) enum End {
    /// All is said.
    Done,
    /// All is said, and the client may still be sending.
    Unread,
    /// This is said, and no more.
    Say(Canned),
    /// The client left.
    Gone,
    /// The client kept us waiting for too long.
    Late,
    Broken(io::Error),
}

impl From<Bad> for End {
    fn from(bad: Bad) -> Self {
        Self::Say(match bad {
            Bad::Syntax => Canned::Invalid,
            Bad::TooLarge => Canned::TooLarge,
        })
    }
}

/// A client's socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    clock: Clock,
    room: usize,
    /// What came in and is not used yet.
    pub(super) input: BytesMut,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, clock: Clock) -> Self {
        Self { stream, clock, room: READ_BYTES, input: BytesMut::new() }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The stream, and what came in by it.
    pub(super) fn into_parts(self) -> (TcpStream, BytesMut) {
        (self.stream, self.input)
    }

    /// Adds to the input what there is. It may be cancelled: nothing is lost.
    pub(super) async fn fill(&mut self) -> Result<(), End> {
        if self.input.is_empty() {
            // A client that is silent costs no memory.
            self.input = BytesMut::new();
        }
        self.stream.readable().await.map_err(End::Broken)?;
        self.input.reserve(self.room);
        let room = self.input.capacity() - self.input.len();
        let count = self.stream.read_buf(&mut self.input).await.map_err(End::Broken)?;
        self.room = if count == room { (self.room * 2).min(READ_BYTES_MAX) } else { READ_BYTES };
        if count == 0 { Err(End::Gone) } else { Ok(()) }
    }

    /// The same, for at most so long.
    pub(super) async fn fill_within(&mut self, limit: Duration) -> Result<(), End> {
        let clock = self.clock;
        clock.timeout(limit, self.fill()).await.unwrap_or(Err(End::Late))
    }

    /// Hands everything to the system.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let writable = self.clock.timeout(WRITE_STALL, self.stream.writable()).await;
                    writable.map_err(|_| End::Late)?.map_err(End::Broken)?;
                }
                Err(error) => return Err(End::Broken(error)),
            }
        }
        Ok(())
    }

    /// Keeps the last bytes back until the socket closes, so that they and the end go out together: a client that
    /// reads an answer sees at once that there is no more to come.
    pub(super) fn hold_for_end(&self) {
        // Without it the end comes a moment later.
        let _ = socket2::SockRef::from(&self.stream).set_tcp_cork(true);
    }

    /// From now on closing is a reset: what was not sent is lost, and the client is told so.
    pub(super) fn reset_at_end(&self) {
        // Without it the client sees an end before the first byte.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Closes, after the client has stopped sending or a moment has passed.
    pub(super) async fn linger(mut self) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let clock = self.clock;
        let drained = clock.timeout(LINGER, async {
            while self.fill().await.is_ok() {
                self.input.clear();
            }
        });
        // Either way there is nothing left to be said.
        let _ = drained.await;
    }
}
