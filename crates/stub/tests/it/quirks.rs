//! Every quirk with a request that shows it: what a stub without repairs does, what it does with that one repaired and
//! with all of them; and the table of quirks in `QUIRKS.md`. What one request cannot show stands in `quirk_worlds`.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use serde_json::Value;
use stub::{Quirk, Settings};
use wire::parse_duration;

use crate::common::{Reply, one_agent, request, send, stub};
use crate::quirk_worlds;

/// What a client does, and what it comes to.
struct Row {
    quirk: Quirk,
    variables: &'static [(&'static str, &'static str)],
    /// `METHOD PATH|NAME:VALUE…` and a body; for `/ask` the query alone. A number before it repeats it; `WAIT` waits.
    steps: &'static [(&'static str, &'static str)],
    /// Headers of the last answer that belong to what is told.
    headers: &'static [&'static str],
    /// What is told of the last answer: as the real server has it, and repaired.
    told: [&'static str; 2],
}

/// A row of one question by a caller who may do nothing.
const fn ask(quirk: Quirk, query: &'static [(&'static str, &'static str)], told: [&'static str; 2]) -> Row {
    Row { quirk, variables: &[], steps: query, headers: &[], told }
}

const LIFTED: [(&str, &str); 4] = [
    ("WEAVER_ALLOWED_API_KEYS", r#"["key", "calc:bob:user"]"#),
    ("WEAVER_RATELIMIT_RPS", "off"),
    ("WEAVER_RATELIMIT_BURST", "off"),
    ("WEAVER_STUB_RATELIMIT_GLOBAL_RPS", "off"),
];
const MEMORY: (&str, &str) = ("WEAVER_STUB_REDIS", "memory");
const SLOW: (&str, &str) = ("TEST_DELAY", "1s");
const ASK: &str = "POST /ask|x-api-key:key";
const WHOAMI: &str = "GET /whoami|x-api-key:key";
const NO_SUM: &str = "403 Access denied: missing required scope 'tool:python_eval'";
const SQL: &str = "422 Validation error: query: Value error, Invalid query: Potential SQL injection detected";
const SPOOFING: &str =
    "422 Validation error: query: Value error, Invalid query: Unicode spoofing characters detected";
/// Of `ann`, by `secret`, whose roles are a text.
const ROLES_TEXT: &str = "GET /whoami|authorization:Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJyb2xlcyI6ImFkbWluIn0.I5Nagj76paVmbR8XuDwgc4CJJD05e0UYqVsgNBAquns";

const ROWS: &[Row] = &[
    Row {
        quirk: Quirk::CacheIdentity,
        variables: &[MEMORY],
        steps: &[(WHOAMI, ""), ("GET /whoami", "")],
        headers: &[],
        told: ["200 anonymous", "401 Missing API key"],
    },
    Row {
        quirk: Quirk::CacheIdentity,
        variables: &[MEMORY],
        steps: &[(WHOAMI, ""), ("GET /whoami|x-api-key:calc", "")],
        headers: &[],
        told: ["200 anonymous", "200 bob"],
    },
    Row {
        quirk: Quirk::Csrf500,
        variables: &[],
        steps: &[("POST /nowhere", "")],
        headers: &[],
        told: ["500 Internal Server Error", "403 CSRF token missing or invalid"],
    },
    ask(
        Quirk::Arithmetic,
        &[("POST /ask|x-api-key:calc", "2 + 2")],
        ["500 Internal Server Error", "200 4, cited"],
    ),
    Row {
        quirk: Quirk::Refill,
        variables: &[("WEAVER_RATELIMIT_RPS", "10"), ("WEAVER_RATELIMIT_BURST", "4")],
        steps: &[
            ("2*GET /whoami|x-api-key:key", ""),
            ("WAIT 150ms", ""),
            (WHOAMI, ""),
            ("WAIT 150ms", ""),
            (WHOAMI, ""),
        ],
        headers: &[],
        told: ["429 Rate limit exceeded for IP", "200 anonymous"],
    },
    Row {
        quirk: Quirk::Refill,
        variables: &[("WEAVER_RATELIMIT_RPS", "10"), ("WEAVER_RATELIMIT_BURST", "4")],
        steps: &[("3*GET /whoami|x-api-key:key", "")],
        headers: &["retry-after"],
        told: ["429 Rate limit exceeded for IP", "429 Rate limit exceeded for IP, retry-after 1"],
    },
    Row {
        quirk: Quirk::GlobalLimit,
        variables: &[
            ("WEAVER_RATELIMIT_RPS", "1000"),
            ("WEAVER_RATELIMIT_BURST", "1000"),
            ("WEAVER_STUB_RATELIMIT_GLOBAL_RPS", ""),
        ],
        steps: &[("101*GET /whoami|x-api-key:key", "")],
        headers: &[],
        told: ["429 System rate limit exceeded", "200 anonymous"],
    },
    Row {
        quirk: Quirk::CommaKeys,
        variables: &[("WEAVER_ALLOWED_API_KEYS", "key1:user1:admin,user:read,write")],
        steps: &[("GET /whoami|x-api-key:user", "")],
        headers: &[],
        told: ["200 read", "refused WEAVER_ALLOWED_API_KEYS"],
    },
    ask(
        Quirk::NonAsciiKey,
        &[("GET /whoami|x-api-key:k\u{e9}y", "")],
        ["500 Internal Server Error", "401 Invalid API key"],
    ),
    Row {
        quirk: Quirk::RolesClaim,
        variables: &[("WEAVER_AUTH_MODE", "jwt"), ("WEAVER_JWT_PUBLIC_KEY", "secret")],
        steps: &[(ROLES_TEXT, "")],
        headers: &[],
        told: ["500 Internal Server Error", "401 Invalid token"],
    },
    ask(Quirk::Head, &[("HEAD /health", "")], ["405", "200"]),
    Row {
        quirk: Quirk::Head,
        variables: &[MEMORY],
        steps: &[("GET /health", ""), ("HEAD /health?", "")],
        headers: &["content-length"],
        told: ["200, content-length 15", "200, content-length 15"],
    },
    Row {
        quirk: Quirk::CacheHeaders,
        variables: &[MEMORY, ("WEAVER_CORS_ORIGINS", r#"["https://a.example", "https://b.example"]"#)],
        steps: &[("GET /health|origin:https://a.example", ""), ("GET /health|origin:https://b.example", "")],
        headers: &["access-control-allow-origin"],
        told: [
            r#"200 {"status":"ok"}, access-control-allow-origin https://a.example"#,
            r#"200 {"status":"ok"}, access-control-allow-origin https://b.example"#,
        ],
    },
    Row {
        quirk: Quirk::ForwardedFor,
        variables: &[("WEAVER_RATELIMIT_RPS", "4"), ("WEAVER_RATELIMIT_BURST", "2")],
        steps: &[
            ("GET /whoami|x-api-key:key|x-forwarded-for:10.0.0.1", ""),
            ("GET /whoami|x-api-key:key|x-forwarded-for:10.0.0.2", ""),
        ],
        headers: &[],
        told: ["200 anonymous", "429 Rate limit exceeded for IP"],
    },
    Row {
        quirk: Quirk::ForwardedFor,
        variables: &[
            ("WEAVER_RATELIMIT_RPS", "4"),
            ("WEAVER_RATELIMIT_BURST", "2"),
            ("FORWARDED_ALLOW_IPS", "127.0.0.1"),
        ],
        steps: &[
            ("GET /whoami|x-api-key:key|x-forwarded-for:10.0.0.1", ""),
            ("GET /whoami|x-api-key:key|x-forwarded-for:10.0.0.2", ""),
        ],
        headers: &[],
        told: ["200 anonymous", "200 anonymous"],
    },
    ask(Quirk::SumMatch, &[(ASK, "3-4")], [NO_SUM, "200 [MODEL RESPONSE] 3-4"]),
    ask(Quirk::SumMatch, &[(ASK, "12/25")], [NO_SUM, "200 [MODEL RESPONSE] 12/25"]),
    ask(Quirk::SumMatch, &[(ASK, "12 / 25")], [NO_SUM, NO_SUM]),
    ask(Quirk::FalseRefusals, &[(ASK, "ticket #42")], [SQL, "200 [MODEL RESPONSE] ticket #42"]),
    ask(Quirk::FalseRefusals, &[(ASK, "wait -- what?")], [SQL, "200 [MODEL RESPONSE] wait -- what?"]),
    ask(Quirk::FalseRefusals, &[(ASK, "What is 0xFF?")], [SQL, "200 [MODEL RESPONSE] What is 0xFF?"]),
    ask(Quirk::FalseRefusals, &[(ASK, "I sleep (badly)")], [SQL, "200 [MODEL RESPONSE] I sleep (badly)"]),
    ask(
        Quirk::FalseRefusals,
        &[(ASK, "What is \u{3c0}?")],
        [SPOOFING, "200 [MODEL RESPONSE] What is \u{3c0}?"],
    ),
    ask(
        Quirk::FalseRefusals,
        &[(ASK, "\u{1f469}\u{200d}\u{1f4bb}?")],
        [SPOOFING, "200 [MODEL RESPONSE] \u{1f469}\u{200d}\u{1f4bb}?"],
    ),
    ask(Quirk::FalseRefusals, &[(ASK, "x' or 1=1")], [SQL, SQL]),
    ask(
        Quirk::FalseRedactions,
        &[(ASK, "At 0.5267513010240288 say")],
        ["200 [MODEL RESPONSE] At 0.[redacted] say", "200 [MODEL RESPONSE] At 0.5267513010240288 say"],
    ),
    ask(
        Quirk::FalseRedactions,
        &[(ASK, "At 1700000000 say")],
        ["200 [MODEL RESPONSE] At [redacted] say", "200 [MODEL RESPONSE] At 1700000000 say"],
    ),
    ask(
        Quirk::AngleBrackets,
        &[(ASK, "if a < b and c > d then <b>this</b>")],
        ["200 [MODEL RESPONSE] if a  d then this", "200 [MODEL RESPONSE] if a < b and c > d then this"],
    ),
    Row {
        quirk: Quirk::Metrics,
        variables: &[MEMORY],
        steps: &[(WHOAMI, ""), ("GET /metrics", "")],
        headers: &[],
        told: ["200 service status redis_pool", "200 service status redis_pool http_cache, counted"],
    },
    Row {
        quirk: Quirk::DeadSettings,
        variables: &[SLOW, ("WEAVER_REQUEST_TIMEOUT_MS", "500")],
        steps: &[(ASK, "hi")],
        headers: &[],
        told: ["200 [MODEL RESPONSE] hi", "504 Request deadline exceeded"],
    },
    Row {
        quirk: Quirk::JsonLists,
        variables: &[("WEAVER_CORS_ORIGINS", "https://a.example,https://b.example")],
        steps: &[("GET /health|origin:https://b.example", "")],
        headers: &["access-control-allow-origin"],
        told: [
            "refused WEAVER_CORS_ORIGINS",
            r#"200 {"status":"ok"}, access-control-allow-origin https://b.example"#,
        ],
    },
];

/// What is told of the last answer of a stub that is set like this.
async fn outcome(row: &Row, repair: (&str, &str)) -> String {
    let delay = row.variables.iter().find(|variable| variable.0 == SLOW.0).map_or("0s", |slow| slow.1);
    let mut variables = std::collections::BTreeMap::from(LIFTED);
    variables.extend(row.variables.iter().copied());
    variables.extend([repair]);
    variables.retain(|_, value| !value.is_empty());
    let owned = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = match Settings::from_variables(owned) {
        Ok(settings) => settings,
        Err(mistakes) => return format!("refused {}", mistakes.to_string().split(':').next().unwrap_or("")),
    };
    let profile = one_agent(&format!("concurrency = 9\ndelay = {{ fixed = \"{delay}\" }}"));
    let (stub, clock) = stub(settings, profile);
    let mut last = None;
    for (line, body) in row.steps {
        if let Some(pause) = line.strip_prefix("WAIT ") {
            clock.sleep(parse_duration(pause).expect("a duration")).await;
            continue;
        }
        let (times, line) =
            line.split_once('*').map_or((1, *line), |(n, line)| (n.parse().expect("a number"), line));
        let body = match line.starts_with("POST /ask") {
            true => serde_json::json!({"user_id": "u", "query": body}).to_string(),
            false => (*body).to_owned(),
        };
        for _ in 0..times {
            let mut request = request(line, &body);
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))));
            last = Some(send(&stub, request).await);
        }
    }
    told(&last.expect("a step"), row.headers)
}

/// Status, then the answer, the detail, the user or the names in the body, then what else is there, then these headers.
fn told(reply: &Reply, headers: &[&str]) -> String {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
    let first = ["answer", "detail", "user_id"].iter().find_map(|name| body[name].as_str());
    let text = match (first, &body) {
        (Some(text), _) => text.to_owned(),
        (None, Value::Object(_)) if body["service"].is_string() => {
            let names = ["service", "status", "redis_pool", "http_cache"];
            names.into_iter().filter(|name| !body[name].is_null()).collect::<Vec<_>>().join(" ")
        }
        _ => reply.body.clone(),
    };
    let mut told = format!("{} {text}", reply.status.as_u16()).trim_end().to_owned();
    if body["citations"].as_array().is_some_and(|citations| !citations.is_empty()) {
        told += ", cited";
    }
    if body["redis_pool"]["total_commands_executed"].as_u64() > Some(0) {
        told += ", counted";
    }
    for name in headers.iter().filter(|name| reply.headers.contains_key(**name)) {
        told += &format!(", {name} {}", reply.header(name));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn a_repair_does_what_its_line_says() {
    for row in ROWS {
        let [faithful, repaired] = row.told;
        for (repair, expected) in [
            (("WEAVER_STUB_FIDELITY", "faithful"), faithful),
            (("WEAVER_STUB_REPAIR", row.quirk.name()), repaired),
            (("WEAVER_STUB_FIDELITY", "repaired"), repaired),
        ] {
            assert_eq!(
                outcome(row, repair).await,
                expected,
                "{:?} of {:?}, {repair:?}",
                row.steps,
                row.quirk
            );
        }
    }
}

#[test]
fn every_repair_is_shown_to_do_something() {
    for quirk in Quirk::ALL {
        let is_shown = |row: &Row| row.quirk == *quirk && row.told[0] != row.told[1];
        let is_shown = ROWS.iter().any(is_shown) || quirk_worlds::SHOWN.contains(quirk);
        assert!(is_shown, "{quirk:?}: no row says what its repair changes");
    }
}

/// A row a quirk, in their order.
fn table() -> String {
    let row = |quirk: &Quirk| {
        let (faithful, repaired) = quirk.about().split_once(" → ").expect("both halves");
        format!("| `{}` | {faithful} | {repaired} |\n", quirk.name())
    };
    Quirk::ALL.iter().map(row).collect()
}

#[test]
fn the_table_is_up_to_date() {
    let page = include_str!("../../QUIRKS.md");
    let rule = "| --- | --- | --- |\n";
    let (_, after) = page.split_once(rule).expect("a table");
    let (rows, _) = after.split_once("\n\n").expect("an end of it");
    assert_eq!(format!("{rows}\n"), table(), "the first table of QUIRKS.md is not this one");
}
