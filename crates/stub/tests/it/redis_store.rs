//! What is kept in Redis: one body for what is kept here and there, and what becomes of it while Redis is gone.

use std::time::Duration;

use bytes::Bytes;
use stub::Store;
use stub::redis::{Server, Temper};
use wire::Clock;

use super::redis_server::RedisServer;

const SOON: Duration = Duration::from_millis(120);
const HOUR: Duration = Duration::from_secs(3_600);

async fn server(redis: &RedisServer, temper: Temper) -> Server {
    let target = stub::redis::Target::at("127.0.0.1", redis.port());
    Server::connect(target, temper, Clock::system()).await
}

async fn get(store: &Store, key: &[u8]) -> Option<Bytes> {
    store.get(key).await.expect("the store answers")
}

async fn put(store: &Store, key: &[u8], value: &'static [u8], ttl: Duration) {
    store.put(key, Bytes::from_static(value), ttl).await.expect("the store answers");
}

/// What any store does.
async fn conforms(store: &Store, clock: Clock) {
    assert_eq!(get(store, b"a").await, None);
    put(store, b"a", b"one", HOUR).await;
    put(store, b"a\0\xff", b"\0\r\n\xff", HOUR).await;
    put(store, b"soon", b"gone", SOON).await;
    put(store, b"never", b"not kept", Duration::ZERO).await;
    put(store, b"empty", b"", HOUR).await;
    let expected: [(&[u8], Option<&[u8]>); 6] = [
        (b"a", Some(b"one")),
        (b"a\0\xff", Some(b"\0\r\n\xff")),
        (b"soon", Some(b"gone")),
        (b"never", None),
        (b"empty", Some(b"")),
        (b"", None),
    ];
    for (key, value) in expected {
        assert_eq!(get(store, key).await.as_deref(), value, "{key:?} in {store:?}");
    }
    put(store, b"a", b"two", HOUR).await;
    assert_eq!(get(store, b"a").await.as_deref(), Some(&b"two"[..]));
    clock.sleep(SOON + Duration::from_millis(5)).await;
    assert_eq!(get(store, b"soon").await, None, "{store:?}");
    store.flush().await.expect("the store answers");
    assert_eq!((get(store, b"a").await, get(store, b"empty").await), (None, None));
}

#[tokio::test(start_paused = true)]
async fn memory_conforms_in_virtual_time() {
    let clock = Clock::at(0);
    conforms(&Store::memory(clock), clock).await;
}

#[tokio::test]
async fn redis_conforms_beside_others_in_the_same_database() {
    let redis = RedisServer::start();
    let server = server(&redis, Temper::Patient).await;
    // A prefix that would match the others were it taken for a pattern.
    let others = [Store::redis(server.clone(), "cache:x:"), Store::redis(server.clone(), "*")];
    for other in &others {
        put(other, b"kept", b"theirs", HOUR).await;
    }
    conforms(&Store::redis(server, "cache:?:"), Clock::system()).await;
    for other in &others {
        assert_eq!(get(other, b"kept").await.as_deref(), Some(&b"theirs"[..]), "{other:?}");
    }
}

#[tokio::test]
async fn a_flush_takes_all_however_many() {
    let redis = RedisServer::start();
    let store = Store::redis(server(&redis, Temper::Patient).await, "cache:");
    for i in 0..5_000u32 {
        put(&store, &i.to_be_bytes(), b"value", HOUR).await;
    }
    assert_eq!(redis.ask("DBSIZE"), ":5000\r\n");
    store.flush().await.expect("the store answers");
    assert_eq!(redis.ask("DBSIZE"), ":0\r\n");
}

/// A read and a write, as a cached path has them: how long they took, and whether they worked.
async fn path(store: &Store) -> (u64, bool) {
    let clock = Clock::system();
    let read = store.get(b"path").await;
    let written = store.put(b"path", Bytes::from_static(b"answer"), HOUR).await;
    (clock.now_ns() / 1_000_000, read.is_ok() && written.is_ok())
}

/// Takes a path while Redis is up, gone, back, frozen and thawed; `frozen_ms` is what it may cost while frozen, and
/// `rest` is waited after each return.
async fn outlives(temper: Temper, frozen_ms: u64, rest: Duration) {
    let mut redis = RedisServer::start();
    let store = Store::redis(server(&redis, temper).await, "cache:");
    for (step, least_ms, works) in [
        ("up", 0, true),
        ("gone", 0, false),
        ("back", 0, true),
        ("frozen", frozen_ms, false),
        ("thawed", 0, true),
    ] {
        match step {
            "gone" => redis.kill(),
            "back" => redis.restart(),
            "frozen" => redis.freeze(),
            "thawed" => redis.thaw(),
            _ => {}
        }
        if works {
            Clock::system().sleep(rest).await;
        }
        let (took_ms, worked) = path(&store).await;
        assert_eq!(worked, works, "{step}, {temper:?}");
        assert!((least_ms..least_ms + 2_000).contains(&took_ms), "{step}, {temper:?}: {took_ms} ms");
        if works {
            assert_eq!(get(&store, b"path").await.as_deref(), Some(&b"answer"[..]));
        }
    }
}

#[tokio::test]
async fn a_frozen_redis_costs_the_patient_ten_seconds() {
    outlives(Temper::Patient, 10_000, Duration::ZERO).await;
}

#[tokio::test]
async fn a_frozen_redis_costs_the_brisk_a_quarter_second() {
    outlives(Temper::Brisk, 250, Duration::from_millis(1_010)).await;
}
