//! The transport over sockets: HTTP/1.1 and HTTP/2, keep-alive, TLS.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::Certificate;
use wire::Mistakes;

use crate::{Call, Reply, SendError, Target, Transport};

/// Idle connections are given up after this time: before the real server does it, after 5 s, so that a
/// request never meets a connection that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(4);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    #[default]
    Negotiated,
    /// HTTP/1.1 always.
    Http1,
    /// HTTP/2 always, also without TLS.
    Http2,
}

/// How connections are made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HttpOptions {
    /// The version of HTTP.
    pub version: HttpVersion,
    /// Accept any certificate.
    pub insecure: bool,
    /// A file with further root certificates, PEM.
    pub root_certificates_pem: Option<Vec<u8>>,
}

/// Users that share the connections of one client. Over HTTP/2 a client has one connection, and what exceeds its
/// streams (100 at least, by RFC 9113) would wait here and be taken for the server's time.
const USERS_PER_CLIENT: usize = 50;
/// Longest body that is read.
const BODY_BYTES_MAX: usize = 64 << 20;

/// One worker's connections.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    target: Target,
    options: HttpOptions,
    roots: Vec<Certificate>,
    clients: RefCell<Vec<reqwest::Client>>,
}

impl HttpTransport {
    /// Makes the first client; connections follow as they are needed.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(target: Target, options: &HttpOptions) -> Result<Self, Mistakes> {
        let remedy = "give certificates in PEM";
        let mut mistakes = Mistakes::default();
        let mut roots: Vec<Certificate> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .filter_map(|der| Certificate::from_der(der).ok())
            .collect();
        match options.root_certificates_pem.as_deref().map(Certificate::from_pem_bundle) {
            None => {}
            Some(Ok(more)) if more.is_empty() => {
                mistakes.push("--cacert", "no certificate in the file", remedy)
            }
            Some(Ok(more)) => roots.extend(more),
            Some(Err(error)) => mistakes.push("--cacert", error.to_string(), remedy),
        }
        let transport = Self { target, options: options.clone(), roots, clients: RefCell::default() };
        match transport.make() {
            Ok(first) => transport.clients.borrow_mut().push(first),
            Err(error) => mistakes.push("--cacert", explain(&error), remedy),
        }
        mistakes.or(transport)
    }

    fn make(&self) -> Result<reqwest::Client, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(usize::MAX)
            .tcp_nodelay(true)
            .user_agent(concat!("weaver-bench/", env!("CARGO_PKG_VERSION")))
            .tls_certs_only(self.roots.clone())
            .tls_danger_accept_invalid_certs(self.options.insecure);
        let builder = match self.options.version {
            HttpVersion::Negotiated => builder,
            HttpVersion::Http1 => builder.http1_only(),
            HttpVersion::Http2 => builder.http2_prior_knowledge(),
        };
        builder.build()
    }

    /// The client that `user` shares with others.
    fn client(&self, user: u32) -> Result<reqwest::Client, SendError> {
        let may_be_http2 = match self.options.version {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Negotiated => self.target.is_tls(),
        };
        let index = if may_be_http2 { user as usize / USERS_PER_CLIENT } else { 0 };
        let mut clients = self.clients.borrow_mut();
        while clients.len() <= index {
            clients.push(self.make().map_err(|error| SendError::Other(explain(&error)))?);
        }
        Ok(clients[index].clone())
    }
}

impl Transport for HttpTransport {
    fn prepare(&self, user: u32) {
        // What goes wrong here goes wrong again when it is sent, and is recorded then.
        let _ = self.client(user);
    }

    async fn send(&self, call: Call) -> Result<Reply, SendError> {
        let url = self.target.join(&call.path).map_err(SendError::Other)?;
        let mut request = reqwest::Request::new(call.method, url);
        *request.headers_mut() = call.headers;
        if !call.body.is_empty() {
            *request.body_mut() = Some(call.body.into());
        }
        let mut response = self.client(call.user)?.execute(request).await.map_err(|e| named(&e))?;
        let status = response.status().as_u16();
        let said = response.headers().get_all(wire::SERVER_TIMING_HEADER);
        let server_timing = said.iter().cloned().collect();
        let first = response.chunk().await.map_err(|e| named(&e))?.unwrap_or_default();
        let mut body = BytesMut::from(first);
        while let Some(more) = response.chunk().await.map_err(|e| named(&e))? {
            if body.len() + more.len() > BODY_BYTES_MAX {
                return Err(SendError::Other(format!("the answer is longer than {BODY_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&more);
        }
        Ok(Reply { status, body: body.freeze(), server_timing })
    }
}

/// Gives the failure its name.
fn named(error: &reqwest::Error) -> SendError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && let Some(named) = named_io(io)
        {
            return named;
        }
        if inner.downcast_ref::<hyper::Error>().is_some_and(|e| e.is_incomplete_message() || e.is_canceled())
        {
            return SendError::Closed;
        }
        let text = inner.to_string();
        if text.starts_with("dns error") {
            return SendError::Name(inner.source().map_or(text, ToString::to_string));
        }
        // Requests that wait for one HTTP/2 connection are told only that it did not come about.
        if text == "request was canceled" {
            return SendError::NotConnected;
        }
        if let Some(named) = named_stream(&text) {
            return named;
        }
        cause = inner.source();
    }
    if error.is_timeout() && error.is_connect() {
        return SendError::ConnectTimeout;
    }
    SendError::Other(explain(error))
}

/// A stream of HTTP/2 that the server reset, or that ended before the length that it promised: what on a connection of
/// its own would be a reset, or an end before the whole answer.
fn named_stream(text: &str) -> Option<SendError> {
    if text.starts_with("stream error received") {
        return Some(SendError::Reset);
    }
    text.starts_with("stream error detected").then_some(SendError::Closed)
}

fn named_io(error: &std::io::Error) -> Option<SendError> {
    if let Some(inner) = error.get_ref() {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Some(SendError::Tls(tls.to_string()));
        }
        // `source` skips an error that stands in another of its kind.
        if let Some(named) = inner.downcast_ref().and_then(named_io) {
            return Some(named);
        }
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(SendError::Refused),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            Some(SendError::Reset)
        }
        ErrorKind::UnexpectedEof => Some(SendError::Closed),
        ErrorKind::TimedOut => Some(SendError::ConnectTimeout),
        _ => None,
    }
}

/// The innermost reason: the outer ones only say that a request failed, and repeat its address.
fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
