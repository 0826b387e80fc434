//! Rate limits against recordings of the real server, in virtual time at the recorded times.
//!
//! A recorded time is that of the answer, to a millisecond; the limiter had decided shortly before. So where a pause
//! is about as long as one request takes to refill, a replay may fall on the other side; these places are named.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use serde::Deserialize;
use stub::{Limit, Limits, Settings, Stub};
use wire::{Clock, Seed};

use crate::common::{one_agent, request, send, settings, stub};

const INSTANT: &str = "concurrency = 9\ndelay = { fixed = \"0s\" }";
const ASK: &str = r#"{"user_id": "alice", "query": "hi"}"#;
/// From the decision to the recorded time of the answer.
const ANSWERING_NS: u64 = 1_000_000;
/// The timelines whose pauses waver around the refill of one request, with the rows that may differ.
const WAVERING: [(&str, &str, usize); 2] =
    [("ratelimit_compose", "burst of 130", 3), ("ratelimit_lifted", "burst of 130", 1)];

#[derive(Deserialize)]
struct Recorded<T> {
    mode: String,
    env: BTreeMap<String, String>,
    #[serde(alias = "timelines", alias = "exchanges")]
    parts: Vec<T>,
}

#[derive(Deserialize)]
struct Timeline {
    name: String,
    start_ms: i64,
    /// Number, milliseconds since the start, status, detail.
    rows: Vec<(usize, i64, u16, Option<String>)>,
}

#[derive(Deserialize)]
struct Exchange {
    name: String,
    t_ms: f64,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
    source_ip: String,
    status: u16,
    detail: Option<String>,
}

/// One client with a fixed pause between its requests, for 8 s.
#[derive(Deserialize)]
struct Steady {
    rate: i64,
    burst: i64,
    gap_ms: f64,
    ok: u64,
    rejected: u64,
    details: BTreeMap<String, u64>,
}

fn started(env: BTreeMap<String, String>) -> (Stub, Clock) {
    stub(Settings::from_variables(env).expect("the variables are right"), one_agent(INSTANT))
}

/// Status and detail of a request at this time; no detail where there is none.
async fn asked(
    stub: &Stub,
    clock: &Clock,
    at_ns: u64,
    line: &str,
    body: &str,
    peer: &str,
) -> (u16, Option<String>) {
    clock.sleep_until(at_ns).await;
    let mut request = request(line, body);
    let peer = SocketAddr::new(peer.parse().expect("an address"), 9);
    request.extensions_mut().insert(ConnectInfo(peer));
    let reply = send(stub, request).await;
    let detail = match serde_json::from_str::<serde_json::Value>(&reply.body) {
        Ok(json) => json.get("detail").and_then(|detail| detail.as_str().map(str::to_owned)),
        Err(_) => Some(reply.body),
    };
    (reply.status.as_u16(), detail)
}

#[tokio::test(start_paused = true)]
async fn recorded_bursts_and_polls_go_the_same_way() {
    let recorded: Vec<Recorded<Timeline>> =
        serde_json::from_str(include_str!("../recorded/ratelimit_timelines.json")).expect("timelines");
    let (mut rows, mut same) = (0, 0);
    for Recorded { mode, mut env, parts } in recorded {
        env.insert("WEAVER_ALLOWED_API_KEYS".into(), "key".into());
        let (stub, clock) = started(env);
        for Timeline { name, start_ms, rows: expected } in parts {
            let mut differ = vec![];
            for (n, t_ms, status, detail) in &expected {
                let at_ns =
                    u64::try_from((start_ms + t_ms) * 1_000_000).expect("after the start") - ANSWERING_NS;
                let got = asked(&stub, &clock, at_ns, "POST /ask|x-api-key:key", ASK, "127.0.0.1").await;
                if got != (*status, detail.clone()) {
                    differ.push((*n, got));
                }
            }
            let may =
                WAVERING.iter().find(|(m, t, _)| (*m, *t) == (&*mode, &*name)).map_or(0, |(.., may)| *may);
            assert!(differ.len() <= may, "{mode}, {name}: these differ: {differ:?}");
            rows += expected.len();
            same += expected.len() - differ.len();
        }
    }
    assert_eq!((same, rows), (545, 549), "rows that are the same, of all");
}

#[tokio::test(start_paused = true)]
async fn what_counts_and_for_whom_is_exact() {
    let recorded: Recorded<Exchange> =
        serde_json::from_str(include_str!("../recorded/ratelimit_what_counts.json")).expect("exchanges");
    let (stub, clock) = started(recorded.env);
    for exchange in recorded.parts {
        let Exchange { name, t_ms, method, path, headers, body, source_ip, status, detail } = exchange;
        if name == "whoami hit: free" {
            // Answered by the response cache, which is not there without Redis.
            continue;
        }
        let mut line = format!("{method} {path}");
        for (header, value) in headers {
            line.push_str(&format!("|{header}:{value}"));
        }
        let got = asked(&stub, &clock, (t_ms * 1e6) as u64, &line, &body, &source_ip).await;
        assert_eq!(got, (status, detail), "{}: {name}", recorded.mode);
    }
}

/// How many requests of a steady client are accepted, and who refuses the others, if each is decided late by a
/// random time of this mean (exponential).
async fn accepted(client: &Steady, late_ms_mean: f64) -> (u64, BTreeSet<String>) {
    let user = Limit::per_second(client.rate, client.burst);
    let (stub, clock) = stub(Settings { limits: Limits::of_user(user), ..settings() }, one_agent(INSTANT));
    let requests = client.ok + client.rejected;
    let mut stream = Seed(7).stream("late", 0);
    let mut times_ns: Vec<u64> = (0..requests)
        .map(|n| {
            let late_ms = -late_ms_mean * libm::log(stream.unit_open());
            (n as f64 * 8e9 / requests as f64 + late_ms * 1e6) as u64
        })
        .collect();
    times_ns.sort_unstable();
    let (mut ok, mut refused) = (0, BTreeSet::new());
    for at_ns in times_ns {
        match asked(&stub, &clock, at_ns, "GET /whoami|x-api-key:key", "", "127.0.0.1").await {
            (200, _) => ok += 1,
            (_, detail) => refused.extend(detail),
        }
    }
    (ok, refused)
}

/// A client without jitter and one with 2.5 ms enclose every recorded count, give or take 5 %.
#[tokio::test(start_paused = true)]
async fn the_cliff_is_where_it_was_recorded() {
    const JITTER_MS: f64 = 2.5;
    let clients: Vec<Steady> =
        serde_json::from_str(include_str!("../recorded/ratelimit_refill_cliff.json")).expect("clients");
    let mut before: Option<(i64, [f64; 3])> = None;
    for client in clients {
        let Steady { rate, gap_ms, ok, rejected, details, .. } = &client;
        let (steady, by) = accepted(&client, 0.0).await;
        let (jittered, _) = accepted(&client, JITTER_MS).await;
        let (least, most) = (steady.min(jittered) as f64 * 0.95, steady.max(jittered) as f64 * 1.05);
        let which =
            format!("{rate}/s every {gap_ms} ms: {steady} steady, {jittered} jittered, {ok} recorded");
        assert!((least..=most).contains(&(*ok as f64)), "{which}");
        assert!(by.iter().all(|detail| details.contains_key(detail)), "{which}: refused by {by:?}");
        // The shorter the pause, the smaller the part that is accepted.
        let parts = [steady, jittered, *ok].map(|count| count as f64 / (ok + rejected) as f64);
        if let Some((of_rate, longer)) = before.filter(|(of_rate, _)| of_rate == rate) {
            assert!(parts.iter().zip(longer).all(|(part, longer)| *part <= longer), "{which}, {of_rate}/s");
        }
        before = Some((*rate, parts));
    }
}
