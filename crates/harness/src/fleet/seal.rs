//! Who may speak: every message carries an HMAC-SHA256 with the run secret, and what is secret in it is sealed with
//! AES-256-GCM under a key of the same secret.
//!
//! It must not know what is said.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};

use super::bus::ENTRY_BYTES_MAX;

/// Bytes that tell one secret from another.
const PROOF_BYTES: usize = 16;
/// Bytes of the code before each message.
const CODE_BYTES: usize = 32;

/// The run secret, as keys.
#[derive(Clone)]
pub struct RunSecret(Arc<Keys>);

struct Keys {
    messages: Key,
    secrets: LessSafeKey,
    drawn: bool,
}

impl fmt::Debug for RunSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunSecret")
    }
}

impl RunSecret {
    /// Keys of their own for codes and for seals: HMAC of their purposes under the secret.
    ///
    /// # Panics
    /// Never: the cipher takes 32 bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self::of(secret, false)
    }

    /// The same of a secret that nobody gave: nobody will know it when this process is gone.
    pub fn drawn(secret: &[u8]) -> Self {
        Self::of(secret, true)
    }

    fn of(secret: &[u8], drawn: bool) -> Self {
        let root = Key::new(HMAC_SHA256, secret);
        let messages = Key::new(HMAC_SHA256, sign(&root, b"weaver-bench fleet: messages").as_ref());
        let secrets = sign(&root, b"weaver-bench fleet: secrets");
        let secrets = UnboundKey::new(&AES_256_GCM, secrets.as_ref()).expect("a key of 32 bytes");
        Self(Arc::new(Keys { messages, secrets: LessSafeKey::new(secrets), drawn }))
    }

    /// Whether nobody gave it.
    pub(crate) fn is_drawn(&self) -> bool {
        self.0.drawn
    }

    /// What nobody can write who does not know the secret, for one run; hexadecimal.
    pub(crate) fn proof(&self, run: u64) -> String {
        let code = sign(&self.0.messages, format!("journal of run {run}").as_bytes());
        code.as_ref().iter().take(PROOF_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The message after its code.
    pub(crate) fn signed(&self, message: &[u8]) -> Vec<u8> {
        let code = sign(&self.0.messages, message);
        [code.as_ref(), message].concat()
    }

    /// The message, if it was signed with the same secret and is not too large.
    pub(crate) fn opened<'a>(&self, entry: &'a [u8]) -> Option<&'a [u8]> {
        let (code, message) =
            entry.split_at_checked(CODE_BYTES).filter(|_| entry.len() <= ENTRY_BYTES_MAX)?;
        verify(&self.0.messages, message, code).ok().map(|()| message)
    }

    /// `text`, sealed. `once` must never be the same for two texts under one secret.
    pub(crate) fn sealed(&self, once: [u8; 12], text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        let done = self.0.secrets.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(once),
            Aad::empty(),
            &mut bytes,
        );
        done.expect("a text of some megabytes can be sealed");
        bytes
    }

    /// What was sealed.
    pub(crate) fn unsealed(&self, once: [u8; 12], mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = Nonce::assume_unique_for_key(once);
        let text = self.0.secrets.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
        let length = text.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_know_the_secret_speak_and_read() {
        let (ours, theirs) = (RunSecret::new(b"sesame"), RunSecret::new(b"mustard"));
        let entry = ours.signed(b"hello");
        assert_eq!(ours.opened(&entry), Some(&b"hello"[..]));
        assert_eq!(theirs.opened(&entry), None);
        for at in 0..entry.len() {
            let mut bent = entry.clone();
            bent[at] ^= 1;
            assert_eq!(ours.opened(&bent), None, "byte {at}");
        }
        assert_eq!(ours.opened(&entry[..31]), None);
        assert_eq!(ours.opened(&ours.signed(&vec![0; ENTRY_BYTES_MAX])), None, "too large");
        let sealed = ours.sealed([1; 12], b"key");
        assert!(!sealed.windows(3).any(|part| part == b"key"));
        assert_eq!(ours.unsealed([1; 12], sealed.clone()).as_deref(), Some(&b"key"[..]));
        assert_eq!(ours.unsealed([2; 12], sealed.clone()), None);
        assert_eq!(theirs.unsealed([1; 12], sealed), None);
    }
}
