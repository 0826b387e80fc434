//! The operator's routes: is the stub up, what truly happened, the entries one by one, and the profile in force.
//!
//! They are not in the ledger. With a token set they want it; without one they answer a loopback peer only.
//! An API key opens none of them, so nothing here may know callers.

mod change;
mod ledger;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use subtle::ConstantTimeEq;
use wire::OPERATOR_TOKEN_HEADER;

use crate::address::peer;
use crate::answer;
use crate::redis::RedisError;
use crate::stub::Stub;

/// What the paths of all of them begin with.
pub(crate) const PREFIX: &str = "/_stub/";

/// The routes under [`PREFIX`].
pub(crate) fn routes() -> Router<Stub> {
    Router::new()
        .route("/_stub/health", get(health))
        .route("/_stub/truth", get(truth))
        .route("/_stub/ledger", get(ledger))
        .route("/_stub/audit", get(audit))
        .route("/_stub/profile", get(profile).patch(change).put(change))
        .route("/_stub/metrics", get(metrics))
}

/// `GET /_stub/health`: whether the stub is up. It tells nothing else, so a loopback peer needs no token.
async fn health(State(stub): State<Stub>, request: Request) -> Response<Body> {
    if peer(request.extensions()).is_loopback() {
        return reply(StatusCode::OK, "application/json", answer::HEALTH);
    }
    guarded(&stub, &request, "application/json", || answer::HEALTH)
}

/// `GET /_stub/truth`: the ledger summed up, as [`wire::Truth`]. Of several replicas it is the sum of all, and with
/// `?own` that of this one; of a stub alone it is its own, and with `?all` that of all that share its Redis.
async fn truth(State(stub): State<Stub>, request: Request) -> Response<Body> {
    let is_of_all = match request.uri().query() {
        Some("all") => true,
        Some("own") => false,
        _ => stub.replica().is_some(),
    };
    if !is_of_all {
        return guarded(&stub, &request, "application/json", || answer::json(&stub.truth()));
    }
    // Nobody but an operator may make the stub ask Redis.
    if let Some((status, text)) = refusal(stub.operator_token(), &request) {
        return reply(status, "application/json", answer::detail(text));
    }
    match stub.truth_of_all().await {
        Ok(truth) => reply(StatusCode::OK, "application/json", answer::json(&truth)),
        Err(error) => out_of_reach("The other stubs' truth is", &error),
    }
}

/// `GET /_stub/ledger`: a page of the entries that are kept, oldest first; `from` and `limit` say which. Of several
/// replicas they are those of all, with `own` those of this one.
async fn ledger(State(stub): State<Stub>, request: Request) -> Response<Body> {
    match refusal(stub.operator_token(), &request) {
        Some((status, text)) => reply(status, "application/json", answer::detail(text)),
        None => ledger::answer(&stub, request.uri().query()).await,
    }
}

/// Redis cannot be asked, and this stub alone cannot answer.
fn out_of_reach(what: &str, error: &RedisError) -> Response<Body> {
    let text = format!("{what} out of reach: {error}");
    reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", answer::detail(&text))
}

/// `GET /_stub/audit`: whether delays were as they were to be, as [`wire::Audit`].
async fn audit(State(stub): State<Stub>, request: Request) -> Response<Body> {
    guarded(&stub, &request, "application/json", || answer::json(&stub.audit()))
}

/// `GET /_stub/profile`: the profile in force, what its switches did so far, and what the event mesh did.
async fn profile(State(stub): State<Stub>, request: Request) -> Response<Body> {
    guarded(&stub, &request, "application/json", || stub.status())
}

/// `PATCH /_stub/profile` with a merge patch (RFC 7396) of it, `PUT` with a whole one: 200 with the new one and its
/// number, or 422 with all mistakes and nothing changed. Of several replicas it reaches all within a second. Pages of other origins may not.
async fn change(State(stub): State<Stub>, request: Request) -> Response<Body> {
    match refusal(stub.operator_token(), &request) {
        Some((status, text)) => reply(status, "application/json", answer::detail(text)),
        None => change::answer(&stub, request).await,
    }
}

/// `GET /_stub/metrics`: counts and times for Prometheus.
async fn metrics(State(stub): State<Stub>, request: Request) -> Response<Body> {
    guarded(&stub, &request, "text/plain; version=0.0.4; charset=utf-8", || stub.prometheus().into())
}

fn guarded(
    stub: &Stub,
    request: &Request,
    content_type: &'static str,
    body: impl FnOnce() -> Bytes,
) -> Response<Body> {
    match refusal(stub.operator_token(), request) {
        Some((status, text)) => reply(status, "application/json", answer::detail(text)),
        None => reply(StatusCode::OK, content_type, body()),
    }
}

fn refusal(token: Option<&str>, request: &Request) -> Option<(StatusCode, &'static str)> {
    match (token, presented(request.headers())) {
        (None, _) if peer(request.extensions()).is_loopback() => None,
        (None, _) => {
            Some((StatusCode::FORBIDDEN, "Operator routes answer on loopback only: no operator token is set"))
        }
        (Some(_), None) => Some((StatusCode::UNAUTHORIZED, "Missing operator token")),
        (Some(token), Some(given)) if bool::from(token.as_bytes().ct_eq(given)) => None,
        (Some(_), Some(_)) => Some((StatusCode::FORBIDDEN, "Invalid operator token")),
    }
}

/// The token of `X-Operator-Token`, or else of `Authorization: Bearer`.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let own = headers.get(OPERATOR_TOKEN_HEADER).map(HeaderValue::as_bytes);
    own.or_else(|| headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer "))
}

fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
