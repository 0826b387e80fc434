//! What the tests of the stub share: a stub in virtual time and requests to it.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use stub::{ApiKeys, Limits, Profile, Settings, Stub};
use tower::ServiceExt;
use wire::{Clock, Seed};

/// 2027-01-15 08:00:00.
pub(crate) const UNIX_NS: u64 = 1_800_000_000_000_000_000;

/// Settings with lifted limits and two callers: `key` may do nothing, `calc` may calculate.
pub(crate) fn settings() -> Settings {
    Settings {
        api_keys: ApiKeys::parse(r#"["key", "calc:bob:user"]"#).expect("keys"),
        limits: Limits::OFF,
        ..Settings::default()
    }
}

/// One agent `a` with these lines, which answers everything.
pub(crate) fn one_agent(lines: &str) -> Profile {
    profile(&format!("[agent.a]\n{lines}\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n"))
}

pub(crate) fn profile(text: &str) -> Profile {
    Profile::parse("test.toml", text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A stub in virtual time that starts now.
pub(crate) fn stub(settings: Settings, profile: Profile) -> (Stub, Clock) {
    let clock = Clock::at(UNIX_NS);
    (Stub::new(settings, profile, clock, Seed(7)), clock)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

pub(crate) async fn send(stub: &Stub, request: Request<Body>) -> Reply {
    let response = stub.router().oneshot(request).await.expect("the router cannot fail");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Reply { status: head.status, headers: head.headers, body: String::from_utf8(body.into()).expect("text") }
}

/// `METHOD PATH [NAME:VALUE]…` with a body.
pub(crate) fn request(line: &str, body: &str) -> Request<Body> {
    let mut words = line.split('|');
    let (method, path) = words.next().and_then(|first| first.split_once(' ')).expect("method and path");
    let mut builder = Request::builder().method(method).uri(path);
    for header in words {
        let (name, value) = header.split_once(':').expect("name:value");
        builder = builder.header(name, value);
    }
    builder.body(Body::from(body.to_owned())).expect("a request")
}

/// `POST /ask` of `query` under this request id.
pub(crate) fn ask(id: &str, query: &str) -> Request<Body> {
    let body = serde_json::json!({"user_id": "u", "query": query});
    request(&format!("POST /ask|x-api-key:key|x-request-id:{id}"), &body.to_string())
}
