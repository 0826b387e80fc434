//! Messages between agents as the real server takes them: card, envelope, signature, nonce, and what comes of them.
//!
//! It must not know sockets, nor who answers a message: that is the mesh's.

mod card;
mod envelope;
mod message;
mod moment;
mod nonces;
mod number;
mod problem;
mod shared_nonces;
mod signature;
#[cfg(test)]
mod tests;

pub(crate) use envelope::Envelope;
pub(crate) use message::A2a;
pub(crate) use nonces::Nonces;
pub(crate) use shared_nonces::SharedNonces;
