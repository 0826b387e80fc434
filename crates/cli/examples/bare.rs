//! A bare axum server: reads the body of `POST /ask` and answers with the one text that it was given, on a free port
//! of the loopback interface. What the stub's speed is measured against, by `benches/stub.sh`.
//!
//! It must not know the stub.

use std::process::ExitCode;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use axum::serve::ListenerExt;
use http::header::{CONTENT_TYPE, HeaderName};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let Some(answer) = std::env::args().nth(1) else {
        eprintln!("no answer is given: bare JSON");
        return ExitCode::from(2);
    };
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(serve(Bytes::from(answer)));
    ExitCode::SUCCESS
}

/// Serves for ever.
async fn serve(answer: Bytes) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    eprintln!("bare axum on http://{}", listener.local_addr().expect("an address"));
    let ask = async move |question: Bytes| -> ([(HeaderName, &str); 1], Bytes) {
        // As much of the question as a handler that is there for nothing else looks at.
        assert!(!question.is_empty(), "a question has a body");
        ([(CONTENT_TYPE, "application/json")], answer.clone())
    };
    let listener = listener.tap_io(|stream: &mut TcpStream| {
        // It can only fail on a connection that is already gone.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().route("/ask", post(ask))).await.expect("it serves for ever");
}
