//! The server that tells the truth: Weaver AI's answers after simulated delays, and a ledger of what was done.
//!
//! This crate must not know `measure` or `harness`: were they to share code, one bug would agree with itself.

mod agents;
mod answer;
mod body;
mod caller;
mod guard;
mod histogram;
mod jwt;
mod keys;
mod latency;
mod ledger;
mod limiter;
mod operator;
mod profile;
mod redact;
mod refusal;
mod routes;
mod serve;
mod settings;
mod stub;

pub use keys::{ApiKeys, KeysError};
pub use profile::Profile;
pub use serve::serve;
pub use settings::{AuthMode, LEDGER_ENTRIES_MAX_DEFAULT, Limit, Limits, Settings};
pub use stub::Stub;
