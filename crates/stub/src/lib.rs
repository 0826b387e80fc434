//! The server that tells the truth: Weaver AI's answers after simulated delays, and a ledger of what was done.
//!
//! This crate must not know `measure` or `harness`: were they to share code, one bug would agree with itself.

mod a2a;
mod access;
mod address;
mod agents;
mod answer;
mod answer_cache;
mod body;
mod caller;
mod fault;
mod gate;
mod guard;
mod histogram;
mod input;
mod json;
mod jws;
mod jwt;
mod keys;
mod latency;
mod ledger;
mod limiter;
mod location;
mod mesh;
mod metrics;
mod operator;
mod pages;
mod policies;
mod profile;
mod prometheus;
mod python;
mod quirk;
mod redact;
pub mod redis;
#[cfg(test)]
#[path = "../tests/it/redis_proxy.rs"]
mod redis_proxy;
#[cfg(test)]
#[path = "../tests/it/redis_server.rs"]
mod redis_server;
mod refusal;
mod replicas;
mod response_cache;
mod routes;
mod serve;
mod settings;
mod store;
mod stub;
mod sum;

pub use fault::Fault;
pub use keys::{ApiKeys, KeysError};
pub use ledger::LedgerPage;
pub use profile::Profile;
pub use prometheus::ProcessUse;
pub use quirk::{Quirk, Repairs};
pub use serve::serve;
pub use settings::{
    A2aSettings, AuthMode, CorsSettings, CsrfSettings, LEDGER_ENTRIES_MAX_DEFAULT, Limit, Limits,
    RedisSettings, Secret, SecuritySettings, Settings, name_of_variable,
};
pub use store::{Store, Unavailable};
pub use stub::{Revision, Stub};
