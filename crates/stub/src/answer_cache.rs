//! The answer cache: what the model said to a query, kept for a time, so that the next one who asks needs no agents.
//!
//! It is a plain cache: a query that is asked again while its first answer is still being made goes to the agents too.
//! The key is the cleaned query alone, as the answer does not depend on who asks. What is kept is the model's text as
//! it was before the output guard, so that a changed policy holds for kept answers too. It must not know agents.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::Serialize;
use wire::{Clock, Seed, stable_hash};

use crate::ledger::{Entry, Look};
use crate::profile::AnswerCachePlan;
use crate::redis::Backing;
use crate::store::Store;

/// All kept answers together are no longer than this.
const BYTES_MAX: usize = 64 << 20;

/// The SHA-256 of a cleaned query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn of(query: &str) -> Self {
        let hash = digest(&SHA256, query.as_bytes());
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// The cache in force.
pub(crate) struct AnswerCache {
    plan: AnswerCachePlan,
    store: AnswerStore,
    clock: Clock,
    seed: Seed,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What operators see of the cache.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CacheStatus {
    hits: u64,
    misses: u64,
    /// Of answers in this process; those in Redis are Redis's to count.
    #[serde(flatten)]
    store: Option<StoreStatus>,
}

impl AnswerCache {
    /// Kept in this Redis server, or else in this process.
    pub(crate) fn new(plan: AnswerCachePlan, redis: &Backing, clock: Clock, seed: Seed) -> Self {
        let store = match redis {
            Backing::Server(_) => AnswerStore::Redis(Store::of(redis, "weaver:answer:", clock)),
            Backing::Off | Backing::Embedded(_) => {
                AnswerStore::Memory(MemoryAnswers::new(plan.entries_max as usize, BYTES_MAX))
            }
        };
        Self { plan, store, clock, seed, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The kept answer, after what a look takes; hit or miss, the look is written into the entry. Where the cache
    /// `is_lost`, the look is in vain.
    pub(crate) async fn look(&self, key: &Key, is_lost: bool, entry: &mut Entry) -> Option<String> {
        let from_ns = self.clock.now_ns();
        let stream = &mut self.seed.stream("lookup", stable_hash(entry.request_id.as_bytes()));
        let planned_ns = self.plan.lookup.draw_ns(stream);
        if planned_ns > 0 {
            self.clock.sleep_until(from_ns + planned_ns).await;
        }
        let found = if is_lost { None } else { self.store.get(key, self.clock.now_ns()).await };
        let is_hit = found.is_some();
        (if is_hit { &self.hits } else { &self.misses }).fetch_add(1, Ordering::Relaxed);
        let took_ns = self.clock.now_ns() - from_ns;
        entry.planned_ns += planned_ns;
        entry.delayed_ns += took_ns;
        entry.look = Some(Look { is_hit, planned_ns, took_ns });
        found
    }

    /// Keeps an answer from now on for the plan's time.
    pub(crate) async fn keep(&self, key: Key, text: &str) {
        self.store.put(key, text, self.clock.now_ns(), self.plan.ttl_ns).await;
    }

    /// Forgets all answers.
    pub(crate) async fn flush(&self) {
        match &self.store {
            AnswerStore::Memory(answers) => answers.flush(),
            // A Redis that cannot be asked gives no answer either.
            AnswerStore::Redis(store) => drop(store.flush().await),
        }
    }

    pub(crate) fn status(&self) -> CacheStatus {
        CacheStatus {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            store: self.store.status(),
        }
    }
}

/// Where answers are kept.
enum AnswerStore {
    Memory(MemoryAnswers),
    /// In Redis, for all who share it.
    Redis(Store),
}

/// What operators see of the place.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct StoreStatus {
    entries: usize,
    bytes: usize,
    /// Left out for others before their time was over.
    evicted: u64,
    /// Never kept, as they were too long.
    too_long: u64,
}

impl AnswerStore {
    async fn get(&self, key: &Key, now_ns: u64) -> Option<String> {
        match self {
            Self::Memory(answers) => answers.get(key, now_ns),
            // A Redis that cannot be asked has no answer.
            Self::Redis(store) => {
                let found = store.get(&key.0).await.ok().flatten()?;
                String::from_utf8(found.into()).ok()
            }
        }
    }

    async fn put(&self, key: Key, text: &str, now_ns: u64, ttl_ns: u64) {
        match self {
            Self::Memory(answers) => answers.put(key, text, now_ns, now_ns.saturating_add(ttl_ns)),
            Self::Redis(store) => {
                let value = Bytes::copy_from_slice(text.as_bytes());
                // Whether it is kept changes nothing for this caller.
                let _ = store.put(&key.0, value, Duration::from_nanos(ttl_ns)).await;
            }
        }
    }

    fn status(&self) -> Option<StoreStatus> {
        match self {
            Self::Memory(answers) => Some(answers.status()),
            Self::Redis(_) => None,
        }
    }
}

/// Answers in memory, bounded in number and bytes. All live equally long, so whoever has to go for others is the one
/// that would expire next.
struct MemoryAnswers {
    entries_max: usize,
    bytes_max: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    answers: HashMap<Key, Answer>,
    /// Keys by the number of their putting.
    order: BTreeMap<u64, Key>,
    puts: u64,
    bytes: usize,
    evicted: u64,
    too_long: u64,
}

struct Answer {
    text: Box<str>,
    expires_ns: u64,
    put: u64,
}

impl Shelf {
    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.answers.remove(key) {
            self.order.remove(&gone.put);
            self.bytes -= gone.text.len();
        }
    }

    /// The oldest answer, if it is `wanted`.
    fn oldest(&self, wanted: impl FnOnce(&Answer) -> bool) -> Option<Key> {
        let (_, key) = self.order.first_key_value()?;
        self.answers.get(key).filter(|answer| wanted(answer)).map(|_| *key)
    }
}

impl MemoryAnswers {
    fn new(entries_max: usize, bytes_max: usize) -> Self {
        Self { entries_max, bytes_max, shelf: Mutex::default() }
    }

    fn get(&self, key: &Key, now_ns: u64) -> Option<String> {
        let shelf = self.shelf();
        let answer = shelf.answers.get(key).filter(|answer| answer.expires_ns > now_ns)?;
        Some(answer.text.to_string())
    }

    fn put(&self, key: Key, text: &str, now_ns: u64, expires_ns: u64) {
        let mut shelf = self.shelf();
        let shelf = &mut *shelf;
        shelf.remove(&key);
        while let Some(over) = shelf.oldest(|answer| answer.expires_ns <= now_ns) {
            shelf.remove(&over);
        }
        if text.len() > self.bytes_max {
            shelf.too_long += 1;
            return;
        }
        while shelf.answers.len() >= self.entries_max || shelf.bytes + text.len() > self.bytes_max {
            let Some(oldest) = shelf.oldest(|_| true) else { break };
            shelf.remove(&oldest);
            shelf.evicted += 1;
        }
        let put = shelf.puts;
        shelf.puts += 1;
        shelf.bytes += text.len();
        shelf.order.insert(put, key);
        shelf.answers.insert(key, Answer { text: text.into(), expires_ns, put });
    }

    /// What was counted stays counted.
    fn flush(&self) {
        let mut shelf = self.shelf();
        shelf.answers.clear();
        shelf.order.clear();
        shelf.bytes = 0;
    }

    fn status(&self) -> StoreStatus {
        let shelf = self.shelf();
        StoreStatus {
            entries: shelf.answers.len(),
            bytes: shelf.bytes,
            evicted: shelf.evicted,
            too_long: shelf.too_long,
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(entries_max: usize, bytes_max: usize) -> MemoryAnswers {
        MemoryAnswers::new(entries_max, bytes_max)
    }

    /// The kept ones of `queries` at a time.
    fn kept<'a>(answers: &MemoryAnswers, queries: &[&'a str], now_ns: u64) -> Vec<&'a str> {
        queries.iter().copied().filter(|query| answers.get(&Key::of(query), now_ns).is_some()).collect()
    }

    #[test]
    fn keys_are_the_hash_of_the_query() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String = Key::of("abc").0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, known, "FIPS 180-4's example");
        assert_ne!(Key::of("abc"), Key::of("abc "));
    }

    #[test]
    fn answers_expire_and_a_new_putting_renews() {
        let answers = answers(10, 100);
        answers.put(Key::of("a"), "A", 0, 10);
        answers.put(Key::of("b"), "B", 0, 10);
        assert_eq!(kept(&answers, &["a", "b", "c"], 9), ["a", "b"]);
        answers.put(Key::of("a"), "AA", 9, 19);
        assert_eq!(answers.get(&Key::of("a"), 10).as_deref(), Some("AA"));
        assert_eq!(kept(&answers, &["a", "b"], 10), ["a"]);
        // Whoever is over makes room and is not counted as evicted.
        answers.put(Key::of("c"), "C", 20, 30);
        assert_eq!(answers.status(), StoreStatus { entries: 1, bytes: 1, ..StoreStatus::default() });
    }

    #[test]
    fn number_and_bytes_are_bounded_and_the_oldest_goes() {
        let answers = answers(2, 10);
        for (query, text) in [("a", "12"), ("b", "12"), ("a", "123"), ("c", "1234")] {
            answers.put(Key::of(query), text, 0, 10);
        }
        assert_eq!(kept(&answers, &["a", "b", "c"], 0), ["a", "c"], "b is older than the second a");
        answers.put(Key::of("d"), "1234567", 0, 10);
        assert_eq!(kept(&answers, &["a", "c", "d"], 0), ["d"]);
        answers.put(Key::of("e"), "12345678901", 0, 10);
        assert_eq!(answers.status(), StoreStatus { entries: 1, bytes: 7, evicted: 3, too_long: 1 });
    }
}
