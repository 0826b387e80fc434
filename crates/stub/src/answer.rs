//! Answers as they stand on the wire: status, the real server's headers in their order, bodies.
//!
//! It must not decide anything: it writes down what was decided.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SERVER,
};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use wire::ConnectionFault;

use crate::caller::Caller;
use crate::input::Reply;
use crate::ledger::{Entry, Receipt, receipted};
use crate::limiter::Allowance;
use crate::refusal::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const UVICORN: HeaderValue = HeaderValue::from_static("uvicorn");
/// What a full queue asks for: a second is longer than any queue of a healthy agent.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");
/// Answers above this latency lose reward, and all of it at twice as much.
const REWARD_LATENCY_MS: f64 = 2000.0;

/// The body of `/health`.
pub(crate) const HEALTH: Bytes = Bytes::from_static(br#"{"status":"ok"}"#);

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

/// The body of `/ask`.
pub(crate) fn ask(reply: &Reply, latency_ns: u64) -> Bytes {
    #[derive(Serialize)]
    struct Ask<'a> {
        answer: &'a str,
        citations: &'a [String],
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
    let tool_required = reply.lacks_tool;
    let late = ((latency_ms - REWARD_LATENCY_MS) / REWARD_LATENCY_MS).max(0.0);
    let metrics = Metrics {
        latency_ms,
        groundedness: if reply.citation.is_some() { 1.0 } else { 0.0 },
        tool_required,
        verification_success: !tool_required,
        reward: (if tool_required { 0.0 } else { 1.0 } - late).max(0.0),
    };
    json(&Ask { answer: &reply.text, citations: reply.citation.as_slice(), metrics })
}

pub(crate) fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("the stub's own bodies are JSON").into()
}

/// An answer as the endpoint and the layers around it make it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// In their order on the wire, after `date` and `server`.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// A bare 500: nothing is added to it, and the connection closes behind it.
    pub(crate) is_bare: bool,
    /// Out of the response cache.
    pub(crate) is_cached: bool,
    /// Its own content security policy.
    pub(crate) policy: Option<HeaderValue>,
    /// To be signed as the bytes are handed over; the stub's operators' answers have none.
    pub(crate) receipt: Option<Receipt>,
    /// What is done to the connection that it leaves on.
    pub(crate) fault: Option<ConnectionFault>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Self {
        let mut headers = Vec::with_capacity(24);
        headers.push((CONTENT_LENGTH, HeaderValue::from(body.len())));
        headers.push((CONTENT_TYPE, content_type));
        Self {
            status,
            headers,
            body,
            is_bare: false,
            is_cached: false,
            policy: None,
            receipt: None,
            fault: None,
        }
    }

    /// 200 with a JSON body.
    pub(crate) fn json(body: Bytes) -> Self {
        Self::new(StatusCode::OK, JSON, body)
    }

    pub(crate) fn text(status: StatusCode, text: &str) -> Self {
        Self::new(status, TEXT, Bytes::copy_from_slice(text.as_bytes()))
    }

    /// 307 without a body.
    pub(crate) fn redirect(location: HeaderValue) -> Self {
        let mut answer = Self::new(StatusCode::TEMPORARY_REDIRECT, TEXT, Bytes::new());
        answer.headers.pop();
        answer.push(LOCATION, location);
        answer
    }

    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        if let Refusal::Crash(_) = refusal {
            let mut answer = Self::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
            answer.is_bare = true;
            return answer;
        }
        let body = match refusal.detail_json() {
            Some(json) => format!("{{\"detail\":{json}}}").into(),
            None => detail(&refusal.detail()),
        };
        let mut answer = Self::new(refusal.status(), JSON, body);
        match refusal {
            Refusal::MethodNotAllowed(allowed) => {
                answer.headers.insert(0, (ALLOW, HeaderValue::from_static(allowed)));
            }
            Refusal::QueueFull => answer.push(RETRY_AFTER, RETRY_AFTER_S),
            _ => {}
        }
        answer
    }

    /// Says what the rate limits leave.
    pub(crate) fn allow(&mut self, allowance: Allowance) {
        self.headers.extend(allowance.headers());
    }

    pub(crate) fn push(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.push((name, value));
    }

    /// Complete: it opens with date and server. A HEAD answer says how long its body would be, and has none.
    #[must_use]
    pub(crate) fn complete(mut self, is_head: bool, date: HeaderValue) -> Self {
        self.headers.splice(..0, [(DATE, date), (SERVER, UVICORN)]);
        if is_head {
            self.body = Bytes::new();
        }
        self
    }

    /// As whoever calls the stub in process is given it. A fault on the connection is among the extensions.
    pub(crate) fn response(self) -> Response<Body> {
        let is_whole = matches!(self.fault, None | Some(ConnectionFault::Close));
        // Of an answer that is not sent whole the receipt is not signed, whatever becomes of the body.
        let receipt = self.receipt.filter(|_| is_whole);
        let mut response = Response::new(receipted(self.body, receipt));
        if let Some(fault) = self.fault {
            response.extensions_mut().insert(fault);
        }
        *response.status_mut() = self.status;
        response.headers_mut().reserve(self.headers.len());
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }

    /// The answer of a route that is none of the real server's. Without a date or a length it gets them; a body that
    /// breaks off is left out.
    pub(crate) async fn foreign(response: Response<Body>, date: HeaderValue) -> Self {
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        parts.headers.entry(DATE).or_insert(date);
        parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
        let headers = parts.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self {
            status: parts.status,
            headers,
            body,
            is_bare: false,
            is_cached: false,
            policy: None,
            receipt: None,
            fault: None,
        }
    }
}

/// `{"detail": …}`.
pub(crate) fn detail(text: &str) -> Bytes {
    #[derive(Serialize)]
    struct Detail<'a> {
        detail: &'a str,
    }
    json(&Detail { detail: text })
}

/// `queue;dur=0.000, router;dur=5.120, total;dur=5.140`, in milliseconds (W3C Server Timing). A switch that is on
/// adds its own: `cache;desc=hit;dur=1.000` after the queue, and `connect;dur=30.000`, `batch;desc="5"` and
/// `replica;desc="2"` after their agent.
pub(crate) fn server_timing(entry: &Entry) -> HeaderValue {
    let mut text = String::with_capacity(40 + 28 * entry.parts.len());
    duration(&mut text, "queue", entry.queued_ns);
    if let Some(look) = &entry.look {
        let name = if look.is_hit { ", cache;desc=hit" } else { ", cache;desc=miss" };
        duration(&mut text, name, look.took_ns);
    }
    for part in &entry.parts {
        text.push_str(", ");
        duration(&mut text, &entry.agents[part.agent], part.worked_ns);
        if let Some(connect) = part.connect {
            duration(&mut text, ", connect", connect.took_ns);
        }
        for (name, number) in [("batch", part.batch), ("replica", part.replica)] {
            if let Some(number) = number {
                let _ = write!(text, ", {name};desc=\"{number}\"");
            }
        }
    }
    text.push_str(", ");
    duration(&mut text, "total", entry.fired_ns - entry.arrived_ns);
    HeaderValue::from_str(&text).expect("agents' names fit a header")
}

fn duration(text: &mut String, name: &str, ns: u64) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{name};dur={}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000);
}

/// [`date`], written once a second.
#[derive(Default)]
pub(crate) struct Dates(Mutex<Option<(u64, HeaderValue)>>);

impl Dates {
    pub(crate) fn at(&self, unix_s: u64) -> HeaderValue {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at_s, date)) if *at_s == unix_s => date.clone(),
            _ => last.insert((unix_s, date(unix_s))).1.clone(),
        }
    }
}

/// The time as HTTP writes it: `Mon, 23 Nov 2026 09:34:35 GMT` (RFC 9110, 5.6.7).
pub(crate) fn date(unix_s: u64) -> HeaderValue {
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
        let dates = Dates::default();
        for (unix_s, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_795_426_475, "Mon, 23 Nov 2026 09:34:35 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(date(unix_s), expected);
            assert_eq!((dates.at(unix_s), dates.at(unix_s)), (date(unix_s), date(unix_s)));
        }
    }

    #[test]
    fn bodies_are_the_recorded_ones() {
        let reply = |text: &str, lacks_tool| Reply { text: text.to_owned(), citation: None, lacks_tool };
        assert_eq!(
            ask(&reply("[MODEL RESPONSE] What is 2 + 2?", true), 7_250),
            r#"{"answer":"[MODEL RESPONSE] What is 2 + 2?","citations":[],"metrics":{"latency_ms":0.00725,"groundedness":0.0,"tool_required":true,"verification_success":false,"reward":0.0}}"#
        );
        let late = ask(&reply("x", false), 2_500_000_000);
        assert!(late.ends_with(br#""verification_success":true,"reward":0.75}}"#), "{late:?}");
        let sum = Reply { citation: Some("calculator: 2 + 2 = 4".to_owned()), ..reply("4", false) };
        assert_eq!(
            ask(&sum, 7_250),
            r#"{"answer":"4","citations":["calculator: 2 + 2 = 4"],"metrics":{"latency_ms":0.00725,"groundedness":1.0,"tool_required":false,"verification_success":true,"reward":1.0}}"#
        );
        let caller = Caller::new("bob", vec!["user".into()], vec![]);
        assert_eq!(whoami(&caller), r#"{"tenant_id":null,"user_id":"bob","roles":["user"],"scopes":[]}"#);
        assert_eq!(detail("Führung \"x\""), "{\"detail\":\"Führung \\\"x\\\"\"}");
    }
}
