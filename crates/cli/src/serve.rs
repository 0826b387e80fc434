//! `serve`: the stub on a port, until SIGTERM or SIGINT.

use std::net::SocketAddr;

use stub::Stub;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use wire::{Clock, Mistakes};

use crate::args::ServeArgs;
use crate::exit::{Exit, Failure, both};
use crate::host::raise_descriptor_limit;
use crate::load::draw_seed;
use crate::log::start_log;
use crate::say::Stream;

pub(crate) fn serve(args: &ServeArgs) -> Result<Exit, Failure> {
    let settings = variables().and_then(|variables| args.stub.build(variables));
    let ((settings, profile), ()) = both(settings, start_log(&args.log))?;
    raise_descriptor_limit();
    let seed = draw_seed(args.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::usage)?;
    runtime.block_on(async {
        let address = SocketAddr::new(args.host, args.port);
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::usage(format!(
                "{address}: cannot listen: {error}; stop what holds it, or give another --port"
            ))
        })?;
        let bound = listener.local_addr().map_err(Failure::usage)?;
        Stream::Error.line(&format!("stub of Weaver AI on http://{bound}, seed {}", seed.0));
        let stub = Stub::new(settings, profile, Clock::system(), seed);
        stub::serve(listener, stub.clone(), asked_to_stop()?).await.map_err(Failure::usage)?;
        let truth = stub.truth();
        Stream::Error.line(&format!(
            "stopped: {} received, {} answered, {} refused, {} abandoned",
            truth.received, truth.answered, truth.refused, truth.abandoned
        ));
        Ok(Exit::PASSED)
    })
}

/// The environment. What is not UTF-8 is none of the stub's, unless its name says that it is.
fn variables() -> Result<Vec<(String, String)>, Failure> {
    let mut mistakes = Mistakes::default();
    let mut variables = vec![];
    #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, value)),
            (Ok(name), Err(_)) if name.to_uppercase().starts_with("WEAVER_") => {
                mistakes.push(name, "its value is not UTF-8", "give one that is");
            }
            _ => {}
        }
    }
    Ok(mistakes.or(variables)?)
}

/// Resolves at SIGTERM or SIGINT; the handlers are in place when this returns.
fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::usage)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::usage)?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Stream::Error.line("stopping: requests in flight are answered");
    })
}
