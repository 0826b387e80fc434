//! The proof: what the harness reports is held against what the stub truly did.
//!
//! Trials are carried out in virtual time or against a running stub; claims are drawn from them by numbers alone. It
//! must not know the terminal: whoever calls shows the claims.

mod arrivals;
mod bench;
mod claim;
mod closed;
mod faults;
mod freeze;
mod join;
mod outputs;
mod quantiles;
mod queues;
mod run;
mod server;
mod sums;
#[cfg(test)]
mod testing;
mod trial;

pub use bench::settings;
pub use claim::{Allowed, Claim, Figure, Group, Unit, Verdict};
pub use run::{Options, Progress, Proof, prove};
pub use server::Server;
pub use trial::Glass;

use wire::Mistakes;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A trial that cannot be carried out as it stands.
    #[error("{0}")]
    Mistakes(#[from] Mistakes),
    /// A run that contradicts itself.
    #[error("{0}")]
    Run(#[from] measure::RunError),
    /// No runtime or thread.
    #[error("the system gives no thread: {0}; end other programs and try again")]
    System(#[from] std::io::Error),
    /// The server does not play along.
    #[error("{0}")]
    Server(String),
    /// No trial is left to carry out.
    #[error("no trial is left; name another group or text")]
    Nothing,
    /// It was told to end.
    #[error("the proof was interrupted")]
    Aborted,
}
