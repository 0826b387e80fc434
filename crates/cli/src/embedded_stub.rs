//! The stub inside this process: a thread of its own, a free port of the loopback interface.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use stub::{Profile, Settings, Stub};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wire::{Clock, Seed};

use crate::exit::Failure;
use crate::runtime::runtime;

/// A stub that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct EmbeddedStub {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl EmbeddedStub {
    /// Starts it; it listens when this returns.
    pub(crate) fn start(
        settings: Settings,
        profile: Profile,
        clock: Clock,
        seed: Seed,
    ) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(Failure::usage)?;
        let address = listener.local_addr().map_err(Failure::usage)?;
        let (stop, stopped) = oneshot::channel();
        let stub = Stub::new(settings, profile, clock, seed);
        let job = move || {
            let until = async {
                // Dropping the sender stops it too.
                let _ = stopped.await;
            };
            if let Err(error) = runtime.block_on(stub::serve(listener, stub, until)) {
                tracing::error!("the embedded stub ended: {error}");
            }
        };
        let thread = std::thread::Builder::new().name("stub".into()).spawn(job).map_err(Failure::usage)?;
        Ok(Self { address, stop, thread })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers what is in flight and ends.
    pub(crate) fn stop(self) {
        // It may have ended on its own.
        let _ = self.stop.send(());
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}
