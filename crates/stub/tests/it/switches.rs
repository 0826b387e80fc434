//! The switches of a profile in virtual time: answer cache, connections, batches, replicas, and how each shows.

use std::time::Duration;

use crate::common::{ask, one_agent, profile, request, send, settings, stub};
use futures_util::future::join_all;
use regex::Regex;
use serde_json::{Value, json};
use stub::{Profile, Stub};
use wire::Clock;

/// A stub of one agent with these lines below `top`.
fn stub_of(top: &str, lines: &str) -> (Stub, Clock) {
    let text = format!("{top}\n[agent.a]\n{lines}\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n");
    stub(settings(), profile(&text))
}

/// A request at a time, by a client of some patience: when it begins, for how long it waits, and its query.
type Client = (u64, u64, &'static str);
const PATIENT_MS: u64 = 1_000_000;

/// All clients at once: the status (0 for who left), the time at the end in milliseconds, and `Server-Timing` without
/// its last part.
async fn meet(stub: &Stub, clock: &Clock, clients: &[Client]) -> Vec<(u16, f64, String)> {
    let from_ns = clock.now_ns();
    let one = async |(i, (start_ms, patience_ms, query)): (usize, &Client)| {
        clock.sleep(Duration::from_millis(*start_ms)).await;
        let call = send(stub, ask(&format!("r{i}-{from_ns}"), query));
        let reply = clock.timeout(Duration::from_millis(*patience_ms), call).await;
        let ms = (clock.now_ns() - from_ns) as f64 / 1e6;
        let Ok(reply) = reply else { return (0, ms, String::new()) };
        let timing = reply.header("server-timing");
        well_formed(timing);
        let (timing, _total) = timing.rsplit_once(", ").expect("a total");
        (reply.status.as_u16(), ms, timing.to_owned())
    };
    join_all(clients.iter().enumerate().map(one)).await
}

/// The statuses and ends of `clients` are these.
#[track_caller]
fn check(seen: &[(u16, f64, String)], expected: &[(u16, f64)]) {
    let seen: Vec<_> = seen.iter().map(|(status, ms, _)| (*status, *ms)).collect();
    assert_eq!(seen, expected);
}

/// The grammar of W3C Server Timing, section 3.1.1.
#[track_caller]
fn well_formed(timing: &str) {
    let token = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+";
    let quoted = r#""(?:[^"\\]|\\.)*""#;
    let metric = format!("{token}(?:;{token}=(?:{token}|{quoted}))*");
    let list = Regex::new(&format!("^{metric}(?:, {metric})*$")).expect("a pattern");
    assert!(list.is_match(timing), "{timing}");
}

async fn status(stub: &Stub) -> Value {
    let reply = send(stub, request("GET /_stub/profile", "")).await;
    assert_eq!(reply.status.as_u16(), 200);
    serde_json::from_str(&reply.body).expect("JSON")
}

async fn stages(stub: &Stub) -> Vec<Value> {
    let lines = send(stub, request("GET /_stub/ledger", "")).await.body;
    lines.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_needs_no_agents_until_it_is_over() {
    let top = "[answer_cache]\nttl = \"1s\"\nlookup = { fixed = \"2ms\" }";
    let (stub, clock) = stub_of(top, "concurrency = 1\ndelay = { fixed = \"10ms\" }");
    let clients =
        [(0, PATIENT_MS, "hi"), (100, PATIENT_MS, "hi "), (1_012, PATIENT_MS, "hi"), (200, PATIENT_MS, "ho")];
    let seen = meet(&stub, &clock, &clients).await;
    // The blank goes before the key is made. The first answer is kept at 12 ms and over at 1012 ms.
    check(&seen, &[(200, 12.0), (200, 102.0), (200, 1_024.0), (200, 212.0)]);
    assert_eq!(seen[0].2, "queue;dur=0.000, cache;desc=miss;dur=2.000, a;dur=10.000");
    assert_eq!(seen[1].2, "queue;dur=0.000, cache;desc=hit;dur=2.000");
    let cache = &status(&stub).await["answer_cache"];
    let said = "[MODEL RESPONSE] hi".len() * 2;
    assert_eq!(
        *cache,
        json!({"hits": 1, "misses": 3, "entries": 2, "bytes": said, "evicted": 0, "too_long": 0})
    );
    let hit = &stages(&stub).await[1];
    assert_eq!(
        (&hit["look"], &hit["planned_ns"]),
        (&json!({"hit": true, "took_ns": 2_000_000}), &json!(2_000_000))
    );
    let answer = async |id: &str| send(&stub, ask(id, "Mail bob@example.org")).await.body;
    let (miss, hit) = (answer("x").await, answer("y").await);
    let text = |body: &str| serde_json::from_str::<Value>(body).expect("JSON")["answer"].clone();
    assert_eq!(text(&miss), text(&hit), "the output guard sees kept answers too");
    assert!(!hit.contains("bob@"), "{hit}");
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_before_the_first_answer_goes_to_the_agents_too() {
    let (stub, clock) =
        stub_of("answer_cache = { ttl = \"1s\" }", "concurrency = 1\ndelay = { fixed = \"10ms\" }");
    let seen = meet(&stub, &clock, &[(0, PATIENT_MS, "hi"), (0, PATIENT_MS, "hi")]).await;
    check(&seen, &[(200, 11.0), (200, 21.0)]);
    assert_eq!(status(&stub).await["answer_cache"]["misses"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_query_keeps_nothing() {
    let lines = "concurrency = 1\nqueue_max = 0\ndelay = { fixed = \"10ms\" }";
    let (stub, clock) = stub_of("answer_cache = { ttl = \"1s\", lookup = { fixed = \"0s\" } }", lines);
    let seen =
        meet(&stub, &clock, &[(0, PATIENT_MS, "hi"), (0, PATIENT_MS, "ho"), (20, PATIENT_MS, "ho")]).await;
    check(&seen, &[(200, 10.0), (503, 0.0), (200, 30.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_paid_for_each_time_or_once() {
    let lines = |rest: &str| {
        format!(
            "concurrency = 3\ndelay = {{ fixed = \"10ms\" }}\nconnection = {{ connect = {{ fixed = \"30ms\" }}{rest} }}"
        )
    };
    let clients: Vec<Client> = [0, 0, 0, 200, 1_000].map(|start_ms| (start_ms, PATIENT_MS, "hi")).to_vec();
    let each: [(u16, f64); 5] = [(200, 40.0), (200, 40.0), (200, 40.0), (200, 240.0), (200, 1_040.0)];
    let (stub, clock) = stub_of("", &lines(""));
    check(&meet(&stub, &clock, &clients).await, &each);
    let (stub, clock) = stub_of("", &lines(", pool = 2, idle = \"500ms\""));
    let seen = meet(&stub, &clock, &clients).await;
    // The third waits for one of the two; the fourth reuses it; after half a second of rest both are closed.
    check(&seen, &[(200, 40.0), (200, 40.0), (200, 50.0), (200, 210.0), (200, 1_040.0)]);
    assert_eq!(seen[2].2, "queue;dur=40.000, a;dur=10.000, connect;dur=0.000");
    assert_eq!(seen[4].2, "queue;dur=0.000, a;dur=10.000, connect;dur=30.000");
    let connections = json!({"opened": 3, "reused": 2, "expired": 2, "idle": 1});
    assert_eq!(status(&stub).await["agents"]["a"][0]["connections"], connections);
    let last = &stages(&stub).await[4];
    let part = json!({"agent": "a", "queued_ns": 0, "connect_ns": 30_000_000, "planned_ns": 10_000_000, "worked_ns": 10_000_000});
    assert_eq!((&last["stages"][0], &last["planned_ns"]), (&part, &json!(40_000_000)));
}

const BATCHING: &str = "concurrency = 1\ndelay = { fixed = \"100ms\" }\nbatching = { window = \"10ms\", size = 3, per_item = 0.5 }";

#[tokio::test(start_paused = true)]
async fn a_batch_begins_when_it_is_full_or_its_window_is_over() {
    let (stub, clock) = stub_of("", BATCHING);
    let one = (0, PATIENT_MS, "hi");
    // Full at once: no window. The fourth is alone: 10 ms of window, then it waits for the slot.
    check(&meet(&stub, &clock, &[one; 4]).await, &[(200, 200.0), (200, 200.0), (200, 200.0), (200, 300.0)]);
    let seen = meet(&stub, &clock, &[one, (9, PATIENT_MS, "hi"), (11, PATIENT_MS, "hi")]).await;
    check(&seen, &[(200, 160.0), (200, 160.0), (200, 260.0)]);
    assert_eq!(seen[1].2, "queue;dur=1.000, a;dur=150.000, batch;desc=\"2\"");
    assert_eq!(
        status(&stub).await["agents"]["a"][0],
        json!({"busy": 0, "waiting": 0, "batches": {"batches": 4, "works": 7, "gathering": 0}})
    );
}

#[tokio::test(start_paused = true)]
async fn who_leaves_a_batch_leaves_its_place_and_nothing_waits_for_it() {
    let (stub, clock) = stub_of("", BATCHING);
    // Two of three leave while it gathers: the window goes on, and one is left to pay for.
    let one = (0, PATIENT_MS, "hi");
    let seen = meet(&stub, &clock, &[(0, 5, "hi"), (0, 6, "hi"), (7, PATIENT_MS, "hi"), (8, 1, "hi")]).await;
    check(&seen, &[(0, 5.0), (0, 6.0), (200, 117.0), (0, 9.0)]);
    // All leave while it works: the slot is free at once.
    let seen =
        meet(&stub, &clock, &[(0, 50, "hi"), (0, 60, "hi"), (0, 40, "hi"), (61, PATIENT_MS, "hi")]).await;
    check(&seen, &[(0, 50.0), (0, 60.0), (0, 40.0), (200, 171.0)]);
    // Some leave while it works: the others are answered in time. Two leave the queue: one is left to pay for.
    let two_leave = [(0, 20, "hi"), one, one, (1, 50, "hi"), (1, 50, "hi"), (1, PATIENT_MS, "hi")];
    let seen = meet(&stub, &clock, &two_leave).await;
    check(&seen, &[(0, 20.0), (200, 200.0), (200, 200.0), (0, 51.0), (0, 51.0), (200, 300.0)]);
    assert_eq!(status(&stub).await["agents"]["a"][0]["waiting"], 0);
    assert_eq!(stub.truth().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_batches_is_bounded() {
    let (stub, clock) = stub_of("", &format!("queue_max = 2\n{BATCHING}"));
    let one = (0, PATIENT_MS, "hi");
    // Three fit into the free slot, two more into the queue.
    let seen = meet(&stub, &clock, &[one; 7]).await;
    let refused = (503, 0.0);
    check(&seen, &[(200, 200.0), (200, 200.0), (200, 200.0), (200, 350.0), (200, 350.0), refused, refused]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_its_longest_delay_and_one_connection() {
    let lines = "concurrency = 1\ndelay = { uniform = [\"10ms\", \"90ms\"] }\nconnection = { connect = { fixed = \"30ms\" } }\n";
    let alone = async |i: usize| {
        let (stub, _) = stub_of("", lines);
        send(&stub, ask(&format!("r{i}-0"), "hi")).await;
        stub.truth().routes[0].planned.max_ns
    };
    let longest = join_all((0..3).map(alone)).await.into_iter().max().expect("three");
    let (stub, clock) = stub_of("", &format!("{lines}batching = {{ window = \"0s\", size = 3 }}"));
    let from_ns = clock.now_ns();
    assert_eq!(from_ns, 0, "the ids are those of above");
    meet(&stub, &clock, &[(0, PATIENT_MS, "hi"); 3]).await;
    let planned = &stub.truth().routes[0].planned;
    assert_eq!((planned.min_ns, planned.max_ns), (longest, longest));
    assert_eq!(status(&stub).await["agents"]["a"][0]["connections"]["opened"], 1);
}

#[tokio::test(start_paused = true)]
async fn replicas_take_turns_and_each_has_a_queue_of_its_own() {
    let (stub, clock) =
        stub_of("replicas = 2", "concurrency = 1\nqueue_max = 1\ndelay = { fixed = \"10ms\" }");
    let one = (0, PATIENT_MS, "hi");
    let seen = meet(&stub, &clock, &[one; 5]).await;
    check(&seen, &[(200, 10.0), (200, 10.0), (200, 20.0), (200, 20.0), (503, 0.0)]);
    assert_eq!(seen[3].2, "queue;dur=10.000, a;dur=10.000, replica;desc=\"1\"");
    // Turns are taken blindly: the second replica is next, and the first one's turn comes although it is busy.
    let seen =
        meet(&stub, &clock, &[one, (5, PATIENT_MS, "hi"), (11, PATIENT_MS, "hi"), (12, PATIENT_MS, "hi")])
            .await;
    check(&seen, &[(200, 10.0), (200, 15.0), (200, 21.0), (200, 25.0)]);
    let status = status(&stub).await;
    assert_eq!((&status["replicas"], status["agents"]["a"].as_array().map(Vec::len)), (&json!(2), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn the_profile_is_shown_to_operators_alone() {
    let (stub, _) = stub(settings(), Profile::default());
    let shown = status(&stub).await;
    assert_eq!(shown["profile"]["agent"]["router"]["delay"]["lognormal"]["median"], "5ms");
    assert_eq!(
        (&shown["answer_cache"], &shown["agents"]["router"]),
        (&Value::Null, &json!([{"busy": 0, "waiting": 0}]))
    );
    let settings = stub::Settings { operator_token: Some(stub::Secret("secret".into())), ..settings() };
    let (stub, _) = crate::common::stub(settings, one_agent("concurrency = 1\ndelay = { fixed = \"1ms\" }"));
    for (header, expected) in [("", 401), ("|x-operator-token:wrong", 403), ("|x-operator-token:secret", 200)]
    {
        let reply = send(&stub, request(&format!("GET /_stub/profile{header}"), "")).await;
        assert_eq!(reply.status.as_u16(), expected, "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_shows_where_nothing_is_switched_on() {
    let (stub, clock) = stub_of("", "concurrency = 1\ndelay = { fixed = \"10ms\" }");
    let seen = meet(&stub, &clock, &[(0, PATIENT_MS, "hi")]).await;
    assert_eq!(seen[0].2, "queue;dur=0.000, a;dur=10.000");
    let entry = &stages(&stub).await[0];
    let part = json!({"agent": "a", "queued_ns": 0, "planned_ns": 10_000_000, "worked_ns": 10_000_000});
    assert_eq!((&entry["stages"][0], entry.get("look")), (&part, None));
}
