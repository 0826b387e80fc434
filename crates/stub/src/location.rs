//! The URL that a client is sent to: the server as the client sees it, a path, and the query as it was.
//!
//! The rules are those of the real server's framework: what it takes for a host, and what it escapes. It must not know
//! routes, nor whom to trust.

use std::fmt::Write;
use std::net::Ipv6Addr;
use std::sync::LazyLock;

use http::HeaderValue;
use http::request::Parts;
use regex::Regex;

use crate::gate;

/// Where the real server listens: what it calls itself to a client that names no host, or none that can be one.
const SERVER: &str = "127.0.0.1:8000";
/// What stands in a URL as it is, beside letters and digits.
const PLAIN: &[u8] = b"_.-~:/%#?=@[]!$&'()*+,;";

/// A `Host` header that can be one: the name or address, and the port if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    pub(crate) name: &'a str,
    port: Option<&'a str>,
}

impl<'a> Host<'a> {
    /// Reads the header; nothing if it would change what a URL means.
    pub(crate) fn parse(header: &'a [u8]) -> Option<Self> {
        static HOST: LazyLock<Regex> = LazyLock::new(|| {
            let pattern = concat!(
                r"^([a-zA-Z0-9._~%!$&'()*+,;=-]+",
                r"|\[(?:([a-fA-F0-9]*:[a-fA-F0-9.:]+)|v[a-fA-F0-9]+\.[a-zA-Z0-9._~!$&'()*+,;=:-]+)\])",
                r"(?::([0-9]+))?$"
            );
            Regex::new(pattern).expect("a pattern")
        });
        let found = HOST.captures(std::str::from_utf8(header).ok()?)?;
        let part = |number| found.get(number).map(|part| part.as_str());
        if part(2).is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
            return None;
        }
        Some(Self { name: part(1)?, port: part(3) })
    }

    /// As it stands in a URL; nothing if the port is beyond 65535.
    fn authority(self) -> Option<String> {
        let Some(port) = self.port else { return Some(self.name.to_owned()) };
        let digits = port.trim_start_matches('0');
        let fits = digits.is_empty() || digits.parse::<u16>().is_ok();
        fits.then(|| format!("{}:{port}", self.name))
    }
}

/// The URL of a decoded `path` at the server that the client asked, with `before` put before its name.
pub(crate) fn location(head: &Parts, scheme: &str, before: &str, path: &str) -> HeaderValue {
    let host = gate::host(head).and_then(Host::parse).and_then(Host::authority);
    let host = host.as_deref().unwrap_or(SERVER);
    let path = path.replace('?', "%3F").replace('#', "%23").replace('\\', "%5C");
    let mut url = format!("{scheme}://{before}{host}{path}");
    if let Some(query) = head.uri.query().filter(|query| !query.is_empty()) {
        url.push('?');
        url.push_str(query);
    }
    HeaderValue::from_str(&quoted(&url)).unwrap_or(HeaderValue::from_static("/"))
}

/// `text` with what is not plain as `%` and two digits a byte.
fn quoted(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut quoted, byte| {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "%{byte:02X}");
        }
        quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_can_be_none_gives_way_to_the_servers_own() {
        for (host, expected) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("EXAMPLE.com", "EXAMPLE.com"),
            ("x:0099", "x:0099"),
            ("x:00065535", "x:00065535"),
            ("x:65536", SERVER),
            ("x:", SERVER),
            ("x:y", SERVER),
            ("x ", SERVER),
            ("", SERVER),
            ("a@b", SERVER),
            ("/evil", SERVER),
            ("x?y", SERVER),
            ("\u{e9}", SERVER),
            ("[::1]:8000", "[::1]:8000"),
            ("[::g]", SERVER),
            ("[1:2]", SERVER),
            ("[v1.x]", "[v1.x]"),
            ("[V1.x]", SERVER),
            ("::1", SERVER),
        ] {
            let request = http::Request::get("/health/").header("host", host).body(()).expect("a request");
            let url = location(&request.into_parts().0, "http", "", "/health");
            assert_eq!(url, format!("http://{expected}/health"), "{host:?}");
        }
    }

    #[test]
    fn what_is_not_plain_is_escaped() {
        for (target, path, expected) in [
            ("/x/?", "/x", "https://www.h/x"),
            ("/x/?a=%20b&c=/d?", "/x", "https://www.h/x?a=%20b&c=/d?"),
            ("/x/?a|b^{c}", "/x", "https://www.h/x?a%7Cb%5E%7Bc%7D"),
            ("/", "/a ?#\\é%", "https://www.h/a%20%3F%23%5C%C3%A9%"),
        ] {
            let request = http::Request::get(target).header("host", "h").body(()).expect("a request");
            let url = location(&request.into_parts().0, "https", "www.", path);
            assert_eq!(url, expected, "{target} {path}");
        }
    }
}
