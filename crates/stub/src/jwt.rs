//! Tokens: JWT with HS256 or RS256, with times checked by the stub's own clock.
//!
//! It must not read the system's time, which is why the library's own checks are switched off.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::refusal::Refusal;

/// What tokens are checked with.
pub(crate) enum Tokens {
    /// No key was given.
    NoKey,
    /// The key looks like PEM but cannot be read.
    BrokenKey,
    /// A key and its algorithm.
    Key(Box<(DecodingKey, Validation)>),
}

impl Tokens {
    /// RS256 with a public key in PEM, or else HS256 with the text as its secret.
    pub(crate) fn new(key: Option<&str>) -> Self {
        let Some(key) = key else { return Self::NoKey };
        let is_pem = key.contains("BEGIN PUBLIC KEY") || key.contains("BEGIN RSA PUBLIC KEY");
        let (algorithm, decoding) = if is_pem {
            let Ok(decoding) = DecodingKey::from_rsa_pem(key.as_bytes()) else { return Self::BrokenKey };
            (Algorithm::RS256, decoding)
        } else {
            (Algorithm::HS256, DecodingKey::from_secret(key.as_bytes()))
        };
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        Self::Key(Box::new((decoding, validation)))
    }

    /// The caller whom the value of `Authorization` names at the Unix time `now_ns`.
    pub(crate) fn caller(&self, header: &[u8], now_ns: u64) -> Result<Caller, Refusal> {
        if header.is_empty() {
            return Err(Refusal::AuthorizationMissing);
        }
        let token = header.strip_prefix(b"Bearer ").ok_or(Refusal::AuthorizationMalformed)?;
        if token.is_empty() {
            return Err(Refusal::TokenMissing);
        }
        let (key, validation) = match self {
            Self::NoKey => return Err(Refusal::JwtKeyMissing),
            Self::BrokenKey if jsonwebtoken::decode_header(token).is_err() => {
                return Err(Refusal::TokenInvalid("garbage"));
            }
            Self::BrokenKey => return Err(Refusal::Crash("the public key is no PEM")),
            Self::Key(key) => &**key,
        };
        let claims = decode::<Map<String, Value>>(token, key, validation).map_err(|error| {
            Refusal::TokenInvalid(match error.kind() {
                ErrorKind::InvalidSignature => "signature",
                ErrorKind::InvalidAlgorithm => "algorithm",
                _ => "garbage",
            })
        })?;
        caller(&claims.claims, now_ns as f64 / 1e9)
    }
}

/// Checks the claims in the order in which the real server's library does.
fn caller(claims: &Map<String, Value>, now_s: f64) -> Result<Caller, Refusal> {
    for name in ["iat", "nbf"] {
        if time_s(claims, name)?.is_some_and(|at_s| at_s > now_s) {
            return Err(Refusal::TokenInvalid("not yet valid"));
        }
    }
    if time_s(claims, "exp")?.is_some_and(|at_s| at_s <= now_s) {
        return Err(Refusal::TokenExpired);
    }
    if claims.get("aud").is_some_and(|aud| !aud.is_null()) {
        return Err(Refusal::TokenInvalid("an audience"));
    }
    let Some(Value::String(user)) = claims.get("sub") else {
        return Err(Refusal::TokenInvalid("no subject"));
    };
    if claims.get("jti").is_some_and(|jti| !jti.is_string()) {
        return Err(Refusal::TokenInvalid("an id that is no text"));
    }
    Ok(Caller::new(user, texts(claims, "roles")?, texts(claims, "scopes")?))
}

/// A time in whole seconds; integers, fractions and digits in quotes are taken.
fn time_s(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Refusal> {
    let seconds = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(digits)) => digits.trim().parse::<i64>().ok().map(|n| n as f64),
        Some(_) => None,
    };
    seconds.map(|s| Some(s.trunc())).ok_or(Refusal::TokenInvalid("a time that is no number"))
}

fn texts(claims: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(vec![]) };
    let list = value
        .as_array()
        .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    list.ok_or(Refusal::Crash("roles or scopes that are no list of texts"))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::Engine;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn sign(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes()))
            .expect("a token")
    }

    /// What the value of `Authorization` leads to: the user, or the refusal's detail.
    fn outcome(tokens: &Tokens, header: &str) -> String {
        match tokens.caller(header.as_bytes(), NOW_S * 1_000_000_000) {
            Ok(caller) => format!("{} {} {}", caller.user, caller.roles.join("+"), caller.scopes.join("+")),
            Err(refusal) => format!("{} {}", refusal.status().as_u16(), refusal.detail()),
        }
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn headers() {
        let tokens = Tokens::new(Some("secret"));
        for (header, expected) in [
            ("", "401 Missing authorization header"),
            ("Basic x", "401 Invalid authorization header format"),
            ("bearer x", "401 Invalid authorization header format"),
            ("Bearer", "401 Invalid authorization header format"),
            ("Bearer ", "401 Missing token"),
            ("Bearer x", "401 Invalid token"),
            ("Bearer a.b.c", "401 Invalid token"),
            ("Bearer é.b.c", "401 Invalid token"),
        ] {
            assert_eq!(outcome(&tokens, header), expected, "`{header}`");
        }
        assert_eq!(outcome(&Tokens::new(None), "Bearer x"), "500 JWT key not configured");
    }

    #[test]
    fn claims() {
        let tokens = Tokens::new(Some("secret"));
        let crash = "500 Internal Server Error";
        for (claims, expected) in [
            (json!({"sub": "ann"}), "ann  "),
            (json!({"sub": "", "exp": NOW_S + 1}), "  "),
            (json!({"sub": "ann", "exp": NOW_S}), "401 Token expired"),
            (json!({"sub": "ann", "exp": format!("{}", NOW_S - 1)}), "401 Token expired"),
            (json!({"sub": "ann", "exp": NOW_S as f64 + 9.5}), "ann  "),
            (json!({"sub": "ann", "exp": "soon"}), "401 Invalid token"),
            (json!({"sub": "ann", "nbf": NOW_S + 1}), "401 Invalid token"),
            (json!({"sub": "ann", "iat": NOW_S + 1, "exp": 1}), "401 Invalid token"),
            (json!({"sub": "ann", "iat": NOW_S, "nbf": NOW_S}), "ann  "),
            (json!({"sub": 5}), "401 Invalid token"),
            (json!({}), "401 Invalid token"),
            (json!({"sub": "ann", "aud": "x"}), "401 Invalid token"),
            (json!({"sub": "ann", "jti": 5}), "401 Invalid token"),
            (json!({"sub": "ann", "iss": 5, "roles": ["a", "b"], "scopes": ["c"]}), "ann a+b c"),
            (json!({"sub": "ann", "roles": "a"}), crash),
            (json!({"sub": "ann", "scopes": [1]}), crash),
        ] {
            let token = sign(Algorithm::HS256, "secret", &claims);
            assert_eq!(outcome(&tokens, &format!("Bearer {token}")), expected, "{claims}");
        }
    }

    #[test]
    fn only_the_one_algorithm_and_the_one_key() {
        let claims = json!({"sub": "ann"});
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key pair");
        let private: Pkcs8V1Der<'_> = pair.as_der().expect("the private key");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("the public key");
        let (private, public) = (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()));
        let key = EncodingKey::from_rsa_pem(private.as_bytes()).expect("the private key");
        let rs = |algorithm| encode(&Header::new(algorithm), &claims, &key).expect("a token");
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
        for (configured, token, expected) in [
            (&*public, rs(Algorithm::RS256), "ann  "),
            (&*public, rs(Algorithm::RS384), "401 Invalid token"),
            (&*public, rs(Algorithm::PS256), "401 Invalid token"),
            (&*public, sign(Algorithm::HS256, &public, &claims), "401 Invalid token"),
            ("s", sign(Algorithm::HS256, "s", &claims), "ann  "),
            ("s", sign(Algorithm::HS256, "other", &claims), "401 Invalid token"),
            ("s", sign(Algorithm::HS512, "s", &claims), "401 Invalid token"),
            ("s", unsigned.to_owned(), "401 Invalid token"),
            ("-----BEGIN PUBLIC KEY-----\\n", rs(Algorithm::RS256), "500 Internal Server Error"),
            ("-----BEGIN PUBLIC KEY-----\\n", "garbage".to_owned(), "401 Invalid token"),
        ] {
            assert_eq!(
                outcome(&Tokens::new(Some(configured)), &format!("Bearer {token}")),
                expected,
                "{token}"
            );
        }
    }
}
