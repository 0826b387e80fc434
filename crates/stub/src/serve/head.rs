//! A scanned head as a request: its header map, how long its body is, and what it asks of the connection.
//!
//! It must not know sockets, nor what is answered.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Version as HttpVersion};

use super::scan::{Bad, Scan, Version};
use super::target;

const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes.
    Length(u64),
    Chunked,
}

/// A request without its body, and what it asks of the connection.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request<()>,
    pub(super) framing: Framing,
    /// Whether another request may follow on the connection.
    pub(super) keeps_alive: bool,
    /// Whether the client waits for `100 Continue`.
    pub(super) expects: bool,
    /// Whether it wants to be a WebSocket.
    pub(super) is_websocket: bool,
    /// Whether what follows it would be no HTTP: nothing of that is understood, and all of it read over.
    pub(super) is_last: bool,
}

/// The request that `scan` found in `bytes`. Blanks after a value are part of it unless `trims`.
pub(super) fn read(scan: &Scan, bytes: &Bytes, trims: bool) -> Result<Head, Bad> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(&bytes[scan.method.clone()]).map_err(|_| Bad::Syntax)?;
    *request.uri_mut() = target::read(&bytes.slice(scan.target.clone()))?;
    *request.version_mut() =
        if scan.version == Version::V11 { HttpVersion::HTTP_11 } else { HttpVersion::HTTP_10 };
    let headers = fields(scan, bytes, trims)?;
    let is_tunnel = request.method() == Method::CONNECT;
    let framing = match framing(&headers) {
        // Of a tunnel it does not matter how the body would be encoded.
        Err(_) if is_tunnel && !headers.contains_key(CONTENT_LENGTH) => Framing::Length(0),
        framing => framing?,
    };
    let mut head = Head {
        framing: if is_tunnel { Framing::Length(0) } else { framing },
        keeps_alive: match scan.version {
            Version::V11 => !asks_connection(&headers, b"close"),
            Version::V10 => false,
            Version::V09 | Version::V20 => asks_connection(&headers, b"keep-alive"),
        },
        expects: headers
            .get_all(EXPECT)
            .iter()
            .any(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")),
        is_websocket: is_websocket(&headers),
        is_last: is_tunnel || headers.contains_key(UPGRADE) && asks_connection(&headers, b"upgrade"),
        request,
    };
    *head.request.headers_mut() = headers;
    Ok(head)
}

fn fields(scan: &Scan, bytes: &Bytes, trims: bool) -> Result<HeaderMap, Bad> {
    let mut headers = HeaderMap::with_capacity(scan.fields.len());
    for field in &scan.fields {
        let name = HeaderName::from_bytes(&bytes[field.name.clone()]).map_err(|_| Bad::Syntax)?;
        let value = &bytes[field.value.clone()];
        let value = if trims { trim(value, b" \t") } else { value };
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(value)).map_err(|_| Bad::Syntax)?;
        headers.try_append(name, value).map_err(|_| Bad::TooLarge)?;
    }
    Ok(headers)
}

/// One length in digits, or encodings of which the last and only the last is `chunked`, or no body at all.
fn framing(headers: &HeaderMap) -> Result<Framing, Bad> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let encodings = headers.get_all(TRANSFER_ENCODING);
    match (lengths.next(), lengths.next()) {
        (None, _) if encodings.iter().next().is_none() => Ok(Framing::Length(0)),
        (None, _) => {
            let mut names = encodings.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
            let is_chunked = |name: &[u8]| trim(name, b" ").eq_ignore_ascii_case(b"chunked");
            let is_last = names.next_back().is_some_and(is_chunked);
            if is_last && !names.any(is_chunked) { Ok(Framing::Chunked) } else { Err(Bad::Syntax) }
        }
        (Some(length), None) if encodings.iter().next().is_none() => {
            number(trim(length.as_bytes(), b" \t")).map(Framing::Length).ok_or(Bad::Syntax)
        }
        (Some(_), _) => Err(Bad::Syntax),
    }
}

/// A number in digits alone.
fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

fn trim<'a>(mut text: &'a [u8], blanks: &[u8]) -> &'a [u8] {
    while let [first, rest @ ..] = text
        && blanks.contains(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && blanks.contains(last)
    {
        text = rest;
    }
    text
}

/// Whether `Connection`, or `Proxy-Connection`, lists this word.
fn asks_connection(headers: &HeaderMap, word: &[u8]) -> bool {
    let mut lists = headers.get_all(CONNECTION).iter().chain(headers.get_all(PROXY_CONNECTION));
    lists.any(|list| lists_word(list, word))
}

fn lists_word(list: &HeaderValue, word: &[u8]) -> bool {
    list.as_bytes().split(|byte| *byte == b',').any(|item| trim(item, b" \t").eq_ignore_ascii_case(word))
}

/// Of several `Connection` and `Upgrade` headers the last counts.
fn is_websocket(headers: &HeaderMap) -> bool {
    let last = |name| headers.get_all(name).iter().next_back();
    last(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && last(CONNECTION).is_some_and(|list| lists_word(list, b"upgrade"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(first: &str, fields: &str, trims: bool) -> Result<Head, Bad> {
        let bytes = Bytes::from(format!("{first}\r\n{fields}\r\n\r\n"));
        let mut scan = Scan::head();
        let end = scan.go_on(&bytes)?;
        assert_eq!(end, Some(bytes.len()), "{fields}");
        read(&scan, &bytes, trims)
    }

    /// The framing that these fields make.
    #[track_caller]
    fn check(fields: &str, expected: Option<Framing>) {
        let head = parse("POST / HTTP/1.1", fields, false);
        assert_eq!(head.map(|head| head.framing).ok(), expected, "{fields:?}");
    }

    #[test]
    fn a_body_is_as_long_as_the_real_server_takes_it_for() {
        check("a: b", Some(Framing::Length(0)));
        for (value, length) in
            [("7", 7), (" 7 ", 7), ("7\t", 7), ("007", 7), ("18446744073709551615", u64::MAX), ("0", 0)]
        {
            check(&format!("Content-Length: {value}"), Some(Framing::Length(length)));
        }
        for value in ["", " ", "+7", "-7", "7x", "7,7", "7 7", "0x7", "7;", "18446744073709551616"] {
            check(&format!("Content-Length: {value}"), None);
        }
        check("Content-Length: 7\r\nContent-Length: 7", None);
        check("Content-Length: 7\r\nTransfer-Encoding: chunked", None);
        check("Transfer-Encoding: chunked\r\nContent-Length: 7", None);
        for value in ["chunked", "Chunked", "CHUNKED ", "gzip, chunked", "gzip,chunked", ",chunked"] {
            check(&format!("Transfer-Encoding: {value}"), Some(Framing::Chunked));
        }
        for value in [
            "",
            "gzip",
            "identity",
            "chunked, gzip",
            "chunked, chunked",
            "chunkedx",
            "xchunked",
            "chunked;x",
            "\"chunked\"",
            "chunked,",
            "chun ked",
            "chunked\t",
            "chunked ,x",
            "x chunked",
        ] {
            check(&format!("Transfer-Encoding: {value}"), None);
        }
        check("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Some(Framing::Chunked));
        check("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", None);
        check("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", None);
    }

    #[test]
    fn after_a_tunnel_or_an_upgrade_nothing_is_http() {
        for (first, fields, expected) in [
            ("GET / HTTP/1.1", "Upgrade: h2c", false),
            ("GET / HTTP/1.1", "Connection: upgrade", false),
            ("GET / HTTP/1.1", "Upgrade: h2c\r\nConnection: x, Upgrade", true),
            ("GET / HTTP/1.1", "Connection: upgrade\r\nConnection: x\r\nUpgrade:", true),
            ("CONNECT / HTTP/1.1", "Transfer-Encoding: chunked", true),
            ("CONNECT / HTTP/1.1", "Transfer-Encoding: gzip", true),
            ("CONNECT / HTTP/1.1", "Content-Length: 7", true),
        ] {
            let head = parse(first, fields, false).expect("a request");
            assert_eq!(head.is_last, expected, "{first} {fields}");
            assert_eq!(head.framing, Framing::Length(0), "{first} {fields}");
        }
        assert!(parse("CONNECT / HTTP/1.1", "Content-Length: x", false).is_err());
        assert!(parse("CONNECT / HTTP/1.1", "Content-Length: 1\r\nTransfer-Encoding: x", false).is_err());
    }

    #[test]
    fn who_may_go_on_is_who_may_with_the_real_server() {
        for (first, fields, expected) in [
            ("GET / HTTP/1.1", "a: b", true),
            ("GET / HTTP/1.1", "Connection: keep-alive", true),
            ("GET / HTTP/1.1", "Connection: closex", true),
            ("GET / HTTP/1.1", "Connection: close x", true),
            ("GET / HTTP/1.1", "Connection: Close \t", false),
            ("GET / HTTP/1.1", "Connection: x, close , y", false),
            ("GET / HTTP/1.1", "Connection: close\r\nConnection: keep-alive", false),
            ("GET / HTTP/1.1", "Proxy-Connection: close", false),
            ("GET / HTTP/1.0", "Connection: keep-alive", false),
            ("GET / HTTP/2.0", "a: b", false),
            ("GET /", "a: b", false),
            ("GET /", "Connection: close, keep-alive", true),
        ] {
            let head = parse(first, fields, false).expect("a request");
            assert_eq!(head.keeps_alive, expected, "{first} {fields}");
        }
    }

    #[test]
    fn a_websocket_and_an_expectation_are_recognised() {
        for (fields, is_websocket, expects) in [
            ("Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade", true, false),
            ("Upgrade: websocket", false, false),
            ("Upgrade: websocket \r\nConnection: Upgrade", false, false),
            ("Upgrade: h2c\r\nConnection: Upgrade", false, false),
            ("Upgrade: websocket\r\nConnection: Upgrade\r\nConnection: close", false, false),
            ("Expect: 100-Continue", false, true),
            ("Expect: 100-continue ", false, false),
        ] {
            let head = parse("GET / HTTP/1.1", fields, false).expect("a request");
            assert_eq!((head.is_websocket, head.expects), (is_websocket, expects), "{fields}");
        }
    }

    #[test]
    fn blanks_after_a_value_are_kept_or_trimmed() {
        for (trims, expected) in [(false, "key \t"), (true, "key")] {
            let head = parse("GET / HTTP/1.1", "X-API-Key:   key \t\r\nB: \t ", trims).expect("a request");
            assert_eq!(head.request.headers()["x-api-key"], expected);
            assert_eq!(head.request.headers()["b"], "");
        }
    }
}
