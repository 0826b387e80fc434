//! Callers by token: JWT with HS256 or RS256, with times checked by the stub's own clock.
//!
//! It must not know how a token is opened, which is `jws`'s, nor the system's time.

use crate::caller::Caller;
use crate::json::Json;
use crate::jws::{Key, Refused, open};
use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;

/// What callers' tokens are checked with.
pub(crate) struct Tokens {
    /// None, if none was given.
    key: Option<Key>,
    repairs: Repairs,
}

impl Tokens {
    /// RS256 with a public key in PEM, or else HS256 with the text as its secret.
    pub(crate) fn new(key: Option<&str>, repairs: Repairs) -> Self {
        let key = key.map(|text| {
            if !text.contains("BEGIN PUBLIC KEY") && !text.contains("BEGIN RSA PUBLIC KEY") {
                Key::secret(text)
            } else if repairs.has(Quirk::EscapedPem) {
                Key::rsa(&text.replace("\\n", "\n"))
            } else {
                Key::rsa(text)
            }
        });
        Self { key, repairs }
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
        let key = self.key.as_ref().ok_or(Refusal::JwtKeyMissing)?;
        let claims = open(token, key, now_ns).map_err(|refused| match refused {
            Refused::Invalid(why) => Refusal::TokenInvalid(why),
            Refused::Expired => Refusal::TokenExpired,
            Refused::KeyBroken => Refusal::Crash("the key of tokens cannot be used"),
        })?;
        let user = match claims.field("sub") {
            Some(Json::Text(text)) => {
                text.whole().ok_or_else(|| self.broken("a subject with a surrogate"))?
            }
            _ => return Err(Refusal::TokenInvalid("no subject")),
        };
        Ok(Caller::new(user, self.texts(&claims, "roles")?, self.texts(&claims, "scopes")?))
    }

    fn texts(&self, claims: &Json, name: &str) -> Result<Vec<String>, Refusal> {
        let list = match claims.field(name) {
            None => return Ok(vec![]),
            Some(Json::List(items)) => items.iter().map(|item| item.as_text().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        list.ok_or_else(|| self.broken("roles or scopes that are no list of texts"))
    }

    /// What becomes of a token that is right but names no caller that the real server could make.
    fn broken(&self, why: &'static str) -> Refusal {
        if self.repairs.has(Quirk::RolesClaim) { Refusal::TokenInvalid(why) } else { Refusal::Crash(why) }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use serde_json::{Value, json};
    use wire::token::key_pair;

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

    #[test]
    fn headers() {
        let tokens = Tokens::new(Some("secret"), Repairs::NONE);
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
        assert_eq!(outcome(&Tokens::new(None, Repairs::NONE), "Bearer x"), "500 JWT key not configured");
    }

    #[test]
    fn claims() {
        let crash = "500 Internal Server Error";
        for (claims, expected, repaired) in [
            (json!({"sub": "ann"}), "ann  ", "ann  "),
            (json!({"sub": "", "exp": NOW_S + 1}), "  ", "  "),
            (json!({"sub": "ann", "exp": NOW_S}), "401 Token expired", "401 Token expired"),
            (json!({"sub": "ann", "nbf": NOW_S + 1}), "401 Invalid token", "401 Invalid token"),
            (json!({"sub": 5}), "401 Invalid token", "401 Invalid token"),
            (json!({}), "401 Invalid token", "401 Invalid token"),
            (json!({"sub": "ann", "iss": 5, "roles": ["a", "b"], "scopes": ["c"]}), "ann a+b c", "ann a+b c"),
            (json!({"sub": "ann", "exp": "٣", "roles": 5}), "401 Token expired", "401 Token expired"),
            (json!({"sub": "ann", "nbf": "１２３"}), "ann  ", "ann  "),
            (json!({"sub": "ann", "roles": "a"}), crash, "401 Invalid token"),
            (json!({"sub": "ann", "roles": null}), crash, "401 Invalid token"),
            (json!({"sub": "ann", "scopes": [1]}), crash, "401 Invalid token"),
        ] {
            let header = format!("Bearer {}", sign(Algorithm::HS256, "secret", &claims));
            for (repairs, expected) in
                [(Repairs::NONE, expected), (Repairs::NONE.with(Quirk::RolesClaim), repaired)]
            {
                assert_eq!(outcome(&Tokens::new(Some("secret"), repairs), &header), expected, "{claims}");
            }
        }
    }

    #[test]
    fn surrogates_name_nobody() {
        for (repairs, expected) in [
            (Repairs::NONE, "500 Internal Server Error"),
            (Repairs::NONE.with(Quirk::RolesClaim), "401 Invalid token"),
        ] {
            // {"alg":"HS256"} and {"sub":"\ud800"}
            let signed = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJcdWQ4MDAifQ";
            let key = EncodingKey::from_secret(b"secret");
            let tag = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).expect("a tag");
            let header = format!("Bearer {signed}.{tag}");
            assert_eq!(outcome(&Tokens::new(Some("secret"), repairs), &header), expected, "{repairs:?}");
        }
    }

    #[test]
    fn only_the_one_algorithm_and_the_one_key() {
        let claims = json!({"sub": "ann"});
        let pair = key_pair().expect("a key pair");
        let (public, escaped) = (&*pair.public_pem, &*pair.public_pem.replace('\n', "\\n"));
        let key = EncodingKey::from_rsa_pem(pair.private_pem.as_bytes()).expect("the private key");
        let rs = |algorithm| encode(&Header::new(algorithm), &claims, &key).expect("a token");
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
        let repaired = Repairs::NONE.with(Quirk::EscapedPem);
        for (configured, token, repairs, expected) in [
            (public, rs(Algorithm::RS256), Repairs::NONE, "ann  "),
            (public, rs(Algorithm::RS384), Repairs::NONE, "401 Invalid token"),
            (public, rs(Algorithm::PS256), Repairs::NONE, "401 Invalid token"),
            (public, sign(Algorithm::HS256, public, &claims), Repairs::NONE, "401 Invalid token"),
            ("s", sign(Algorithm::HS256, "s", &claims), Repairs::NONE, "ann  "),
            ("s", sign(Algorithm::HS256, "other", &claims), Repairs::NONE, "401 Invalid token"),
            ("s", sign(Algorithm::HS512, "s", &claims), Repairs::NONE, "401 Invalid token"),
            ("s", unsigned.to_owned(), Repairs::NONE, "401 Invalid token"),
            (escaped, rs(Algorithm::RS256), Repairs::NONE, "500 Internal Server Error"),
            (escaped, "garbage".to_owned(), Repairs::NONE, "401 Invalid token"),
            (escaped, sign(Algorithm::HS256, "s", &claims), Repairs::NONE, "401 Invalid token"),
            (escaped, rs(Algorithm::RS256), repaired, "ann  "),
        ] {
            let tokens = Tokens::new(Some(configured), repairs);
            assert_eq!(outcome(&tokens, &format!("Bearer {token}")), expected, "{token}");
        }
    }
}
