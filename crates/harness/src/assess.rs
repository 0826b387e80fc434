//! What an answer means: a pure function of the expectations and the reply.

use http::StatusCode;
use measure::Outcome;

use crate::{Expect, JsonCheck, Reply, SendError};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assessment {
    pub(crate) outcome: Outcome,
    /// 0 when there was no answer.
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    /// Why it is a failure; of a throttled request, what the answer says.
    pub(crate) error: Option<String>,
}

/// Characters of a refusal's own words that are kept.
const DETAIL_CHARS_MAX: usize = 120;

/// Decides the outcome; `name` is the entry's, for the error's text.
pub(crate) fn assess(expect: &Expect, name: &str, result: &Result<Reply, SendError>) -> Assessment {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            let error = Some(error.to_string());
            return Assessment { outcome: Outcome::Failure, status: 0, body_bytes: 0, error };
        }
    };
    let (outcome, error) = match fault(expect, name, reply) {
        _ if expect.throttled.contains(&reply.status) => (Outcome::Throttled, detail(reply)),
        None => (Outcome::Success, None),
        error => (Outcome::Failure, error),
    };
    Assessment { outcome, status: reply.status, body_bytes: reply.body.len() as u64, error }
}

/// What a refusal says of itself: the `detail`, `message` or `error` of a JSON body, the beginning of it.
fn detail(reply: &Reply) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
    let text = ["detail", "message", "error"].iter().find_map(|key| body.get(key)?.as_str())?;
    Some(text.chars().take(DETAIL_CHARS_MAX).collect())
}

fn fault(expect: &Expect, name: &str, reply: &Reply) -> Option<String> {
    let expected = match expect.statuses.as_slice() {
        [] => reply.status < 400,
        statuses => statuses.contains(&reply.status),
    };
    if !expected {
        return Some(status_error(expect, name, reply.status));
    }
    if expect.json.is_empty() {
        return None;
    }
    match serde_json::from_slice(&reply.body) {
        Err(_) => Some(custom("the answer is not JSON")),
        Ok(body) => expect.json.iter().find_map(|check| json_fault(check, &body)),
    }
}

/// As Python's `requests` words it, so that a Locust user's eye (and grep) finds it.
fn status_error(expect: &Expect, name: &str, status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Unknown");
    let side = match status {
        400..=499 => "Client",
        500..=599 => "Server",
        _ => {
            let expected: Vec<String> = expect.statuses.iter().map(ToString::to_string).collect();
            return custom(&format!("status {status} is not {}", expected.join(" or ")));
        }
    };
    format!("HTTPError('{status} {side} Error: {reason} for url: {name}')")
}

fn json_fault(check: &JsonCheck, body: &serde_json::Value) -> Option<String> {
    match (body.pointer(&check.pointer), &check.equals) {
        (None, _) => Some(custom(&format!("{} is absent", check.pointer))),
        (Some(got), Some(expected)) if !same(got, expected) => {
            Some(custom(&format!("{} is not {expected}", check.pointer)))
        }
        _ => None,
    }
}

/// Numbers are equal by value: 1 and 1.0 are the same.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a == b)
}

fn custom(text: &str) -> String {
    format!("CatchResponseError('{text}')")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(expect: &Expect, status: u16, body: &str, outcome: Outcome, error: Option<&str>) {
        let reply = Reply { status, body: body.to_owned().into(), server_timing: vec![] };
        let got = assess(expect, "/ask", &Ok(reply));
        assert_eq!((got.outcome, got.error.as_deref()), (outcome, error), "{status} {body}");
    }

    #[test]
    fn statuses() {
        let plain = Expect::default();
        check(&plain, 200, "", Outcome::Success, None);
        check(&plain, 302, "", Outcome::Success, None);
        let unauthorized = "HTTPError('401 Client Error: Unauthorized for url: /ask')";
        check(&plain, 401, "", Outcome::Failure, Some(unauthorized));
        check(
            &plain,
            429,
            "",
            Outcome::Failure,
            Some("HTTPError('429 Client Error: Too Many Requests for url: /ask')"),
        );
        let picky = Expect { statuses: vec![401, 403], throttled: vec![429], json: vec![] };
        check(&picky, 401, "", Outcome::Success, None);
        check(&picky, 429, "", Outcome::Throttled, None);
        check(&picky, 200, "", Outcome::Failure, Some("CatchResponseError('status 200 is not 401 or 403')"));
    }

    #[test]
    fn bodies() {
        let has = JsonCheck { pointer: "/answer".into(), equals: None };
        let is = JsonCheck { pointer: "/n".into(), equals: Some(json!(1)) };
        let expect = Expect { json: vec![has, is], ..Expect::default() };
        check(&expect, 200, r#"{"answer":"x","n":1.0}"#, Outcome::Success, None);
        check(&expect, 200, r#"{"n":1}"#, Outcome::Failure, Some("CatchResponseError('/answer is absent')"));
        check(
            &expect,
            200,
            r#"{"answer":1,"n":2}"#,
            Outcome::Failure,
            Some("CatchResponseError('/n is not 1')"),
        );
        check(&expect, 200, "oops", Outcome::Failure, Some("CatchResponseError('the answer is not JSON')"));
    }

    #[test]
    fn refusals_in_their_own_words() {
        let expect = Expect { throttled: vec![429], ..Expect::default() };
        let long = format!(r#"{{"detail":"{}"}}"#, "x".repeat(500));
        for (body, words) in [
            (r#"{"detail":"Rate limit exceeded for IP"}"#, Some("Rate limit exceeded for IP".to_owned())),
            (r#"{"message":"slow down"}"#, Some("slow down".to_owned())),
            (r#"{"detail":[1]}"#, None),
            ("slow down", None),
            (&long, Some("x".repeat(DETAIL_CHARS_MAX))),
        ] {
            check(&expect, 429, body, Outcome::Throttled, words.as_deref());
        }
    }

    #[test]
    fn no_answer_is_a_failure_with_status_0() {
        let got = assess(&Expect::default(), "/ask", &Err(SendError::Refused));
        assert_eq!((got.outcome, got.status), (Outcome::Failure, 0));
        assert_eq!(got.error.as_deref(), Some("ConnectionRefusedError(111, 'Connection refused')"));
    }
}
