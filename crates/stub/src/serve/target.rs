//! The target of a request: whether the real server takes it, and the path and query that are meant.
//!
//! It must not know which paths there are.

use bytes::Bytes;
use http::Uri;

use super::scan::Bad;

/// Path and query of `target`, which is visible ASCII: `/path?query#fragment`, the same after
/// `scheme://authority`, or `*`. Escapes are left as they are.
pub(super) fn read(target: &Bytes) -> Result<Uri, Bad> {
    let path = if target[0].is_ascii_alphabetic() { absolute(target)? } else { target.clone() };
    let end = path.iter().position(|byte| *byte == b'#').unwrap_or(path.len());
    let path = path.slice(..end);
    let is_plain = path[0] == b'/' && !path.iter().any(|byte| b"<>\"`".contains(byte));
    let path = if is_plain || path[..] == *b"*" { path } else { escaped(&path) };
    Uri::from_maybe_shared(path).map_err(|_| Bad::Syntax)
}

/// Escapes what a [`Uri`] cannot hold; the real server takes it, and knows no such path.
fn escaped(path: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(path.len() + 16);
    if path[0] == b'*' {
        text.push(b'/');
    }
    for byte in path {
        match byte {
            b'<' => text.extend_from_slice(b"%3C"),
            b'>' => text.extend_from_slice(b"%3E"),
            b'"' => text.extend_from_slice(b"%22"),
            b'`' => text.extend_from_slice(b"%60"),
            other => text.push(*other),
        }
    }
    text.into()
}

/// What follows the authority of an absolute target.
fn absolute(target: &Bytes) -> Result<Bytes, Bad> {
    let scheme = target.iter().position(|byte| !byte.is_ascii_alphabetic()).ok_or(Bad::Syntax)?;
    let rest = target[scheme..].strip_prefix(b"://").ok_or(Bad::Syntax)?;
    let length = rest.iter().position(|byte| b"/?#".contains(byte)).ok_or(Bad::Syntax)?;
    let (authority, path) = rest.split_at(length);
    if is_authority(authority) && path[0] == b'/' { Ok(target.slice_ref(path)) } else { Err(Bad::Syntax) }
}

/// `user:password@host:port`, where only the host must be there.
fn is_authority(text: &[u8]) -> bool {
    let (user, host) = match text.iter().position(|byte| *byte == b'@') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&b""[..], text),
    };
    let is_user = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.!~*'();:&=+$,%".contains(byte);
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    let is_address = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
    let (host, port) = match host.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|byte| *byte == b']') {
            Some(end) if end > 0 && rest[..end].iter().all(is_address) => (&rest[..end], &rest[end + 1..]),
            _ => return false,
        },
        None => host.split_at(host.iter().position(|byte| *byte == b':').unwrap_or(host.len())),
    };
    let is_host = !host.is_empty() && (text.contains(&b'[') || host.iter().all(is_host));
    user.iter().all(is_user) && is_host && is_port(port)
}

/// Nothing, or a colon and a number up to 65535.
fn is_port(text: &[u8]) -> bool {
    let Some(digits) = text.strip_prefix(b":") else { return text.is_empty() };
    let number = digits.iter().try_fold(0u32, |number, digit| {
        let number = number * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        (number <= 65_535).then_some(number)
    });
    !digits.is_empty() && number.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &'static str, expected: &str) {
        let read = read(&Bytes::from_static(target.as_bytes()));
        assert_eq!(read.map_or("400".into(), |uri| uri.to_string()), expected, "{target}");
    }

    #[test]
    fn targets_mean_what_they_mean_to_the_real_server() {
        for (target, expected) in [
            ("/health", "/health"),
            ("/echo?a?b#c?d", "/echo?a?b"),
            ("/echo#", "/echo"),
            ("/#?", "/"),
            ("/%zz|\\^{}", "/%zz|\\^{}"),
            ("/<`\">?<", "/%3C%60%22%3E?%3C"),
            ("//health", "//health"),
            ("*", "*"),
            ("*x", "/*x"),
            ("http://127.0.0.1:8000/health", "/health"),
            ("HTTP://u:p@[::1]:80/a?b#c", "/a?b"),
            ("ws://@a-b./", "/"),
            ("health", "400"),
            ("http://a", "400"),
            ("http://a?x", "400"),
            ("http://a#f", "400"),
            ("http:///a", "400"),
            ("http:/a", "400"),
            ("a:b", "400"),
            ("x.y:80", "400"),
            ("h2://a/b", "400"),
            ("http://a_b/", "400"),
            ("http://a:/", "400"),
            ("http://a:x/", "400"),
            ("http://a:65535/", "/"),
            ("http://a:65536/", "400"),
            ("http://user@/", "400"),
            ("http://a@b@c/", "400"),
            ("http://[/", "400"),
            ("http://[]/", "400"),
            ("http://[::1]x/", "400"),
        ] {
            check(target, expected);
        }
    }
}
