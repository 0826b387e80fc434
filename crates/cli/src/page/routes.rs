//! Which address is answered by what, and what every request must pass first. It must not know how anything is answered.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderValue, StatusCode};

use super::assets::{self, Asset};
use super::guard::{self, Hosts};
use super::login::Login;
use super::session::Session;
use super::{answer, api, locust, login, openapi, past};

/// What is asked of every request.
pub(super) struct Door {
    pub(super) hosts: Hosts,
    pub(super) login: Option<Login>,
}

/// All of it.
pub(super) fn router(session: Arc<Session>, door: Arc<Door>) -> Router {
    let locusts = Router::new()
        .route("/swarm", post(locust::swarm))
        .route("/stop", get(locust::stop).post(locust::stop))
        .route("/stats/reset", get(locust::reset).post(locust::reset))
        .route("/stats/requests", get(locust::requests))
        .route("/stats/requests/csv", get(locust::requests_csv))
        .route("/stats/requests_full_history/csv", get(locust::history_csv))
        .route("/stats/failures/csv", get(locust::failures_csv))
        .route("/stats/report", get(locust::report_page))
        .route("/exceptions", get(locust::exceptions))
        .route("/exceptions/csv", get(locust::exceptions_csv))
        .route("/tasks", get(locust::tasks))
        .route("/logs", get(locust::logs));
    let own = Router::new()
        .route("/api/state", get(api::state))
        .route("/api/events", get(api::events))
        .route("/api/series", get(api::series))
        .route("/api/statistics", get(api::statistics))
        .route("/api/failures", get(api::failures))
        .route("/api/exceptions", get(api::exceptions))
        .route("/api/ratio", get(api::ratio))
        .route("/api/truth", get(super::truth::truth))
        .route("/api/diagnosis", get(api::diagnosis))
        .route("/api/workers", get(super::workers::workers))
        .route("/api/logs", get(api::logs))
        .route("/api/form", get(api::form))
        .route("/api/start", post(api::begin))
        .route("/api/baseline", post(api::baseline))
        .route("/api/edit", post(api::edit))
        .route("/api/stop", post(api::stop))
        .route("/api/reset", post(api::reset))
        .route("/api/downloads", get(api::downloads))
        .route("/api/downloads/{name}", get(api::download))
        .route("/api/results", get(past::list))
        .route("/api/results/{name}", get(past::about))
        .route("/api/results/{name}/{file}", get(past::file))
        .route("/api/compare", get(past::compare));
    let pages = Router::new()
        .route("/", get(async || show(assets::index())))
        .route("/favicon.ico", get(async || shown(assets::asset("icon.svg"))))
        .route("/assets/{name}", get(async |Path(name): Path<String>| shown(assets::asset(&name))))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(openapi::page))
        .route("/docs/{name}", get(openapi::file));
    let all = locusts.merge(own).merge(pages).with_state(session);
    let all = all.merge(login::routes(door.clone()));
    let all = all.fallback(async || answer::missing("this address"));
    all.layer(middleware::from_fn_with_state(door, pass))
}

/// Hosts first, then origins, then who it is; the answer bears the headers that keep a browser safe.
async fn pass(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
    let mut response = if !host.is_some_and(|host| door.hosts.allows(host)) {
        let text =
            "this page does not answer to that host; ask it by localhost, or name the host with --web-host\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else if guard::is_foreign(request.method(), request.uri(), request.headers()) {
        (StatusCode::FORBIDDEN, "a page of another origin has no say here\n").into_response()
    } else {
        match door.login.as_ref().and_then(|login| login.refusal(&request)) {
            Some(refusal) => refusal,
            None => next.run(request).await,
        }
    };
    guard::mark(response.headers_mut());
    response
}

fn shown(asset: Option<Asset>) -> Response {
    asset.map_or_else(|| answer::missing("this file"), show)
}

fn show(asset: Asset) -> Response {
    let mut response = Response::new(asset.bytes.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    let kept = if asset.lasting { "private, max-age=86400" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}
