//! Which `Host` headers are answered. It must not know how a refusal is written.

use crate::location::Host;

/// Before a host name.
pub(super) const WWW: &str = "www.";

/// What becomes of a request to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Answered,
    /// Only the same name behind [`WWW`] is answered.
    SentToWww,
    Refused,
}

/// Host names that are answered; none of them means all.
pub(super) struct Hosts(Vec<Pattern>);

enum Pattern {
    All,
    Exactly(String),
    /// Everything that ends so, with the dot.
    Under(String),
}

impl Hosts {
    pub(super) fn new(names: &[String]) -> Self {
        let pattern = |name: &String| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix('*') {
                Some("") => Pattern::All,
                Some(end) => Pattern::Under(end.to_owned()),
                None => Pattern::Exactly(name),
            }
        };
        Self(names.iter().map(pattern).collect())
    }

    /// Port and case do not matter. A header that can be no host is refused.
    pub(super) fn verdict(&self, header: Option<&[u8]>) -> Verdict {
        if self.0.is_empty() || self.0.iter().any(|pattern| matches!(pattern, Pattern::All)) {
            return Verdict::Answered;
        }
        let Some(host) = header.and_then(Host::parse) else { return Verdict::Refused };
        let name = host.name.to_ascii_lowercase();
        let is_allowed = |pattern: &Pattern| match pattern {
            Pattern::All => true,
            Pattern::Exactly(allowed) => *allowed == name,
            Pattern::Under(end) => name.ends_with(end.as_str()),
        };
        let is_www = |pattern: &Pattern| match pattern {
            Pattern::Exactly(allowed) => allowed.strip_prefix(WWW) == Some(&name),
            Pattern::All | Pattern::Under(_) => false,
        };
        match (self.0.iter().any(is_allowed), self.0.iter().any(is_www)) {
            (true, _) => Verdict::Answered,
            (false, true) => Verdict::SentToWww,
            (false, false) => Verdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Answered, Refused, SentToWww};
    use super::*;

    #[test]
    fn names_and_wildcards() {
        for (allowed, host, expected) in [
            (&[][..], "any thing", Answered),
            (&["api.example.com", "*.internal"], "API.example.com:8000", Answered),
            (&["API.example.com"], "api.example.com", Answered),
            (&["api.example.com"], "api.example.com:x", Refused),
            (&["api.example.com"], "api.example.com ", Refused),
            (&["api.example.com"], "www.api.example.com", Refused),
            (&["www.example.com"], "Example.com:1", SentToWww),
            (&["www.example.com", "example.com"], "example.com", Answered),
            (&["*.internal"], "x.internal", Answered),
            (&["*.internal"], "a b.internal", Refused),
            (&["*.internal"], "internal", Refused),
            (&["*.internal"], "", Refused),
            (&["*", "x"], "", Answered),
        ] {
            let names: Vec<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(
                Hosts::new(&names).verdict(Some(host.as_bytes())),
                expected,
                "{host} among {allowed:?}"
            );
        }
        assert_eq!(Hosts::new(&["x".to_owned()]).verdict(None), Refused);
    }
}
