//! Faults on purpose: a catalogue, planned in a profile, put in force with it, striking requests one by one.
//!
//! Whom a fault strikes is a pure function of the seed, the fault's place in the list, and the request's id. The
//! struck are marked in the ledger, with the time that it cost them. Faults must not know HTTP beyond what an answer
//! is, nor who asks.

mod catalogue;
mod live;
mod memory;
mod plan;
mod read;
mod struck;

pub use catalogue::Fault;
pub(crate) use live::{FaultStatus, Faults};
pub(crate) use plan::FaultPlan;
pub(crate) use read::faults as read;
pub(crate) use struck::Struck;

/// Most faults of a profile: a request keeps a bit for each.
const FAULTS_MAX: usize = 64;
