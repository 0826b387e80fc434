//! Answers as bytes: the head of the app's, and the few that the connection gives by itself.
//!
//! It must not know why an answer is what it is.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::HeaderValue;

use crate::answer::Answer;

/// What the client is told before it sends its body.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// An answer that the connection gives by itself; it closes afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canned {
    /// What was sent is not HTTP.
    Invalid,
    /// The head is larger than we keep; ours.
    TooLarge,
    /// Nothing here is a WebSocket.
    NoWebSocket,
}

impl Canned {
    /// The whole answer, as it is at `date`.
    pub(super) fn bytes(self, date: &HeaderValue) -> Bytes {
        let date = String::from_utf8_lossy(date.as_bytes());
        let plain = |status: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ndate: {date}\r\nserver: uvicorn\r\ncontent-type: text/plain; charset=utf-8\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        };
        let text = match self {
            Self::Invalid => plain("400 Bad Request", "Invalid HTTP request received."),
            Self::TooLarge => {
                plain("431 Request Header Fields Too Large", "Request header fields too large.")
            }
            Self::NoWebSocket => format!(
                "HTTP/1.1 403 Forbidden\r\nDate: {date}\r\nConnection: close\r\nContent-Length: 0\r\n\
                 Content-Type: text/plain; charset=utf-8\r\n\r\n"
            ),
        };
        text.into()
    }
}

/// The head of an answer, with `connection: close` at its end if it `announces_close`, and room for its body.
pub(super) fn head(answer: &Answer, announces_close: bool) -> BytesMut {
    let lengths = answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let mut bytes = BytesMut::with_capacity(lengths.sum::<usize>() + 64 + answer.body.len());
    bytes.put_slice(b"HTTP/1.1 ");
    bytes.put_slice(answer.status.as_str().as_bytes());
    bytes.put_u8(b' ');
    bytes.put_slice(answer.status.canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in &answer.headers {
        bytes.put_slice(b"\r\n");
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(value.as_bytes());
    }
    if announces_close {
        bytes.put_slice(b"\r\nconnection: close");
    }
    bytes.put_slice(b"\r\n\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::HeaderName;

    use super::*;

    #[test]
    fn heads_keep_the_order_of_their_headers() {
        let date = HeaderValue::from_static("D");
        let start = "HTTP/1.1 200 OK\r\ndate: D\r\nserver: uvicorn\r\ncontent-length: 2\r\n\
                     content-type: text/plain; charset=utf-8\r\nx-a: ä\r\nallow: GET\r\nx-a: b\r\n";
        for (is_head, announces_close, expected_body, end) in [
            (false, false, "hi", "\r\n"),
            (false, true, "hi", "connection: close\r\n\r\n"),
            (true, false, "", "\r\n"),
        ] {
            let mut answer = Answer::text(StatusCode::OK, "hi");
            for (name, value) in [("x-a", "ä"), ("allow", "GET"), ("x-a", "b")] {
                answer.push(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
            }
            let answer = answer.complete(is_head, date.clone());
            assert_eq!(head(&answer, announces_close), format!("{start}{end}"));
            assert_eq!(answer.body, expected_body);
        }
    }

    #[test]
    fn canned_answers_are_the_recorded_ones() {
        let date = HeaderValue::from_static("D");
        assert_eq!(
            Canned::Invalid.bytes(&date),
            "HTTP/1.1 400 Bad Request\r\ndate: D\r\nserver: uvicorn\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\nconnection: close\r\n\r\nInvalid HTTP request received."
        );
        assert_eq!(
            Canned::NoWebSocket.bytes(&date),
            "HTTP/1.1 403 Forbidden\r\nDate: D\r\nConnection: close\r\nContent-Length: 0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        );
    }
}
