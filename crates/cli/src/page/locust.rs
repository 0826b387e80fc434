//! Locust's endpoints with Locust's fields (2.4x), so that scripts written for it go on working.
//! It must not know the page's own interface.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{StatusCode, Uri};
use measure::export::CsvFile;
use measure::{Current, Outcome, Row, Run, Summary, units};
use serde_json::{Value, json};

use super::board::Shown;
use super::params::Params;
use super::session::Session;
use super::start::{self, Form};
use super::{answer, documents};
use crate::exit::Failure;

type Shared = State<Arc<Session>>;

/// A class with its weight and its tasks, each with its own.
type Weights = (String, u32, Vec<(String, u32)>);

/// Rows and errors at most, as in Locust; the page's own interface has all of them.
const ROWS_MAX: usize = 500;

/// `POST /swarm`: starts, or edits what runs. Mistakes come with status 200, as Locust's scripts expect.
pub(super) async fn swarm(State(session): Shared, request: Request) -> Response {
    let told = match answer::read(request.into_body(), session.clock).await {
        Err(failure) => Err(failure),
        Ok(body) => begin(&session, &Params::parse(&String::from_utf8_lossy(&body))).await,
    };
    let host = {
        let runs = session.runs();
        super::view::host(&session, runs.current.as_ref(), runs.last.as_ref())
    };
    answer::json_of(&match told {
        Ok(mut said) => {
            said["host"] = json!(host);
            said
        }
        Err(failure) => json!({"success": false, "message": failure.text, "host": host}),
    })
}

async fn begin(session: &Arc<Session>, params: &Params) -> Result<Value, Failure> {
    let form = Form::of_params(params);
    if session.runs().current.as_ref().is_some_and(|current| current.stops == 0) {
        let mut mistakes = wire::Mistakes::default();
        let asked = start::users(&form, &mut mistakes);
        let asked = mistakes.or(asked)?;
        let (users, rate) = asked.ok_or_else(|| Failure::usage("user_count or spawn_rate is missing"))?;
        session.edit(users, rate)?;
        return Ok(json!({"success": true, "message": "Swarming started"}));
    }
    let order = start::order(session, &form)?;
    let run_time = order.plan.steps.first().and_then(|step| step.run_time);
    let classes: Vec<String> = order.plan.scenarios.iter().map(|class| class.class.clone()).collect();
    session.start(order).await?;
    let mut said = json!({"success": true, "message": "Swarming started"});
    if let Some(time) = run_time {
        said["run_time"] = json!(time.as_secs());
    }
    if session.args.page.class_picker {
        said["user_classes"] = json!(classes);
    }
    Ok(said)
}

/// `GET` or `POST /stop`.
pub(super) async fn stop(State(session): Shared) -> Response {
    session.stop();
    answer::done("Test stopped")
}

/// `GET` or `POST /stats/reset`.
pub(super) async fn reset(State(session): Shared) -> Response {
    match session.reset() {
        Ok(()) => "ok".into_response(),
        Err(failure) => (StatusCode::CONFLICT, failure.text).into_response(),
    }
}

/// `GET /stats/requests`.
pub(super) async fn requests(State(session): Shared) -> Response {
    let shown = session.shown().await;
    let users = session.runs().current.as_ref().map_or(0, |current| current.view.borrow().users);
    let phase = session.phase();
    let started_unix_ns = session.board(|board| board.started_unix_ns()).await.unwrap_or(0);
    let mut report = match &shown {
        Some(shown) => report(shown, started_unix_ns),
        None => empty(),
    };
    report["state"] = json!(phase.locust());
    report["user_count"] = json!(users);
    answer::json_of(&report)
}

fn empty() -> Value {
    let nothing = entry(&Row { name: "Aggregated".into(), ..Row::default() }, &Current::default(), 0);
    json!({
        "stats": [nothing], "errors": [], "current_rps": 0.0, "current_fail_per_sec": 0.0, "total_rps": 0.0,
        "total_fail_per_sec": 0.0, "fail_ratio": 0.0, "total_avg_response_time": 0.0,
        "current_response_time_percentiles": percentiles(&Current::default()),
        "current_response_time_percentile_1": null, "current_response_time_percentile_2": null,
    })
}

fn report(shown: &Shown, started_unix_ns: u64) -> Value {
    let elapsed_ns = shown.standing.summary.elapsed_ns;
    let mut stats: Vec<Value> =
        shown.rows().take(ROWS_MAX).map(|(row, current)| entry(row, current, elapsed_ns)).collect();
    let (total, current) = shown.total();
    stats.push(entry(total, current, elapsed_ns));
    let record = &shown.record.0;
    let error = |error: &measure::ErrorRecord| {
        let name = &record.names[usize::from(error.name.0)];
        let unix_s = |at_ns: u64| units::seconds(started_unix_ns.saturating_add(at_ns));
        json!({
            "method": name.method, "name": name.name, "error": error.error, "occurrences": error.occurrences,
            "first_seen": unix_s(error.first_ns), "last_seen": unix_s(error.last_ns),
        })
    };
    let recent = |at: usize| current.times_ns.map(|times_ns| whole_ms(times_ns[at]));
    json!({
        "stats": stats, "errors": record.errors.iter().take(ROWS_MAX).map(error).collect::<Vec<_>>(),
        "current_rps": current.rps, "current_fail_per_sec": current.failures_per_s,
        "total_rps": units::per_s(total.requests(), elapsed_ns),
        "total_fail_per_sec": units::per_s(total.failures(), elapsed_ns),
        "fail_ratio": total.failure_ratio(),
        "total_avg_response_time": total.success().mean_ns().map_or(0.0, units::ms),
        "current_response_time_percentiles": percentiles(current),
        "current_response_time_percentile_1": recent(0), "current_response_time_percentile_2": recent(1),
    })
}

fn percentiles(current: &Current) -> Value {
    let recent = |at: usize| current.times_ns.map(|times_ns| whole_ms(times_ns[at]));
    json!({"response_time_percentile_0.5": recent(0), "response_time_percentile_0.95": recent(1)})
}

/// Whole milliseconds, rounded, as Locust gives them.
fn whole_ms(ns: u64) -> u64 {
    ns.saturating_add(500_000) / 1_000_000
}

fn entry(row: &Row, current: &Current, elapsed_ns: u64) -> Value {
    let success = row.success();
    let at = |quantile| success.quantile_ns(quantile).map_or(0, whole_ms);
    json!({
        "method": row.method, "name": row.name, "safe_name": row.name,
        "num_requests": row.requests(), "num_failures": row.failures(),
        "min_response_time": success.min_ns().map_or(0, whole_ms),
        "max_response_time": success.max_ns().map_or(0, whole_ms),
        "current_rps": current.rps, "current_fail_per_sec": current.failures_per_s,
        "avg_response_time": success.mean_ns().map_or(0.0, units::ms),
        "median_response_time": at(measure::Quantile::P50),
        "total_rps": units::per_s(row.requests(), elapsed_ns),
        "total_fail_per_sec": units::per_s(row.failures(), elapsed_ns),
        "response_time_percentile_0.95": at(measure::Quantile::P95),
        "response_time_percentile_0.99": at(measure::Quantile::P99),
        "avg_content_length": row.body_bytes_mean(),
        "num_throttled": row.of(Outcome::Throttled).count,
    })
}

/// The CSV files, by the same writer as those of a results folder.
async fn csv(session: &Session, file: CsvFile, name: &str) -> Response {
    let Some(run) = session.board(|board| board.run()).await else {
        return answer::file(name, "", true);
    };
    let written = tokio::task::spawn_blocking(move || write(&run, file)).await;
    match written {
        Ok(Ok(text)) => answer::file(name, text, true),
        Ok(Err(failure)) => answer::refused(&failure),
        Err(error) => answer::refused(&Failure::bug(error)),
    }
}

fn write(run: &Run, file: CsvFile) -> Result<String, Failure> {
    let Some(step) = run.steps.last() else { return Ok(String::new()) };
    let summary = Summary::of(step).map_err(Failure::usage)?;
    file.write(run, step, &summary).map_err(Failure::usage)
}

pub(super) async fn requests_csv(State(session): Shared) -> Response {
    csv(&session, CsvFile::Stats, "requests.csv").await
}

pub(super) async fn history_csv(State(session): Shared) -> Response {
    csv(&session, CsvFile::StatsHistory { full: true }, "requests_full_history.csv").await
}

pub(super) async fn failures_csv(State(session): Shared) -> Response {
    csv(&session, CsvFile::Failures, "failures.csv").await
}

pub(super) async fn exceptions_csv(State(session): Shared) -> Response {
    csv(&session, CsvFile::Exceptions, "exceptions.csv").await
}

/// `GET /exceptions`: what goes wrong on the client's side is a failure here.
pub(super) async fn exceptions() -> Response {
    answer::json_of(&json!({"exceptions": []}))
}

/// `GET /stats/report`.
pub(super) async fn report_page(State(session): Shared, uri: Uri) -> Response {
    let params = Params::parse(uri.query().unwrap_or_default());
    let save = params.get("download").is_some_and(|value| !value.is_empty());
    documents::document(&session, "report.html", save).await
}

/// `GET /tasks`: the shares as planned, in Locust's shape.
pub(super) async fn tasks(State(session): Shared) -> Response {
    let plan = session.runs().current.as_ref().map(|current| current.plan.clone());
    let last = session.runs().last.as_ref().map(|last| last.run.clone());
    let classes: Vec<Weights> = match (plan, last) {
        (Some(plan), _) => {
            let tasks =
                |class: &harness::Scenario| class.tasks.iter().map(|t| (t.name.clone(), t.weight)).collect();
            plan.scenarios.iter().map(|class| (class.class.clone(), class.weight, tasks(class))).collect()
        }
        (None, Some(run)) => {
            let classes = run.steps.last().map(|step| step.classes.clone()).unwrap_or_default();
            let tasks = |class: &measure::ClassRecord| {
                class.tasks.iter().map(|t| (t.name.clone(), t.weight)).collect()
            };
            classes.iter().map(|class| (class.name.clone(), class.weight, tasks(class))).collect()
        }
        (None, None) => vec![],
    };
    answer::json_of(&ratios(&classes))
}

fn ratios(classes: &[Weights]) -> Value {
    let all: f64 = classes.iter().map(|(_, weight, _)| f64::from(*weight)).sum();
    let (mut per_class, mut total) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, weight, tasks) in classes {
        let share = f64::from(*weight) / all.max(1.0);
        let sum: f64 = tasks.iter().map(|(_, weight)| f64::from(*weight)).sum();
        let within = |factor: f64| {
            let task = |(name, weight): &(String, u32)| {
                (name.clone(), json!({"ratio": factor * f64::from(*weight) / sum.max(1.0)}))
            };
            tasks.iter().map(task).collect::<serde_json::Map<_, _>>()
        };
        per_class.insert(name.clone(), json!({"ratio": share, "tasks": within(1.0)}));
        total.insert(name.clone(), json!({"ratio": share, "tasks": within(share)}));
    }
    json!({"per_class": per_class, "total": total})
}

/// `GET /logs`.
pub(super) async fn logs(State(session): Shared) -> Response {
    ([(CONTENT_TYPE, "application/json")], json!({"master": session.logs.texts(), "workers": {}}).to_string())
        .into_response()
}
