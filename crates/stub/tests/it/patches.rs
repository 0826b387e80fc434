//! The operator's changes of the profile while the stub runs: who may, what is refused, whole or not at all.

use std::thread;
use std::time::Duration;

use crate::common::{ask, one_agent, profile, request, send, settings, stub};
use crate::faults::faulty;
use serde_json::{Value, json};
use stub::{Revision, Secret, Settings, Stub};
use wire::{Clock, Seed};

const JSON: &str = "content-type:application/merge-patch+json";

async fn shown(stub: &Stub) -> Value {
    let line = "GET /_stub/profile|x-operator-token:secret";
    serde_json::from_str(&send(stub, request(line, "")).await.body).expect("JSON")
}

#[tokio::test(start_paused = true)]
async fn who_may_not_and_what_is_no_patch() {
    let guarded = Settings { operator_token: Some(Secret("secret".into())), ..settings() };
    let (stub, _) = stub(guarded, one_agent("concurrency = 1\ndelay = { fixed = \"1ms\" }"));
    let before = shown(&stub).await;
    let token = "x-operator-token:secret";
    let right = r#"{"agent": {"a": {"concurrency": 5}}}"#;
    let long = format!("{{\"agent\": \"{}\"}}", "x".repeat(1 << 20));
    for (headers, body, expected) in [
        (JSON.to_owned(), right, 401),
        (format!("{JSON}|x-api-key:key"), right, 401),
        (format!("{JSON}|x-operator-token:key"), right, 403),
        (format!("{JSON}|authorization:Bearer key"), right, 403),
        (format!("{JSON}|{token}|origin:http://evil.test|host:stub.test"), right, 403),
        (format!("{JSON}|{token}|sec-fetch-site:cross-site"), right, 403),
        (token.to_owned(), right, 415),
        (format!("content-type:text/plain|{token}"), right, 415),
        (format!("{JSON}|{token}"), &*long, 413),
        (format!("{JSON}|{token}|content-length:9999999"), right, 413),
        (format!("{JSON}|{token}"), "", 400),
        (format!("{JSON}|{token}"), "{\"agent\": ", 400),
        (format!("{JSON}|{token}"), "{} {}", 400),
        (format!("{JSON}|{token}"), "[]", 400),
        (format!("{JSON}|{token}"), "null", 400),
        (format!("{JSON}|{token}"), r#"{"agent": null}"#, 422),
        (format!("{JSON}|{token}"), r#"{"agent": {"a": {"concurrency": 0}}}"#, 422),
        (format!("{JSON}|{token}"), r#"{"fault": [null]}"#, 422),
        (format!("{JSON}|{token}"), r#"{"agent": {"a": {"concurrency": 7}}, "fault": [{"kind": "x"}]}"#, 422),
    ] {
        let reply = send(&stub, request(&format!("PATCH /_stub/profile|{headers}"), body)).await;
        assert_eq!(reply.status.as_u16(), expected, "{headers} {:.60}: {}", body, reply.body);
        assert!(reply.body.starts_with("{\"detail\":\""), "{}", reply.body);
        assert_eq!(shown(&stub).await, before, "{headers} {body:.60}: nothing is changed");
    }
    for method in ["POST", "DELETE", "OPTIONS"] {
        let reply = send(&stub, request(&format!("{method} /_stub/profile|{JSON}|{token}"), right)).await;
        assert_eq!(reply.status.as_u16(), 405, "{method}");
    }
    assert_eq!(stub.truth().received, 0, "operators are not in the ledger");
}

#[tokio::test(start_paused = true)]
async fn all_mistakes_come_at_once_with_their_remedies() {
    let (stub, _) = stub(settings(), one_agent("concurrency = 1\ndelay = { fixed = \"1ms\" }"));
    let patch = r#"{"agent": {"a": {"concurrency": 0, "dealy": 1}}, "deadline": "0s"}"#;
    let reply = send(&stub, request(&format!("PATCH /_stub/profile|{JSON}"), patch)).await;
    assert_eq!(reply.status.as_u16(), 422);
    let body: Value = serde_json::from_str(&reply.body).expect("JSON");
    let problems: Vec<_> = body["mistakes"].as_array().expect("a list").iter().collect();
    assert_eq!(problems.len(), 3, "{body}");
    assert!(problems.iter().any(|one| one["remedy"] == "did you mean `delay`?"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_patch_is_in_force_and_answered_with_what_came_out() {
    let (stub, clock) = stub(settings(), one_agent("concurrency = 1\ndelay = { fixed = \"1ms\" }"));
    let patch =
        r#"{"agent": {"a": {"delay": {"fixed": "7ms"}}}, "fault": [{"kind": "error_burst", "end": "1s"}]}"#;
    let reply = send(&stub, request(&format!("PATCH /_stub/profile|{JSON}"), patch)).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    let body: Value = serde_json::from_str(&reply.body).expect("JSON");
    let now = shown(&stub).await;
    assert_eq!((&body["revision"], &body["profile"]), (&json!(1), &now["profile"]));
    assert_eq!((&now["revision"], &now["faults"][0]["state"]), (&json!(1), &json!("on")));
    assert_eq!(send(&stub, ask("r", "hi")).await.status.as_u16(), 503);
    let whole = json!({
        "agent": {"b": {"concurrency": 1, "delay": {"fixed": "3ms"}}},
        "workflow": [{"name": "w", "stages": ["b"]}],
    });
    let put = request("PUT /_stub/profile|content-type:application/json", &whole.to_string());
    assert_eq!(send(&stub, put).await.status.as_u16(), 200);
    let from_ns = clock.now_ns();
    let reply = send(&stub, ask("s", "hi")).await;
    assert_eq!((reply.status.as_u16(), clock.now_ns() - from_ns), (200, 3_000_000));
    assert!(reply.header("server-timing").contains("b;dur=3.000"));
    let now = shown(&stub).await;
    assert_eq!((&now["profile"], &now["revision"], &now["faults"]), (&whole, &json!(2), &json!([])));
    let entries = stub.entries(0, 10).entries;
    assert_eq!(entries[1].stages[0].agent, "b");
}

#[tokio::test(start_paused = true)]
async fn who_is_served_ends_in_the_old_one_and_agents_that_stay_keep_their_queues() {
    let slow = "concurrency = 1\ndelay = { fixed = \"100ms\" }";
    for (patch, expected_ms) in [
        // Another delay is another agent, with free slots.
        (json!({"agent": {"a": {"delay": {"fixed": "10ms"}}}}), [100, 60]),
        // One that stays is still at work, and the next one waits.
        (json!({"deadline": "10s"}), [100, 200]),
    ] {
        let (stub, clock) = stub(settings(), one_agent(slow));
        let done_ms = async |id: &str| {
            send(&stub, ask(id, "hi")).await;
            clock.now_ns() / 1_000_000
        };
        let later = async {
            clock.sleep(Duration::from_millis(50)).await;
            assert_eq!(stub.patch_profile(&patch), Ok(Revision(1)));
            done_ms("second").await
        };
        let (first, second) = tokio::join!(done_ms("first"), later);
        assert_eq!([first, second], expected_ms, "{patch}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_cache_starts_anew_only_if_it_is_another() {
    let text = "answer_cache = { ttl = \"1h\", lookup = { fixed = \"1ms\" } }\n[agent.a]\nconcurrency = 9\ndelay = { fixed = \"10ms\" }\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n";
    for (patch, expected_ms) in
        [(json!({"deadline": "10s"}), 1), (json!({"answer_cache": {"ttl": "2h"}}), 11)]
    {
        let (stub, clock) = stub(settings(), profile(text));
        send(&stub, ask("first", "hi")).await;
        stub.patch_profile(&patch).unwrap_or_else(|wrong| panic!("{wrong}"));
        let from_ns = clock.now_ns();
        send(&stub, ask("second", "hi")).await;
        assert_eq!((clock.now_ns() - from_ns) / 1_000_000, expected_ms, "{patch}");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_count_anew_if_they_are_in_the_patch_and_go_on_if_not() {
    for (patch, statuses) in [
        (json!({"deadline": "10s"}), [200, 503, 200]),
        (json!({"fault": [{"kind": "error_burst", "start": "1s", "end": "2s"}]}), [200, 200, 503]),
        (json!({"fault": []}), [200, 200, 200]),
        (json!({"fault": null}), [200, 200, 200]),
    ] {
        let (stub, clock) = stub(settings(), faulty("kind = \"error_burst\"\nstart = \"1s\"\nend = \"2s\""));
        let mut got = vec![];
        for at_ms in [500, 1_500, 2_300] {
            clock.sleep_until(at_ms * 1_000_000).await;
            got.push(send(&stub, ask(&format!("r{at_ms}"), "hi")).await.status.as_u16());
            if at_ms == 500 {
                clock.sleep_until(1_000_000_000).await;
                stub.patch_profile(&patch).unwrap_or_else(|wrong| panic!("{wrong}"));
            }
        }
        assert_eq!(got, statuses, "{patch}");
    }
}

#[tokio::test]
async fn patches_at_once_are_all_in_and_nobody_sees_half_of_one() {
    const EACH: u64 = 100;
    let text = "[agent.a]\nconcurrency = 1\ndelay = { fixed = \"0s\" }\n[agent.b]\nconcurrency = 1\ndelay = { fixed = \"0s\" }\n[[workflow]]\nname = \"all\"\nstages = [\"a\", \"b\"]\n";
    let stub = Stub::new(settings(), profile(text), Clock::system(), Seed(7));
    let patcher = |own: &'static str, stub: Stub| {
        thread::spawn(move || {
            for n in 1..=EACH {
                let wrong = json!({"agent": {"a": {"concurrency": 999}, "b": {"concurrency": 0}}});
                assert!(stub.patch_profile(&wrong).is_err());
                let patch = json!({"agent": {"a": {"concurrency": n}, "b": {"concurrency": n}}, own: format!("{n}s")});
                // `deadline` is the profile's own; the other one is put into the delay of a route.
                let patch = match own {
                    "deadline" => patch,
                    _ => {
                        json!({"agent": patch["agent"], "route": {"health": {"delay": {"fixed": format!("{n}us")}}}})
                    }
                };
                stub.patch_profile(&patch).unwrap_or_else(|wrong| panic!("{wrong}"));
            }
        })
    };
    let patchers = ["deadline", "route"].map(|own| patcher(own, stub.clone()));
    let mut last = 0;
    while last < 2 * EACH {
        let now = shown(&stub).await;
        let [a, b] = ["a", "b"].map(|name| now["profile"]["agent"][name]["concurrency"].as_u64());
        assert!(a == b && a != Some(999), "{now}");
        let revision = now["revision"].as_u64().expect("a number");
        assert!(revision >= last, "{revision} after {last}");
        last = revision;
        assert_eq!(send(&stub, ask("r", "hi")).await.status.as_u16(), 200);
        if patchers.iter().all(thread::JoinHandle::is_finished) {
            let now = shown(&stub).await;
            assert_eq!(now["revision"], 2 * EACH, "a patcher failed");
            break;
        }
    }
    for patcher in patchers {
        patcher.join().expect("it patches");
    }
    let now = shown(&stub).await;
    assert_eq!(now["profile"]["deadline"], format!("{EACH}s"), "no patch took another's away");
    assert_eq!(now["profile"]["route"]["health"]["delay"]["fixed"], format!("{EACH}us"));
}
