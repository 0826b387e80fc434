//! How a request leaves and an answer comes back: the one trait, with HTTP here and in-process in `sim`.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

/// A request, rendered.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The user that sends it, or the lane that an arrival has for its time: users may share connections, or not.
    pub user: u32,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Headers, the request id included.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// Every `Server-Timing` header that it has.
    pub server_timing: Vec<HeaderValue>,
}

/// Why there was no answer. The texts are what Locust users find in their failures file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nothing listens.
    #[error("ConnectionRefusedError(111, 'Connection refused')")]
    Refused,
    /// The connection was torn down.
    #[error("ConnectionResetError(104, 'Connection reset by peer')")]
    Reset,
    /// The server closed the connection before the answer was complete.
    #[error("RemoteDisconnected('connection closed before the answer was complete')")]
    Closed,
    /// Another request was making the connection that this one was to share, and did not get it.
    #[error("ConnectionError('the connection that requests were to share was not made')")]
    NotConnected,
    /// No connection in time.
    #[error("ConnectTimeout('no connection within the limit')")]
    ConnectTimeout,
    /// No answer in time.
    #[error("ReadTimeout('no complete answer within {} s')", .0.as_secs_f64())]
    Timeout(Duration),
    /// The host has no address.
    #[error("NameResolutionError('{0}')")]
    Name(String),
    /// The TLS handshake failed.
    #[error("SSLError('{0}')")]
    Tls(String),
    /// What came back is not HTTP, or something else that has no name of its own.
    #[error("RequestError('{0}')")]
    Other(String),
}

/// Sends calls.
pub trait Transport: Clone + 'static {
    /// Makes ready what the requests of `user` will need, before any of them is timed.
    fn prepare(&self, _user: u32) {}

    /// Sends one and reads the whole answer. It has no time limit of its own: the caller sets it.
    fn send(&self, call: Call) -> impl Future<Output = Result<Reply, SendError>>;
}
