//! The page's socket: as many connections as there is room for, each with little time for its heads.
//! It must not know what is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use wire::Clock;

/// Connections at most: each reader of the stream has one, and a browser's tab a few more.
const CONNECTIONS_MAX: usize = 256;
/// How long a head may take, and a connection may be idle.
const HEAD_LIMIT: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 64;
/// Pause after a failed accept: out of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Serves for ever.
pub(super) async fn serve(listener: TcpListener, router: Router, clock: Clock) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = room.clone().acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "weaver_bench::page", %error, "a connection was not accepted");
                clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // It can only fail on a connection that is already gone.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone().layer(axum::Extension(Peer(peer))));
        let mut server = http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX);
        tokio::spawn(async move {
            // A client that goes, or that says nothing in time, is no mistake of ours.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}
