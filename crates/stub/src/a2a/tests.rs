//! Messages between agents as a whole: signed here, taken there, answered by a stand-in agent.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use wire::Clock;
use wire::token::{Budget, Capability, Envelope, KeyPair, PrivateKey, key_pair, utc_iso};

use super::A2a;
use crate::json::{Json, Text};
use crate::mesh::{MemoryMesh, Mesh};
use crate::quirk::{Quirk, Repairs};
use crate::settings::A2aSettings;

const NOW_NS: u64 = 1_795_426_124_212_381_000;

static OURS: LazyLock<KeyPair> = LazyLock::new(|| key_pair().expect("a pair"));
static THEIRS: LazyLock<KeyPair> = LazyLock::new(|| key_pair().expect("a pair"));

fn world(repairs: Repairs) -> A2a {
    let clock = Clock::at(NOW_NS);
    let mesh = MemoryMesh::new(clock);
    mesh.attach("a:b", |task| async move {
        let hello = Json::Text(Text::Whole("Hola".to_owned()));
        let fields = vec![(Text::Whole("z".to_owned()), hello), (Text::Whole("echo".to_owned()), task.data)];
        Some(Json::Object(fields))
    });
    let senders = json!({
        "ann": OURS.public_pem,
        "escaped": OURS.public_pem.replace('\n', "\\n"),
        "broken": "not a pem",
        "empty": "",
    });
    let settings =
        A2aSettings { public_key: None, senders: serde_json::from_value(senders).expect("senders") };
    A2a::new(&settings, Mesh::Memory(mesh), clock, repairs)
}

fn envelope(nonce: &str) -> Envelope {
    Envelope {
        request_id: format!("r-{nonce}"),
        sender_id: "ann".into(),
        receiver_id: "x".into(),
        created_at: utc_iso(NOW_NS),
        nonce: nonce.into(),
        capabilities: vec![Capability { name: "a:b".into(), version: "1".into(), scopes: vec![] }],
        budget: Budget::new(1, 300, 3),
        payload: r#"{"m":{"a":1.0,"b":[null]},"text":"\u00a1Hola! \u2764"}"#.into(),
    }
}

fn signed(envelope: &Envelope) -> Value {
    let key = PrivateKey::rsa(&OURS.private_pem).expect("a key");
    serde_json::from_str(&envelope.signed(&key).expect("a message")).expect("JSON")
}

/// A message over whose claims, key and fields the test decides.
fn with_claims(nonce: &str, claims: impl FnOnce(String) -> Value, pem: &str) -> Value {
    let envelope = envelope(nonce);
    let mut message = signed(&envelope);
    let key = PrivateKey::rsa(pem).expect("a key");
    message["signature"] = key.sign(&claims(envelope.canonical())).expect("a signature").into();
    message
}

async fn outcome(a2a: &A2a, message: &Value) -> String {
    match a2a.message(Some(b"application/json"), message.to_string().as_bytes()).await {
        Ok(body) => String::from_utf8_lossy(&body).into_owned(),
        Err(no) => format!("{} {}", no.status().as_u16(), no.detail_json().unwrap_or(&no.detail())),
    }
}

const ANSWER: &str = r#"{"z":"Hola","echo":{"m":{"a":1.0,"b":[null]},"text":"¡Hola! ❤"}}"#;
const INVALID: &str = "401 Invalid message signature";

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_message() {
    let changed = |name: &str, change: fn(&mut Envelope)| {
        let mut envelope = envelope(name);
        change(&mut envelope);
        signed(&envelope)
    };
    let own = &OURS.private_pem;
    let a2a = world(Repairs::NONE);
    for (message, expected) in [
        (changed("plain", |_| {}), ANSWER),
        (changed("escaped", |e| e.sender_id = "escaped".into()), ANSWER),
        (changed("nobody", |e| e.sender_id = "<b>".into()), "401 Unknown sender: <b>"),
        (changed("empty", |e| e.sender_id = "empty".into()), "401 Unknown sender: empty"),
        (changed("broken", |e| e.sender_id = "broken".into()), INVALID),
        (
            changed("old", |e| e.created_at = utc_iso(NOW_NS - 30_000_001_000)),
            "400 Message timestamp outside acceptable window",
        ),
        (changed("oldest", |e| e.created_at = utc_iso(NOW_NS - 29_000_000_000)), ANSWER),
        (
            changed("future", |e| e.created_at = utc_iso(NOW_NS + 31_000_000_000)),
            "400 Message timestamp outside acceptable window",
        ),
        (changed("naive", |e| e.created_at.truncate(26)), "500 Internal server error"),
        (changed("z", |e| e.created_at = "2026-11-23T09:28:44Z".into()), INVALID),
        (
            changed("none", |e| e.capabilities.clear()),
            "500 Routing failed: No capabilities specified in A2A message",
        ),
        (
            changed("deaf", |e| e.capabilities[0].name = "other".into()),
            "500 Routing failed: Agent did not respond within 0.3s timeout",
        ),
        (
            changed("at once", |e| e.budget.time_ms = "-5".into()),
            "500 Routing failed: Agent did not respond within -0.005s timeout",
        ),
        (with_claims("theirs", |text| json!({"payload": text}), &THEIRS.private_pem), INVALID),
        (with_claims("another", |text| json!({"payload": text + " "}), own), INVALID),
        (with_claims("late", |text| json!({"payload": text, "exp": NOW_NS / 1_000_000_000}), own), INVALID),
        (with_claims("aud", |text| json!({"payload": text, "aud": "x"}), own), INVALID),
        (with_claims("exp", |text| json!({"payload": text, "exp": NOW_NS / 1_000_000_000 + 9}), own), ANSWER),
        (with_claims("object", |_| json!({"payload": {}}), own), "500 Internal server error"),
        (with_claims("no claim", |_| json!({}), own), "500 Internal server error"),
    ] {
        assert_eq!(outcome(&a2a, &message).await, expected, "{}", message["nonce"]);
    }
    for signature in [Value::Null, json!(""), json!("abc"), json!("a.b.c")] {
        let mut message = signed(&envelope(&format!("unsigned {signature}")));
        message["signature"] = signature;
        assert_eq!(outcome(&a2a, &message).await, INVALID);
    }
}

#[tokio::test(start_paused = true)]
async fn a_nonce_counts_once_and_is_burnt_by_a_bad_signature() {
    for (repairs, after_bad) in [(Repairs::NONE, INVALID), (Repairs::NONE.with(Quirk::NonceOrder), ANSWER)] {
        let a2a = world(repairs);
        assert_eq!(outcome(&a2a, &signed(&envelope("n"))).await, ANSWER);
        assert_eq!(outcome(&a2a, &signed(&envelope("n"))).await, INVALID);
        let mut bad = signed(&envelope("burnt"));
        bad["signature"] = "abc".into();
        assert_eq!(outcome(&a2a, &bad).await, INVALID);
        assert_eq!(outcome(&a2a, &signed(&envelope("burnt"))).await, after_bad);
        let mut unknown = envelope("kept");
        unknown.sender_id = "nobody".into();
        assert_eq!(outcome(&a2a, &signed(&unknown)).await, "401 Unknown sender: nobody");
        assert_eq!(outcome(&a2a, &signed(&envelope("kept"))).await, ANSWER);
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_without_a_zone_is_utc_once_repaired() {
    let a2a = world(Repairs::NONE.with(Quirk::NaiveTime));
    let mut message = signed(&envelope("filled in"));
    message["created_at"] = utc_iso(NOW_NS)[..26].into();
    assert_eq!(outcome(&a2a, &message).await, ANSWER, "signed with the zone that the server fills in");
    let mut sent = envelope("as sent");
    sent.created_at.truncate(26);
    assert_eq!(outcome(&a2a, &signed(&sent)).await, ANSWER, "signed without a zone");
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_as_long_as_the_message_says() {
    let a2a = world(Repairs::NONE);
    let mut slow = envelope("slow");
    slow.capabilities[0].name = "other".into();
    slow.budget.time_ms = "1500".into();
    let begin_ns = a2a.clock_ns();
    outcome(&a2a, &signed(&slow)).await;
    assert_eq!(Duration::from_nanos(a2a.clock_ns() - begin_ns), Duration::from_millis(1_500));
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_no_message() {
    let a2a = world(Repairs::NONE);
    let json: &[u8] = b"application/json";
    let missing = r#"422 [{"type":"missing","loc":["body"],"msg":"Field required","input":null}]"#;
    let not_object = |input: &str| {
        format!(
            r#"422 [{{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":{input}}}]"#
        )
    };
    let crash = "500 Internal Server Error";
    for (content_type, body, expected) in [
        (None, &b""[..], missing),
        (Some(json), b"", missing),
        (Some(json), b"[]", &not_object("[]")),
        (Some(json), b"1e20", &not_object("1e+20")),
        (Some(json), b"NaN", crash),
        (Some(json), br#""\ud800""#, crash),
        (None, b"{}", &not_object("\"{}\"")),
        (Some(b"text/plain"), "\"é".as_bytes(), &not_object("\"\\\"é\"")),
        (Some(b"text/plain"), b"\xff", crash),
        (Some(b"application/json/x"), b"5", &not_object("\"5\"")),
        (Some(b" APPLICATION/x+JSON ;a=b"), b"5", &not_object("5")),
        (Some(json), b"{\"a\":\"\xff\"}", "400 There was an error parsing the body"),
        (
            Some(json),
            b"{not json",
            r#"422 [{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting property name enclosed in double quotes"}}]"#,
        ),
    ] {
        let got = match a2a.message(content_type, body).await {
            Ok(body) => String::from_utf8_lossy(&body).into_owned(),
            Err(no) => format!("{} {}", no.status().as_u16(), no.detail_json().unwrap_or(&no.detail())),
        };
        assert_eq!(got, expected, "{}", String::from_utf8_lossy(body));
    }
    let deep = format!("{}{}", "[".repeat(1_200), "]".repeat(1_200));
    let deep = a2a.message(Some(json), deep.as_bytes()).await;
    assert_eq!(deep.map_err(|no| no.detail().into_owned()), Err("Internal Server Error".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_told_in_the_order_of_the_fields() {
    let a2a = world(Repairs::NONE);
    let message = json!({
        "request_id": 5, "sender_id": "s", "created_at": "yesterday", "nonce": "n", "extra": 1,
        "capabilities": [{"name": "a", "version": "1"}, {"name": "a", "scopes": [1]}],
        "budget": {"tokens": "x", "time_ms": 1.5, "tool_calls": null}, "payload": [], "signature": 7,
    });
    let told: Vec<Value> =
        serde_json::from_str(outcome(&a2a, &message).await.strip_prefix("422 ").expect("mistakes"))
            .expect("JSON");
    let told: Vec<_> =
        told.iter().map(|one| format!("{} {}", one["loc"], one["type"].as_str().unwrap_or(""))).collect();
    assert_eq!(
        told,
        [
            r#"["body","request_id"] string_type"#,
            r#"["body","receiver_id"] missing"#,
            r#"["body","created_at"] datetime_from_date_parsing"#,
            r#"["body","capabilities",1,"version"] missing"#,
            r#"["body","capabilities",1,"scopes",0] string_type"#,
            r#"["body","budget","tokens"] int_parsing"#,
            r#"["body","budget","time_ms"] int_from_float"#,
            r#"["body","budget","tool_calls"] int_type"#,
            r#"["body","payload"] dict_type"#,
            r#"["body","signature"] string_type"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_card_has_the_key() {
    let settings =
        A2aSettings { public_key: Some(OURS.public_pem.clone()), senders: std::collections::BTreeMap::new() };
    let clock = Clock::at(0);
    let a2a = A2a::new(&settings, Mesh::Memory(MemoryMesh::new(clock)), clock, Repairs::NONE);
    let card: Value = serde_json::from_slice(&a2a.card()).expect("JSON");
    assert_eq!(card["authentication"]["public_key"], OURS.public_pem);
}
