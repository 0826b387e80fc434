//! Keys that sign: an RSA key for RS256, or a secret for HS256; and new RSA pairs.
//!
//! It must not know what is signed. A key never shows in messages. New pairs come from the system's randomness and
//! not from the seed: they are secrets.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

/// Characters of base64 in a line of PEM (RFC 7468).
const PEM_LINE_CHARS: usize = 64;

/// Why a key does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM with a private RSA key that can sign.
    #[error(
        "is no private RSA key of 2048 bits or more in PEM; give a file that begins with `-----BEGIN PRIVATE KEY-----`"
    )]
    NotRsa,
    /// The library would not sign.
    #[error("cannot sign; give another key")]
    CannotSign,
    /// The library would not make a pair.
    #[error("no pair could be made; see whether the system gives random bytes")]
    NoPair,
}

/// A key that signs tokens.
#[derive(Clone)]
pub struct PrivateKey {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({:?})", self.algorithm)
    }
}

impl PrivateKey {
    /// A private RSA key in PEM, PKCS#8 or PKCS#1, which signs by RS256.
    ///
    /// # Errors
    /// When it is no such key, or cannot sign.
    pub fn rsa(pem: &str) -> Result<Self, KeyError> {
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| KeyError::NotRsa)?;
        let key = Self { key, algorithm: Algorithm::RS256 };
        // The library looks into the key only when it signs.
        key.sign(&serde_json::json!({})).map(|_| key).map_err(|_| KeyError::NotRsa)
    }

    /// A secret, which signs by HS256.
    pub fn secret(secret: &[u8]) -> Self {
        Self { key: EncodingKey::from_secret(secret), algorithm: Algorithm::HS256 }
    }

    /// A private RSA key if the text of a file says so, or else the secret that the text is.
    ///
    /// # Errors
    /// When it says so, and is no such key.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        if text.contains("-----BEGIN") { Self::rsa(text) } else { Ok(Self::secret(text.trim().as_bytes())) }
    }

    /// A compact JWS over `claims`. The same claims give the same text each time.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        encode(&Header::new(self.algorithm), claims, &self.key).map_err(|_| KeyError::CannotSign)
    }
}

/// A new pair of RSA keys, 2048 bits.
pub struct KeyPair {
    /// The private key: PKCS#8 in PEM.
    pub private_pem: String,
    /// The public key: SubjectPublicKeyInfo in PEM.
    pub public_pem: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair")
    }
}

/// Makes a pair; it takes some tenths of a second.
///
/// # Errors
/// When the system gives no random bytes.
pub fn key_pair() -> Result<KeyPair, KeyError> {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(|_| KeyError::NoPair)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::NoPair)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| KeyError::NoPair)?;
    Ok(KeyPair {
        private_pem: pem("PRIVATE KEY", private.as_ref()),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(PEM_LINE_CHARS) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_one_half_signs_the_other_half_checks() {
        let (ours, theirs) = (key_pair().expect("a pair"), key_pair().expect("a pair"));
        let token = PrivateKey::rsa(&ours.private_pem).and_then(|key| key.sign(&json!({"sub": "ann"})));
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        let check = |public: &str| {
            let key = DecodingKey::from_rsa_pem(public.as_bytes()).expect("a public key");
            decode::<Value>(token.as_ref().expect("a token"), &key, &validation).map(|token| token.claims)
        };
        assert_eq!(check(&ours.public_pem).expect("signed by it"), json!({"sub": "ann"}));
        assert!(check(&theirs.public_pem).is_err());
        assert!(!format!("{ours:?}").contains("BEGIN"));
    }

    #[test]
    fn what_is_no_key_is_told() {
        let pair = key_pair().expect("a pair");
        for pem in ["", "secret", &pair.public_pem, &pair.private_pem[..200]] {
            assert_eq!(PrivateKey::rsa(pem).err(), Some(KeyError::NotRsa), "{pem}");
        }
        assert_eq!(format!("{:?}", PrivateKey::secret(b"hush")), "PrivateKey(HS256)");
    }
}
