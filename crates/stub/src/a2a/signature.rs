//! Who may send messages, and whether a message is signed by whom it names.
//!
//! It must not know whether a message is new or in time.

use std::collections::BTreeMap;

use super::envelope::Envelope;
use crate::json::{Json, Text};
use crate::jws::{Key, Refused, open};
use crate::refusal::Refusal;

/// The keys of senders, ready for use.
pub(crate) struct SenderKeys(BTreeMap<String, Key>);

impl SenderKeys {
    /// Of the PEM by sender, in which `\n` may be written out. A sender whose key is empty is none.
    pub(crate) fn new(senders: &BTreeMap<String, String>) -> Self {
        let known = senders.iter().filter(|(_, pem)| !pem.is_empty());
        Self(known.map(|(id, pem)| (id.clone(), Key::rsa(&pem.replace("\\n", "\n")))).collect())
    }

    pub(crate) fn find(&self, sender: &Text) -> Result<&Key, Refusal> {
        match sender.whole() {
            Some(id) => self.0.get(id).ok_or_else(|| Refusal::SenderUnknown(id.to_owned())),
            None => Err(Refusal::Crash("an unknown sender is shown, and is no text")),
        }
    }
}

/// Whether `key` has signed just this message, at the Unix time `now_ns`.
pub(crate) fn check(envelope: &Envelope, key: &Key, now_ns: u64) -> Result<(), Refusal> {
    let signature = envelope.signature.as_ref().ok_or(Refusal::SignatureInvalid("none"))?;
    let token = signature.whole().ok_or(Refusal::Internal("a signature that is no text"))?;
    let claims = open(token.as_bytes(), key, now_ns).map_err(|refused| {
        Refusal::SignatureInvalid(match refused {
            Refused::Invalid(why) => why,
            Refused::Expired => "expired",
            Refused::KeyBroken => "the sender's key cannot be used",
        })
    })?;
    match claims.field("payload") {
        Some(Json::Text(Text::Whole(signed))) if *signed == envelope.canonical() => Ok(()),
        Some(Json::Text(_)) => Err(Refusal::SignatureInvalid("another message")),
        _ => Err(Refusal::Internal("a signed payload that is no text")),
    }
}
