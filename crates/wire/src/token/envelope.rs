//! The message that one agent sends to another, its canonical form, and its signature.
//!
//! It must not know who answers, nor what a payload means.

use serde_json::json;

use super::key::{KeyError, PrivateKey};
use super::python::ascii_text;
use crate::Stream;

/// A message between agents, without its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Names the message; the answer carries it.
    pub request_id: String,
    /// Who sends it; chooses the key that checks the signature.
    pub sender_id: String,
    /// Whom it is for.
    pub receiver_id: String,
    /// When it was made, as Python's `isoformat` writes it.
    pub created_at: String,
    /// Used once.
    pub nonce: String,
    /// What is asked for; the first one counts.
    pub capabilities: Vec<Capability>,
    /// What it may cost.
    pub budget: Budget,
    /// An object in the canonical form: see [`super::canonical_json`].
    pub payload: String,
}

/// What an agent can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capability {
    /// Its name, such as `translation:en-es`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What one must be allowed.
    pub scopes: Vec<String>,
}

/// What a message may cost: whole numbers of any length, in decimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Tokens.
    pub tokens: String,
    /// Milliseconds until the answer.
    pub time_ms: String,
    /// Calls of tools.
    pub tool_calls: String,
}

impl Budget {
    /// A budget in plain numbers.
    pub fn new(tokens: i64, time_ms: i64, tool_calls: i64) -> Self {
        Self { tokens: tokens.to_string(), time_ms: time_ms.to_string(), tool_calls: tool_calls.to_string() }
    }
}

impl Envelope {
    /// The text that is signed: JSON with names in order, no blanks, all ASCII.
    pub fn canonical(&self) -> String {
        let text = |text: &str| {
            let mut out = String::with_capacity(text.len() + 2);
            ascii_text(text.encode_utf16(), &mut out);
            out
        };
        let texts = |texts: &[String]| texts.iter().map(|one| text(one)).collect::<Vec<_>>().join(",");
        let capability = |one: &Capability| {
            let (name, version) = (text(&one.name), text(&one.version));
            format!(r#"{{"name":{name},"scopes":[{}],"version":{version}}}"#, texts(&one.scopes))
        };
        let capabilities = self.capabilities.iter().map(capability).collect::<Vec<_>>().join(",");
        let Budget { tokens, time_ms, tool_calls } = &self.budget;
        format!(
            concat!(
                r#"{{"budget":{{"time_ms":{},"tokens":{},"tool_calls":{}}},"capabilities":[{}],"created_at":{},"#,
                r#""nonce":{},"payload":{},"receiver_id":{},"request_id":{},"sender_id":{}}}"#
            ),
            time_ms,
            tokens,
            tool_calls,
            capabilities,
            text(&self.created_at),
            text(&self.nonce),
            self.payload,
            text(&self.receiver_id),
            text(&self.request_id),
            text(&self.sender_id)
        )
    }

    /// The message as it is sent: JSON, with a signature that holds the canonical form.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn signed(&self, key: &PrivateKey) -> Result<String, KeyError> {
        let canonical = self.canonical();
        let signature = key.sign(&json!({ "payload": canonical }))?;
        // The canonical form is an object with fields: one more fits before its end.
        Ok(format!(r#"{},"signature":"{signature}"}}"#, &canonical[..canonical.len() - 1]))
    }
}

/// A random id in the form of a UUID, version 4 (RFC 9562, 5.4).
pub fn unique_id(stream: &mut Stream) -> String {
    let (high, low) = (stream.next_u64(), stream.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            request_id: "r".into(),
            sender_id: "s\"é".into(),
            receiver_id: "x".into(),
            created_at: "2026-11-23T09:28:44+00:00".into(),
            nonce: "n".into(),
            capabilities: vec![
                Capability { name: "a:b".into(), version: "1".into(), scopes: vec!["p".into(), "q".into()] },
                Capability::default(),
            ],
            budget: Budget::new(1, -5, 3),
            payload: r#"{"a":1}"#.into(),
        }
    }

    #[test]
    fn the_canonical_form_is_in_order() {
        let expected = concat!(
            r#"{"budget":{"time_ms":-5,"tokens":1,"tool_calls":3},"#,
            r#""capabilities":[{"name":"a:b","scopes":["p","q"],"version":"1"},{"name":"","scopes":[],"version":""}],"#,
            r#""created_at":"2026-11-23T09:28:44+00:00","nonce":"n","payload":{"a":1},"receiver_id":"x","#,
            r#""request_id":"r","sender_id":"s\"\u00e9"}"#
        );
        assert_eq!(envelope().canonical(), expected);
    }

    #[test]
    fn ids_differ_and_have_their_form() {
        let mut stream = crate::Seed(7).stream("id", 0);
        let (first, second) = (unique_id(&mut stream), unique_id(&mut stream));
        assert_ne!(first, second);
        for id in [first, second] {
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!((lengths.as_slice(), &id[14..15]), (&[8, 4, 4, 4, 12][..], "4"), "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }

    #[test]
    fn what_is_sent_holds_what_is_signed() {
        let pair = super::super::key_pair().expect("a pair");
        let key = PrivateKey::rsa(&pair.private_pem).expect("a key");
        let sent = envelope().signed(&key).expect("a message");
        assert_eq!(sent, envelope().signed(&key).expect("a message"), "a signature is the same each time");
        let mut sent: serde_json::Value = serde_json::from_str(&sent).expect("JSON");
        let signature = sent.as_object_mut().and_then(|fields| fields.remove("signature")).expect("one");
        assert_eq!(super::super::canonical_json(&sent), envelope().canonical());
        assert_eq!(signature.as_str().map(|jws| jws.matches('.').count()), Some(2));
    }
}
