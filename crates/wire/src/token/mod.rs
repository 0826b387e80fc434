//! Tokens and signed messages: what whoever signs and whoever checks must agree on, and the signing itself.
//!
//! It must not know who sends them or where to, nor how a server checks them.

mod envelope;
mod key;
mod python;

pub use envelope::{Budget, Capability, Envelope, unique_id};
pub use key::{KeyError, KeyPair, PrivateKey, key_pair};
pub use python::{ascii_text, canonical_json, python_float, utc_iso};
