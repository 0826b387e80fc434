//! Answers as they stand on the wire: bodies, the real server's headers in their order, and the stub's two.
//!
//! It must not decide anything: it writes down what was decided.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SERVER, VARY,
};
use http::{Response, StatusCode};
use serde::Serialize;
use wire::{Clock, REQUEST_ID_HEADER, SERVER_TIMING_HEADER};

use crate::caller::Caller;
use crate::guard;
use crate::ledger::Entry;
use crate::refusal::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// What a full queue asks for: a second is longer than any queue of a healthy agent.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");
/// Answers above this latency lose reward, and all of it at twice as much.
const REWARD_LATENCY_MS: f64 = 2000.0;

const SECURITY_HEADERS: [(&str, &str); 10] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'none'; style-src 'none'; img-src 'none'; font-src 'none'; connect-src 'self'; \
         media-src 'none'; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    ),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-download-options", "noopen"),
    ("x-dns-prefetch-control", "off"),
];
static SECURITY: LazyLock<[(HeaderName, HeaderValue); 10]> = LazyLock::new(|| {
    SECURITY_HEADERS.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
});

/// The body of `/health`.
pub(crate) const HEALTH: Bytes = Bytes::from_static(br#"{"status":"ok"}"#);

/// The body of `/metrics` while Redis is down, which is how the real compose file runs.
pub(crate) const METRICS: Bytes = Bytes::from_static(
    br#"{"service":"weaver-ai","status":"healthy","redis_pool":{"total_connections_created":0,"total_commands_executed":0,"total_errors":0,"pool_initialized_at":null,"last_health_check":null}}"#,
);

/// The body of `/whoami`.
pub(crate) fn whoami(caller: &Caller) -> Bytes {
    #[derive(Serialize)]
    struct Whoami<'a> {
        tenant_id: Option<&'a str>,
        user_id: &'a str,
        roles: &'a [String],
        scopes: &'a [String],
    }
    json(&Whoami { tenant_id: None, user_id: &caller.user, roles: &caller.roles, scopes: &caller.scopes })
}

/// The body of `/ask`, for the cleaned query and the text made of it.
pub(crate) fn ask(query: &str, answer: &str, latency_ns: u64) -> Bytes {
    #[derive(Serialize)]
    struct Ask<'a> {
        answer: &'a str,
        citations: [&'a str; 0],
        metrics: Metrics,
    }
    #[derive(Serialize)]
    struct Metrics {
        latency_ms: f64,
        groundedness: f64,
        tool_required: bool,
        verification_success: bool,
        reward: f64,
    }
    let latency_ms = latency_ns as f64 / 1e6;
    let tool_required = guard::needs_tool(query);
    let late = ((latency_ms - REWARD_LATENCY_MS) / REWARD_LATENCY_MS).max(0.0);
    let metrics = Metrics {
        latency_ms,
        groundedness: 0.0,
        tool_required,
        verification_success: !tool_required,
        reward: (if tool_required { 0.0 } else { 1.0 } - late).max(0.0),
    };
    json(&Ask { answer, citations: [], metrics })
}

pub(crate) fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("the stub's own bodies are JSON").into()
}

/// Writes the outcome of a request down, closes its entry, and hands the answer over.
pub(crate) fn write(outcome: Result<Bytes, Refusal>, mut entry: Entry, clock: &Clock) -> Response<Body> {
    entry.fired_ns = clock.now_ns();
    let (status, body) = match &outcome {
        Ok(body) => (StatusCode::OK, body.clone()),
        Err(Refusal::Crash(_)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(b"Internal Server Error"))
        }
        Err(refusal) => (refusal.status(), detail(&refusal.detail())),
    };
    let is_bare = matches!(outcome, Err(Refusal::Crash(_)));
    let mut headers = HeaderMap::with_capacity(24);
    headers.insert(DATE, date(clock.unix_ns() / 1_000_000_000));
    headers.insert(SERVER, HeaderValue::from_static("uvicorn"));
    if let Err(Refusal::MethodNotAllowed(method)) = outcome {
        headers.insert(ALLOW, HeaderValue::from_static(method));
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONTENT_TYPE, if is_bare { TEXT } else { JSON });
    if !is_bare {
        for (name, value) in &*SECURITY {
            headers.insert(name, value.clone());
        }
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    if outcome == Err(Refusal::QueueFull) {
        headers.insert(RETRY_AFTER, RETRY_AFTER_S);
    }
    if let Ok(id) = HeaderValue::from_str(&entry.request_id) {
        headers.insert(REQUEST_ID_HEADER, id);
    }
    headers.insert(SERVER_TIMING_HEADER, server_timing(&entry));
    if let Err(refusal) = &outcome {
        let reason = refusal.reason();
        tracing::debug!(id = &*entry.request_id, status = status.as_u16(), %reason, "refused");
        entry.fault = Some(reason);
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    entry.answered(status.as_u16());
    response
}

/// `{"detail": …}`.
pub(crate) fn detail(text: &str) -> Bytes {
    #[derive(Serialize)]
    struct Detail<'a> {
        detail: &'a str,
    }
    json(&Detail { detail: text })
}

/// `queue;dur=0.000, router;dur=5.120, total;dur=5.140`, in milliseconds (W3C Server Timing).
fn server_timing(entry: &Entry) -> HeaderValue {
    let mut text = String::with_capacity(40 + 28 * entry.parts.len());
    duration(&mut text, "queue", entry.queued_ns);
    for part in &entry.parts {
        text.push_str(", ");
        duration(&mut text, &entry.agents()[part.agent], part.worked_ns);
    }
    text.push_str(", ");
    duration(&mut text, "total", entry.fired_ns - entry.arrived_ns);
    HeaderValue::from_str(&text).expect("agents' names fit a header")
}

fn duration(text: &mut String, name: &str, ns: u64) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{name};dur={}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000);
}

/// The time as HTTP writes it: `Mon, 23 Nov 2026 09:34:35 GMT` (RFC 9110, 5.6.7).
fn date(unix_s: u64) -> HeaderValue {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = civil(days);
    let mut text = String::with_capacity(29);
    let _ = write!(
        text,
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[month],
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    );
    HeaderValue::from_str(&text).expect("a date fits a header")
}

/// Year, month from 0 and day of a day since 1970 (Hinnant, *chrono-Compatible Low-Level Date Algorithms*).
fn civil(days: u64) -> (u64, usize, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    (year_of_era + era * 400 + u64::from(month < 2), month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_s, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_795_426_475, "Mon, 23 Nov 2026 09:34:35 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(date(unix_s), expected);
        }
    }

    #[test]
    fn bodies_are_the_recorded_ones() {
        assert_eq!(
            ask("What is 2 + 2?", "[MODEL RESPONSE] What is 2 + 2?", 7_250),
            r#"{"answer":"[MODEL RESPONSE] What is 2 + 2?","citations":[],"metrics":{"latency_ms":0.00725,"groundedness":0.0,"tool_required":true,"verification_success":false,"reward":0.0}}"#
        );
        let late = ask("hi", "x", 2_500_000_000);
        assert!(late.ends_with(br#""verification_success":true,"reward":0.75}}"#), "{late:?}");
        let caller = Caller::new("bob", vec!["user".into()], vec![]);
        assert_eq!(whoami(&caller), r#"{"tenant_id":null,"user_id":"bob","roles":["user"],"scopes":[]}"#);
        assert_eq!(detail("Führung \"x\""), "{\"detail\":\"Führung \\\"x\\\"\"}");
    }
}
