//! `PATCH` and `PUT /_stub/profile`: who may change the profile that is in force, and how.
//!
//! It must not know what a profile is.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use wire::Mistakes;

use crate::answer;
use crate::stub::{Change, Stub, Unchanged};

/// Longest patch or profile.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A refusal: its status and what the operator is told.
type No = (StatusCode, String);

/// Changes the profile as the request says, whole or not at all. Whether it is an operator has been asked already.
pub(super) async fn answer(stub: &Stub, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let change = if head.method == Method::PUT { Change::Replace } else { Change::Patch };
    let read = match refusal(&head, change, stub.operator_token().is_some()) {
        Some((status, text)) => Err((status, text.to_owned())),
        None => read(&head.headers, body).await,
    };
    let json = match read {
        Ok(json) => json,
        Err((status, text)) => return super::reply(status, "application/json", answer::detail(&text)),
    };
    match stub.changed_profile(change, &json).await {
        Ok(changed) => super::reply(StatusCode::OK, "application/json", changed),
        Err(Unchanged::Wrong(wrong)) => {
            super::reply(StatusCode::UNPROCESSABLE_ENTITY, "application/json", mistakes(&wrong))
        }
        Err(Unchanged::Untold(error)) => super::out_of_reach("The other replicas are", &error),
    }
}

/// Why the request may change nothing, whatever its body is.
fn refusal(head: &Parts, change: Change, has_token: bool) -> Option<(StatusCode, &'static str)> {
    let has = |name: &str| head.headers.contains_key(name);
    if !has_token && (has("x-api-key") || has(AUTHORIZATION.as_str())) {
        return Some((StatusCode::FORBIDDEN, "An API key opens no operator route; send none"));
    }
    if is_foreign(head, has_token) {
        return Some((StatusCode::FORBIDDEN, "A page of another origin may not change the profile"));
    }
    let essence = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = match essence.as_str() {
        "application/json" => true,
        "application/merge-patch+json" => change == Change::Patch,
        _ => false,
    };
    let text = match change {
        Change::Patch => "A patch is application/merge-patch+json or application/json",
        Change::Replace => "A profile is application/json",
    };
    (!is_json).then_some((StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}

/// Whether a browser sends this for a page that is not the stub's own. Without a token the stub's own pages are at
/// loopback only, so that a name that was bound to it does not count.
fn is_foreign(head: &Parts, has_token: bool) -> bool {
    let site = head.headers.get_all("sec-fetch-site").iter();
    if site.into_iter().any(|site| site != "same-origin" && site != "none") {
        return true;
    }
    let mut origins = head.headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return false };
    let origin = origin.to_str().ok().filter(|_| origins.next().is_none());
    let Some(origin) = origin.and_then(|text| text.parse::<Uri>().ok()) else { return true };
    let (Some(scheme), Some(authority)) = (origin.scheme_str(), origin.authority()) else { return true };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return true,
    };
    let plain = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    let is_own = host(head).is_some_and(|host| plain(host) == plain(authority.as_str()));
    !is_own || !has_token && !is_loopback(authority.host())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn host(head: &Parts) -> Option<&str> {
    let authority = || head.uri.authority().filter(|_| head.version == Version::HTTP_2);
    match head.headers.get(HOST) {
        Some(host) => host.to_str().ok(),
        None => authority().map(|authority| authority.as_str()),
    }
}

/// The body as JSON.
async fn read(headers: &HeaderMap, mut body: Body) -> Result<Value, No> {
    let too_long =
        || (StatusCode::PAYLOAD_TOO_LARGE, format!("A body is {BODY_BYTES_MAX} bytes long at most"));
    let promised = headers.get(CONTENT_LENGTH).map(HeaderValue::to_str);
    if promised.is_some_and(|length| length.ok().and_then(|text| text.parse().ok()) > Some(BODY_BYTES_MAX)) {
        return Err(too_long());
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broken = |_| (StatusCode::BAD_REQUEST, "The body broke off".to_owned());
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return Err(too_long());
        }
        bytes.extend_from_slice(&data);
    }
    match serde_json::from_slice(&bytes) {
        Ok(json @ Value::Object(_)) => Ok(json),
        Ok(_) => Err((StatusCode::BAD_REQUEST, "The body is no JSON object".to_owned())),
        Err(error) => Err((StatusCode::BAD_REQUEST, format!("The body is no JSON: {error}"))),
    }
}

/// All mistakes, one by one.
fn mistakes(wrong: &Mistakes) -> Bytes {
    let one = |mistake: &wire::Mistake| json!({"problem": mistake.problem, "remedy": mistake.remedy});
    let list: Vec<_> = wrong.0.iter().map(one).collect();
    answer::json(&json!({"detail": "The profile would be wrong; nothing is changed", "mistakes": list}))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers as `name: value` lines; the status that refuses a patch with them, if one does.
    fn check(lines: &str, has_token: bool, expected: Option<u16>) {
        let mut request = http::Request::patch("/_stub/profile");
        for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
            request = request.header(name, value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let got = refusal(&head, Change::Patch, has_token).map(|(status, _)| status.as_u16());
        assert_eq!(got, expected, "{lines} (token: {has_token})");
    }

    #[test]
    fn only_our_own_pages_and_no_pages_at_all_may_change_anything() {
        for (lines, with_token, without) in [
            ("", None, None),
            ("origin: http://localhost:8000\nhost: localhost:8000", None, None),
            ("origin: http://LOCALHOST\nhost: localhost:80", None, None),
            ("origin: http://[::1]:8000\nhost: [::1]:8000", None, None),
            ("origin: https://stub.test\nhost: stub.test:443", None, Some(403)),
            ("origin: http://evil.test:8000\nhost: evil.test:8000", None, Some(403)),
            ("origin: http://evil.test\nhost: localhost:8000", Some(403), Some(403)),
            ("origin: http://localhost:3000\nhost: localhost:8000", Some(403), Some(403)),
            ("origin: http://localhost:8000", Some(403), Some(403)),
            ("origin: null\nhost: localhost:8000", Some(403), Some(403)),
            ("origin: file://localhost\nhost: localhost", Some(403), Some(403)),
            ("origin: http://localhost\norigin: http://evil.test\nhost: localhost", Some(403), Some(403)),
            ("sec-fetch-site: same-origin", None, None),
            ("sec-fetch-site: none", None, None),
            ("sec-fetch-site: cross-site", Some(403), Some(403)),
            ("sec-fetch-site: same-site", Some(403), Some(403)),
            ("x-api-key: key", None, Some(403)),
            ("authorization: Bearer token", None, Some(403)),
        ] {
            let lines = format!("content-type: application/json\n{lines}");
            check(&lines, true, with_token);
            check(&lines, false, without);
        }
    }

    #[test]
    fn a_patch_says_that_it_is_json() {
        for (content_type, expected) in [
            ("application/json", None),
            ("Application/Merge-Patch+JSON ; charset=utf-8", None),
            ("text/plain", Some(415)),
            ("application/x-www-form-urlencoded", Some(415)),
            ("application/json-patch+json", Some(415)),
            ("", Some(415)),
        ] {
            check(&format!("content-type: {content_type}"), true, expected);
        }
        check("", true, Some(415));
    }
}
