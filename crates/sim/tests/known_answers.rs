//! The profiles with known answers against their formulae, in virtual time: each says in its file what comes out.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use sim::EPOCH_UNIX_NS;
use stub::{Limits, Profile, Settings, Stub};
use tokio::task::JoinSet;
use tower::ServiceExt;
use wire::{Clock, Seed};

const SEED: u64 = 11;

fn world(file: &str) -> (Stub, Clock) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../load_tests/stub").join(file);
    let text = std::fs::read_to_string(path).expect("a profile of the repository");
    let profile = Profile::parse(file, &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let clock = Clock::at(EPOCH_UNIX_NS);
    let settings = Settings { limits: Limits::OFF, ..Settings::suite() };
    (Stub::new(settings, profile, clock, Seed(SEED)), clock)
}

async fn ask(router: Router, id: String) {
    let request = Request::post("/ask").header("x-api-key", "test-api-key").header("x-request-id", id);
    let request = request.body(Body::from(r#"{"user_id":"u","query":"hi"}"#)).expect("a request");
    let response = router.oneshot(request).await.expect("the router cannot fail");
    assert_eq!(response.status().as_u16(), 200);
    // An answer that nobody reads to its end counts as abandoned.
    response.into_body().collect().await.expect("a whole body");
}

/// Answers a second of so many users who ask again at once.
async fn closed(file: &str, users: u64, each: u64) -> f64 {
    let (stub, clock) = world(file);
    let mut lives = JoinSet::new();
    for user in 0..users {
        let router = stub.router();
        lives.spawn(async move {
            for i in 0..each {
                ask(router.clone(), format!("u{user}-{i}")).await;
            }
        });
    }
    lives.join_all().await;
    (users * each) as f64 / (clock.now_ns() as f64 / 1e9)
}

/// The mean wait in milliseconds of so many arrivals at uniform times, `per_s` a second: given their number, a Poisson
/// process (Ross, *Introduction to Probability Models*, theorem 5.2).
async fn mean_queue_ms(file: &str, arrivals: u64, per_s: f64) -> f64 {
    let (stub, clock) = world(file);
    let mut stream = Seed(SEED).stream("arrivals", 0);
    let span_ns = arrivals as f64 / per_s * 1e9;
    let mut due_ns: Vec<_> = (0..arrivals).map(|_| (stream.unit() * span_ns) as u64).collect();
    due_ns.sort_unstable();
    let mut calls = JoinSet::new();
    for (i, due_ns) in due_ns.into_iter().enumerate() {
        clock.sleep_until(due_ns).await;
        calls.spawn(ask(stub.router(), format!("r{i}")));
    }
    calls.join_all().await;
    let [route] = &stub.truth().routes[..] else { panic!("one route and status") };
    (route.service.sum_ns as f64 - route.planned.sum_ns as f64) / route.count as f64 / 1e6
}

#[track_caller]
fn near(what: &str, got: f64, expected: f64, share: f64) {
    assert!((got / expected - 1.0).abs() <= share, "{what}: {got}, not {expected}, seed {SEED}");
}

#[tokio::test(start_paused = true)]
async fn throughput_follows_the_universal_law() {
    for users in [1, 8, 44, 150] {
        let n = users as f64;
        let expected = 100.0 * n / (1.0 + 0.03 * (n - 1.0) + 0.0005 * n * (n - 1.0));
        near(&format!("usl, {users} users"), closed("usl.toml", users, 200).await, expected, 0.01);
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_is_fixed() {
    for (users, expected) in [(1, 50.0), (4, 200.0), (8, 400.0), (32, 400.0)] {
        near(&format!("{users} users"), closed("fixed_capacity.toml", users, 50).await, expected, 1e-6);
    }
}

#[tokio::test(start_paused = true)]
async fn queues_wait_as_their_formulae_say() {
    // The standard error of a mean over 40,000 at half load is below 3 %: three of them.
    for (file, per_s, expected_ms) in
        [("mm1.toml", 50.0, 10.0), ("md1.toml", 50.0, 5.0), ("mm4.toml", 200.0, 0.870)]
    {
        near(file, mean_queue_ms(file, 40_000, per_s).await, expected_ms, 0.09);
    }
}
