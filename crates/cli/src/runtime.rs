//! The runtime of a thread that has little to do: everything on that thread.

use tokio::runtime::{Builder, Runtime};

use crate::exit::Failure;

/// A runtime with sockets, signals and timers.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(Failure::usage)
}
