//! What stub and harness agree on: time, chance, durations, checked TOML, the shape of the ledger.
//!
//! This crate must not know axum, reqwest or redis, nor anything of how either side works.

mod audit;
mod clock;
mod duration;
mod fault;
mod from_toml;
mod ledger;
mod mistakes;
mod seed;
mod table;
mod timer;
pub mod token;

pub use audit::{Audit, DelayAudit};
pub use clock::{Clock, TimedOut};
pub use duration::{DurationError, format_duration, parse_duration};
pub use fault::ConnectionFault;
pub use from_toml::FromToml;
pub use ledger::{
    ArrivalsTruth, HistogramTruth, LedgerEntry, LookTime, ReplicaState, ReplicaTruth, RouteTruth,
    SecondTruth, StageTime, Truth,
};
pub use mistakes::{Mistake, Mistakes};
pub use seed::{Seed, Stream, stable_hash};
pub use table::{Source, Table, Value, nearest};

/// Header by which a client names its request; the stub's ledger keeps it.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Header in which the stub reports the measured times of its stages.
pub const SERVER_TIMING_HEADER: &str = "server-timing";
/// Environment variable that holds the token of the stub's operator routes.
pub const OPERATOR_TOKEN_VARIABLE: &str = "WEAVER_STUB_OPERATOR_TOKEN";
/// Header that carries the operator token.
pub const OPERATOR_TOKEN_HEADER: &str = "x-operator-token";
