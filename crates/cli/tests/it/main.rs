//! The binary from outside: processes, signals, sockets, files and exit codes.
//!
//! Nothing here may know a crate of the project: what comes out is read as any stranger would read it.

mod arrivals;
mod browser;
mod common;
mod compare;
mod derived;
mod documents;
mod dying;
mod environment;
mod faults;
mod fleet;
mod formats;
mod green;
mod interrupt;
mod iterations;
mod listener;
mod mistakes;
mod page;
mod page_safety;
mod progress;
#[expect(dead_code, reason = "these tests need a part of it")]
#[path = "../../../stub/tests/it/redis_server.rs"]
mod redis_server;
mod replicas;
mod resume;
mod secrets;
mod serving;
mod sharing;
mod simulated;
mod terminal;
mod thresholds;
mod tls;
mod token;
mod trust;
mod truth;
mod unmoved;
mod validate;
