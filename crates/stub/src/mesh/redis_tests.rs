//! The mesh over a real Redis: who hears whom while it is there, gone and back; one of many replicas does a task.
//!
//! One body holds for the mesh in memory and the one over Redis, where they do the same.

use std::time::Duration;

use tokio::runtime::Handle;
use wire::{Clock, Seed};

use super::{MemoryMesh, Mesh, RedisMesh, RouteError, Task, TaskEvent};
use crate::json::{Json, parse};
use crate::quirk::{Quirk, Repairs};
use crate::redis::{Server, Target, Temper};
use crate::redis_proxy::Proxy;
use crate::redis_server::{RedisServer, free_port};

const REPAIRED: Repairs = Repairs::NONE.with(Quirk::DeafRouter);
const LIMIT: Duration = Duration::from_secs(3);

fn mesh(port: u16, temper: Temper, repairs: Repairs) -> RedisMesh {
    let server = Server::new(Target::at("localhost", port), temper, Clock::system());
    RedisMesh::new(server, Seed(7), repairs)
}

/// A mesh whose process serves `echo` and `silent`.
async fn agents(port: u16) -> RedisMesh {
    let mesh = mesh(port, Temper::Patient, Repairs::NONE);
    mesh.serve(&["echo:it".to_owned(), "silent".to_owned()], work);
    mesh.until_serving().await;
    mesh
}

async fn work(position: usize, task: TaskEvent) -> Option<Json> {
    (position == 0).then_some(task.data)
}

fn task(channel: &str, id: &str) -> Task {
    let event = format!(r#"{{"data":{{"id":"{id}"}},"metadata":{{"workflow_id":"{id}"}}}}"#);
    Task { channel: channel.to_owned(), workflow_id: id.to_owned(), event }
}

fn data(id: &str) -> Json {
    parse(format!(r#"{{"id":"{id}"}}"#).as_bytes()).expect("JSON")
}

/// What came of a task, in a word; a text of a failure stands for itself.
fn word(outcome: Result<Json, RouteError>) -> String {
    match outcome {
        Ok(_) => "ok".to_owned(),
        Err(RouteError::Timeout) => "timeout".to_owned(),
        Err(RouteError::Failed(text)) => text,
        Err(RouteError::Unavailable(_)) => "unavailable".to_owned(),
    }
}

/// What any mesh does on which `echo:it` and `silent` are served.
async fn conforms(mesh: &Mesh) {
    let limit = Duration::from_millis(300);
    for (channel, id, expected) in [
        ("tasks:echo_it", "a", Ok(data("a"))),
        ("tasks:silent", "b", Err(RouteError::Timeout)),
        ("tasks:nobody", "c", Err(RouteError::Timeout)),
        ("tasks:echo_it", "a", Ok(data("a"))),
    ] {
        assert_eq!(mesh.ask(&now(task(channel, id)), limit).await, expected, "{channel}");
    }
    let none = mesh.ask(&now(task("tasks:echo_it", "d")), Duration::ZERO).await;
    assert_eq!(none, Err(RouteError::Timeout));
}

/// With the time in it, by which an event whose name comes again is a new one.
fn now(mut task: Task) -> Task {
    let now_ns = Clock::system().unix_ns();
    task.event = task.event.replacen('{', &format!("{{\"time\":{now_ns},"), 1);
    task
}

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    let mesh = MemoryMesh::new(Clock::at(0));
    mesh.attach("echo:it", |task| work(0, task));
    mesh.attach("silent", |task| work(1, task));
    conforms(&Mesh::Memory(mesh)).await;
}

#[tokio::test]
async fn redis_conforms_among_replicas() {
    let redis = RedisServer::start();
    let (one, two) = (agents(redis.port()).await, agents(redis.port()).await);
    conforms(&Mesh::Redis(one.clone())).await;
    conforms(&Mesh::Redis(mesh(redis.port(), Temper::Patient, Repairs::NONE))).await;
    assert_eq!(one.figures().waiting, 0);
    // All but those to nobody; the last of them was not waited for.
    while one.figures().tasks_taken + two.figures().tasks_taken < 8 {
        tokio::task::yield_now().await;
    }
    Clock::system().sleep(Duration::from_millis(50)).await;
    assert_eq!(one.figures().tasks_taken + two.figures().tasks_taken, 8, "one of the two takes each");
}

/// Messages while Redis is down, and after it is back with an agent on it.
async fn late(repairs: Repairs, down: [&str; 2], back: [&str; 2]) {
    let port = free_port();
    let mesh = mesh(port, Temper::Patient, repairs);
    for expected in down {
        let expected = expected.replace("PORT", &port.to_string());
        assert_eq!(word(mesh.ask(&task("tasks:echo_it", "a"), LIMIT).await), expected, "{repairs:?}");
    }
    let port = port.to_string();
    let _redis = RedisServer::with(&["--port", &port]);
    let agents = agents(port.parse().expect("a port")).await;
    let limit = if back[0] == "ok" { LIMIT } else { Duration::from_millis(300) };
    for (i, expected) in back.iter().enumerate() {
        assert_eq!(word(mesh.ask(&task("tasks:echo_it", &format!("b{i}")), limit).await), *expected);
    }
    assert_eq!(agents.figures().tasks_taken, 2, "the agent sees tasks whether or not its answer is heard");
}

#[tokio::test]
async fn a_router_made_without_redis_stays_deaf_unless_repaired() {
    let refused = "Failed to route message: Error 111 connecting to localhost:PORT. Connection refused.";
    late(Repairs::NONE, ["unavailable", refused], ["timeout", "timeout"]).await;
    late(REPAIRED, [refused, refused], ["ok", "ok"]).await;
}

#[tokio::test]
async fn a_router_outlives_redis() {
    let mut redis = RedisServer::start();
    let agents = agents(redis.port()).await;
    for (repairs, temper) in [(Repairs::NONE, Temper::Patient), (REPAIRED, Temper::Brisk)] {
        let clock = Clock::system();
        let mesh = mesh(redis.port(), temper, repairs);
        let ask = async |id: &str| word(mesh.ask(&task("tasks:echo_it", id), LIMIT).await);
        assert_eq!(ask("up").await, "ok");
        redis.kill();
        // Whatever is noticed first.
        let gone = ask("gone").await;
        assert!(gone.starts_with("Failed to route message: "), "{gone}");
        redis.restart();
        clock.sleep(Duration::from_millis(1_010)).await;
        agents.until_serving().await;
        assert_eq!(ask("back").await, "ok", "{repairs:?}");
        redis.freeze();
        let (began_ns, frozen) = (clock.now_ns(), ask("frozen").await);
        let took_ms = (clock.now_ns() - began_ns) / 1_000_000;
        let least_ms = if temper == Temper::Brisk { 250 } else { 5_000 };
        assert_eq!(frozen, "Failed to route message: Timeout reading from socket");
        assert!((least_ms..least_ms + 2_000).contains(&took_ms), "{temper:?}: {took_ms} ms");
        redis.thaw();
        clock.sleep(Duration::from_millis(1_010)).await;
        assert_eq!(ask("thawed").await, "ok", "{repairs:?}");
    }
}

#[tokio::test]
async fn each_stage_is_done_once_by_one_of_the_replicas() {
    let redis = RedisServer::start();
    let (one, two) = (agents(redis.port()).await, agents(redis.port()).await);
    let stage = async |mesh: &RedisMesh, i: u32| {
        let id = i.to_string();
        let outcome = mesh.stage("echo:it", &format!(r#"{{"id":"{id}"}}"#), LIMIT).await;
        assert_eq!(outcome, Ok(data(&id)));
    };
    for i in 0..200 {
        tokio::join!(stage(&one, i), stage(&two, i), stage(&one, i));
    }
    let (one, two) = (one.figures(), two.figures());
    assert_eq!(one.tasks_taken + two.tasks_taken, 600, "{one:?} {two:?}");
    assert_eq!((one.stages, two.stages), (400, 200));
    assert_eq!(one.stages_failed + two.stages_failed + one.waiting + two.waiting, 0);
}

#[tokio::test]
async fn a_stage_fails_as_soon_as_no_answer_can_come() {
    let clock = Clock::system();
    let mut redis = RedisServer::start();
    let mesh = agents(redis.port()).await;
    let stage = async |agent: &str| word(mesh.stage(agent, "{}", LIMIT).await);
    assert_eq!(stage("echo:it").await, "ok");
    assert_eq!(stage("nobody").await, "nobody listens on tasks:nobody");
    let lost = async {
        clock.sleep(Duration::from_millis(100)).await;
        redis.kill();
    };
    let (silent, ()) = tokio::join!(stage("silent"), lost);
    assert_eq!(silent, "unavailable");
    assert_eq!(stage("echo:it").await, "unavailable");
    assert!(clock.now_ns() < 2_000_000_000, "a failure was waited for");
    let figures = mesh.figures();
    assert_eq!((figures.stages, figures.stages_failed, figures.waiting), (1, 3, 0), "{figures:?}");
}

#[tokio::test]
async fn tasks_beyond_those_in_hand_are_declined_and_counted() {
    let redis = RedisServer::start();
    let mesh = mesh(redis.port(), Temper::Patient, Repairs::NONE);
    mesh.serve_some(&["stuck".to_owned()], 12, |_, _| std::future::pending());
    mesh.until_serving().await;
    let held: Vec<_> = (0..12)
        .map(|_| {
            let mesh = mesh.clone();
            tokio::spawn(async move { mesh.stage("stuck", "{}", LIMIT).await })
        })
        .collect();
    while mesh.figures().tasks_taken < 12 {
        tokio::task::yield_now().await;
    }
    for _ in 0..8 {
        // At once, and with nothing in it: whoever asked does it.
        assert_eq!(mesh.stage("stuck", "{}", LIMIT).await, Ok(Json::Object(vec![])));
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
    let figures = mesh.figures();
    assert_eq!((figures.tasks_taken, figures.tasks_dropped), (12, 8), "{figures:?}");
}

/// Waits until stages are answered again.
async fn recovered(mesh: &RedisMesh) {
    mesh.until_serving().await;
    while mesh.stage("echo:it", "{}", LIMIT).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn losses_leave_nothing_behind() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let mesh = agents(proxy.port()).await;
    let mut tasks = None;
    for cycle in 0..300 {
        recovered(&mesh).await;
        let (silent, ()) = tokio::join!(mesh.stage("silent", "{}", LIMIT), async {
            tokio::task::yield_now().await;
            proxy.cut();
        });
        assert!(silent.is_err(), "cycle {cycle}");
        recovered(&mesh).await;
        tasks.get_or_insert(Handle::current().metrics().num_alive_tasks());
    }
    assert_eq!(mesh.figures().waiting, 0);
    assert!(Handle::current().metrics().num_alive_tasks() <= tasks.expect("cycles"));
    assert!(redis.clients() <= 3, "{}", redis.ask("CLIENT LIST"));
}

#[tokio::test]
async fn an_answered_stage_is_soon_forgotten() {
    let redis = RedisServer::start();
    let mesh = agents(redis.port()).await;
    assert!(mesh.stage("echo:it", "{}", LIMIT).await.is_ok());
    let keys = redis.ask("KEYS claim:*");
    let claim = keys.lines().find(|line| line.starts_with("claim:")).expect("it was claimed");
    let left = redis.ask(&format!("TTL {claim}"));
    let left_s: u64 = left.trim().trim_start_matches(':').parse().expect("it expires");
    assert!(left_s <= 5, "{left_s} s");
}
