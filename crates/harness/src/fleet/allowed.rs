//! Which servers a worker lets itself be sent against. It must not know who asks.

use std::net::IpAddr;

use crate::Target;

/// Servers that a worker may load: those that were named, or the machine itself when none was.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Vec<(String, Option<u16>)>);

impl Allowed {
    /// From addresses such as `http://10.0.0.7:8000`, `weaver:8000` or `weaver`, which stands for all its ports.
    ///
    /// # Errors
    /// In words, when one is no address.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| place(text)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the worker may be sent there.
    ///
    /// # Errors
    /// In words, when not.
    pub(crate) fn check(&self, target: &Target) -> Result<(), String> {
        let (host, port) = target.place();
        let named = |(allowed, at): &(String, Option<u16>)| {
            allowed.eq_ignore_ascii_case(&host) && at.is_none_or(|at| at == port)
        };
        let fits = if self.0.is_empty() { is_loopback(&host) } else { self.0.iter().any(named) };
        if fits {
            return Ok(());
        }
        Err(format!("{host}:{port} is no target of this worker; start it with --allow-target {host}:{port}"))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn place(text: &str) -> Result<(String, Option<u16>), String> {
    if text.contains("://") {
        let target = Target::parse(text).map_err(|mistakes| mistakes.to_string())?;
        let (host, port) = target.place();
        return Ok((host, Some(port)));
    }
    // An address of version 6 has colons of its own: as in an URL it stands in brackets when a port follows.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    let port =
        port.map(str::parse).transpose().map_err(|_| format!("`{text}` has no port from 1 to 65535"))?;
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if host.is_empty() || !host.chars().all(known) {
        return Err(format!("`{text}` is no host; give HOST, HOST:PORT or an URL"));
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], target: &str, fits: bool) {
        let texts: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
        let found = Allowed::parse(&texts).expect(target).check(&Target::parse(target).expect(target));
        assert_eq!(found.is_ok(), fits, "{target} under {allowed:?}: {found:?}");
    }

    #[test]
    fn only_what_was_named_is_a_target() {
        for (allowed, target, fits) in [
            (&[][..], "http://127.0.0.1:8000", true),
            (&[], "http://localhost:1", true),
            (&[], "http://[::1]:8000", true),
            (&[], "http://127.0.0.1.evil.org", false),
            (&[], "http://10.0.0.7:8000", false),
            (&["10.0.0.7:8000"], "http://10.0.0.7:8000", true),
            (&["10.0.0.7:8000"], "http://10.0.0.7:8001", false),
            (&["weaver"], "http://WEAVER:9/x", true),
            (&["https://weaver"], "https://weaver:443", true),
            (&["https://weaver"], "http://weaver", false),
            (&["weaver"], "http://127.0.0.1:8000", false),
            (&["::1"], "http://[::1]:8000", true),
            (&["[::1]:8000"], "http://[::1]:8001", false),
        ] {
            check(allowed, target, fits);
        }
        for text in ["", "a b", "weaver:port", "ftp://x"] {
            assert!(Allowed::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
