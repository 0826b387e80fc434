//! One body for the bus in memory and the one over a real Redis.

use std::time::Duration;

use wire::Clock;

use super::*;
use crate::redis_server::{RedisServer, free_port};

const WAIT: Duration = Duration::from_secs(20);

fn bus_at(url: &str) -> Bus {
    let target = BusTarget::parse(url, None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Bus::Redis(Box::new(RedisBus::new(target, Clock::system())))
}

async fn read(reader: &mut Reader, count: usize) -> Vec<String> {
    let mut found = vec![];
    while found.len() < count {
        let entries = reader.next(WAIT).await.expect("the bus is there");
        found.extend(entries.into_iter().map(|(_, entry)| String::from_utf8(entry).expect("text")));
    }
    found
}

/// What any bus does.
async fn conforms(bus: &Bus) {
    let append = async |text: &str| bus.append("s", text.as_bytes()).await.expect("it is taken");
    let mut early = bus.reader("s", Position::default());
    append("a").await;
    append("b").await;
    assert_eq!(read(&mut early, 2).await, ["a", "b"], "in order, from the begin");
    let newest = bus.newest("s").await.expect("it is there");
    let mut late = bus.reader("s", newest);
    // One waits while another writes.
    let (found, ()) = tokio::join!(read(&mut late, 1), append("c"));
    assert_eq!(found, ["c"], "from a position on");
    assert_eq!(read(&mut early, 1).await, ["c"], "each reads for itself");
    bus.trim("s", newest).await.expect("it is trimmed");
    assert_eq!(read(&mut bus.reader("s", Position::default()), 1).await, ["c"], "what was read is gone");
    bus.append("other", b"x").await.expect("it is taken");
    bus.remove("s").await.expect("it is removed");
    append("d").await;
    assert_eq!(
        read(&mut bus.reader("s", Position::default()), 1).await,
        ["d"],
        "a removed stream begins anew"
    );
    let large = vec![0; ENTRY_BYTES_MAX + 1];
    assert_eq!(bus.append("s", &large).await, Err(BusError::TooLarge(large.len())));
}

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    conforms(&Bus::Memory(MemoryBus::default())).await;
}

#[tokio::test]
async fn redis_conforms() {
    let server = RedisServer::start();
    conforms(&bus_at(&server.url())).await;
    let mut reader = bus_at(&server.url()).reader("nothing", Position::default());
    assert_eq!(reader.next(Duration::from_millis(20)).await, Ok(vec![]), "patience ends");
}

#[tokio::test]
async fn redis_wants_its_password_and_nobody_is_told_it() {
    let server = RedisServer::with(&["--requirepass", "sesame"]);
    conforms(&bus_at(&format!("redis://:sesame@127.0.0.1:{}", server.port()))).await;
    let wrong = bus_at(&format!("redis://:mustard@127.0.0.1:{}", server.port()));
    let error = wrong.append("s", b"x").await.expect_err("the password is wrong").to_string();
    assert!(!format!("{error}{wrong:?}").contains("mustard"), "{error}");
    for url in ["http://localhost", "redis://ann:mustard@localhost:port", "redis:/x"] {
        let error = BusTarget::parse(url, None).expect_err(url).to_string();
        assert!(!error.contains("mustard") && error.contains("--redis"), "{error}");
    }
}

#[tokio::test]
async fn a_reader_goes_on_when_redis_is_back() {
    let mut server = RedisServer::start();
    let bus = bus_at(&server.url());
    bus.append("s", b"a").await.expect("it is there");
    let mut reader = bus.reader("s", Position::default());
    assert_eq!(read(&mut reader, 1).await, ["a"]);
    server.kill();
    bus.append("s", b"lost").await.expect_err("nobody is there");
    reader.next(WAIT).await.expect_err("nobody is there");
    server.restart();
    bus.append("s", b"b").await.expect("it is back");
    assert_eq!(read(&mut reader, 1).await, ["b"]);
    let nobody = bus_at(&format!("redis://127.0.0.1:{}", free_port()));
    let error = nobody.newest("s").await.expect_err("nobody is there").to_string();
    assert!(error.contains("out of reach"), "{error}");
}
