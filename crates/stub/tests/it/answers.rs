//! Every path, status and detail of the main ways, and the headers that go with them.

use std::net::SocketAddr;

use crate::common::{self, Reply, ask, one_agent, request, send, settings, stub};
use axum::extract::ConnectInfo;
use futures_util::future::join_all;
use stub::{AuthMode, Limit, Limits, Profile, Settings};
use wire::{Audit, DelayAudit, LedgerEntry, Truth};

const INSTANT: &str = "concurrency = 9\ndelay = { fixed = \"0s\" }";
const CSP: &str = "default-src 'none'; script-src 'none'; style-src 'none'; img-src 'none'; font-src 'none'; connect-src 'self'; media-src 'none'; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'";

/// `line` and `body` lead to this status and body.
async fn check(settings: &Settings, line: &str, body: &str, status: u16, expected: &str) -> Reply {
    let (stub, _) = stub(settings.clone(), one_agent(INSTANT));
    let reply = send(&stub, request(line, body)).await;
    let expected = match expected.starts_with('{') || expected == "Internal Server Error" {
        true => expected.to_owned(),
        false => format!("{{\"detail\":\"{expected}\"}}"),
    };
    assert_eq!((reply.status.as_u16(), &*reply.body), (status, &*expected), "{line} {body}");
    reply
}

#[tokio::test(start_paused = true)]
async fn main_ways() {
    let whoami = r#"{"tenant_id":null,"user_id":"anonymous","roles":[],"scopes":[]}"#;
    let bob = r#"{"tenant_id":null,"user_id":"bob","roles":["user"],"scopes":[]}"#;
    let sum = r#"{"user_id":"u","query":"2 + 2"}"#;
    let mismatch = "User ID does not match API key authorization";
    for (line, body, status, expected) in [
        ("GET /health", "", 200, r#"{"status":"ok"}"#),
        ("GET /whoami|x-api-key:key", "", 200, whoami),
        ("GET /whoami|X-API-KEY:calc|x-user-id:bob", "", 200, bob),
        ("GET /whoami|x-api-key:calc|x-user-id:eve", "", 403, mismatch),
        ("GET /whoami|x-api-key:key|x-user-id:", "", 200, whoami),
        ("GET /whoami", "", 401, "Missing API key"),
        ("GET /whoami|authorization:Bearer key", "", 401, "Missing API key"),
        ("GET /whoami|x-api-key: ", "", 401, "Missing API key"),
        ("GET /whoami|x-api-key:no|x-user-id:eve", "", 401, "Invalid API key"),
        ("GET /whoami|x-api-key:key ", "", 401, "Invalid API key"),
        ("GET /whoami|x-api-key:kéy", "", 500, "Internal Server Error"),
        ("POST /ask", "{", 401, "Missing API key"),
        ("POST /ask|x-api-key:key", "{", 400, "Invalid JSON in request body"),
        ("POST /ask|x-api-key:key", "[]", 400, "Invalid request data"),
        ("POST /ask|x-api-key:key", r#"{"user_id":"u"}"#, 422, "Validation error: query: Field required"),
        (
            "POST /ask|x-api-key:key",
            r#"{"user_id":"u","query":"a Forbidden thing"}"#,
            400,
            "Input blocked by security policy",
        ),
        ("POST /ask|x-api-key:key", sum, 403, "Access denied: missing required scope 'tool:python_eval'"),
        ("POST /ask|x-api-key:calc", sum, 500, "Internal Server Error"),
        ("GET /", "", 404, "Not Found"),
        ("GET /Health", "", 404, "Not Found"),
        ("OPTIONS /nowhere", "", 404, "Not Found"),
        ("DELETE /nowhere", "", 500, "Internal Server Error"),
        ("POST /health", "", 405, "Method Not Allowed"),
        ("GET /ask", "", 405, "Method Not Allowed"),
    ] {
        let reply = check(&settings(), line, body, status, expected).await;
        let is_bare = expected == "Internal Server Error";
        assert_eq!(reply.header("vary"), if is_bare { "" } else { "Origin" }, "{line}");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string(), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_keys_every_key_is_wrong() {
    for key in ["key", "kéy"] {
        check(&Settings::default(), &format!("GET /whoami|x-api-key:{key}"), "", 401, "Invalid API key")
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn headers_stand_in_the_servers_order() {
    let reply = check(&settings(), "POST /metrics", "", 405, "Method Not Allowed").await;
    let names: Vec<_> = reply.headers.keys().map(http::HeaderName::as_str).collect();
    let order = "date server allow content-length content-type content-security-policy x-frame-options \
                 x-content-type-options strict-transport-security x-xss-protection referrer-policy permissions-policy \
                 x-permitted-cross-domain-policies x-download-options x-dns-prefetch-control vary x-request-id server-timing";
    assert_eq!(names.join(" "), order);
    assert_eq!(reply.header("allow"), "GET");
    assert_eq!(reply.header("content-security-policy"), CSP);
    assert_eq!(reply.header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    let (stub, _) = stub(settings(), one_agent(INSTANT));
    let head = send(&stub, request("HEAD /health", "")).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), &*head.body), (405, "31", ""));
    assert_eq!(head.header("allow"), "GET");
    let crash = send(&stub, request("GET /whoami|x-api-key:é", "")).await;
    let names: Vec<_> = crash.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["date", "server", "content-length", "content-type", "x-request-id", "server-timing"]);
    assert_eq!(crash.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_cleaned_and_redacted() {
    let (stub, _) = stub(settings(), one_agent("concurrency = 1\ndelay = { fixed = \"5ms\" }"));
    let reply = send(&stub, ask("r1", " Call <b>555-123-4567</b> now ")).await;
    let expected = r#"{"answer":"[MODEL RESPONSE] Call [redacted] now","citations":[],"metrics":{"latency_ms":5.0,"groundedness":0.0,"tool_required":true,"verification_success":false,"reward":0.0}}"#;
    assert_eq!((reply.status.as_u16(), &*reply.body), (200, expected));
    assert_eq!(reply.header("x-request-id"), "r1");
    assert_eq!(reply.header("server-timing"), "queue;dur=0.000, a;dur=5.000, total;dur=5.000");
    let own = send(&stub, request(&format!("GET /health|x-request-id:{}", "x".repeat(129)), "")).await;
    assert_eq!(own.header("x-request-id"), "stub-0");
}

#[tokio::test(start_paused = true)]
async fn limits_refuse_after_authentication() {
    let limits = |user, address, global| Settings { limits: Limits { user, address, global }, ..settings() };
    let (off, none) = (Limit::Off, Limit::per_second(5, 0));
    for (settings, line, status, detail) in [
        (limits(none, none, none), "POST /ask|x-api-key:key", 429, "Rate limit exceeded for user"),
        (limits(off, none, none), "POST /ask|x-api-key:key", 429, "Rate limit exceeded for IP"),
        (limits(off, off, none), "GET /whoami|x-api-key:key", 429, "System rate limit exceeded"),
        (limits(none, none, none), "POST /ask|x-api-key:no", 401, "Invalid API key"),
        (limits(none, none, none), "GET /health", 200, r#"{"status":"ok"}"#),
        (limits(off, off, off), "POST /ask|x-api-key:key", 400, "Invalid JSON in request body"),
        (
            Settings { auth_mode: AuthMode::Jwt, ..settings() },
            "GET /whoami|x-api-key:key",
            401,
            "Missing authorization header",
        ),
    ] {
        check(&settings, line, "", status, detail).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_is_the_last_untrusted_one_from_loopback() {
    let settings = Settings {
        limits: Limits { user: Limit::Off, address: Limit::per_second(1, 1), global: Limit::Off },
        ..settings()
    };
    let (stub, _) = stub(settings, one_agent(INSTANT));
    let mut got = vec![];
    for (peer, forwarded) in [
        ("127.0.0.1:1", "10.9.9.1"),
        ("127.0.0.1:2", "x, 10.9.9.1, 127.0.0.1"),
        ("127.0.0.1:3", "10.9.9.1, 10.9.9.2"),
        ("127.0.0.1:4", "127.0.0.1"),
        ("10.0.0.1:5", "10.9.9.3"),
        ("10.0.0.1:6", "10.9.9.4"),
    ] {
        let mut request = request(&format!("GET /whoami|x-api-key:key|x-forwarded-for:{forwarded}"), "");
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().expect("an address")));
        got.push(send(&stub, request).await.status.as_u16());
    }
    assert_eq!(got, [200, 429, 200, 200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn operator_routes_want_the_token_or_loopback() {
    let guarded = Settings { operator_token: Some(stub::Secret("secret".into())), ..settings() };
    for (settings, peer, headers, status) in [
        (settings(), "127.0.0.1:9", "", 200),
        (settings(), "[::1]:9", "", 200),
        (settings(), "10.0.0.1:9", "", 403),
        (settings(), "10.0.0.1:9", "|x-api-key:key|x-operator-token:key", 403),
        (guarded.clone(), "127.0.0.1:9", "", 401),
        (guarded.clone(), "127.0.0.1:9", "|x-api-key:key", 401),
        (guarded.clone(), "10.0.0.1:9", "|x-operator-token:secret", 200),
        (guarded.clone(), "10.0.0.1:9", "|authorization:Bearer secret", 200),
        (guarded.clone(), "10.0.0.1:9", "|authorization:Bearer key", 403),
        (guarded, "127.0.0.1:9", "|x-operator-token:secre", 403),
    ] {
        let (stub, _) = stub(settings, one_agent(INSTANT));
        for path in ["/_stub/truth", "/_stub/ledger", "/_stub/audit"] {
            let mut request = request(&format!("GET {path}{headers}"), "");
            request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().expect("an address")));
            let reply = send(&stub, request).await;
            assert_eq!(reply.status.as_u16(), status, "{path} from {peer} with `{headers}`");
        }
        assert_eq!(stub.truth(), Truth::default(), "operators are not in the ledger");
    }
}

#[tokio::test(start_paused = true)]
async fn truth_and_ledger_tell_what_happened() {
    let (stub, _) = stub(settings(), one_agent("concurrency = 1\ndelay = { fixed = \"5ms\" }"));
    send(&stub, ask("one", "hi")).await;
    send(&stub, ask("two", "2 + 2")).await;
    send(&stub, request("BREW /pot", "")).await;
    let truth: Truth =
        serde_json::from_str(&send(&stub, request("GET /_stub/truth", "")).await.body).expect("truth");
    assert_eq!(truth, stub.truth());
    let routes: Vec<_> =
        truth.routes.iter().map(|r| (&*r.route, r.status, r.count, r.service.max_ns)).collect();
    assert_eq!(routes, [("OTHER *", 500, 1, 0), ("POST /ask", 200, 1, 5_000_000), ("POST /ask", 403, 1, 0)]);
    let lines = send(&stub, request("GET /_stub/ledger", "")).await.body;
    let entries: Vec<LedgerEntry> =
        lines.lines().map(|line| serde_json::from_str(line).expect("entry")).collect();
    assert_eq!(entries.len(), 3);
    let (one, two) = (&entries[0], &entries[1]);
    assert_eq!(
        (&*one.request_id, one.caller.as_deref(), one.planned_ns),
        ("one", Some("anonymous"), 5_000_000)
    );
    assert_eq!((one.stages[0].agent.as_str(), one.stages[0].worked_ns), ("a", 5_000_000));
    assert_eq!(
        (two.status, two.reason.as_deref()),
        (Some(403), Some("Access denied: missing required scope 'tool:python_eval'"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_audit_says_yes_where_all_is_well_however_many_leave() {
    let agents = "deadline = \"12ms\"\n[route]\nhealth = { delay = { uniform = [\"1ms\", \"2ms\"] } }\n[agent.a]\nconcurrency = 3\nqueue_max = 5\ngrowth = 1.0\ndelay = { exponential = { mean = \"10ms\" } }\n[agent.b]\nconcurrency = 9\ndelay = { fixed = \"1ms\" }\n";
    let text = format!("{agents}[[workflow]]\nname = \"all\"\nstages = [\"a\", \"b\"]\n");
    let (stub, _) = stub(settings(), common::profile(&text));
    // Twice the same ids: most are refused, or cut off by the deadline, above all the long ones.
    for _ in 0..2 {
        for group in 0..100 {
            let ids = (0..10).map(|i| format!("r{group}-{i}"));
            join_all(ids.map(async |id| send(&stub, ask(&id, "hi")).await)).await;
            send(&stub, request(&format!("GET /health|x-request-id:{group}"), "")).await;
        }
    }
    let body = send(&stub, request("GET /_stub/audit", "")).await.body;
    let audit = stub.audit();
    assert_eq!(body, serde_json::to_string(&audit).expect("JSON"));
    serde_json::from_str::<Audit>(&body).expect("an audit");
    assert!(audit.ok && audit.reasons.is_empty(), "{audit:?}");
    let names = |audits: &[DelayAudit]| audits.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&audit.agents), names(&audit.routes)),
        (vec!["a".into(), "b".into()], vec!["GET /health".into()])
    );
    let [a, b] = &audit.agents[..] else { panic!("{audit:?}") };
    assert!(a.count < 1_500 && a.p_value.is_some() && a.distance > a.distance_drawn, "{a:?}");
    assert_eq!((b.p_value, b.not_judged.is_some(), a.lateness_ns_p99), (None, true, 0));
    assert_eq!((audit.routes[0].count, audit.routes[0].judged), (200, 200));
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_read_page_by_page() {
    let (stub, _) = stub(Settings { ledger_entries_max: 4, ..settings() }, one_agent(INSTANT));
    for i in 0..6 {
        send(&stub, ask(&format!("r{i}"), "hi")).await;
    }
    for (query, ids, headers) in [
        ("", "r2 r3 r4 r5", ["2", "6", "2"]),
        ("?from=2&limit=3", "r2 r3 r4", ["2", "5", "2"]),
        ("?from=5", "r5", ["5", "6", "2"]),
        ("?from=6", "", ["6", "6", "2"]),
        ("?from=99", "", ["6", "6", "2"]),
    ] {
        let reply = send(&stub, request(&format!("GET /_stub/ledger{query}"), "")).await;
        let entry = |line| serde_json::from_str::<LedgerEntry>(line).expect("an entry").request_id;
        let got: Vec<_> = reply.body.lines().map(entry).collect();
        assert_eq!((reply.status.as_u16(), got.join(" ")), (200, ids.to_owned()), "{query}");
        let names = ["x-ledger-first", "x-ledger-next", "x-ledger-dropped"];
        assert_eq!(names.map(|name| reply.header(name)), headers, "{query}");
    }
    let wrong = send(&stub, request("GET /_stub/ledger?limit=0", "")).await;
    assert_eq!(wrong.status.as_u16(), 400);
    assert!(wrong.body.contains("give 1 to 10000"), "{}", wrong.body);
}

#[test]
fn the_default_profile_needs_no_file() {
    assert_eq!(Profile::default(), Profile::default());
}
