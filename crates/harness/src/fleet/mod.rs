//! Many generators, one run: a coordinator and workers that talk over a bus.
//!
//! The coordinator drives the same steps as on one machine; its crew are workers elsewhere. It must not know how anything is
//! shown, nor the environment.

mod allowed;
mod bus;
mod coordinator;
mod crew;
mod durable;
mod errand;
mod job;
mod journal;
mod lease;
mod leaving;
mod link;
mod member;
mod message;
mod parting;
mod past;
mod post;
mod rest;
mod resume;
mod seal;
mod seconds;
mod state;
mod takeover;
mod worker;

pub use allowed::Allowed;
pub use bus::{Bus, BusError, BusTarget, MemoryBus, RedisBus};
pub use coordinator::{Fleet, Lead, WorkerView};
pub(crate) use crew::{Finished, FleetCrew};
pub use errand::{Errand, Sources};
pub use journal::close_journal;
pub(crate) use lease::Lease;
pub use resume::Unfinished;
pub use seal::RunSecret;
pub(crate) use takeover::TakenOver;
pub use worker::{Served, Station, serve, serve_until};
