//! What stands around every endpoint, outermost first: trusted hosts, CORS, CSRF tokens, security headers.
//!
//! Each layer may answer by itself; what lies further in is then never reached. It must not know endpoints.

mod cors;
mod csrf;
mod hosts;
mod security;

use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use wire::Seed;

use crate::address::Proxies;
use crate::answer::Answer;
use crate::location::location;
use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;
use crate::settings::Settings;
use cors::Cors;
use csrf::Csrf;
use hosts::{Hosts, Verdict, WWW};
use security::Security;

/// The layers as they are set.
pub(crate) struct Gate {
    hosts: Hosts,
    proxies: Proxies,
    cors: Option<Cors>,
    csrf: Option<Csrf>,
    security: Option<Security>,
    repairs: Repairs,
}

impl Gate {
    pub(crate) fn new(settings: &Settings, seed: Seed) -> Self {
        Self {
            hosts: Hosts::new(&settings.allowed_hosts),
            proxies: Proxies::new(settings.forwarded_allow_ips.as_deref(), settings.repairs),
            cors: settings.cors.as_ref().map(Cors::new),
            csrf: settings.csrf.as_ref().map(|csrf| Csrf::new(csrf, seed)),
            security: settings.security.as_ref().map(Security::new),
            repairs: settings.repairs,
        }
    }

    /// The answer of a layer that lets the request no further, or `None`.
    pub(crate) fn before(&self, head: &Parts, path: &str, unix_s: u64) -> Option<Result<Answer, Refusal>> {
        match self.hosts.verdict(host(head)) {
            Verdict::Answered => {}
            Verdict::SentToWww => {
                return Some(Ok(Answer::redirect(location(head, self.proxies.scheme(head), WWW, path))));
            }
            Verdict::Refused => {
                return Some(Ok(Answer::text(StatusCode::BAD_REQUEST, "Invalid host header")));
            }
        }
        if let Some(cors) = &self.cors
            && head.method == Method::OPTIONS
            && let Some(answer) = cors.preflight(&head.headers)
        {
            return Some(Ok(answer));
        }
        let csrf = self.csrf.as_ref()?;
        if csrf.admits(&head.method, path, &head.headers, unix_s) {
            return None;
        }
        Some(Err(if self.repairs.has(Quirk::Csrf500) {
            Refusal::CsrfInvalid
        } else {
            Refusal::Crash("a refused CSRF token")
        }))
    }

    /// Adds what the layers add to an answer from within. A bare 500 passes them by.
    pub(crate) fn after(&self, head: &Parts, path: &str, unix_s: u64, answer: &mut Answer) {
        if answer.is_bare {
            return;
        }
        if let Some(security) = &self.security {
            security.decorate(answer);
        }
        self.for_this_client(head, path, unix_s, answer);
    }

    /// Adds what concerns this one client: its CSRF token, and what its origin may read.
    pub(crate) fn for_this_client(&self, head: &Parts, path: &str, unix_s: u64, answer: &mut Answer) {
        if let Some(csrf) = &self.csrf {
            csrf.decorate(head, path, unix_s, answer);
        }
        if let Some(cors) = &self.cors {
            cors.decorate(&head.headers, answer);
        }
    }
}

/// The host that the client asked: the header, or in HTTP/2 the pseudo-header.
pub(crate) fn host(head: &Parts) -> Option<&[u8]> {
    let header = head.headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = || head.uri.authority().filter(|_| head.version == Version::HTTP_2);
    header.or_else(|| authority().map(|authority| authority.as_str().as_bytes()))
}
