//! Which path and method lead where. It must not know what happens there.

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, get, post};
use http::Method;

use crate::ledger::RouteName;
use crate::operator;
use crate::stub::Stub;

/// Where a request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Health,
    Whoami,
    Metrics,
    Ask,
    /// A known path with a method that it does not take.
    WrongMethod {
        pattern: &'static str,
        allowed: &'static str,
    },
    Unknown,
}

impl Route {
    pub(crate) fn name(self, method: &Method) -> RouteName {
        let pattern = match self {
            Self::Health => "/health",
            Self::Whoami => "/whoami",
            Self::Metrics => "/metrics",
            Self::Ask => "/ask",
            Self::WrongMethod { pattern, .. } => pattern,
            Self::Unknown => "*",
        };
        RouteName { method: method_name(method), pattern }
    }
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

pub(crate) fn router(stub: Stub) -> Router {
    let go = |route: Route| move |State(stub): State<Stub>, request: Request| stub.handle(route, request);
    let wrong = |pattern, allowed| go(Route::WrongMethod { pattern, allowed });
    // A GET route would take HEAD too; the real server refuses it.
    let only_get = |pattern, route| -> MethodRouter<Stub> {
        get(go(route)).head(wrong(pattern, "GET")).fallback(wrong(pattern, "GET"))
    };
    Router::new()
        .route("/health", only_get("/health", Route::Health))
        .route("/whoami", only_get("/whoami", Route::Whoami))
        .route("/metrics", only_get("/metrics", Route::Metrics))
        .route("/ask", post(go(Route::Ask)).fallback(wrong("/ask", "POST")))
        .route("/_stub/health", get(operator::health))
        .route("/_stub/truth", get(operator::truth))
        .route("/_stub/ledger", get(operator::ledger))
        .fallback(go(Route::Unknown))
        .with_state(stub)
}
