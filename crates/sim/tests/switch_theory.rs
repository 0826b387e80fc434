//! The switches of the profile against textbook formulae, in virtual time and with open and closed arrivals of its own.

#[path = "common/world.rs"]
mod world;

use std::time::Duration;

use axum::body::Body;
use http::Request;
use sim::theory::m_m_c_wait_s;
use stub::Profile;
use tower::ServiceExt;
use wire::Seed;
use world::{World, hi};

const SEED: u64 = 7;

/// A stub of one agent with these lines, below `top`.
fn agent_world(top: &str, lines: &str) -> World {
    let text = format!("{top}\n[agent.a]\n{lines}\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n");
    let profile = Profile::parse("theory.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    World::new(profile, Seed(SEED))
}

/// The mean time of an answer in seconds.
fn mean_s(world: &World) -> f64 {
    let asked = world.asked();
    asked.service.sum_ns as f64 / asked.count as f64 / 1e9
}

async fn status(world: &World) -> serde_json::Value {
    let request = Request::get("/_stub/profile").body(Body::empty()).expect("a request");
    let response = world.router.clone().oneshot(request).await.expect("the router cannot fail");
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

/// `got` is `expected` but for a share of it.
#[track_caller]
fn near(got: f64, expected: f64, share: f64) {
    assert!(
        (got / expected - 1.0).abs() <= share,
        "{got} is not {expected} ± {} %, seed {SEED}",
        share * 100.0
    );
}

#[tokio::test(start_paused = true)]
async fn a_cache_hits_as_often_as_renewals_say_and_the_mean_follows() {
    let top = "answer_cache = { ttl = \"4s\", lookup = { fixed = \"1ms\" } }";
    let world = agent_world(top, "concurrency = 1000\ndelay = { fixed = \"10ms\" }");
    // 50 queries, each asked once a second.
    world.open(20_000, 50.0, |stream| format!("query {}", stream.below(50))).await;
    let cache = &status(&world).await["answer_cache"];
    let count = |name: &str| cache[name].as_u64().expect("a number") as f64;
    let hits = count("hits") / (count("hits") + count("misses"));
    // A time to live T over Poisson arrivals of rate λ: λT / (1 + λT) (Jung, Berger and Balakrishnan, *Modeling
    // TTL-based Internet Caches*, 2003).
    near(hits, 4.0 / 5.0, 0.02);
    near(mean_s(&world), 0.001 + (1.0 - hits) * 0.010, 1e-3);
}

#[tokio::test(start_paused = true)]
async fn few_entries_keep_few_queries() {
    let hits = async |entries_max: u32| {
        let top = format!("answer_cache = {{ ttl = \"1h\", entries_max = {entries_max} }}");
        let world = agent_world(&top, "concurrency = 1000\ndelay = { fixed = \"1ms\" }");
        world.open(10_000, 10.0, |stream| format!("query {}", stream.below(50))).await;
        status(&world).await["answer_cache"]["hits"].as_u64().expect("a number") as f64 / 1e4
    };
    // Uniform queries, first in first out: each is kept with the probability entries / queries (Gelenbe, *A Unified
    // Approach to the Evaluation of a Class of Replacement Algorithms*, 1973).
    near(hits(10).await, 10.0 / 50.0, 0.05);
    // With room for all, each query misses once.
    near(hits(50).await, 1.0 - 50.0 / 1e4, 1e-9);
}

const CONNECT: &str =
    "concurrency = 20\ndelay = { fixed = \"10ms\" }\nconnection = { connect = { fixed = \"30ms\" }";

#[tokio::test(start_paused = true)]
async fn a_pool_connects_as_often_as_it_is_large() {
    let opened = async |world: &World| status(world).await["agents"]["a"][0]["connections"]["opened"].clone();
    // Without a pool each call holds its slot for 30 + 10 ms: 20 slots do 500 a second (Little's law).
    let world = agent_world("", &format!("{CONNECT} }}"));
    near(world.closed(20, 100).await, 20.0 / 0.040, 1e-6);
    assert_eq!(opened(&world).await, 2_000);
    // With one for all, each connection is paid for once: 30 + 100 × 10 ms for 100 calls.
    let world = agent_world("", &format!("{CONNECT}, pool = 20 }}"));
    near(world.closed(20, 100).await, 2_000.0 / 1.030, 1e-6);
    assert_eq!(opened(&world).await, 20);
    // With fewer than slots, they are what is short: 5 / 10 ms.
    let world = agent_world("", &format!("{CONNECT}, pool = 5 }}"));
    near(world.closed(20, 100).await, 2_000.0 / (0.030 + 400.0 * 0.010), 1e-6);
    assert_eq!(opened(&world).await, 5);
}

#[tokio::test(start_paused = true)]
async fn batching_multiplies_what_a_slot_can_do() {
    let agent = "concurrency = 1\ndelay = { fixed = \"10ms\" }\n";
    let single = agent_world("", agent).closed(64, 50).await;
    near(single, 1.0 / 0.010, 1e-6);
    for (size, per_item) in [(1, 0.2), (4, 0.0), (8, 0.2), (8, 1.0)] {
        let line = format!("batching = {{ window = \"10ms\", size = {size}, per_item = {per_item} }}");
        let batched = agent_world("", &format!("{agent}{line}")).closed(64, 50).await;
        // The amortised delay: n works in 1 + per item × (n − 1) times the delay of one.
        let gain = f64::from(size) / (1.0 + per_item * f64::from(size - 1));
        near(batched / single, gain, 1e-6);
    }
    // Alone and unhurried, a work pays the whole window instead.
    let world = agent_world("", &format!("{agent}batching = {{ window = \"5ms\", size = 8 }}"));
    world.closed(1, 10).await;
    near(mean_s(&world), 0.015, 1e-6);
}

#[tokio::test(start_paused = true)]
async fn replicas_multiply_what_an_agent_can_do() {
    for n in [1, 2, 5] {
        let world = agent_world(&format!("replicas = {n}"), "concurrency = 2\ndelay = { fixed = \"10ms\" }");
        near(world.closed(40, 50).await, 200.0 * f64::from(n), 1e-6);
    }
}

/// The mean time in an E_n/M/1 system: every nth of Poisson arrivals at `per_s`, served at `served_per_s`. With σ the
/// root of σ = A*(μ(1 − σ)) it is 1 / (μ(1 − σ)) (Kleinrock, *Queueing Systems I*, section 6.4). For n = 1 that is
/// 1 / (μ − λ).
fn erlang_m_1(n: i32, per_s: f64, served_per_s: f64) -> f64 {
    let root = (0..10_000).fold(0.5, |root: f64, _| (per_s / (per_s + served_per_s * (1.0 - root))).powi(n));
    1.0 / (served_per_s * (1.0 - root))
}

#[tokio::test(start_paused = true)]
async fn replicas_behind_round_robin_wait_as_single_servers_do() {
    let mean_s = async |top: &str, concurrency: u32, per_s: f64| {
        let lines = format!("concurrency = {concurrency}\ndelay = {{ exponential = {{ mean = \"10ms\" }} }}");
        let world = agent_world(top, &lines);
        world.open(15_000, per_s, hi).await;
        mean_s(&world)
    };
    let alone_s = mean_s("", 1, 70.0).await;
    near(alone_s, erlang_m_1(1, 70.0, 100.0), 0.05);
    near(erlang_m_1(1, 70.0, 100.0), 1.0 / 30.0, 1e-9);
    // Three replicas, three times the load: turns make arrivals at each more regular, so it is less than alone; but a
    // replica may queue while another is idle, so it is more than in one queue for all.
    let turns_s = mean_s("replicas = 3", 1, 210.0).await;
    near(turns_s, erlang_m_1(3, 210.0, 100.0), 0.05);
    let pooled_s = mean_s("", 3, 210.0).await;
    near(pooled_s, 0.010 + m_m_c_wait_s(3, 210.0, 0.010), 0.05);
    assert!(pooled_s < 0.8 * turns_s && turns_s < 0.8 * alone_s, "{pooled_s} {turns_s} {alone_s}");
}

#[tokio::test(start_paused = true)]
async fn a_window_gathers_who_arrives_in_it() {
    // A window as long as the gap between arrivals gathers about two: 1 + λw (of Poisson arrivals within w).
    let window = Duration::from_millis(20);
    let line = format!("batching = {{ window = \"{}ms\", size = 1000 }}", window.as_millis());
    let world = agent_world("", &format!("concurrency = 1000\ndelay = {{ fixed = \"10ms\" }}\n{line}"));
    world.open(20_000, 50.0, hi).await;
    let batches = &status(&world).await["agents"]["a"][0]["batches"];
    let count = |name: &str| batches[name].as_u64().expect("a number") as f64;
    near(count("works") / count("batches"), 1.0 + 50.0 * window.as_secs_f64(), 0.02);
}
