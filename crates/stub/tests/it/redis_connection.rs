//! The stub's connection to a real Redis: refused, lost, frozen and back, in both tempers; who we are; what is left
//! behind.

use std::fs::read_dir;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stub::redis::{RedisError, Server, Target, Temper};
use tokio::runtime::Handle;
use wire::Clock;

use super::redis_proxy::Proxy;
use super::redis_server::{RedisServer, free_port};
use super::server::LIMIT;

fn target(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

async fn echo(server: &Server, text: &str) -> Result<String, RedisError> {
    server.run(redis::cmd("ECHO").arg(text)).await
}

/// What came of it, in a word.
fn word<T>(outcome: &Result<T, RedisError>) -> &'static str {
    match outcome {
        Ok(_) => "ok",
        Err(RedisError::Refused { .. }) => "refused",
        Err(RedisError::TimedOut) => "timed out",
        Err(RedisError::Lost) => "lost",
        Err(RedisError::Resting) => "resting",
        Err(RedisError::Busy) => "busy",
        Err(RedisError::Answer(_)) => "answer",
    }
}

/// Runs `work` and holds its outcome and the time it took against what they should be: never less than `least_ms`,
/// and more only by what a busy machine adds.
async fn check<T>(
    what: &str,
    work: impl Future<Output = Result<T, RedisError>>,
    outcome: &str,
    least_ms: u64,
) {
    let clock = Clock::system();
    let got = work.await;
    let took_ms = clock.now_ns() / 1_000_000;
    assert_eq!(word(&got), outcome, "{what}");
    assert!((least_ms..least_ms + 2_000).contains(&took_ms), "{what}: took {took_ms} ms, not {least_ms}");
}

/// Waits until the loss of all connections is noticed: the tasks that drive them, the only ones here, have ended.
async fn loss_is_noticed() {
    let clock = Clock::system();
    let wait = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            clock.sleep(Duration::from_millis(1)).await;
        }
    };
    clock.timeout(LIMIT, wait).await.expect("the loss is noticed");
}

#[tokio::test]
async fn a_patient_connection_waits_five_seconds_and_comes_back_at_once() {
    let (clock, temper) = (Clock::system(), Temper::Patient);
    let mut redis = RedisServer::start();
    let server = Server::connect(target(&redis.url()), temper, clock).await;
    assert!(server.reachable_at_start());
    check("up", echo(&server, "a"), "ok", 0).await;
    redis.kill();
    let first = word(&echo(&server, "b").await);
    assert!(["lost", "refused"].contains(&first), "{first}");
    check("down", echo(&server, "b"), "refused", 0).await;
    redis.restart();
    check("back", echo(&server, "c"), "ok", 0).await;
    // Lost and back while nobody asked.
    redis.restart();
    loss_is_noticed().await;
    check("back unnoticed", echo(&server, "d"), "ok", 0).await;
    redis.freeze();
    check("frozen, connected", echo(&server, "e"), "timed out", 5_000).await;
    check("frozen, not connected", echo(&server, "f"), "timed out", 5_000).await;
    redis.thaw();
    check("thawed", echo(&server, "g"), "ok", 0).await;
    assert_eq!(echo(&server, "h").await.as_deref(), Ok("h"));
}

#[tokio::test]
async fn a_brisk_connection_waits_a_quarter_second_and_rests_one() {
    let (clock, temper) = (Clock::system(), Temper::Brisk);
    let rest = || clock.sleep(Duration::from_millis(1_010));
    let mut redis = RedisServer::start();
    let server = Server::connect(target(&redis.url()), temper, clock).await;
    check("up", echo(&server, "a"), "ok", 0).await;
    redis.freeze();
    check("frozen", echo(&server, "b"), "timed out", 250).await;
    check("frozen, resting", echo(&server, "c"), "resting", 0).await;
    rest().await;
    // One trial, the others fail at once.
    let (one, two) = (echo(&server, "d"), echo(&server, "e"));
    let (one, two) = tokio::join!(one, two);
    assert_eq!((word(&one), word(&two)), ("timed out", "resting"));
    redis.thaw();
    rest().await;
    check("thawed", echo(&server, "f"), "ok", 0).await;
    assert_eq!(echo(&server, "g").await.as_deref(), Ok("g"), "a late answer went to another command");
    redis.kill();
    loss_is_noticed().await;
    check("down", echo(&server, "h"), "refused", 0).await;
    check("down, resting", echo(&server, "i"), "resting", 0).await;
    redis.restart();
    rest().await;
    check("back", echo(&server, "j"), "ok", 0).await;
}

#[tokio::test]
async fn down_at_the_start_is_remembered_and_says_why() {
    let port = free_port();
    let server = Server::connect(Target::at("localhost", port), Temper::Patient, Clock::system()).await;
    assert!(!server.reachable_at_start());
    let text = format!("Error 111 connecting to localhost:{port}. Connection refused.");
    assert_eq!(echo(&server, "a").await, Err(RedisError::Refused { text }));
    let nowhere = Server::new(Target::at("nowhere.invalid", port), Temper::Patient, Clock::system());
    check("no such host", echo(&nowhere, "a"), "refused", 0).await;
}

#[tokio::test]
async fn waiting_commands_of_a_dead_connection_fail_and_later_ones_are_answered_in_turn() {
    let redis = RedisServer::start();
    let clock = Clock::system();
    let server = Server::connect(target(&redis.url()), Temper::Patient, clock).await;
    redis.freeze();
    // Dropped while they wait: their answers come later and must reach nobody.
    for i in 0..100 {
        let left = clock.timeout(Duration::from_millis(1), echo(&server, &format!("abandoned {i}"))).await;
        assert!(left.is_err());
    }
    redis.thaw();
    for i in 0..100 {
        let (a, b) = (format!("{i} a"), format!("{i} b"));
        let (left, right) = tokio::join!(echo(&server, &a), echo(&server, &b));
        assert_eq!((left, right), (Ok(a), Ok(b)));
    }
    assert_eq!(server.figures().connections_created, 1);
    assert_eq!(server.figures().commands_in_hand, 0);
}

#[tokio::test]
async fn what_waits_on_a_frozen_redis_is_bounded() {
    let redis = RedisServer::start();
    let clock = Clock::system();
    let server = Server::connect(target(&redis.url()), Temper::Patient, clock).await;
    let limit = Duration::from_millis(300);
    redis.freeze();
    for round in 0..2 {
        let all = (0..4_100).map(|_| clock.timeout(limit, echo(&server, "abandoned")));
        let outcomes = futures_util::future::join_all(all).await;
        let busy = outcomes.iter().filter(|outcome| **outcome == Ok(Err(RedisError::Busy))).count();
        assert_eq!(busy, 4, "round {round}");
        assert!(outcomes.iter().filter(|outcome| outcome.is_err()).count() == 4_096, "round {round}");
    }
    assert_eq!(server.figures().commands_in_hand, 0);
    // With so many that were abandoned on it, a connection is given up.
    redis.thaw();
    check("thawed", echo(&server, "a"), "ok", 0).await;
    assert_eq!(server.figures().connections_created, 3);
}

#[tokio::test]
async fn many_at_once_make_one_connection() {
    let mut redis = RedisServer::start();
    let server = Server::new(target(&redis.url()), Temper::Patient, Clock::system());
    for connections in 1..=5 {
        let texts: Vec<_> = (0..1_000).map(|i| i.to_string()).collect();
        let answers = futures_util::future::join_all(texts.iter().map(|text| echo(&server, text))).await;
        assert!(answers.iter().zip(&texts).all(|(answer, text)| answer.as_ref() == Ok(text)));
        assert_eq!(server.figures().connections_created, connections);
        assert_eq!(redis.clients(), 1);
        redis.restart();
        loss_is_noticed().await;
    }
}

#[tokio::test]
async fn who_we_are_where_and_over_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    certificate(folder.path());
    let tls_port = free_port();
    let redis = RedisServer::with(&[
        "--requirepass",
        "s@cret",
        "--user",
        "ann",
        "on",
        ">p/w:1",
        "~*",
        "&*",
        "+@all",
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &path("cert.pem"),
        "--tls-key-file",
        &path("key.pem"),
        "--tls-ca-cert-file",
        &path("cert.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let port = redis.port();
    let ca = folder.path().join("cert.pem");
    for (url, trusted, outcome) in [
        (format!("redis://127.0.0.1:{port}"), false, "answer"),
        (format!("redis://:wrong@127.0.0.1:{port}"), false, "refused"),
        (format!("redis://:s%40cret@127.0.0.1:{port}/3"), false, "ok"),
        (format!("redis://ann:p%2Fw%3A1@localhost:{port}/0"), false, "ok"),
        (format!("redis://ann:s%40cret@localhost:{port}"), false, "refused"),
        (format!("redis://:s%40cret@127.0.0.1:{port}/99"), false, "refused"),
        (format!("rediss://:s%40cret@localhost:{tls_port}/2"), true, "ok"),
        (format!("rediss://ann:p%2Fw%3A1@127.0.0.1:{tls_port}"), true, "ok"),
        (format!("rediss://:s%40cret@localhost:{tls_port}"), false, "refused"),
        // A plain server takes the hello for the beginning of a command.
        (format!("rediss://:s%40cret@localhost:{port}"), true, "timed out"),
    ] {
        let mut target = target(&url);
        if trusted {
            target = target.with_ca_file(&ca).expect("a certificate");
        }
        let database = target.database();
        let server = Server::connect(target, Temper::Brisk, Clock::system()).await;
        let server = match server.reachable_at_start() {
            true => server,
            // The breaker hides why: ask as one who has not failed yet.
            false => Server::new(server.target().clone(), Temper::Brisk, Clock::system()),
        };
        let info: Result<String, _> = server.run(redis::cmd("CLIENT").arg("INFO")).await;
        assert_eq!(word(&info), outcome, "{url}: {info:?}");
        match info {
            Ok(info) => assert!(info.contains(&format!(" db={database} ")), "{url}: {info}"),
            Err(error) => assert!(!format!("{error} {error:?} {server:?}").contains("cret"), "{error}"),
        }
    }
}

/// A certificate for this machine, and its key.
fn certificate(folder: &Path) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let pem = |what: &str, der: &[u8]| {
        format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
    };
    let (cert, key) = (pem("CERTIFICATE", made.cert.der()), made.signing_key.serialize_der());
    std::fs::write(folder.join("cert.pem"), cert).expect("written");
    std::fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &key)).expect("written");
}

fn descriptors() -> usize {
    read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_thousand_losses_leave_nothing_behind() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let server =
        Server::connect(Target::at("127.0.0.1", proxy.port()), Temper::Patient, Clock::system()).await;
    let mut before = None;
    for cycle in 0..1_000 {
        let (a, b) = tokio::join!(echo(&server, "a"), echo(&server, "b"));
        assert_eq!((a.as_deref(), b.as_deref()), (Ok("a"), Ok("b")), "cycle {cycle}");
        // Half of the losses strike a command in hand.
        let slow = redis::cmd("BLPOP").arg("nothing").arg(0).to_owned();
        let hit =
            async { if cycle % 2 == 0 { server.run::<()>(&slow).await } else { Err(RedisError::Lost) } };
        let cut = async {
            tokio::task::yield_now().await;
            proxy.cut();
        };
        let (hit, ()) = tokio::join!(hit, cut);
        assert_eq!(hit, Err(RedisError::Lost), "cycle {cycle}");
        while echo(&server, "c").await.is_err() {}
        before.get_or_insert((Handle::current().metrics().num_alive_tasks(), descriptors()));
    }
    let (tasks, files) = before.expect("cycles");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    // Other tests of this process open files too.
    assert!(descriptors() < files + 100, "{files} descriptors before, {} now", descriptors());
    assert!(redis.clients() <= 3, "{}", redis.ask("CLIENT LIST"));
    assert!(server.figures().connections_created >= 1_000);
}
