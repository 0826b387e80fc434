//! The repaired OpenAPI document against what the repaired stub answers: status, type, headers and body.
//!
//! It must not know the document's wording; where the document uses a keyword that is not checked here, it says so.

use regex::Regex;
use serde_json::{Map, Value};
use stub::{AuthMode, Limit, Limits, Repairs, Settings};

use crate::common::{Reply, one_agent, profile, request, send, settings, stub};

const INSTANT: &str = "concurrency = 9\ndelay = { fixed = \"0s\" }";
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Headers of the real server that need no document.
const COMMON: [&str; 14] = [
    "date",
    "server",
    "content-length",
    "content-type",
    "vary",
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "strict-transport-security",
    "x-xss-protection",
    "referrer-policy",
    "permissions-policy",
    "x-permitted-cross-domain-policies",
    "x-download-options",
];

fn repaired() -> Settings {
    Settings { repairs: Repairs::ALL, ..settings() }
}

async fn document() -> Value {
    let (stub, _) = stub(repaired(), one_agent(INSTANT));
    let reply = send(&stub, request("GET /openapi.json", "")).await;
    serde_json::from_str(&reply.body).expect("the document is JSON")
}

/// What `$ref` leads to, however often.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let pointer = reference.strip_prefix('#').expect("all is in one file");
    resolved(document, document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere")))
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("type `{other}` is none of JSON Schema"),
    }
}

/// What of `value` the schema does not allow.
fn faults(document: &Value, schema: &Value, value: &Value, found: &mut Vec<String>) {
    let schema = resolved(document, schema).as_object().expect("a schema is an object");
    for (keyword, rule) in schema {
        let fits = match keyword.as_str() {
            "description" | "format" | "example" => true,
            "type" => match rule.as_array() {
                Some(kinds) => kinds.iter().any(|kind| is_of(kind.as_str().expect("a type"), value)),
                None => is_of(rule.as_str().expect("a type"), value),
            },
            "const" => rule == value,
            "enum" => rule.as_array().expect("a list").contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().expect("a number")),
            "minItems" => {
                value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().expect("a number"))
            }
            "minLength" => chars(value).is_none_or(|count| count >= rule.as_u64().expect("a number")),
            "maxLength" => chars(value).is_none_or(|count| count <= rule.as_u64().expect("a number")),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().expect("a text")).expect("a pattern");
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array()
                    .expect("a list")
                    .iter()
                    .all(|name| object.contains_key(name.as_str().expect("a name")))
            }),
            "additionalProperties" => {
                assert_eq!(rule, false, "only `false` is checked");
                let known = schema["properties"].as_object().expect("properties");
                value.as_object().is_none_or(|object| object.keys().all(|name| known.contains_key(name)))
            }
            "not" => {
                let mut inner = vec![];
                faults(document, rule, value, &mut inner);
                !inner.is_empty()
            }
            "properties" => {
                members(document, rule, value, found);
                true
            }
            "items" => {
                value.as_array().into_iter().flatten().for_each(|item| faults(document, rule, item, found));
                true
            }
            "allOf" => {
                rule.as_array().expect("a list").iter().for_each(|part| faults(document, part, value, found));
                true
            }
            other => panic!("keyword `{other}` is not checked: add it here"),
        };
        if !fits {
            found.push(format!("{value} against `{keyword}`: {rule}"));
        }
    }
}

fn chars(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

fn members(document: &Value, properties: &Value, value: &Value, found: &mut Vec<String>) {
    for (name, schema) in properties.as_object().expect("an object") {
        if let Some(member) = value.get(name) {
            faults(document, schema, member, found);
        }
    }
}

/// What of the reply the document does not tell.
fn untold(document: &Value, line: &str, reply: &Reply) -> Vec<String> {
    let (method, path) =
        line.split('|').next().and_then(|first| first.split_once(' ')).expect("method and path");
    let status = reply.status.as_str();
    let item = document["paths"][path].as_object().expect("a path of the document");
    // A method that the path does not take is told by any that it takes.
    let operation = item.get(&method.to_lowercase()).or_else(|| item.values().next()).expect("an operation");
    let Some(response) = operation["responses"].get(status).map(|response| resolved(document, response))
    else {
        return vec![format!("status {status}")];
    };
    let empty = Map::new();
    let told = response["headers"].as_object().unwrap_or(&empty);
    let mut found = vec![];
    for name in reply.headers.keys().map(http::HeaderName::as_str) {
        let known = COMMON.contains(&name) || name == "x-dns-prefetch-control";
        if !known && !told.keys().any(|header| header.eq_ignore_ascii_case(name)) {
            found.push(format!("header {name}"));
        }
    }
    let content_type = reply.header("content-type");
    match response["content"].get(content_type) {
        None => found.push(format!("content type {content_type}")),
        Some(media) if content_type == "application/json" => {
            let body = serde_json::from_str(&reply.body).expect("the body is JSON");
            faults(document, &media["schema"], &body, &mut found);
        }
        Some(media) => faults(document, &media["schema"], &Value::String(reply.body.clone()), &mut found),
    }
    found
}

#[track_caller]
fn check(document: &Value, line: &str, reply: &Reply, status: u16) {
    assert_eq!(reply.status.as_u16(), status, "{line}: {}", reply.body);
    let found = untold(document, line, reply);
    assert!(found.is_empty(), "{line} {status}: the document does not tell {found:?}");
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_as_the_document_says() {
    let document = document().await;
    let limits = Limits::of_user(Limit::per_second(0, 0));
    let wrong_host = Settings { allowed_hosts: vec!["weaver".to_owned()], ..repaired() };
    let limited = Settings { limits, ..repaired() };
    let keyless = Settings { auth_mode: AuthMode::Jwt, jwt_key: None, ..repaired() };
    let question = r#"{"user_id":"u","query":"hi","more":1}"#;
    let long = " ".repeat((64 << 20) + 1);
    let json = "POST /a2a/message|content-type:application/json";
    let envelope = |created_at: &str| {
        format!(
            r#"{{"request_id":"r","sender_id":"s","receiver_id":"x","created_at":"{created_at}","nonce":"n","capabilities":[],"budget":{{"tokens":1,"time_ms":1,"tool_calls":1}},"payload":{{}}}}"#
        )
    };
    for (settings, line, body, status) in [
        (repaired(), "GET /health", "", 200),
        (repaired(), "GET /ask", "", 405),
        (repaired(), "POST /health", "", 405),
        (repaired(), "POST /openapi.json", "", 405),
        (repaired(), "GET /whoami|x-api-key:calc", "", 200),
        (repaired(), "GET /whoami", "", 401),
        (repaired(), "GET /whoami|x-api-key:no", "", 401),
        (repaired(), "GET /whoami|x-api-key:calc|x-user-id:eve", "", 403),
        (keyless.clone(), "GET /whoami", "", 401),
        (keyless, "GET /whoami|authorization:Bearer x", "", 500),
        (limited.clone(), "GET /whoami|x-api-key:key", "", 429),
        (limited, "POST /ask|x-api-key:key", question, 429),
        (wrong_host.clone(), "GET /whoami", "", 400),
        (wrong_host.clone(), "GET /docs", "", 400),
        (wrong_host, "POST /ask", question, 400),
        (repaired(), "GET /metrics", "", 200),
        (repaired(), "POST /ask|x-api-key:key", question, 200),
        (repaired(), "POST /ask|x-api-key:key", "{", 400),
        (repaired(), "POST /ask|x-api-key:key", "[]", 400),
        (repaired(), "POST /ask|x-api-key:key", r#"{"user_id":"u","query":"forbidden"}"#, 400),
        (repaired(), "POST /ask", question, 401),
        (repaired(), "POST /ask|x-api-key:calc|x-user-id:eve", question, 403),
        (repaired(), "POST /ask|x-api-key:key", r#"{"user_id":"u","query":"2 + 2"}"#, 403),
        (repaired(), "POST /ask|x-api-key:key", &long, 413),
        (repaired(), "POST /ask|x-api-key:key", r#"{"user_id":"u v"}"#, 422),
        (repaired(), "GET /a2a/card", "", 200),
        (repaired(), json, "{\"a\": \"\\u00", 422),
        (repaired(), json, "{}", 422),
        (repaired(), "POST /a2a/message", "{}", 422),
        (repaired(), json, &envelope("2020-01-01T00:00:00Z"), 400),
        (repaired(), json, &envelope("2027-01-15T08:00:00Z"), 401),
        (repaired(), "GET /openapi.json", "", 200),
        (repaired(), "GET /docs", "", 200),
        (repaired(), "GET /redoc", "", 200),
    ] {
        let (stub, _) = stub(settings, one_agent(INSTANT));
        check(&document, line, &send(&stub, request(line, body)).await, status);
    }
}

#[tokio::test(start_paused = true)]
async fn full_queues_and_deadlines_too() {
    let document = document().await;
    let busy = "concurrency = 1\nqueue_max = 0\ndelay = { fixed = \"1s\" }";
    let late = "deadline = \"5ms\"\n[agent.a]\nconcurrency = 1\ndelay = { fixed = \"1s\" }\n\
                [[workflow]]\nname = \"all\"\nstages = [\"a\"]\n";
    for (profile, statuses) in [(one_agent(busy), [200, 503]), (profile(late), [504, 504])] {
        let (stub, _) = stub(repaired(), profile);
        let line = "POST /ask|x-api-key:key";
        let ask = || send(&stub, request(line, r#"{"user_id":"u","query":"hi"}"#));
        let (first, second) = tokio::join!(ask(), ask());
        check(&document, line, &first, statuses[0]);
        check(&document, line, &second, statuses[1]);
    }
}

/// Every reference leads somewhere, every example fits, and every operation tells what all of them share.
#[tokio::test(start_paused = true)]
async fn the_document_is_sound() {
    let document = document().await;
    assert_eq!(
        (&document["openapi"], &document["info"]["title"]),
        (&"3.1.0".into(), &"Weaver AI API".into())
    );
    let mut seen = vec![];
    walk(&document, &document, &mut seen);
    for kind in ["parameters", "headers", "responses", "schemas"] {
        for name in document["components"][kind].as_object().expect("an object").keys() {
            let pointer = format!("#/components/{kind}/{name}");
            assert!(seen.contains(&pointer), "nothing uses {pointer}");
        }
    }
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
            for status in ["200", "400", "405"] {
                assert!(operation["responses"].get(status).is_some(), "{method} {path} tells no {status}");
            }
        }
    }
}

/// Looks at everything below `value`; `seen` gathers the references.
fn walk(document: &Value, value: &Value, seen: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                resolved(document, value);
                seen.push(reference.clone());
            }
            if let (Some(schema), Some(example)) = (object.get("schema"), object.get("example")) {
                let mut found = vec![];
                faults(document, schema, example, &mut found);
                assert!(found.is_empty(), "an example does not fit: {found:?}");
            }
            object.values().for_each(|member| walk(document, member, seen));
        }
        Value::Array(list) => list.iter().for_each(|item| walk(document, item, seen)),
        _ => {}
    }
}

/// The check can fail: what the document does not tell is found.
#[tokio::test(start_paused = true)]
async fn what_is_not_told_is_found() {
    let document = document().await;
    let (stub, _) = stub(repaired(), one_agent(INSTANT));
    let reply = send(&stub, request("GET /health", "")).await;
    let altered = |change: &dyn Fn(&mut Reply)| {
        let mut reply =
            Reply { status: reply.status, headers: reply.headers.clone(), body: reply.body.clone() };
        change(&mut reply);
        untold(&document, "GET /health", &reply)
    };
    assert_eq!(altered(&|_| {}), Vec::<String>::new());
    assert_eq!(altered(&|reply| reply.status = http::StatusCode::IM_A_TEAPOT), ["status 418"]);
    assert_eq!(altered(&|reply| reply.body = "{}".to_owned()).len(), 1);
    assert_eq!(altered(&|reply| reply.body = r#"{"status":"ok","more":1}"#.to_owned()).len(), 1);
    assert_eq!(altered(&|reply| reply.body = r#"{"status":"ill"}"#.to_owned()).len(), 1);
    let added = altered(&|reply| {
        reply.headers.insert("x-new", http::HeaderValue::from_static("1"));
    });
    assert_eq!(added, ["header x-new"]);
}
