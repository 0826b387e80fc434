//! CSRF tokens: a signed one goes out as cookie and header, and unsafe methods must bring both back.
//!
//! It must not know what a refusal looks like.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::request::Parts;
use subtle::ConstantTimeEq;
use wire::Seed;

use crate::answer::Answer;
use crate::settings::CsrfSettings;

const COOKIE_NAME: &str = "csrf_token";
const HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
const LIFETIME_S: u64 = 3_600;
/// Paths that want no token.
const EXCLUDED: [&str; 9] = [
    "/health",
    "/metrics",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/a2a/card",
    "/ask",
    "/whoami",
    "/a2a/message",
];

pub(super) struct Csrf {
    key: hmac::Key,
    secure: bool,
    excluded: Vec<String>,
    seed: Seed,
    issued: AtomicU64,
}

impl Csrf {
    pub(super) fn new(settings: &CsrfSettings, seed: Seed) -> Self {
        let secret = match &settings.secret {
            Some(secret) => secret.0.as_bytes().to_vec(),
            None => random(seed, "csrf secret", 0).to_vec(),
        };
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            secure: settings.secure,
            excluded: settings.exclude_paths.clone(),
            seed,
            issued: AtomicU64::new(0),
        }
    }

    /// Whether the request may go on: a safe method, a path that wants no token, or a token that fits.
    pub(super) fn admits(&self, method: &Method, path: &str, headers: &HeaderMap, unix_s: u64) -> bool {
        if is_safe(method) || self.excludes(path) {
            return true;
        }
        let (Some(cookie), Some(header)) = (cookie(headers), headers.get(HEADER)) else { return false };
        bool::from(cookie.as_bytes().ct_eq(header.as_bytes())) && self.is_ours(&cookie, unix_s)
    }

    fn excludes(&self, path: &str) -> bool {
        EXCLUDED.contains(&path) || self.excluded.iter().any(|excluded| excluded == path)
    }

    /// Signed by us and not too old; one from the future is taken.
    fn is_ours(&self, token: &str, unix_s: u64) -> bool {
        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        let Some((_, issued_s)) = signed.split_once('.') else { return false };
        let Ok(issued_s) = issued_s.parse::<u64>() else { return false };
        let fresh = unix_s.saturating_sub(issued_s) <= LIFETIME_S;
        fresh && bool::from(self.signature(signed).as_bytes().ct_eq(signature.as_bytes()))
    }

    /// HMAC-SHA-256 in hexadecimal.
    fn signature(&self, signed: &str) -> String {
        let tag = hmac::sign(&self.key, signed.as_bytes());
        tag.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn token(&self, unix_s: u64) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let mut token = URL_SAFE_NO_PAD.encode(random(self.seed, "csrf token", number));
        let _ = write!(token, ".{unix_s}");
        let signature = self.signature(&token);
        token.push('.');
        token.push_str(&signature);
        token
    }

    /// Gives a token to whoever asks by GET without one, and a new one to whoever used theirs.
    pub(super) fn decorate(&self, head: &Parts, path: &str, unix_s: u64, answer: &mut Answer) {
        let wants = if head.method == Method::GET {
            cookie(&head.headers).is_none()
        } else {
            !is_safe(&head.method) && !self.excludes(path) && answer.status.as_u16() < 400
        };
        if !wants {
            return;
        }
        let token = self.token(unix_s);
        let secure = if self.secure { "; Secure" } else { "" };
        let set = format!("{COOKIE_NAME}={token}; Max-Age={LIFETIME_S}; Path=/; SameSite=strict{secure}");
        for (name, value) in [(SET_COOKIE, set), (HEADER, token)] {
            answer.push(name, HeaderValue::try_from(value).expect("a token fits a header"));
        }
    }
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// 32 random bytes.
fn random(seed: Seed, name: &str, number: u64) -> [u8; 32] {
    let mut stream = seed.stream(name, number);
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&stream.next_u64().to_le_bytes());
    }
    bytes
}

/// The cookie's value, if there is one that is not empty. Of several the last counts, in all headers together.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let texts = headers.get_all(COOKIE).iter().map(|header| String::from_utf8_lossy(header.as_bytes()));
    let last = |text: Cow<'_, str>| {
        let mut values = text.split(';').filter_map(|part| part.split_once('='));
        let (_, value) = values.rfind(|(name, _)| name.trim() == COOKIE_NAME)?;
        Some(unquoted(value.trim()))
    };
    texts.rev().find_map(last).filter(|value| !value.is_empty())
}

/// What stands between quotes, with `\"` for a quote, `\\` for a backslash and three octal digits for any byte.
fn unquoted(value: &str) -> String {
    let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(mut rest) = inside else { return value.to_owned() };
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let octal = after.get(..3).filter(|digits| {
            digits.starts_with(['0', '1', '2', '3'])
                && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
        });
        let number = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        rest = match (number, after.chars().next()) {
            (Some(number), _) => {
                text.push(char::from(number));
                &after[3..]
            }
            (None, Some(escaped)) => {
                text.push(escaped);
                &after[escaped.len_utf8()..]
            }
            (None, None) => {
                text.push('\\');
                after
            }
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    const NOW_S: u64 = 1_800_000_000;

    fn csrf(secret: &str) -> Csrf {
        let secret = Some(Secret(secret.to_owned()));
        Csrf::new(&CsrfSettings { secret, ..CsrfSettings::default() }, Seed(1))
    }

    fn admits(csrf: &Csrf, cookie: &str, header: &str, now_s: u64) -> bool {
        let headers = [(COOKIE, format!("a=b; csrf_token={cookie}")), (HEADER, header.to_owned())];
        let headers = headers.map(|(name, value)| (name, HeaderValue::try_from(value).expect("a header")));
        csrf.admits(&Method::POST, "/x", &HeaderMap::from_iter(headers), now_s)
    }

    #[test]
    fn only_a_fresh_pair_of_ours_passes() {
        let ours = csrf("s");
        let (token, foreign) = (ours.token(NOW_S), csrf("t").token(NOW_S));
        assert_ne!(token, ours.token(NOW_S));
        assert_eq!(token.find('.'), Some(43), "{token}");
        for (cookie, header, now_s, expected) in [
            (&*token, &*token, NOW_S, true),
            (&token, &token, NOW_S + 3_600, true),
            (&token, &token, NOW_S + 3_601, false),
            (&token, &token, NOW_S - 9_999, true),
            (&token, "other", NOW_S, false),
            (&foreign, &foreign, NOW_S, false),
            ("x", "x", NOW_S, false),
            ("a.b.c", "a.b.c", NOW_S, false),
            ("", "", NOW_S, false),
        ] {
            assert_eq!(admits(&ours, cookie, header, now_s), expected, "{cookie} {header} {now_s}");
        }
    }

    #[test]
    fn cookies_are_read_as_the_real_server_reads_them() {
        for (headers, expected) in [
            (&[][..], None),
            (&["a=b"], None),
            (&["csrf_token"], None),
            (&["csrf_token="], None),
            (&["csrf_token=\"\""], None),
            (&["CSRF_TOKEN=x"], None),
            (&["csrf_token=x"], Some("x")),
            (&["a=b;csrf_token = x=y ; c"], Some("x=y")),
            (&["csrf_token=x; csrf_token=y"], Some("y")),
            (&["csrf_token=x; csrf_token="], None),
            (&["a=b", "csrf_token=x"], Some("x")),
            (&["csrf_token=x", "csrf_token=y", "a=b"], Some("y")),
            (&["csrf_token=\"x\\\"y\\101\\\\z\""], Some("x\"yA\\z")),
            (&["csrf_token=\"x"], Some("\"x")),
        ] {
            let headers = headers.iter().map(|value| (COOKIE, HeaderValue::from_static(value)));
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            assert_eq!(cookie(&map).as_deref(), expected, "{map:?}");
        }
    }

    #[test]
    fn safe_methods_and_listed_paths_want_none() {
        let mut ours = csrf("s");
        ours.excluded.push("/mine".to_owned());
        for (method, path, expected) in [
            (Method::GET, "/x", true),
            (Method::TRACE, "/x", true),
            (Method::DELETE, "/x", false),
            (Method::POST, "/ask", true),
            (Method::POST, "/ask/", false),
            (Method::POST, "/mine", true),
        ] {
            assert_eq!(ours.admits(&method, path, &HeaderMap::new(), NOW_S), expected, "{method} {path}");
        }
    }
}
