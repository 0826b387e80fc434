//! One HTTP/1 connection: heads in, answers out, one after the other, with the real server's manners.
//!
//! A client that leaves takes its request with it. What it may keep us waiting for is bounded where the real server
//! is not. This must not know what is answered: the stub does.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use tokio::sync::watch;
use tower::Service;
use wire::ConnectionFault;

use super::body::{self, Decoder, Feed};
use super::head::{self, Head};
use super::http2;
use super::reply::{self, Canned};
use super::scan::{Bad, Scan};
use super::socket::{End, Socket};
use crate::answer::Answer;
use crate::operator;
use crate::quirk::Quirk;
use crate::stub::Stub;

/// After an answer, without a byte of a next request.
const IDLE: Duration = Duration::from_secs(5);
/// Without any byte at all; ours.
const FRESH: Duration = Duration::from_secs(60);
/// From the first byte of a head to its last; ours.
const HEAD: Duration = Duration::from_secs(60);
/// Without a byte of a body that is not complete; ours.
pub(super) const BODY_STALL: Duration = Duration::from_secs(30);
/// Largest head; ours.
const HEAD_BYTES_MAX: usize = 524_288;
/// Largest rest of a body that is thrown away once its request is answered; ours.
const DISCARDED_BYTES_MAX: usize = 64 << 20;
/// Bodies up to this go with their head in one write.
const JOINED_BYTES_MAX: usize = 16_384;

/// One connection, from its first byte to its last.
pub(super) struct Connection {
    socket: Socket,
    peer: SocketAddr,
    stub: Stub,
    /// For operators, and for HTTP/2.
    router: Router,
    /// Changes when the end is asked for.
    stop: watch::Receiver<bool>,
    scan: Scan,
    /// The next request, if it came before the answer to the last was out.
    ahead: Option<Head>,
    has_answered: bool,
}

impl Connection {
    pub(super) fn new(
        socket: Socket,
        peer: SocketAddr,
        stub: Stub,
        router: Router,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { socket, peer, stub, router, stop, scan: Scan::head(), ahead: None, has_answered: false }
    }

    /// Serves it to its end.
    pub(super) async fn run(mut self) {
        let end = match self.first_bytes().await {
            Ok(true) => return http2::serve(self.socket, self.peer, self.router, self.stop).await,
            Ok(false) => self.requests().await,
            Err(end) => end,
        };
        let peer = self.peer;
        tracing::trace!(%peer, ?end, "a connection ends");
        match end {
            End::Unread => self.socket.linger().await,
            End::Say(canned) => {
                if canned != Canned::NoWebSocket {
                    tracing::debug!(%peer, ?canned, "a request was not understood");
                }
                if self.socket.write(&canned.bytes(&self.stub.date())).await.is_ok() {
                    self.socket.linger().await;
                }
            }
            End::Broken(error) => tracing::debug!(%peer, %error, "a connection broke"),
            End::Done | End::Gone | End::Late => {}
        }
    }

    /// Whether the first bytes are those of HTTP/2.
    async fn first_bytes(&mut self) -> Result<bool, End> {
        while self.socket.input.len() < http2::PREFACE.len() && http2::PREFACE.starts_with(&self.socket.input)
        {
            self.fill_or_stop(FRESH).await?;
        }
        Ok(self.socket.input.starts_with(http2::PREFACE))
    }

    async fn requests(&mut self) -> End {
        loop {
            let exchanged = match self.next().await {
                Ok(head) => self.exchange(head).await,
                Err(end) => Err(end),
            };
            if let Err(end) = exchanged {
                return end;
            }
        }
    }

    async fn fill_or_stop(&mut self, limit: Duration) -> Result<(), End> {
        tokio::select! {
            biased;
            _ = self.stop.changed() => Err(End::Done),
            filled = self.socket.fill_within(limit) => filled,
        }
    }

    /// Reads the next request's head, if it is there.
    fn look_ahead(&mut self) -> Result<(), Bad> {
        if self.ahead.is_some() {
            return Ok(());
        }
        let end = self.scan.go_on(&self.socket.input)?;
        if end.unwrap_or(self.socket.input.len()) > HEAD_BYTES_MAX {
            return Err(Bad::TooLarge);
        }
        if let Some(end) = end {
            let bytes = self.socket.input.split_to(end).freeze();
            self.ahead =
                Some(head::read(&self.scan, &bytes, self.stub.repairs().has(Quirk::TrailingBlanks))?);
            self.scan.restart();
        }
        Ok(())
    }

    /// Waits for the next request's head.
    async fn next(&mut self) -> Result<Head, End> {
        let mut begun_ns = None;
        loop {
            self.look_ahead()?;
            if let Some(head) = self.ahead.take() {
                return Ok(head);
            }
            let now_ns = self.socket.clock().now_ns();
            if !self.socket.input.is_empty() {
                begun_ns = begun_ns.or(Some(now_ns));
            }
            let waited = begun_ns.map(|begun_ns| Duration::from_nanos(now_ns - begun_ns));
            self.fill_or_stop(patience(self.has_answered, waited)).await?;
        }
    }

    /// One request and its answer.
    async fn exchange(&mut self, head: Head) -> Result<(), End> {
        if head.is_websocket {
            return Err(End::Say(Canned::NoWebSocket));
        }
        let Head { keeps_alive, is_last, .. } = head;
        let goes_on = keeps_alive && !is_last;
        let (body, mut feed) = body::open(head.framing, head.expects, &mut self.socket.input)?;
        if feed.decoder.is_done() && goes_on {
            // What came with this request is not HTTP: the real server answers neither.
            self.look_ahead()?;
        }
        let mut request = head.request.map(|()| body);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answer = {
            let mut answered = self.answer(request);
            tokio::select! {
                biased;
                answer = &mut answered => answer,
                Err(end) = self.watch(&mut feed, goes_on) => return Err(end),
            }
        };
        if feed.asked.as_mut().is_some_and(|asked| asked.try_recv().is_ok()) {
            self.socket.write(reply::CONTINUE).await?;
        }
        let closes = !keeps_alive || *self.stop.borrow();
        let is_silent = match answer.fault {
            Some(ConnectionFault::Reset) => {
                self.socket.reset_at_end();
                return Err(End::Done);
            }
            Some(ConnectionFault::Truncate { .. } | ConnectionFault::Close) => true,
            None => answer.is_bare && !self.stub.repairs().has(Quirk::SilentClose),
        };
        if is_silent {
            self.socket.hold_for_end();
        }
        self.send(answer, closes).await?;
        if closes || is_silent {
            let is_read = feed.decoder.is_done() && self.ahead.is_none() && self.socket.input.is_empty();
            return Err(if is_read { End::Done } else { End::Unread });
        }
        self.has_answered = true;
        self.discard(feed.decoder).await?;
        if is_last { self.read_over().await } else { Ok(()) }
    }

    /// While a request is being answered: hands its body over, reads ahead, and notices when the client leaves.
    async fn watch(&mut self, feed: &mut Feed, goes_on: bool) -> Result<Infallible, End> {
        if let Some(asked) = &mut feed.asked {
            let is_asked = asked.await.is_ok();
            feed.asked = None;
            if is_asked {
                self.socket.write(reply::CONTINUE).await?;
            }
        }
        while !feed.decoder.is_done() {
            self.socket.fill_within(BODY_STALL).await?;
            feed.push(&mut self.socket.input).await?;
        }
        loop {
            if !goes_on {
                self.socket.input.clear();
            } else {
                self.look_ahead()?;
            }
            if self.ahead.is_some() {
                // The real server reads no further either.
                return pending().await;
            }
            self.socket.fill().await?;
        }
    }

    /// What is answered. The stub's own routes are its operators'.
    fn answer(&mut self, request: Request) -> Pin<Box<dyn Future<Output = Answer> + Send + 'static>> {
        if !request.uri().path().starts_with(operator::PREFIX) {
            // In a box, so that a connection without a request is small.
            return Box::pin(self.stub.clone().handle(request));
        }
        let (response, stub) = (self.router.call(request), self.stub.clone());
        Box::pin(async move {
            let Ok(response) = response.await;
            Answer::foreign(response, stub.date()).await
        })
    }

    /// Writes an answer down, or as much of it as a fault lets through, and on its receipt when its first and its last
    /// byte went out.
    async fn send(&mut self, mut answer: Answer, announces_close: bool) -> Result<(), End> {
        let mut bytes = reply::head(&answer, announces_close);
        if let Some(receipt) = &mut answer.receipt {
            receipt.first_byte();
        }
        if let Some(ConnectionFault::Truncate { bytes }) = answer.fault {
            answer.body.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
            // Not all of it goes out.
            answer.receipt = None;
        }
        if answer.body.len() <= JOINED_BYTES_MAX {
            bytes.extend_from_slice(&answer.body);
            self.socket.write(&bytes).await?;
        } else {
            self.socket.write(&bytes).await?;
            self.socket.write(&answer.body).await?;
        }
        if let Some(receipt) = answer.receipt {
            receipt.written();
        }
        Ok(())
    }

    /// Reads over what is left of the body of an answered request.
    async fn discard(&mut self, mut decoder: Decoder) -> Result<(), End> {
        let mut left = DISCARDED_BYTES_MAX;
        let mut limit = IDLE;
        loop {
            left = left.checked_sub(self.socket.input.len()).ok_or(End::Unread)?;
            decoder.take(&mut self.socket.input)?;
            if decoder.is_done() {
                return Ok(());
            }
            self.fill_or_stop(limit).await?;
            limit = BODY_STALL;
        }
    }

    /// Reads over all that comes, until nothing does.
    async fn read_over(&mut self) -> Result<(), End> {
        loop {
            self.socket.input.clear();
            self.fill_or_stop(IDLE).await?;
        }
    }
}

/// How long to wait for bytes of a head: `waited` since its first byte, if there was one.
fn patience(has_answered: bool, waited: Option<Duration>) -> Duration {
    match waited {
        Some(waited) => HEAD.saturating_sub(waited),
        None if has_answered => IDLE,
        None => FRESH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_keep_us_waiting_only_so_long() {
        let seconds = |s| Some(Duration::from_secs(s));
        for (has_answered, waited, expected_s) in [
            (false, None, 60),
            (true, None, 5),
            (true, seconds(0), 60),
            (false, seconds(59), 1),
            (true, seconds(60), 0),
            (true, seconds(99), 0),
        ] {
            assert_eq!(patience(has_answered, waited).as_secs(), expected_s, "{has_answered} {waited:?}");
        }
    }
}
