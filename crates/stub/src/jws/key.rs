//! The keys that tokens are checked with: what the real server's libraries take for one, and what not.
//!
//! It must not know what a token says.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY as RS256_1024};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::Refused;
use crate::json::{Json, parse};

/// What a PEM may be said to hold.
const LABELS: [&str; 16] = [
    "CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "PRIVATE KEY",
    "PUBLIC KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "DSA PRIVATE KEY",
    "RSA PRIVATE KEY",
    "RSA PUBLIC KEY",
    "EC PRIVATE KEY",
    "DH PARAMETERS",
    "NEW CERTIFICATE REQUEST",
    "CERTIFICATE REQUEST",
    "SSH2 PUBLIC KEY",
    "SSH2 ENCRYPTED PRIVATE KEY",
    "X509 CRL",
];
/// How public keys of SSH begin.
const SSH_KEYS: [&str; 6] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
];
/// The tag of a sequence in DER.
const SEQUENCE: u8 = 0x30;

/// What tokens are checked with.
pub(crate) enum Key {
    /// HS256.
    Secret(Box<hmac::Key>),
    /// RS256.
    Rsa(Box<ParsedPublicKey>),
    /// A key of this algorithm that cannot be used: tokens are refused for other reasons first.
    Broken(&'static str),
}

impl Key {
    pub(crate) fn secret(secret: &str) -> Self {
        let is_ssh_key = SSH_KEYS.iter().any(|begin| secret.starts_with(begin));
        if is_ssh_key || has_pem(secret) || parse(secret.as_bytes()).is_ok_and(|json| has_jwk(&json)) {
            return Self::Broken("HS256");
        }
        Self::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// A public RSA key in PEM.
    pub(crate) fn rsa(pem: &str) -> Self {
        let key = der(pem).and_then(|der| ParsedPublicKey::new(&RS256_1024, der).ok());
        key.map_or(Self::Broken("RS256"), |key| Self::Rsa(Box::new(key)))
    }

    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::Broken(algorithm) => algorithm,
        }
    }

    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match self {
            Self::Secret(key) => hmac::verify(key, signed, signature),
            Self::Rsa(key) => key.verify_sig(signed, signature),
            Self::Broken(_) => return Err(Refused::KeyBroken),
        };
        verified.map_err(|_| Refused::Invalid("signature"))
    }
}

/// Whether a PEM of any kind stands in a text; blanks may take the place of its inner dashes.
fn has_pem(text: &str) -> bool {
    let pem = |label| format!("----[- ]BEGIN {label}[- ]----.+----[- ]END {label}[- ]----");
    let any = format!("(?s){}", LABELS.map(pem).join("|"));
    Regex::new(&any).expect("a right pattern").is_match(text)
}

/// Whether one of the objects in `json` is a JSON Web Key.
fn has_jwk(json: &Json) -> bool {
    match json {
        Json::Object(fields) => json.field("kty").is_some() || fields.iter().any(|(_, value)| has_jwk(value)),
        Json::List(items) => items.iter().any(has_jwk),
        _ => false,
    }
}

/// The public key in the first PEM of a text, if it is one. `PUBLIC KEY` has a SubjectPublicKeyInfo, `RSA PUBLIC KEY`
/// that or the bare numbers. An empty line ends a block of headers.
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body = body.trim_ascii_start();
    let (headers, body) =
        body.split_once("\n\n").or_else(|| body.split_once("\r\n\r\n")).unwrap_or(("", body));
    if !headers.lines().all(|header| header.contains(':')) {
        return None;
    }
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    let fits = label == "RSA PUBLIC KEY" || label == "PUBLIC KEY" && has_inner_sequence(&der);
    fits.then_some(der)
}

/// Whether the outermost value of `der` begins with a sequence, as a SubjectPublicKeyInfo does.
fn has_inner_sequence(der: &[u8]) -> bool {
    let length = der.get(1).map_or(0, |first| if *first < 0x80 { 0 } else { usize::from(first & 0x7f) });
    der.get(2 + length) == Some(&SEQUENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_look_like_other_keys_cannot_be_used() {
        for (secret, works) in [
            ("-----BEGIN CERTIFICATE-----x", true),
            ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", false),
            ("-----END CERTIFICATE-----x-----BEGIN CERTIFICATE-----", true),
            ("-----BEGIN CERTIFICATE-----x-----END PUBLIC KEY-----", true),
            ("-----BEGIN X-----x-----END X-----", true),
            ("-----BEGIN X509 CRL-----END X509 CRL-----", true),
            ("---- BEGIN SSH2 PUBLIC KEY ----x---- END SSH2 PUBLIC KEY ----", false),
            ("x ssh-rsa y", true),
            (" ssh-dss x", true),
            ("ssh-dss x", false),
            ("ecdsa-sha2-nistp521", false),
            ("ecdsa-sha2-x", true),
            (r#"[{"a":{"kty":1}}]"#, false),
            (r#"{"a":"kty"}"#, true),
            (r#"x{"kty":1}"#, true),
        ] {
            assert_eq!(matches!(Key::secret(secret), Key::Secret(_)), works, "{secret}");
        }
    }

    #[test]
    fn public_keys() {
        let pair = wire::token::key_pair().expect("a key pair");
        let good = &*pair.public_pem;
        let text: String = good.lines().filter(|line| !line.starts_with('-')).collect();
        // A SubjectPublicKeyInfo of 2048 bits has 24 bytes before the bare numbers.
        let bare = STANDARD.encode(&STANDARD.decode(&text).expect("a key")[24..]);
        let pem = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----");
        let (begin, end) = text.split_at(64);
        for (pem, works) in [
            (good.to_owned(), true),
            (format!("\"x {}\"", good.replace('\n', "\r\n\u{a0} ")), true),
            (good.replace('\n', ""), true),
            (pem("RSA PUBLIC KEY", &text), true),
            (pem("RSA PUBLIC KEY", &bare), true),
            (pem("PUBLIC KEY", &bare), false),
            (pem("CERTIFICATE", &text), false),
            (pem("X", "AAAA") + good, false),
            (pem("PUBLIC KEY", &format!("\n\n{text}")), true),
            (pem("PUBLIC KEY", &format!("{begin}\n \n{end}")), true),
            (pem("PUBLIC KEY", &format!("{begin}\n\n{end}")), false),
            (pem("PUBLIC KEY", &format!("{text}\n")), false),
            (good.replace('\n', "\n\n"), false),
            (pem("PUBLIC KEY", &format!("Proc-Type: 4,CLEAR\n\n{text}")), true),
            (pem("PUBLIC KEY", &format!("A:b\r\nC: d\r\n\r\n{text}")), true),
            (pem("PUBLIC KEY", &format!("A: b\n c\n\n{text}")), false),
            (pem("PUBLIC KEY", &format!("A: b\n{text}")), false),
            (good.replace('\n', "\\n"), false),
            (pem("PUBLIC KEY", "AAAA"), false),
            (pem("PUBLIC KEY", ""), false),
            ("not a pem".to_owned(), false),
        ] {
            assert_eq!(matches!(Key::rsa(&pem), Key::Rsa(_)), works, "{pem}");
        }
    }
}
