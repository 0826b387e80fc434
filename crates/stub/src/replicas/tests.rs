//! Several ledgers in one Redis: their sum, their entries, and what becomes of both when one is gone or Redis is.

use std::sync::Arc;

use wire::{LedgerEntry, ReplicaState, Truth};

use super::*;
use crate::ledger::{Ledger, RouteName};
use crate::redis::Target;
use crate::redis_server::RedisServer;

const ASK: RouteName = RouteName { method: "POST", pattern: "/ask" };

/// A replica and its ledger.
struct One {
    ledger: Arc<Ledger>,
    replicas: Replicas,
}

impl One {
    fn new(port: u16, group: Option<&str>, entries_max: usize) -> Self {
        let clock = Clock::system();
        let server = Server::new(Target::at("127.0.0.1", port), Temper::Patient, clock);
        let replicas = Replicas::new(&server, group, clock, Seed(7));
        Self { ledger: Arc::new(Ledger::new(clock, entries_max)), replicas }
    }

    /// These requests are answered.
    fn serve(&self, ids: std::ops::Range<u32>) {
        ids.for_each(|id| self.ledger.open(id.to_string().into(), ASK).ready(200).written());
    }

    async fn tell(&self, word: Word) {
        self.replicas.tell(&self.ledger, word).await.expect("Redis answers");
    }

    async fn all(&self) -> Truth {
        self.replicas.all(&self.ledger).await.expect("Redis answers")
    }

    /// Ids and replicas of a page, the number of its first entry, and how many are gone.
    async fn page(&self, from: u64, limit: usize) -> (Vec<(u32, String)>, u64, u64) {
        let SharedPage { lines, first, dropped } =
            self.replicas.entries(from, limit).await.expect("Redis answers");
        let read = |line: &Vec<u8>| {
            let entry: LedgerEntry = serde_json::from_slice(line).expect("an entry");
            (entry.request_id.parse().expect("a number"), entry.replica.expect("is told"))
        };
        (lines.iter().map(read).collect(), first, dropped)
    }
}

/// As if this one had been heard of last so long ago.
fn silence(redis: &RedisServer, one: &One, for_us: u64) {
    let time = redis.ask("TIME");
    let mut digits = time.lines().filter(|line| !line.starts_with(['*', '$'])).map(str::parse::<u64>);
    let [s, us] = [(); 2].map(|()| digits.next().expect("two numbers").expect("a number"));
    let at_us = s * 1_000_000 + us - for_us;
    redis.ask(&format!("ZADD {} {at_us} {}", one.replicas.names(), one.replicas.name()));
}

#[tokio::test]
async fn counts_and_entries_of_all_add_up() {
    let redis = RedisServer::start();
    let [a, b, stranger] = ["g", "g", "other"].map(|group| One::new(redis.port(), Some(group), 100_000));
    assert_ne!(a.replicas.name(), b.replicas.name(), "two starts with one seed are two replicas");
    stranger.serve(0..9);
    stranger.tell(Word::GoesOn).await;
    a.serve(0..2_500);
    b.serve(2_500..2_503);
    b.tell(Word::Last).await;
    // It was on its way already: nobody comes back by it.
    b.tell(Word::GoesOn).await;
    let truth = a.all().await;
    assert_eq!((truth.received, truth.answered, truth.in_flight, truth.unknown), (2_503, 2_503, 0, 0));
    assert_eq!((truth.entries_kept, truth.entries_dropped), (2_503, 0));
    assert_eq!((truth.routes.len(), truth.routes[0].count, truth.routes[0].service.count), (1, 2_503, 2_503));
    let mut states: Vec<_> = truth.replicas.iter().map(|one| (one.state, one.received)).collect();
    states.sort_by_key(|(_, received)| *received);
    assert_eq!(states, [(ReplicaState::Ended, 3), (ReplicaState::Live, 2_500)]);
    // Each entry once, over pages, with its replica.
    let (mut seen, mut next) = (vec![], 0);
    while next < 2_503 {
        let (entries, first, dropped) = a.page(next, 1_000).await;
        assert_eq!((first, dropped), (next, 0));
        next += entries.len() as u64;
        seen.extend(entries);
    }
    seen.sort_unstable();
    for ((id, replica), expected) in seen.iter().zip(0..) {
        let one = if *id < 2_500 { &a } else { &b };
        assert_eq!((*id, replica.as_str()), (expected, one.replicas.name()));
    }
    assert_eq!((seen.len(), a.page(2_503, 10).await), (2_503, (vec![], 2_503, 0)));
    let lives = redis.ask(&format!("PTTL {}", a.replicas.key("ledger")));
    assert!(lives.starts_with(":359") || lives.starts_with(":3600"), "{lives}");
}

#[tokio::test]
async fn a_lost_one_stays_with_what_it_told() {
    let redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| One::new(redis.port(), Some("g"), 100));
    b.serve(0..5);
    let open = b.ledger.open("5".into(), ASK);
    b.tell(Word::GoesOn).await;
    // What it does from here on nobody hears.
    drop(open);
    b.serve(6..9);
    silence(&redis, &b, LOST_AFTER_US + 1_000_000);
    a.serve(10..12);
    let truth = a.all().await;
    assert_eq!([truth.received, truth.answered, truth.in_flight, truth.unknown], [8, 7, 0, 1]);
    let lost = truth.replicas.iter().find(|one| one.state == ReplicaState::Lost).expect("one is lost");
    assert_eq!((&*lost.replica, lost.received, lost.in_flight), (b.replicas.name(), 6, 1));
    assert!(lost.heard_ms_ago >= 4_000 && lost.whole_until_unix_ms.is_some(), "{lost:?}");
    assert_eq!(a.page(0, 100).await.0.len(), 7);
    // It was only away.
    b.tell(Word::GoesOn).await;
    b.tell(Word::Last).await;
    let truth = a.all().await;
    assert_eq!([truth.received, truth.answered, truth.abandoned, truth.unknown], [11, 10, 1, 0]);
    assert!(truth.replicas.iter().all(|one| one.state != ReplicaState::Lost), "{truth:?}");
}

#[tokio::test]
async fn who_lives_is_waited_for() {
    let redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| One::new(redis.port(), Some("g"), 100));
    b.tell(Word::GoesOn).await;
    b.serve(0..5);
    // It has told nothing of them yet, and tells it while it is waited for.
    let told = async {
        for _ in 0..2 {
            b.replicas.clock.sleep(EVERY / 5).await;
            b.tell(Word::GoesOn).await;
        }
    };
    let (truth, ()) = tokio::join!(a.all(), told);
    assert_eq!(truth.received, 5);
}

#[tokio::test]
async fn the_shared_ledger_is_bounded_and_what_is_missed_is_counted() {
    let redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| One::new(redis.port(), Some("g"), 10));
    a.serve(0..8);
    a.tell(Word::GoesOn).await;
    b.serve(8..16);
    b.tell(Word::GoesOn).await;
    let (entries, first, dropped) = a.page(0, 100).await;
    assert_eq!((first, dropped, entries.len(), entries[0].0, entries[9].0), (6, 6, 10, 6, 15));
    assert_eq!(a.page(u64::MAX, 100).await, (vec![], 16, 6));
    // Thirteen of these were gone before they could be told.
    a.serve(16..39);
    a.tell(Word::Last).await;
    b.tell(Word::Last).await;
    let truth = b.all().await;
    assert_eq!((truth.received, truth.entries_kept, truth.entries_dropped), (39, 10, 16));
    let missed = truth.replicas.iter().map(|one| one.entries_missed).sum::<u64>();
    assert_eq!(missed, 13);
}

#[tokio::test]
async fn a_redis_that_was_emptied_is_told_again() {
    let mut redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| One::new(redis.port(), Some("g"), 3_000));
    for one in [&a, &b] {
        one.serve(0..2_100);
        one.tell(Word::GoesOn).await;
    }
    redis.kill();
    assert!(a.replicas.all(&a.ledger).await.is_err());
    redis.restart();
    b.tell(Word::Last).await;
    let truth = a.all().await;
    assert_eq!([truth.received, truth.entries_kept, truth.entries_dropped], [4_200, 3_000, 1_200]);
    assert_eq!(truth.replicas.iter().map(|one| one.entries_missed).sum::<u64>(), 0);
}

#[tokio::test]
async fn those_without_a_name_share_the_truth_alone() {
    let redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| One::new(redis.port(), None, 100));
    a.serve(0..3);
    b.serve(3..8);
    b.tell(Word::Last).await;
    assert_eq!(a.all().await.received, 8);
    assert_eq!(a.page(0, 10).await, (vec![], 0, 0));
    // What another version told is left out.
    redis.ask(&format!("HSET {} truth {{}}", b.replicas.record(b.replicas.name())));
    assert_eq!(a.all().await.received, 3);
}

#[tokio::test]
async fn of_two_changes_at_once_one_comes_first() {
    let redis = RedisServer::start();
    let [a, b] = [(); 2].map(|()| One::new(redis.port(), Some("g"), 100).replicas);
    assert_eq!(a.profile().await, Ok(None));
    let profile = |revision, text: &str| SharedProfile {
        revision,
        faults_revision: if text == "faults" { revision } else { 1 },
        json: serde_json::json!({ "is": text }),
    };
    assert_eq!(a.put_profile(0, &profile(1, "faults")).await, Ok(true));
    assert_eq!(b.put_profile(0, &profile(1, "late")).await, Ok(false));
    assert_eq!(b.profile().await, Ok(Some(profile(1, "faults"))));
    assert_eq!(b.put_profile(1, &profile(5, "next")).await, Ok(true));
    assert_eq!(a.profile().await, Ok(Some(profile(5, "next"))));
    let lives = redis.ask(&format!("PTTL {}", a.key("profile")));
    assert!(lives.starts_with(":59") || lives.starts_with(":60"), "{lives}");
}
