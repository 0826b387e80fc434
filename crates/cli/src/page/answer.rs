//! Answers in the shapes that the interface promises. It must not know what was asked.

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::{Value, json};
use std::time::Duration;
use wire::Clock;

use super::assets::content_type;
use crate::exit::Failure;

/// Longest body that is read.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;
/// How long a body may take.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// JSON with a status.
pub(super) fn json_with(status: StatusCode, value: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

pub(super) fn json_of(value: &Value) -> Response {
    json_with(StatusCode::OK, value)
}

/// A command was carried out.
pub(super) fn done(message: &str) -> Response {
    json_of(&json!({"success": true, "message": message}))
}

/// A command was refused: its mistakes are lines of the text, `field: problem; remedy` each.
pub(super) fn refused(failure: &Failure) -> Response {
    let status = match failure.exit.0 {
        3 => StatusCode::BAD_GATEWAY,
        70 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mistake = |line: &str| {
        let (field, rest) = line.split_once(": ").unwrap_or(("", line));
        let (problem, remedy) = rest.rsplit_once("; ").unwrap_or((rest, ""));
        let field = match field {
            "--host" => "host",
            other => other,
        };
        json!({"field": field, "problem": problem, "remedy": remedy})
    };
    let mistakes: Vec<Value> = failure.text.lines().map(mistake).collect();
    json_with(status, &json!({"success": false, "message": failure.text, "mistakes": mistakes}))
}

/// Something is not there.
pub(super) fn missing(what: &str) -> Response {
    json_with(StatusCode::NOT_FOUND, &json!({"success": false, "message": format!("{what} is not there")}))
}

/// A file: shown, or to be saved under its name.
pub(super) fn file(name: &str, content: impl Into<Body>, save: bool) -> Response {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let mut response = Response::new(content.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type(ending)));
    let kind = if save { "attachment" } else { "inline" };
    // Names of ours are letters, digits, dots and underscores; others are not told.
    if let Ok(value) = format!("{kind}; filename=\"{name}\"").parse() {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    if ending == "html" {
        headers
            .insert("content-security-policy", http::HeaderValue::from_static(super::guard::REPORT_POLICY));
    }
    if name == measure::export::SCRIPT_FILE {
        // Asked for by reports, which have an origin of their own.
        headers.insert("cross-origin-resource-policy", http::HeaderValue::from_static("cross-origin"));
    }
    response
}

/// The whole body, if it is short and comes in time.
pub(super) async fn read(body: Body, clock: Clock) -> Result<Bytes, Failure> {
    let read = clock.timeout(BODY_LIMIT, to_bytes(body, BODY_BYTES_MAX)).await;
    let read = read.map_err(|_| Failure::usage("the body did not come in 10 s; send it at once"))?;
    read.map_err(|_| Failure::usage(format!("the body is longer than {BODY_BYTES_MAX} bytes; send less")))
}
