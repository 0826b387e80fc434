//! The client's address as limits see it: the peer's, or what a trusted proxy says in `X-Forwarded-For`; and
//! the scheme that the proxy was asked by.
//!
//! The rules are those of the real server's HTTP layer, down to what it takes for an address. It must not know
//! limits.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::quirk::{Quirk, Repairs};

const LOCALHOST: &str = "127.0.0.1";
/// The schemes that a proxy may name; the first is that of the socket.
const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];
/// Whom the real server trusts if nobody is named.
const TRUSTED_DEFAULT: &str = "127.0.0.1,::1";

/// The peer's address.
pub(crate) fn peer(extensions: &http::Extensions) -> IpAddr {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(Ipv4Addr::LOCALHOST.into(), |info| info.0.ip().to_canonical())
}

/// The proxies whose `X-Forwarded-For` counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proxies {
    /// `*`: whoever connects.
    Everyone,
    /// Those that are listed.
    Listed(Listed),
}

/// Addresses, networks, and texts that are neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    addresses: BTreeSet<IpAddr>,
    networks: Vec<Network>,
    texts: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: IpAddr,
    prefix_bits: u32,
}

impl Proxies {
    /// The proxies of `FORWARDED_ALLOW_IPS`: `*`, or addresses and networks between commas. What is neither is
    /// kept as a text, and an entry of the header is trusted if it is the same text.
    pub(crate) fn new(allowed: Option<&str>, repairs: Repairs) -> Self {
        let default = if repairs.has(Quirk::ForwardedFor) { "" } else { TRUSTED_DEFAULT };
        let allowed = allowed.unwrap_or(default);
        if allowed == "*" {
            return Self::Everyone;
        }
        let mut listed = Listed::default();
        for host in allowed.split(',').map(str::trim) {
            if let Ok(address) = host.parse() {
                listed.addresses.insert(address);
            } else if let Some(network) = Network::parse(host) {
                listed.networks.push(network);
            } else {
                listed.texts.insert(host.to_owned());
            }
        }
        Self::Listed(listed)
    }

    /// The client's address: of a trusted peer, the last entry of all `X-Forwarded-For` that is not trusted
    /// itself, or the first if all are; the peer's own if that entry is empty, and for any other peer.
    pub(crate) fn client(&self, head: &Parts) -> Cow<'static, str> {
        let peer = peer(&head.extensions);
        let forwarded = if self.trust(peer) { self.forwarded(&head.headers) } else { None };
        match forwarded {
            Some(host) => Cow::Owned(host),
            None if peer == Ipv4Addr::LOCALHOST => Cow::Borrowed(LOCALHOST),
            None => Cow::Owned(peer.to_string()),
        }
    }

    /// The scheme of the client's URL: `http`, unless a trusted proxy says otherwise in `X-Forwarded-Proto`, of which
    /// the last counts.
    pub(crate) fn scheme(&self, head: &Parts) -> &'static str {
        let last = head.headers.get_all("x-forwarded-proto").iter().next_back();
        let Some(said) = last.filter(|_| self.trust(peer(&head.extensions))) else { return SCHEMES[0] };
        let said = latin1(said);
        SCHEMES.into_iter().find(|scheme| *scheme == said.trim()).unwrap_or(SCHEMES[0])
    }

    /// Whether what `peer` forwards counts.
    fn trust(&self, peer: IpAddr) -> bool {
        match self {
            Self::Everyone => true,
            Self::Listed(listed) => listed.holds(peer),
        }
    }

    fn forwarded(&self, headers: &HeaderMap) -> Option<String> {
        let mut values = headers.get_all("x-forwarded-for").iter().map(latin1);
        let mut text = values.next()?;
        for value in values {
            text.push(',');
            text.push_str(&value);
        }
        let hosts = || text.split(',').map(|entry| host(entry.trim()));
        let host = match self {
            Self::Everyone => hosts().next(),
            Self::Listed(listed) => hosts().rfind(|host| !listed.names(host)).or_else(|| hosts().next()),
        };
        host.filter(|host| !host.is_empty()).map(str::to_owned)
    }
}

impl Listed {
    fn holds(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.networks.iter().any(|network| network.holds(address))
    }

    /// Whether an entry of the header is trusted.
    fn names(&self, host: &str) -> bool {
        match host.parse() {
            Ok(address) => self.holds(address),
            Err(_) => !host.is_empty() && self.texts.contains(host),
        }
    }
}

impl Network {
    /// `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `fd00::/8`; nothing if bits beyond the prefix are set.
    fn parse(text: &str) -> Option<Self> {
        let (base, suffix) = text.split_once('/')?;
        let base: IpAddr = base.parse().ok()?;
        let prefix_bits = if suffix.bytes().all(|byte| byte.is_ascii_digit()) {
            suffix.parse().ok().filter(|prefix_bits| *prefix_bits <= width(base))
        } else if base.is_ipv4() {
            prefix_of_mask(suffix.parse().ok()?)
        } else {
            None
        }?;
        let network = Self { base, prefix_bits };
        let host_bits = bits(base) & !(u128::MAX.checked_shl(width(base) - prefix_bits).unwrap_or(0));
        (host_bits == 0).then_some(network)
    }

    fn holds(self, address: IpAddr) -> bool {
        let beyond = width(self.base) - self.prefix_bits;
        let differing = (bits(self.base) ^ bits(address)).checked_shr(beyond).unwrap_or(0);
        address.is_ipv4() == self.base.is_ipv4() && differing == 0
    }
}

/// The length of a prefix that is written as a mask, `255.0.0.0` or the other way round `0.255.255.255`.
fn prefix_of_mask(mask: Ipv4Addr) -> Option<u32> {
    let mask = mask.to_bits();
    let is_prefix = |bits: &u32| bits.leading_ones() == bits.count_ones();
    [mask, !mask].iter().find(|bits| is_prefix(bits)).map(|bits| bits.count_ones())
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { Ipv4Addr::BITS } else { u128::BITS }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Bytes as the characters of the same number.
fn latin1(value: &HeaderValue) -> String {
    value.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

/// An entry without its port: `1.2.3.4:5`, `[::1]:5` and `[::1]`; anything else is taken whole.
fn host(entry: &str) -> &str {
    if let Some(bracketed) = entry.strip_prefix('[') {
        return match bracketed.split_once(']') {
            Some((host, after)) if after.is_empty() || after.starts_with(':') => host,
            _ => entry,
        };
    }
    match entry.split_once(':') {
        Some((host, port)) if is_whole_number(port) => host,
        _ => entry,
    }
}

/// Whether Python's `int` reads it: a sign and underscores between digits are fine.
fn is_whole_number(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Option<&str> = None;

    fn check(allowed: Option<&str>, repairs: Repairs, peer: &str, headers: &[&str], expected: &str) {
        let mut request = http::Request::builder();
        for value in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            request = request.header("x-forwarded-for", value);
        }
        let (mut head, ()) = request.body(()).expect("a request").into_parts();
        let peer: IpAddr = peer.parse().expect("an address");
        head.extensions.insert(ConnectInfo(SocketAddr::new(peer, 9)));
        let got = Proxies::new(allowed, repairs).client(&head);
        assert_eq!(got, expected, "{allowed:?} {peer} {headers:?}");
    }

    #[test]
    fn the_last_entry_that_is_not_trusted_counts() {
        for (peer, headers, expected) in [
            ("127.0.0.1", &[][..], "127.0.0.1"),
            ("127.0.0.1", &["10.9.9.9"], "10.9.9.9"),
            ("127.0.0.1", &["10.9.9.1, 10.9.9.2"], "10.9.9.2"),
            ("127.0.0.1", &["10.9.9.5, 127.0.0.1"], "10.9.9.5"),
            ("127.0.0.1", &["10.9.9.5", " 10.9.9.6 "], "10.9.9.6"),
            ("127.0.0.1", &["10.9.9.5", "127.0.0.1"], "10.9.9.5"),
            ("127.0.0.1", &["127.0.0.1:80,127.0.0.1"], "127.0.0.1"),
            ("127.0.0.1", &["10.9.9.5:8080"], "10.9.9.5"),
            ("127.0.0.1", &["10.9.9.5: +8_0 "], "10.9.9.5"),
            ("127.0.0.1", &["10.9.9.5:http"], "10.9.9.5:http"),
            ("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("127.0.0.1", &["[2001:db8::1]:x"], "2001:db8::1"),
            ("127.0.0.1", &["[2001:db8::1]x"], "[2001:db8::1]x"),
            ("127.0.0.1", &["[2001:db8::1"], "[2001:db8::1"),
            ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("127.0.0.1", &["not an address"], "not an address"),
            ("127.0.0.1", &["é"], "Ã©"),
            // An empty entry is nobody, so the peer stays.
            ("127.0.0.1", &[""], "127.0.0.1"),
            ("127.0.0.1", &["10.9.9.5,"], "127.0.0.1"),
            ("127.0.0.1", &["10.9.9.5", ""], "127.0.0.1"),
            ("127.0.0.1", &[",10.9.9.5"], "10.9.9.5"),
            ("127.0.0.1", &["*"], "*"),
            ("::ffff:127.0.0.1", &["10.9.9.9"], "10.9.9.9"),
            ("127.0.0.4", &["10.9.9.9"], "127.0.0.4"),
            ("::1", &["10.9.9.9"], "10.9.9.9"),
            ("127.0.0.1", &["10.9.9.5, ::1"], "10.9.9.5"),
            ("10.0.0.1", &["10.9.9.9"], "10.0.0.1"),
        ] {
            check(DEFAULT, Repairs::NONE, peer, headers, expected);
            check(Some("127.0.0.1,::1"), Repairs::ALL, peer, headers, expected);
        }
    }

    #[test]
    fn trust_is_listed() {
        let net = "10.0.0.0/8, 192.168.0.0/255.255.0.0,172.16.0.0/0.15.255.255 ,fd00::/8, ::1";
        for (allowed, peer, header, expected) in [
            ("", "127.0.0.1", "10.9.9.9", "127.0.0.1"),
            ("none", "127.0.0.1", "10.9.9.9", "127.0.0.1"),
            ("*", "8.8.8.8", "10.9.9.1, 10.9.9.2", "10.9.9.1"),
            ("*", "8.8.8.8", ", 10.9.9.2", "8.8.8.8"),
            (" *", "8.8.8.8", "10.9.9.1", "8.8.8.8"),
            ("*,127.0.0.1", "127.0.0.1", "1.1.1.1, *", "1.1.1.1"),
            (net, "10.255.0.1", "1.1.1.1, 192.168.7.7, 172.31.0.1, fd12::1, 0:0::1", "1.1.1.1"),
            (net, "10.255.0.1", "192.168.7.7, 10.0.0.1", "192.168.7.7"),
            (net, "10.255.0.1", "192.169.7.7, 10.0.0.1", "192.169.7.7"),
            (net, "127.0.0.1", "1.1.1.1", "127.0.0.1"),
            ("::/0", "::1", "1.1.1.1, fe80::1", "1.1.1.1"),
            ("0.0.0.0/0", "1.2.3.4", "::1, 1.1.1.1", "::1"),
            // Bits beyond the prefix: a text, not a network.
            ("10.0.0.1/8", "10.0.0.1", "1.1.1.1", "10.0.0.1"),
            ("127.0.0.1,10.0.0.1/8,me", "127.0.0.1", "1.1.1.1, me, 10.0.0.1/8", "1.1.1.1"),
            ("10.0.0.0/33,10.0.0.0/,fd00::/ffff::", "10.0.0.0", "1.1.1.1", "10.0.0.0"),
            ("127.0.0.1, localhost", "127.0.0.1", "10.9.9.9, localhost", "10.9.9.9"),
        ] {
            for repairs in [Repairs::NONE, Repairs::ALL] {
                check(Some(allowed), repairs, peer, &[header], expected);
            }
        }
    }

    #[test]
    fn a_trusted_proxy_names_the_scheme() {
        for (peer, said, expected) in [
            ("127.0.0.1", &[][..], "http"),
            ("127.0.0.1", &["https"], "https"),
            ("127.0.0.1", &["https "], "https"),
            ("127.0.0.1", &["HTTPS"], "http"),
            ("127.0.0.1", &["wss"], "wss"),
            ("127.0.0.1", &["https", "http"], "http"),
            ("127.0.0.1", &["http", "https"], "https"),
            ("127.0.0.1", &["https, http"], "http"),
            ("127.0.0.4", &["https"], "http"),
        ] {
            let mut request = http::Request::builder();
            for value in said {
                request = request.header("x-forwarded-proto", *value);
            }
            let (mut head, ()) = request.body(()).expect("a request").into_parts();
            let peer = SocketAddr::new(peer.parse().expect("an address"), 9);
            head.extensions.insert(ConnectInfo(peer));
            assert_eq!(Proxies::new(DEFAULT, Repairs::NONE).scheme(&head), expected, "{peer} {said:?}");
        }
    }

    #[test]
    fn repaired_nobody_is_trusted_unless_listed() {
        let repairs = Repairs::NONE.with(Quirk::ForwardedFor);
        check(DEFAULT, repairs, "127.0.0.1", &["10.9.9.9"], "127.0.0.1");
        check(DEFAULT, repairs, "8.8.8.8", &["10.9.9.9"], "8.8.8.8");
    }
}
