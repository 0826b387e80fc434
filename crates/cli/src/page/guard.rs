//! Who may ask: hosts by which the page is known, and pages of its own origin. Pure decisions, and the headers that every
//! answer bears. It must not know what is asked for.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN, REFERER};
use http::{HeaderMap, HeaderValue, Method, Uri};

/// What the page itself may load: its own files, and nothing within the page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What a report may: scripts and styles that are within it, in an origin of its own, without any connection.
pub(super) const REPORT_POLICY: &str = "sandbox allow-scripts allow-downloads; default-src 'none'; \
     script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Names by which the page may be asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    names: Vec<String>,
    any_address: bool,
}

impl Hosts {
    /// Loopback's names, the address that is bound, and what `--web-host` names. A page bound to every address may be
    /// asked by any of them: a name that was pointed at it is a name still.
    pub(super) fn new(bound: IpAddr, named: &[String]) -> Self {
        let mut names: Vec<String> = named.iter().map(|name| name.to_lowercase()).collect();
        names.push(bound.to_string());
        Self { names, any_address: bound.is_unspecified() }
    }

    /// Whether a `Host` header names the page.
    pub(super) fn allows(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
        if host.contains('@') {
            return false;
        }
        let name = authority.host().trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
        let address = name.parse::<IpAddr>().ok();
        let loopback = name == "localhost"
            || name.ends_with(".localhost")
            || address.is_some_and(|address| address.is_loopback());
        loopback || self.names.contains(&name) || (self.any_address && address.is_some())
    }
}

/// Whether a request is a page's of another origin that is to have no say here.
pub(super) fn is_foreign(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site");
    if headers.get_all("sec-fetch-site").iter().count() > 1 {
        return true;
    }
    if !changes(method, uri.path()) {
        // What is only read tells a page of another origin nothing; but a stream would take a reader's place. A link
        // from elsewhere may lead here, and the script of a report has no origin.
        let leads_here = text("sec-fetch-mode") == Some("navigate");
        let script = uri.path().ends_with(measure::export::SCRIPT_FILE);
        return matches!(site, Some("cross-site" | "same-site")) && !leads_here && !script;
    }
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let own = |value: &HeaderValue| is_own(value.to_str().unwrap_or_default(), host);
    let origins = headers.get_all(ORIGIN).iter().all(own);
    // Where there is an Origin it says enough; a reader may be told to leave the Referer out.
    let is_own = origins && (headers.contains_key(ORIGIN) || headers.get_all(REFERER).iter().all(own));
    !is_own
}

fn is_own(origin: &str, host: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let scheme = origin.scheme_str().unwrap_or_default();
    let same = origin.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host));
    matches!(scheme, "http" | "https") && same
}

/// Whether a request changes anything. Locust's scripts stop and reset by GET.
fn changes(method: &Method, path: &str) -> bool {
    !matches!(*method, Method::GET | Method::HEAD) || matches!(path, "/stop" | "/stats/reset")
}

/// Headers of every answer that does not bear them already.
pub(super) fn mark(headers: &mut HeaderMap) {
    let all = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in all {
        if !headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let loopback = Hosts::new(IpAddr::from([127, 0, 0, 1]), &[]);
        let named = Hosts::new(IpAddr::from([10, 0, 0, 5]), &["10.0.0.5".into(), "Load.example".into()]);
        let everywhere = Hosts::new(IpAddr::from([0, 0, 0, 0]), &[]);
        for (host, expected) in [
            ("localhost:8089", [true, true, true]),
            ("127.0.0.1:8089", [true, true, true]),
            ("127.9.9.9", [true, true, true]),
            ("[::1]:8089", [true, true, true]),
            ("page.localhost", [true, true, true]),
            ("LOCALHOST.", [true, true, true]),
            ("10.0.0.5:8089", [false, true, true]),
            ("load.example", [false, true, false]),
            ("10.0.0.6", [false, false, true]),
            ("evil.example", [false, false, false]),
            ("localhost.evil.example", [false, false, false]),
            ("127.0.0.1.evil.example", [false, false, false]),
            ("127.0.0.1@evil.example", [false, false, false]),
            ("", [false, false, false]),
        ] {
            let found = [&loopback, &named, &everywhere].map(|hosts| hosts.allows(host));
            assert_eq!(found, expected, "{host}");
        }
    }

    fn check(method: Method, path: &str, headers: &[(&'static str, &str)], foreign: bool) {
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_static("localhost:8089"));
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header's value"));
        }
        let uri: Uri = path.parse().expect("a path");
        assert_eq!(is_foreign(&method, &uri, &map), foreign, "{method} {path} {headers:?}");
    }

    #[test]
    fn origins() {
        let own = "http://localhost:8089";
        for (method, path) in
            [(Method::POST, "/api/start"), (Method::GET, "/stop"), (Method::GET, "/stats/reset")]
        {
            let check =
                |headers: &[(&'static str, &str)], foreign| check(method.clone(), path, headers, foreign);
            check(&[], false);
            check(&[("origin", own)], false);
            check(&[("origin", "https://localhost:8089")], false);
            check(&[("origin", own), ("sec-fetch-site", "same-origin")], false);
            check(&[("sec-fetch-site", "none")], false);
            check(&[("referer", "http://localhost:8089/x?y")], false);
            for origin in
                ["null", "http://evil.example", "http://localhost:8090", "http://localhost", "x", ""]
            {
                check(&[("origin", origin)], true);
                check(&[("origin", own), ("origin", origin)], true);
                check(&[("origin", origin), ("referer", own)], true);
            }
            for site in ["cross-site", "same-site", "odd"] {
                check(&[("sec-fetch-site", site)], true);
                check(&[("sec-fetch-site", site), ("origin", own)], true);
                check(&[("sec-fetch-site", site), ("sec-fetch-mode", "navigate")], true);
            }
            check(&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], true);
            check(&[("referer", "http://evil.example/http://localhost:8089")], true);
        }
        let events =
            |headers: &[(&'static str, &str)], foreign| check(Method::GET, "/api/events", headers, foreign);
        events(&[], false);
        events(&[("origin", "http://evil.example")], false);
        events(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")], true);
        check(Method::GET, "/", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], false);
    }
}
