//! The transport without a network: calls go straight into the stub's router.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use harness::{Call, Reply, SendError, Transport};
use http_body_util::BodyExt;
use tower::ServiceExt;
use wire::{Clock, ConnectionFault};

/// All users share one address, as behind one client machine.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000);

/// Hands calls to a router of the same process.
#[derive(Clone, Debug)]
pub struct InProcess {
    router: Router,
    clock: Clock,
    way: Duration,
}

/// What the way to the router and back takes, about as on a loopback interface. Were it nothing, a user that never
/// waits would hold time still.
const WAY: Duration = Duration::from_micros(100);

impl InProcess {
    /// A transport into `router`.
    pub fn new(router: Router, clock: Clock) -> Self {
        Self::with_way(router, clock, WAY)
    }

    /// The same where the way takes this long; with none, sending and arriving are one moment.
    pub fn with_way(router: Router, clock: Clock, way: Duration) -> Self {
        Self { router, clock, way }
    }
}

impl Transport for InProcess {
    async fn send(&self, call: Call) -> Result<Reply, SendError> {
        if !self.way.is_zero() {
            self.clock.sleep(self.way).await;
        }
        let mut request = http::Request::new(Body::from(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() =
            call.path.parse().map_err(|error| SendError::Other(format!("{}: {error}", call.path)))?;
        *request.headers_mut() = call.headers;
        request.extensions_mut().insert(ConnectInfo(PEER));
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (head, body) = response.into_parts();
        // As sockets show it: an answer that is not sent whole is none.
        match head.extensions.get() {
            Some(ConnectionFault::Reset) => return Err(SendError::Reset),
            Some(ConnectionFault::Truncate { .. }) => return Err(SendError::Closed),
            Some(ConnectionFault::Close) | None => {}
        }
        let body = body.collect().await.map_err(|error| SendError::Other(error.to_string()))?.to_bytes();
        let server_timing = head.headers.get_all(wire::SERVER_TIMING_HEADER).iter().cloned().collect();
        Ok(Reply { status: head.status.as_u16(), body, server_timing })
    }
}
