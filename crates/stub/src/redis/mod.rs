//! Redis as the stub sees it: where it is, one connection to ask it over, one to hear it over, and how it fails.
//!
//! It must not know what is kept in Redis or said over it.

mod backing;
mod breaker;
mod dial;
mod ear;
mod embedded;
mod error;
mod link;
mod outage;
mod server;
mod target;
mod temper;
mod tls;

pub(crate) use backing::{Backing, temper};
pub(crate) use ear::{Ear, OnMessage, until};
pub use embedded::{Condition, Embedded};
pub use error::RedisError;
pub(crate) use outage::Outage;
pub use server::{Figures, Server};
pub use target::{Target, TargetError};
pub use temper::Temper;
