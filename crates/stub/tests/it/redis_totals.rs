//! Truths of several stubs in one Redis.

use stub::Totals;
use stub::redis::{Server, Target, Temper};
use wire::{Clock, HistogramTruth, RouteTruth, Seed, Truth};

use super::redis_server::RedisServer;

/// `count` requests of 1 µs that were answered.
fn truth(count: u64) -> Truth {
    let times = HistogramTruth {
        count,
        sum_ns: count * 1_000,
        min_ns: 1_000,
        max_ns: 1_000,
        quantiles_ns: ["p50", "p90", "p95", "p99", "p99_9"].map(|name| (name.to_owned(), 1_000)).into(),
        buckets: vec![(1_000, count)],
        hdr: None,
    };
    let route = RouteTruth {
        route: "GET /health".into(),
        status: 200,
        count,
        service: times.clone(),
        planned: times,
    };
    Truth { received: count + 1, answered: count, in_flight: 1, routes: vec![route], ..Truth::default() }
}

/// Twice the in-flight of one, and so on: what `stubs` of them come to together.
fn together(count: u64, stubs: u64) -> Truth {
    Truth { received: count + stubs, in_flight: stubs, ..truth(count) }
}

async fn totals(port: u16, seed: u64) -> Totals {
    let clock = Clock::system();
    let server = Server::connect(Target::at("127.0.0.1", port), Temper::Brisk, clock).await;
    Totals::new(server, clock, Seed(seed))
}

#[tokio::test]
async fn each_stub_counts_once_with_what_it_wrote_last() {
    let mut redis = RedisServer::start();
    let stubs = [totals(redis.port(), 7).await, totals(redis.port(), 7).await, totals(redis.port(), 8).await];
    assert_ne!(stubs[0].instance(), stubs[1].instance(), "two starts with one seed are two instances");
    assert_eq!(stubs[0].all(&truth(5)).await, Ok(truth(5)));
    stubs[1].write(&truth(10)).await.expect("written");
    stubs[1].write(&truth(20)).await.expect("written");
    assert_eq!(stubs[0].all(&truth(6)).await, Ok(together(26, 2)));
    assert_eq!(stubs[2].all(&truth(100)).await, Ok(together(126, 3)));
    // What another version wrote, and an instance whose truth is forgotten already.
    redis.ask(&format!("SET weaver-bench:truth:{} {{}}", stubs[1].instance()));
    redis.ask(&format!("DEL weaver-bench:truth:{}", stubs[2].instance()));
    assert_eq!(stubs[0].all(&truth(6)).await, Ok(truth(6)));
    let expiry = redis.ask(&format!("TTL weaver-bench:truth:{}", stubs[0].instance()));
    assert!(expiry.starts_with(":359") || expiry.starts_with(":3600"), "{expiry}");
    redis.kill();
    assert!(stubs[0].all(&truth(7)).await.is_err());
}
