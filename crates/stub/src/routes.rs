//! Which path and method lead where: a pure function of both. It must not know what happens there.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::ledger::RouteName;

/// Where a request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Health,
    Whoami,
    Metrics,
    Ask,
    Card,
    Message,
    Page(Page),
    /// A known path with a method that it does not take.
    WrongMethod {
        pattern: &'static str,
        allowed: &'static str,
    },
    /// A known path but for slashes at its end.
    Slash {
        pattern: &'static str,
    },
    Unknown,
}

/// A page about the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Docs,
    Redoc,
    Redirect,
    OpenApi,
}

const GET: &str = "GET";
const POST: &str = "POST";
const READ: &str = "HEAD, GET";

/// Path, methods as `allow` names them, and what is there.
const TABLE: [(&str, &str, Route); 10] = [
    ("/health", GET, Route::Health),
    ("/whoami", GET, Route::Whoami),
    ("/metrics", GET, Route::Metrics),
    ("/ask", POST, Route::Ask),
    ("/a2a/card", GET, Route::Card),
    ("/a2a/message", POST, Route::Message),
    ("/docs", READ, Route::Page(Page::Docs)),
    ("/docs/oauth2-redirect", READ, Route::Page(Page::Redirect)),
    ("/redoc", READ, Route::Page(Page::Redoc)),
    ("/openapi.json", READ, Route::Page(Page::OpenApi)),
];

/// The paths of all routes.
pub(crate) fn patterns() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(pattern, ..)| *pattern)
}

impl Route {
    /// Where `method` and a decoded `path` lead; `head_is_get` where HEAD is taken wherever GET is.
    pub(crate) fn of(method: &Method, path: &str, head_is_get: bool) -> Self {
        let known = |path: &str| TABLE.iter().find(|(pattern, ..)| *pattern == path);
        if let Some(&(pattern, allowed, route)) = known(path) {
            let name = if head_is_get && *method == Method::HEAD { GET } else { method.as_str() };
            let takes = allowed.split(", ").any(|allowed| allowed == name);
            return if takes { route } else { Self::WrongMethod { pattern, allowed } };
        }
        match path.strip_suffix('/').and_then(|_| known(path.trim_end_matches('/'))) {
            Some(&(pattern, ..)) => Self::Slash { pattern },
            None => Self::Unknown,
        }
    }

    pub(crate) fn name(self, method: &Method) -> RouteName {
        let pattern = match self {
            Self::WrongMethod { pattern, .. } | Self::Slash { pattern } => pattern,
            Self::Unknown => "*",
            known => TABLE.iter().find(|(.., route)| *route == known).map_or("*", |(pattern, ..)| pattern),
        };
        RouteName { method: method_name(method), pattern }
    }
}

/// The path with its `%68` and the like decoded, as routes compare it.
pub(crate) fn decoded(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

/// The method out of a closed set, so that a client cannot make up routes without end.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods() {
        let wrong = |pattern, allowed| Route::WrongMethod { pattern, allowed };
        for (method, path, head_is_get, expected) in [
            ("GET", "/health", false, Route::Health),
            ("GET", "/%68ealth", false, Route::Health),
            ("GET", "//health", false, Route::Unknown),
            ("GET", "/Health", false, Route::Unknown),
            ("GET", "/", false, Route::Unknown),
            ("HEAD", "/health", false, wrong("/health", "GET")),
            ("HEAD", "/health", true, Route::Health),
            ("HEAD", "/ask", true, wrong("/ask", "POST")),
            ("HEAD", "/docs", false, Route::Page(Page::Docs)),
            ("POST", "/docs", false, wrong("/docs", "HEAD, GET")),
            ("GET", "/ask/", false, Route::Slash { pattern: "/ask" }),
            ("GET", "/ask//", false, Route::Slash { pattern: "/ask" }),
            ("GET", "/healthz", false, Route::Unknown),
        ] {
            let method: Method = method.parse().expect("a method");
            assert_eq!(Route::of(&method, &decoded(path), head_is_get), expected, "{method} {path}");
        }
    }
}
