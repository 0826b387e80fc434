//! Stub and harness in one process and one virtual time: the same code as over sockets, measured against the truth.
//!
//! It must not know clap or the terminal. Nothing outside the process takes part.

pub mod diagnosis;
pub mod proof;
pub mod theory;
mod transport;
mod world;

pub use transport::InProcess;
pub use world::{EPOCH_UNIX_NS, Simulated, simulate, start};
