//! The body of a request on its way from the connection, which decodes it, to whoever answers, who reads it.
//!
//! At most two pieces wait in between. It must not know sockets: it is given bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use tokio::sync::{mpsc, oneshot};

use super::chunks::Chunks;
use super::head::Framing;
use super::scan::Bad;

/// What is left of a body on the wire.
#[derive(Debug)]
pub(super) enum Decoder {
    /// This many bytes.
    Length(u64),
    Chunked(Chunks),
}

impl Decoder {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunks::new()),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
        }
    }

    /// Takes what belongs to the body out of `input`: the data there is.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Bytes, Bad> {
        match self {
            Self::Length(left) => {
                let length = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                Ok(input.split_to(length).freeze())
            }
            Self::Chunked(chunks) => {
                let mut data = BytesMut::new();
                chunks.go_on(input, &mut data)?;
                Ok(data.freeze())
            }
        }
    }
}

/// Data, or the end.
type Piece = Option<Bytes>;

/// The connection's end of a body.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) decoder: Decoder,
    /// Ends when the body is first read; there until `100 Continue` is sent or never will be.
    pub(super) asked: Option<oneshot::Receiver<()>>,
    pieces: Option<mpsc::Sender<Piece>>,
}

/// A body of which `input` holds the beginning, perhaps all.
pub(super) fn open(framing: Framing, expects: bool, input: &mut BytesMut) -> Result<(Body, Feed), Bad> {
    let mut decoder = Decoder::new(framing);
    let first = decoder.take(input)?;
    let (ask, asked) = expects.then(oneshot::channel).unzip();
    if decoder.is_done() && !expects {
        return Ok((Body::from(first), Feed { decoder, asked, pieces: None }));
    }
    let (sender, receiver) = mpsc::channel(2);
    // There is room for two, and a reader.
    let _ = sender.try_send(Some(first));
    let mut pieces = Some(sender);
    if decoder.is_done() {
        let _ = pieces.take().map(|sender| sender.try_send(None));
    }
    Ok((Body::new(Incoming { ask, pieces: receiver, is_done: false }), Feed { decoder, asked, pieces }))
}

impl Feed {
    /// Hands over what `input` holds, when there is room for it. Cancelled, it may lose data.
    pub(super) async fn push(&mut self, input: &mut BytesMut) -> Result<(), Bad> {
        let data = self.decoder.take(input)?;
        let Some(pieces) = &self.pieces else { return Ok(()) };
        let is_read = data.is_empty() || pieces.send(Some(data)).await.is_ok();
        let is_done = self.decoder.is_done();
        if is_read && is_done {
            // A reader that is gone needs no end.
            let _ = pieces.send(None).await;
        }
        if is_done || !is_read {
            self.pieces = None;
        }
        Ok(())
    }
}

/// The reader's end of a body.
#[derive(Debug)]
struct Incoming {
    ask: Option<oneshot::Sender<()>>,
    pieces: mpsc::Receiver<Piece>,
    is_done: bool,
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(ask) = self.ask.take() {
            // A connection that is gone needs not be asked.
            let _ = ask.send(());
        }
        if self.is_done {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.poll_recv(context));
        self.is_done = !matches!(piece, Some(Some(_)));
        Poll::Ready(match piece {
            Some(Some(data)) => Some(Ok(Frame::data(data))),
            Some(None) => None,
            None => Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client stopped sending"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// Feeds `pieces` to a body and returns what its reader got; `None` if it broke off.
    async fn read(framing: Framing, expects: bool, pieces: &[&str]) -> Option<(Bytes, String)> {
        let mut pieces = pieces.iter().map(|piece| piece.as_bytes());
        let mut input = BytesMut::from(pieces.next().unwrap_or_default());
        let (body, mut feed) = open(framing, expects, &mut input).expect("a body");
        let reader = tokio::spawn(body.collect());
        for piece in pieces {
            input.extend_from_slice(piece);
            feed.push(&mut input).await.expect("a body");
        }
        if let Some(asked) = feed.asked.take() {
            asked.await.expect("it is asked for");
        }
        let left = String::from_utf8(input.to_vec()).expect("text");
        drop(feed);
        let body = reader.await.expect("no panic");
        body.ok().map(|body| (body.to_bytes(), left))
    }

    #[tokio::test]
    async fn a_body_arrives_whole_or_breaks_off() {
        for expects in [false, true] {
            for (framing, pieces, expected) in [
                (Framing::Length(0), &["GET"][..], Some(("", "GET"))),
                (Framing::Length(3), &["abcGET"], Some(("abc", "GET"))),
                (Framing::Length(3), &["", "a", "b", "cG"], Some(("abc", "G"))),
                (Framing::Length(3), &["a", "b"], None),
                (Framing::Chunked, &["3\r\nabc\r\n0\r\n\r\nG"], Some(("abc", "G"))),
                (Framing::Chunked, &["3\r\nab", "c\r\n1\r", "\nd\r\n0\r\n", "\r\nG"], Some(("abcd", "G"))),
                (Framing::Chunked, &["3\r\nab", "c\r\n"], None),
            ] {
                let got = read(framing, expects, pieces).await;
                let got = got.as_ref().map(|(body, left)| (&body[..], left.as_str()));
                assert_eq!(got, expected.map(|(body, left)| (body.as_bytes(), left)), "{pieces:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_nobody_reads_is_let_go() {
        let mut input = BytesMut::from("a");
        let (body, mut feed) = open(Framing::Length(9), true, &mut input).expect("a body");
        drop(body);
        assert!(feed.asked.take().expect("it expects").await.is_err(), "nobody asks");
        input.extend_from_slice(b"bcdefghiGET");
        feed.push(&mut input).await.expect("a body");
        assert!(feed.decoder.is_done() && input == "GET");
    }
}
