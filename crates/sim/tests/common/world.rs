//! A stub in virtual time that is asked by arrivals or by users, for what formulae say of queues.
//!
//! It must not know the formulae.

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use sim::EPOCH_UNIX_NS;
use stub::{Limits, Profile, Settings, Stub};
use tokio::task::JoinSet;
use tower::ServiceExt;
use wire::{Clock, RouteTruth, Seed, Stream};

/// A stub without limits, and the time.
pub(crate) struct World {
    stub: Stub,
    pub(crate) router: Router,
    clock: Clock,
    seed: Seed,
}

impl World {
    pub(crate) fn new(profile: Profile, seed: Seed) -> Self {
        let settings = Settings { limits: Limits::OFF, ..Settings::suite() };
        let clock = Clock::at(EPOCH_UNIX_NS);
        let stub = Stub::new(settings, profile, clock, seed);
        Self { router: stub.router(), stub, clock, seed }
    }

    /// So many arrivals at `per_s` a second, at uniform times: given their number, a Poisson process (Ross,
    /// *Introduction to Probability Models*, theorem 5.2). `query` makes each one's.
    pub(crate) async fn open(&self, arrivals: u64, per_s: f64, query: impl Fn(&mut Stream) -> String) {
        let mut stream = self.seed.stream("arrivals", 0);
        let span_ns = arrivals as f64 / per_s * 1e9;
        let mut due_ns: Vec<_> = (0..arrivals).map(|_| (stream.unit() * span_ns) as u64).collect();
        due_ns.sort_unstable();
        let mut calls = JoinSet::new();
        for (i, due_ns) in due_ns.into_iter().enumerate() {
            self.clock.sleep_until(due_ns).await;
            calls.spawn(ask(self.router.clone(), format!("r{i}"), query(&mut stream)));
        }
        calls.join_all().await;
    }

    /// So many users who ask again and again without a pause; the answers a second.
    pub(crate) async fn closed(&self, users: u64, each: u64) -> f64 {
        let mut lives = JoinSet::new();
        for user in 0..users {
            let router = self.router.clone();
            lives.spawn(async move {
                for i in 0..each {
                    ask(router.clone(), format!("u{user}-{i}"), "hi".into()).await;
                }
            });
        }
        lives.join_all().await;
        (users * each) as f64 / (self.clock.now_ns() as f64 / 1e9)
    }

    /// The truth of all that was asked.
    pub(crate) fn asked(&self) -> RouteTruth {
        let [only] = &self.stub.truth().routes[..] else { panic!("one route and status") };
        only.clone()
    }
}

async fn ask(router: Router, id: String, query: String) {
    let body = serde_json::json!({"user_id": "u", "query": query}).to_string();
    let request = Request::post("/ask").header("x-api-key", "test-api-key").header("x-request-id", id);
    let response = router.oneshot(request.body(Body::from(body)).expect("a request")).await;
    let response = response.expect("the router cannot fail");
    assert_eq!(response.status().as_u16(), 200);
    // An answer that nobody reads to its end counts as abandoned.
    response.into_body().collect().await.expect("a whole body");
}

/// What everybody asks where it does not matter.
pub(crate) fn hi(_: &mut Stream) -> String {
    "hi".into()
}
