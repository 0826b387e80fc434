//! What the page asks of its target when that is a stub of ours: what it truly did, and that another profile be in force.
//! It must not know what a profile says. It sends no credentials: whoever types a host would be given them.

use std::time::Duration;

use bytes::Bytes;
use harness::{Call, HttpTransport, Target, Transport};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use stub::Profile;
use wire::{Clock, Mistakes, Truth};

use crate::args::LoadArgs;
use crate::embedded::stub_profiles;
use crate::exit::Failure;
use crate::place::{Place, http_options};
use crate::runtime::runtime;

/// The field of the form.
const FIELD: &str = "stub_profile";
/// How long a server may take to say whether it is a stub.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a stub may take to put a profile in force.
const CHANGE_PATIENCE: Duration = Duration::from_secs(10);
/// Longest part of an answer that is told.
const TOLD_CHARS_MAX: usize = 300;

/// A profile to be put in force before a run begins: its name, and what it says as JSON.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    profile: Value,
}

/// The names that a form offers.
pub(super) fn names() -> Vec<&'static str> {
    stub_profiles().iter().map(|(name, _)| *name).collect()
}

/// The profile that a form names as `{"name": …}` or by its bare name; nothing, or an empty name, leaves what is in force.
pub(super) fn wanted(given: Option<&Value>, mistakes: &mut Mistakes) -> Option<Wanted> {
    let given = given?;
    let remedy = || format!("give {{\"name\": …}} with one of {}", names().join(", "));
    let Some(name) = given["name"].as_str().or(given.as_str()) else {
        mistakes.push(FIELD, "names no profile", remedy());
        return None;
    };
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let Some((name, text)) = stub_profiles().into_iter().find(|(known, _)| *known == name) else {
        mistakes.push(FIELD, format!("`{}` is not known", short(name)), remedy());
        return None;
    };
    match Profile::parse(name, text) {
        Ok(profile) => Some(Wanted { name: name.to_owned(), profile: profile.written() }),
        Err(found) => {
            mistakes.append(found);
            None
        }
    }
}

/// Puts the profile in force at the server that the load goes to.
pub(super) fn put(args: &LoadArgs, place: &Place, host: &str, wanted: &Wanted) -> Result<(), Failure> {
    if !matches!(place, Place::Server(..)) {
        let text = "is for a stub that listens at the host; leave it as it is, or give --profile";
        return Err(Failure::usage(format!("{FIELD}: {text}")));
    }
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let body = Bytes::from(wanted.profile.to_string());
    let call = Call { method: Method::PUT, path: "/_stub/profile".into(), headers, body, ..Call::default() };
    let Some((status, body)) = ask(args, host, call, CHANGE_PATIENCE) else {
        let text = "does not answer; start the server, or give the right address";
        return Err(Failure::unreachable(format!("host: {} {text}", short(host))));
    };
    match refusal(status, &body) {
        Some(text) => Err(Failure::usage(text)),
        None => {
            tracing::info!(target: "weaver_bench::page", "the stub's profile is now {}", wanted.name);
            Ok(())
        }
    }
}

/// Why the profile is not in force, a line each mistake; `None` when it is.
fn refusal(status: u16, body: &[u8]) -> Option<String> {
    let told: Value = serde_json::from_slice(body).unwrap_or(json!({}));
    let said = |value: &Value| value.as_str().map(short);
    let mistakes: Vec<String> = told["mistakes"]
        .as_array()
        .into_iter()
        .flatten()
        .take(20)
        .filter_map(|one| Some(format!("{FIELD}: {}; {}", said(&one["problem"])?, said(&one["remedy"])?)))
        .collect();
    let detail = said(&told["detail"]).unwrap_or_default();
    let line = |problem: String, remedy: &str| Some(format!("{FIELD}: {problem}; {remedy}"));
    match StatusCode::from_u16(status) {
        // Another server may answer anything with 200: a stub tells the number of what is in force.
        Ok(StatusCode::OK) if told["revision"].is_number() => None,
        Ok(StatusCode::UNPROCESSABLE_ENTITY) if !mistakes.is_empty() => Some(mistakes.join("\n")),
        Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let remedy = "only its operator changes the profile: do so there, and leave it as it is here";
            line(format!("the stub refuses ({status}): {}", detail.replace("; ", ", ")), remedy)
        }
        _ => line(format!("the server is no stub of ours (status {status})"), "leave it as it is"),
    }
}

/// One line, bounded.
fn short(text: &str) -> String {
    text.replace(char::is_control, " ").chars().take(TOLD_CHARS_MAX).collect()
}

/// What the server truly did so far, if it is a stub of ours. One request that no scenario has is sent for it.
pub(super) fn truth_of(args: &LoadArgs, host: &str) -> Option<Truth> {
    serde_json::from_slice(&get(args, host, "/_stub/truth")?).ok()
}

/// Whether the server is a stub that lets this machine see its profile.
pub(super) fn is_stub(args: &LoadArgs, host: &str) -> bool {
    let told = get(args, host, "/_stub/profile").and_then(|body| serde_json::from_slice::<Value>(&body).ok());
    told.is_some_and(|told| told["profile"].is_object())
}

fn get(args: &LoadArgs, host: &str, path: &str) -> Option<Bytes> {
    let call = Call { path: path.to_owned(), ..Call::default() };
    ask(args, host, call, PATIENCE).filter(|(status, _)| *status == 200).map(|(_, body)| body)
}

/// One request: status and body, if there is an answer in time.
fn ask(args: &LoadArgs, host: &str, call: Call, patience: Duration) -> Option<(u16, Bytes)> {
    let options = http_options(args.http, args.insecure, args.cacert.as_deref()).ok()?;
    let transport = HttpTransport::new(Target::parse(host).ok()?, &options).ok()?;
    let reply =
        runtime().ok()?.block_on(Clock::system().timeout(patience, transport.send(call))).ok()?.ok()?;
    Some((reply.status, reply.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_of_the_checkout_can_be_chosen_and_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../load_tests/stub");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("is there")
            .map(|entry| entry.expect("can be read").file_name().into_string().expect("is UTF-8"))
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        there.sort();
        assert_eq!(names(), there);
        for name in names() {
            let mut mistakes = Mistakes::default();
            let found = wanted(Some(&json!({"name": name})), &mut mistakes);
            assert!(found.is_some_and(|found| found.profile["agent"].is_object()), "{name}: {mistakes}");
        }
    }

    #[test]
    fn what_names_no_profile_is_a_mistake_of_its_field() {
        for (given, known, mistakes_expected) in [
            (json!({"name": "slow"}), true, 0),
            (json!("slow"), true, 0),
            (json!({"name": " "}), false, 0),
            (json!({"name": "../slow"}), false, 1),
            (json!({"agent": {}}), false, 1),
            (json!(3), false, 1),
        ] {
            let mut mistakes = Mistakes::default();
            let found = wanted(Some(&given), &mut mistakes);
            assert_eq!((found.is_some(), mistakes.0.len()), (known, mistakes_expected), "{given}");
            assert!(mistakes.0.iter().all(|mistake| mistake.place == FIELD), "{mistakes}");
        }
    }

    #[test]
    fn only_a_stub_that_tells_a_revision_has_changed() {
        let wrong = r#"{"detail": "no", "mistakes": [{"problem": "a", "remedy": "b"}, {"problem": "c", "remedy": "d"}]}"#;
        for (status, body, expected) in [
            (200, r#"{"revision": 2, "profile": {}}"#, None),
            (200, "<html>", Some("no stub of ours (status 200)")),
            (404, "", Some("no stub of ours (status 404)")),
            (
                403,
                r#"{"detail": "Nobody; at all"}"#,
                Some("refuses (403): Nobody, at all; only its operator"),
            ),
            (422, wrong, Some("stub_profile: a; b\nstub_profile: c; d")),
            (422, "{}", Some("no stub of ours (status 422)")),
        ] {
            let found = refusal(status, body.as_bytes());
            assert_eq!(found.is_some(), expected.is_some(), "{status} {body}: {found:?}");
            let text = found.unwrap_or_default();
            assert!(text.contains(expected.unwrap_or_default()), "{status} {body}: {text}");
        }
    }
}
