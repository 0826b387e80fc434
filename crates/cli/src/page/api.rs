//! The page's own interface, but for past runs. All of it JSON. It must not know Locust's.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::Uri;
use measure::{Outcome, conclude};
use serde_json::{Value, json};

use super::board::Shown;
use super::params::Params;
use super::session::Session;
use super::start::{self, Form};
use super::{answer, documents, figures, stub_door};
use crate::exit::Failure;

type Shared = State<Arc<Session>>;

/// Rows of one answer at most.
const LIMIT_MAX: usize = 1_000;

pub(super) async fn state(State(session): Shared) -> Response {
    let shown = session.shown().await;
    answer::json_of(&super::view::view(&session, shown.as_deref()))
}

pub(super) async fn events(State(session): Shared) -> Response {
    let response = session.events.stream();
    // Whoever comes sees how it stands at once.
    session.publish().await;
    response
}

pub(super) async fn series(State(session): Shared, uri: Uri) -> Response {
    let since = Params::parse(uri.query().unwrap_or_default()).number("since").unwrap_or(0);
    let found =
        session.board(|board| figures::series(board.points(), since, board.started_unix_ns().unwrap_or(0)));
    answer::json_of(&found.await)
}

/// Which part of a list is wanted.
pub(super) fn page_of(params: &Params) -> (usize, usize) {
    let limit = params.number("limit").unwrap_or(100).clamp(1, LIMIT_MAX);
    (params.number("offset").unwrap_or(0), limit)
}

pub(super) async fn statistics(State(session): Shared, uri: Uri) -> Response {
    let params = Params::parse(uri.query().unwrap_or_default());
    let Some(shown) = session.shown().await else {
        return answer::json_of(&json!({"total": null, "count": 0, "rows": []}));
    };
    let elapsed_ns = shown.standing.summary.elapsed_ns;
    let search = params.get("search").unwrap_or_default().to_lowercase();
    let mut rows: Vec<_> =
        shown.rows().filter(|(row, _)| row.name.to_lowercase().contains(&search)).collect();
    sort(&mut rows, params.get("sort").unwrap_or("name"), params.get("order") == Some("desc"));
    let ((offset, limit), count) = (page_of(&params), rows.len());
    let rows: Vec<Value> = rows
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|(row, now)| figures::row(row, now, elapsed_ns))
        .collect();
    let (total, now) = shown.total();
    answer::json_of(&json!({"total": figures::row(total, now, elapsed_ns), "count": count, "rows": rows}))
}

fn sort(rows: &mut [(&measure::Row, &measure::Current)], by: &str, descending: bool) {
    use measure::Quantile;
    match by {
        "name" => rows.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name)),
        "method" => rows.sort_by(|(a, _), (b, _)| a.method.cmp(&b.method)),
        _ => {
            let number = |(row, _): &(&measure::Row, &measure::Current)| {
                let at = |quantile| row.success().quantile_ns(quantile).unwrap_or(0);
                match by {
                    "successes" => row.success().count,
                    "throttled" => row.of(Outcome::Throttled).count,
                    "failures" | "failures_per_s" => row.failures(),
                    "p50" => at(Quantile::P50),
                    "p95" => at(Quantile::P95),
                    "p99" => at(Quantile::P99),
                    "mean" => row.success().mean_ns().unwrap_or(0),
                    "min" => row.success().min_ns().unwrap_or(0),
                    "max" => row.success().max_ns().unwrap_or(0),
                    _ => row.requests(),
                }
            };
            rows.sort_by_key(number);
        }
    }
    if descending {
        rows.reverse();
    }
}

pub(super) async fn failures(State(session): Shared, uri: Uri) -> Response {
    let params = Params::parse(uri.query().unwrap_or_default());
    let started_unix_ns = session.board(|board| board.started_unix_ns()).await.unwrap_or(0);
    let Some(shown) = session.shown().await else { return answer::json_of(&json!({"count": 0, "rows": []})) };
    let (offset, limit) = page_of(&params);
    answer::json_of(&errors(&shown, started_unix_ns, offset, limit))
}

fn errors(shown: &Shown, started_unix_ns: u64, offset: usize, limit: usize) -> Value {
    let record = &shown.record.0;
    let row = |error: &measure::ErrorRecord| {
        let name = &record.names[usize::from(error.name.0)];
        let unix_ms = |at_ns: u64| started_unix_ns.saturating_add(at_ns) / 1_000_000;
        json!({
            "method": name.method, "name": name.name, "error": error.error, "occurrences": error.occurrences,
            "first_seen_unix_ms": unix_ms(error.first_ns), "last_seen_unix_ms": unix_ms(error.last_ns),
        })
    };
    let rows: Vec<Value> = record.errors.iter().skip(offset).take(limit).map(row).collect();
    json!({"count": record.errors.len(), "rows": rows})
}

pub(super) async fn exceptions() -> Response {
    answer::json_of(&json!({"count": 0, "rows": []}))
}

/// The shares of classes and tasks: as planned, and as it happened.
pub(super) async fn ratio(State(session): Shared) -> Response {
    let Some(shown) = session.shown().await else {
        return answer::json_of(&json!({"per_class": [], "total": []}));
    };
    let classes = &shown.record.0.classes;
    let share = |part: u64, whole: u64| measure::units::ratio(part, whole);
    let weights: u64 = classes.iter().map(|class| u64::from(class.weight)).sum();
    let begun = |class: &measure::ClassRecord| class.tasks.iter().map(|task| task.begun).sum::<u64>();
    let (all_begun, all_users) =
        (classes.iter().map(begun).sum(), classes.iter().map(|class| u64::from(class.users)).sum());
    let (mut per_class, mut total) = (vec![], vec![]);
    for class in classes {
        let of_class = share(class.weight.into(), weights);
        let tasks_weight: u64 = class.tasks.iter().map(|task| u64::from(task.weight)).sum();
        let task = |factor: f64, whole: u64| {
            let task = |task: &measure::TaskRecord| {
                json!({
                    "name": task.name, "share": factor * share(task.weight.into(), tasks_weight),
                    "happened": share(task.begun, whole),
                })
            };
            class.tasks.iter().map(task).collect::<Vec<_>>()
        };
        per_class.push(json!({
            "name": class.name, "share": of_class, "happened": share(class.users.into(), all_users),
            "tasks": task(1.0, begun(class)),
        }));
        total.push(json!({
            "name": class.name, "share": of_class, "happened": share(begun(class), all_begun),
            "tasks": task(of_class, all_begun),
        }));
    }
    answer::json_of(&json!({"per_class": per_class, "total": total}))
}

/// Findings and the fitted law, of the run so far.
pub(super) async fn diagnosis(State(session): Shared) -> Response {
    let Some(run) = session.board(|board| board.run()).await.filter(|run| !run.steps.is_empty()) else {
        return answer::json_of(&json!({"findings": [], "scalability": null}));
    };
    let found = tokio::task::spawn_blocking(move || {
        let conclusion = conclude(&run).map_err(Failure::usage)?;
        let found = measure::analyze(&run, &conclusion).map_err(Failure::usage)?;
        serde_json::from_str::<Value>(&measure::analysis::json(&run, &found)).map_err(Failure::bug)
    });
    match found.await {
        Ok(Ok(found)) => answer::json_of(&found),
        Ok(Err(failure)) => answer::refused(&failure),
        Err(error) => answer::refused(&Failure::bug(error)),
    }
}

pub(super) async fn logs(State(session): Shared, uri: Uri) -> Response {
    let since = Params::parse(uri.query().unwrap_or_default()).number("since").unwrap_or(0);
    answer::json_of(&session.logs.since(since as u64))
}

pub(super) async fn form(State(session): Shared) -> Response {
    // Asked anew each time: the server may have come since. A run's own figures tell while one goes on.
    let (host, runs) = (start::known_host(&session), session.runs().current.is_some());
    let is_stub = match host {
        Some(host) if !runs => {
            let args = session.args.clone();
            tokio::task::spawn_blocking(move || stub_door::is_stub(&args.load, &host)).await.unwrap_or(false)
        }
        _ => session.runs().truth_before.is_some(),
    };
    match start::defaults(&session, is_stub) {
        Ok(defaults) => answer::json_of(&defaults),
        Err(failure) => answer::refused(&failure),
    }
}

pub(super) async fn downloads(State(session): Shared) -> Response {
    answer::json_of(&documents::list(&session).await)
}

pub(super) async fn download(State(session): Shared, Path(name): Path<String>) -> Response {
    documents::document(&session, &name, true).await
}

/// The body as JSON; an empty one is an empty object.
async fn body(session: &Session, request: Request) -> Result<Value, Failure> {
    let bytes = answer::read(request.into_body(), session.clock).await?;
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::usage(format!("the body is no JSON: {error}; send an object")))
}

fn told(result: Result<(), Failure>, message: &str) -> Response {
    match result {
        Ok(()) => answer::done(message),
        Err(failure) => answer::refused(&failure),
    }
}

pub(super) async fn begin(State(session): Shared, request: Request) -> Response {
    let started = async {
        let body = body(&session, request).await?;
        let order = start::order(&session, &Form::of_json(&body))?;
        session.start(order).await
    };
    told(started.await, "the run has begun")
}

pub(super) async fn baseline(State(session): Shared, request: Request) -> Response {
    let started = async {
        let body = body(&session, request).await?;
        let order = start::baseline(&session, body["quick"] == true, body["host"].as_str())?;
        session.start(order).await
    };
    told(started.await, "the baseline has begun")
}

pub(super) async fn edit(State(session): Shared, request: Request) -> Response {
    let edited = async {
        let body = body(&session, request).await?;
        let mut mistakes = wire::Mistakes::default();
        let asked = start::users(&Form::of_json(&body), &mut mistakes);
        let asked = mistakes.or(asked)?;
        let (users, rate) = asked.ok_or_else(|| Failure::usage("user_count: is missing; give one"))?;
        session.edit(users, rate)
    };
    told(edited.await, "the load is edited")
}

pub(super) async fn stop(State(session): Shared) -> Response {
    match session.stop() {
        true => answer::done("stopping"),
        false => answer::refused(&Failure::usage("no run goes on")),
    }
}

pub(super) async fn reset(State(session): Shared) -> Response {
    told(session.reset(), "the figures are reset")
}
