//! Signed tokens as the real server's library opens them: three parts, one algorithm, one key, then the times.
//!
//! It must not know what else a token claims, nor what is answered when it is refused; nor the system's time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::{Json, parse};
use crate::python::{digit, strip};

mod key;

pub(crate) use key::Key;

/// Longest number that Python reads out of a text.
const DIGITS_MAX: usize = 4300;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// With what is wrong.
    Invalid(&'static str),
    Expired,
    /// There is nothing wrong with the token so far, but the key cannot be used.
    KeyBroken,
}

/// The claims of a token that `key` has signed and whose times are right at the Unix time `now_ns`: an object.
pub(crate) fn open(token: &[u8], key: &Key, now_ns: u64) -> Result<Json, Refused> {
    let garbage = Refused::Invalid("garbage");
    let mut from_end = token.rsplitn(2, |byte| *byte == b'.');
    let (Some(signature), Some(signed)) = (from_end.next(), from_end.next()) else { return Err(garbage) };
    let mut from_begin = signed.splitn(2, |byte| *byte == b'.');
    let (Some(header), Some(payload)) = (from_begin.next(), from_begin.next()) else { return Err(garbage) };
    let header = segment(header).and_then(object).ok_or(garbage)?;
    let payload = segment(payload).ok_or(garbage)?;
    let signature = segment(signature).ok_or(garbage)?;
    check_header(&header, key.algorithm())?;
    key.verify(signed, &signature)?;
    let claims = object(payload).ok_or(garbage)?;
    check_claims(&claims, now_ns).map(|()| claims)
}

/// The bytes of one part: base64url with no padding or the right one, and no bit that counts for nothing.
fn segment(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 || padding > 0 && !text.len().is_multiple_of(4) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(&text[..text.len() - padding]).ok()
}

fn object(bytes: Vec<u8>) -> Option<Json> {
    parse(&bytes).ok().filter(|value| matches!(value, Json::Object(_)))
}

fn check_header(header: &Json, algorithm: &str) -> Result<(), Refused> {
    let known_extensions = |crit: &Json| match crit {
        Json::List(names) => {
            !names.is_empty()
                && names.iter().all(|name| name.as_text() == Some("b64") && header.field("b64").is_some())
        }
        _ => false,
    };
    if header.field("kid").is_some_and(|kid| !matches!(kid, Json::Text(_))) {
        return Err(Refused::Invalid("a key id that is no text"));
    }
    if header.field("crit").is_some_and(|crit| !known_extensions(crit))
        || header.field("b64") == Some(&Json::Bool(false))
    {
        return Err(Refused::Invalid("an unknown extension"));
    }
    match header.field("alg").and_then(Json::as_text) {
        Some(named) if named == algorithm => Ok(()),
        _ => Err(Refused::Invalid("algorithm")),
    }
}

/// The times and the claims that have one right kind, in the library's order.
fn check_claims(claims: &Json, now_ns: u64) -> Result<(), Refused> {
    // The library's clock has microseconds.
    let now_s = (now_ns / 1_000) as f64 / 1e6;
    for name in ["iat", "nbf"] {
        if time_s(claims, name)?.is_some_and(|at_s| at_s > now_s) {
            return Err(Refused::Invalid("not yet valid"));
        }
    }
    if time_s(claims, "exp")?.is_some_and(|at_s| at_s <= now_s) {
        return Err(Refused::Expired);
    }
    if claims.field("aud").is_some_and(is_true) {
        return Err(Refused::Invalid("an audience"));
    }
    for (name, why) in [("sub", "a subject that is no text"), ("jti", "an id that is no text")] {
        if claims.field(name).is_some_and(|value| !matches!(value, Json::Text(_))) {
            return Err(Refused::Invalid(why));
        }
    }
    Ok(())
}

/// What Python takes for true.
fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(yes) => *yes,
        Json::Int(digits) => digits != "0",
        Json::Float(float) => *float != 0.0,
        Json::Text(text) => !text.bytes().is_empty(),
        Json::List(items) => !items.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
    }
}

/// A time in whole seconds, of all that Python's `int` takes.
fn time_s(claims: &Json, name: &str) -> Result<Option<f64>, Refused> {
    let seconds = match claims.field(name) {
        None => return Ok(None),
        Some(Json::Int(digits)) => digits.parse().ok(),
        Some(Json::Float(float)) => Some(float.trunc()).filter(|float| float.is_finite()),
        Some(Json::Bool(yes)) => Some(f64::from(u8::from(*yes))),
        Some(Json::Text(text)) => text.whole().and_then(whole_number),
        Some(_) => None,
    };
    seconds.map(Some).ok_or(Refused::Invalid("a time that is no number"))
}

/// A whole number as Python's `int` reads it: blanks around it, one sign, single underscores between digits of any
/// script.
fn whole_number(text: &str) -> Option<f64> {
    // Among ASCII alone it knows fewer blanks.
    let text = if text.is_ascii() { text.trim() } else { strip(text) };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut number = text[..text.len() - digits.len()].to_owned();
    for group in digits.split('_') {
        if group.is_empty() {
            return None;
        }
        for c in group.chars() {
            number.push(char::from(b'0' + digit(c)?));
        }
    }
    if number.len() <= DIGITS_MAX { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn token(header: &str, claims: &str, secret: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn opened(token: &str) -> Result<(), Refused> {
        open(token.as_bytes(), &Key::secret("secret"), NOW_S * 1_000_000_000 + 500).map(|_| ())
    }

    #[test]
    fn headers() {
        for (header, expected) in [
            (r#"{"alg":"HS256"}"#, Ok(())),
            (r#"{"alg":"HS256","kid":"k","typ":5,"b64":true,"crit":["b64"]}"#, Ok(())),
            (r#"{"alg":"none"}"#, Err(Refused::Invalid("algorithm"))),
            (r#"{"alg":["HS256"]}"#, Err(Refused::Invalid("algorithm"))),
            ("{}", Err(Refused::Invalid("algorithm"))),
            (r#"{"alg":"HS256","kid":5}"#, Err(Refused::Invalid("a key id that is no text"))),
            (r#"{"alg":"HS256","crit":[]}"#, Err(Refused::Invalid("an unknown extension"))),
            (r#"{"alg":"HS256","crit":["b64"]}"#, Err(Refused::Invalid("an unknown extension"))),
            (r#"{"alg":"HS256","b64":false}"#, Err(Refused::Invalid("an unknown extension"))),
            ("[]", Err(Refused::Invalid("garbage"))),
            ("x", Err(Refused::Invalid("garbage"))),
        ] {
            assert_eq!(opened(&token(header, "{}", "secret")), expected, "{header}");
        }
    }

    #[test]
    fn parts() {
        let good = token(r#"{"alg":"HS256"}"#, "{}", "secret");
        let garbage = Err(Refused::Invalid("garbage"));
        for (text, expected) in [
            (good.clone(), Ok(())),
            (format!("{good}="), Ok(())),
            (format!("{good}=="), garbage),
            (format!("{good} "), garbage),
            (format!(" {good}"), garbage),
            (good.replacen('.', ".!", 1), garbage),
            (good.replace('.', ""), garbage),
            (format!("a.{good}"), garbage),
            (token(r#"{"alg":"HS256"}"#, "[1]", "secret"), garbage),
            (token(r#"{"alg":"HS256"}"#, "{}", "other"), Err(Refused::Invalid("signature"))),
            (
                format!("{}.", good.rsplit_once('.').expect("three parts").0),
                Err(Refused::Invalid("signature")),
            ),
        ] {
            assert_eq!(opened(&text), expected, "{text}");
        }
    }

    #[test]
    fn claims() {
        let number = Err(Refused::Invalid("a time that is no number"));
        let early = Err(Refused::Invalid("not yet valid"));
        for (claims, expected) in [
            (format!(r#"{{"exp":{}}}"#, NOW_S + 1), Ok(())),
            (format!(r#"{{"exp":{NOW_S}}}"#), Err(Refused::Expired)),
            (format!(r#"{{"exp":{}.9}}"#, NOW_S), Err(Refused::Expired)),
            (format!(r#"{{"exp":" +1_{} "}}"#, NOW_S + 1), Ok(())),
            (r#"{"exp":"１８００００００٠１"}"#.into(), Ok(())),
            (r#"{"exp":"\u001c1_٣"}"#.into(), Err(Refused::Expired)),
            (r#"{"exp":"\u001c13"}"#.into(), number),
            (r#"{"exp":"1__0"}"#.into(), number),
            (r#"{"exp":"½"}"#.into(), number),
            (r#"{"exp":"1.5"}"#.into(), number),
            (r#"{"exp":""}"#.into(), number),
            (r#"{"exp":null}"#.into(), number),
            (r#"{"exp":NaN}"#.into(), number),
            (r#"{"exp":true}"#.into(), Err(Refused::Expired)),
            (format!(r#"{{"exp":{}}}"#, "9".repeat(400)), Ok(())),
            (format!(r#"{{"nbf":{NOW_S},"iat":{NOW_S}}}"#), Ok(())),
            (format!(r#"{{"nbf":{}}}"#, NOW_S + 1), early),
            (format!(r#"{{"iat":{},"exp":1}}"#, NOW_S + 1), early),
            (r#"{"exp":1,"aud":"x","sub":5}"#.into(), Err(Refused::Expired)),
            (r#"{"aud":"x"}"#.into(), Err(Refused::Invalid("an audience"))),
            (r#"{"aud":[]}"#.into(), Ok(())),
            (r#"{"sub":null}"#.into(), Err(Refused::Invalid("a subject that is no text"))),
            (r#"{"jti":5}"#.into(), Err(Refused::Invalid("an id that is no text"))),
        ] {
            assert_eq!(opened(&token(r#"{"alg":"HS256"}"#, &claims, "secret")), expected, "{claims}");
        }
    }

    #[test]
    fn broken_keys_come_last() {
        let key = Key::secret("ssh-rsa");
        let outcome = |token: &str| open(token.as_bytes(), &key, 0).map(|_| ());
        assert_eq!(outcome("a.b.c"), Err(Refused::Invalid("garbage")));
        assert_eq!(outcome(&token(r#"{"alg":"RS256"}"#, "{}", "x")), Err(Refused::Invalid("algorithm")));
        assert_eq!(outcome(&token(r#"{"alg":"HS256"}"#, "{}", "x")), Err(Refused::KeyBroken));
    }
}
