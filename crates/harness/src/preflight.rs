//! Whether the server can be reached at all, asked before the first user starts.
//!
//! A connection is made and closed; no request is sent, so the server's own counts stay the harness's.

use std::time::Duration;

use reqwest::Url;
use tokio::net::{TcpStream, lookup_host};
use wire::{Clock, Mistakes};

const LIMIT: Duration = Duration::from_secs(5);

/// A server's base address.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    /// The same without a slash at its end.
    base: String,
}

/// The server cannot be reached.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{url} cannot be reached: {reason}; start the server, or give the right address with -H")]
pub struct Unreachable {
    url: String,
    reason: String,
}

impl Target {
    /// Reads an address such as `http://127.0.0.1:8000`.
    ///
    /// # Errors
    /// When it is no http or https address.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let remedy = "give one like http://127.0.0.1:8000";
        match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
                mistakes.push("--host", format!("`{text}` is no http or https address"), remedy);
                Err(mistakes)
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                mistakes.push("--host", format!("`{text}` has a query or fragment"), remedy);
                Err(mistakes)
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                let remedy = "send credentials with a header of the scenario";
                mistakes.push(
                    "--host",
                    format!("`{}` holds a user or password", url.host_str().unwrap_or_default()),
                    remedy,
                );
                Err(mistakes)
            }
            Ok(url) => Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), url }),
            Err(error) => {
                mistakes.push("--host", format!("`{text}` is no address: {error}"), remedy);
                Err(mistakes)
            }
        }
    }

    /// The address, as messages and files show it.
    pub fn shown(&self) -> String {
        self.base.clone()
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Host, an address of version 6 without brackets, and port.
    pub(crate) fn place(&self) -> (String, u16) {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        (host, self.url.port_or_known_default().unwrap_or(80))
    }

    /// The address of `path` on this server, and on no other: it is appended, not resolved.
    pub(crate) fn join(&self, path: &str) -> Result<Url, String> {
        if !path.starts_with('/') {
            return Err(format!("{path}: a path begins with `/`"));
        }
        Url::parse(&format!("{}{path}", self.base)).map_err(|error| format!("{path}: {error}"))
    }
}

/// Connects to the server and hangs up.
///
/// # Errors
/// When its name has no address, or nothing answers there within 5 s.
pub async fn preflight(target: &Target, clock: Clock) -> Result<(), Unreachable> {
    let unreachable = |reason: String| Unreachable { url: target.shown(), reason };
    let (host, port) = target.place();
    let connect = async {
        let addresses: Vec<_> = lookup_host((host.as_str(), port))
            .await
            .map_err(|e| format!("no address for `{host}`: {e}"))?
            .collect();
        let mut reason = format!("no address for `{host}`");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(_) => return Ok(()),
                Err(error) => reason = format!("{address}: {error}"),
            }
        }
        Err(reason)
    };
    match clock.timeout(LIMIT, connect).await {
        Ok(result) => result.map_err(unreachable),
        Err(_) => Err(unreachable(format!("no connection within {} s", LIMIT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path` on `base` is `expected`, or is refused.
    fn check(base: &str, path: &str, expected: Option<&str>) {
        let target = Target::parse(base).expect("an address");
        let joined = target.join(path).map(|url| url.to_string());
        assert_eq!(joined.as_deref().ok(), expected, "{path} on {base}: {joined:?}");
        if let Ok(url) = target.join(path) {
            let place = |url: &Url| (url.host_str().map(str::to_owned), url.port(), url.scheme().to_owned());
            assert_eq!(place(&url), place(&target.url), "{path} leaves {base}");
        }
    }

    #[test]
    fn no_path_leaves_the_target() {
        let base = "http://127.0.0.1:8000";
        for (base, path, expected) in [
            (base, "/ask", Some("http://127.0.0.1:8000/ask")),
            (base, "//x", Some("http://127.0.0.1:8000//x")),
            (base, "//evil.org:81/x", Some("http://127.0.0.1:8000//evil.org:81/x")),
            (base, "/\\evil.org/x", Some("http://127.0.0.1:8000//evil.org/x")),
            (base, "/@evil.org", Some("http://127.0.0.1:8000/@evil.org")),
            (base, "/http://evil.org/", Some("http://127.0.0.1:8000/http://evil.org/")),
            (base, "/?a=b", Some("http://127.0.0.1:8000/?a=b")),
            ("http://a.org/", "//x", Some("http://a.org//x")),
            ("https://a.org/api/", "/ask", Some("https://a.org/api/ask")),
            ("https://[::1]:81", "//x", Some("https://[::1]:81//x")),
            (base, "", None),
            (base, "@evil.org/x", None),
            (base, ":81/x", None),
            (base, "1/x", None),
            ("http://a.org", ".evil.org/x", None),
            (base, "http://evil.org/", None),
            (base, "?a=b", None),
        ] {
            check(base, path, expected);
        }
    }
}
