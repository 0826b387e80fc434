//! The stub on a socket: accepts, speaks HTTP/1.1 and h2c, drains. It must not know what is answered.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::stub::Stub;

/// How long in-flight requests may take once the end is asked for.
const DRAIN: Duration = Duration::from_secs(30);
/// Pause after a failed accept: out of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` ends, then answers what is in flight (for at most 30 s) and returns. Connections
/// without a request are closed at once.
///
/// # Errors
/// When requests were still in flight at the end of the drain.
pub async fn serve(listener: TcpListener, stub: Stub, shutdown: impl Future) -> io::Result<()> {
    let connections = GracefulShutdown::new();
    let router = stub.router();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => connect(stream, peer, &router, &connections),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                stub.clock().sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = stub.clock().timeout(DRAIN, connections.shutdown()).await;
    drained.map_err(|_| {
        let in_flight = stub.truth().in_flight;
        let text = format!(
            "{in_flight} requests were still in flight {} s after the end was asked for",
            DRAIN.as_secs()
        );
        io::Error::new(io::ErrorKind::TimedOut, text)
    })
}

fn connect(stream: TcpStream, peer: SocketAddr, router: &axum::Router, connections: &GracefulShutdown) {
    // It can only fail on a connection that is already gone.
    let _ = stream.set_nodelay(true);
    let router = router.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = connections.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "a connection broke");
        }
    });
}
