//! Values in this process, bounded in entries and bytes: what was stored the longest ago goes first.
//!
//! Time is read from the clock; it must not know what the values are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use wire::Clock;

use crate::redis::{Embedded, RedisError};

/// Most entries, and most bytes of keys and values.
const ENTRIES_MAX: usize = 16_384;
const BYTES_MAX: usize = 64 << 20;

struct Entry {
    value: Bytes,
    expires_ns: u64,
    /// Its place in the order of storing.
    turn: u64,
}

#[derive(Default)]
struct Shelf {
    entries: BTreeMap<Arc<[u8]>, Entry>,
    turns: BTreeMap<u64, Arc<[u8]>>,
    bytes: usize,
    stored: u64,
    pushed_out: u64,
}

/// Values in this process.
pub struct Memory {
    clock: Clock,
    /// Answers for the shelf, if it stands for a Redis.
    redis: Option<Embedded>,
    shelf: Mutex<Shelf>,
}

impl Memory {
    pub(super) fn new(clock: Clock, redis: Option<Embedded>) -> Self {
        Self { clock, redis, shelf: Mutex::default() }
    }

    async fn ask(&self) -> Result<(), RedisError> {
        match &self.redis {
            None => Ok(()),
            Some(redis) => redis.ask().await,
        }
    }

    pub(super) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, RedisError> {
        self.ask().await?;
        Ok(self.held(key))
    }

    pub(super) async fn put(&self, key: &[u8], value: Bytes, ttl: Duration) -> Result<(), RedisError> {
        self.ask().await?;
        self.hold(key, value, ttl);
        Ok(())
    }

    fn held(&self, key: &[u8]) -> Option<Bytes> {
        let now_ns = self.clock.now_ns();
        let mut shelf = self.shelf();
        let entry = shelf.entries.get(key)?;
        if entry.expires_ns > now_ns {
            return Some(entry.value.clone());
        }
        shelf.take(key);
        None
    }

    fn hold(&self, key: &[u8], value: Bytes, ttl: Duration) {
        let ttl_ns = u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX);
        let expires_ns = self.clock.now_ns().saturating_add(ttl_ns);
        let mut shelf = self.shelf();
        shelf.take(key);
        shelf.add(key, value, expires_ns);
        while shelf.entries.len() > ENTRIES_MAX || shelf.bytes > BYTES_MAX {
            shelf.push_out();
        }
    }

    pub(super) fn flush(&self) {
        *self.shelf() = Shelf::default();
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn add(&mut self, key: &[u8], value: Bytes, expires_ns: u64) {
        let key: Arc<[u8]> = key.into();
        let turn = self.stored;
        self.stored += 1;
        self.bytes += key.len() + value.len();
        self.turns.insert(turn, Arc::clone(&key));
        // A copy: the bytes may be a small part of a large buffer, which would be kept with them.
        let value = Bytes::copy_from_slice(&value);
        self.entries.insert(key, Entry { value, expires_ns, turn });
    }

    fn take(&mut self, key: &[u8]) {
        if let Some(entry) = self.entries.remove(key) {
            self.turns.remove(&entry.turn);
            self.bytes -= key.len() + entry.value.len();
        }
    }

    fn push_out(&mut self) {
        if let Some((_, key)) = self.turns.pop_first()
            && let Some(entry) = self.entries.remove(&key)
        {
            self.bytes -= key.len() + entry.value.len();
            self.pushed_out += 1;
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shelf = self.shelf();
        let (entries, bytes, pushed_out) = (shelf.entries.len(), shelf.bytes, shelf.pushed_out);
        write!(f, "{entries} entries, {bytes} bytes, {pushed_out} pushed out")
    }
}

#[cfg(test)]
mod tests {
    use wire::Seed;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn totals(memory: &Memory) -> (usize, usize, u64) {
        let shelf = memory.shelf();
        assert_eq!(shelf.entries.len(), shelf.turns.len());
        let bytes: usize = shelf.entries.iter().map(|(key, entry)| key.len() + entry.value.len()).sum();
        assert_eq!(bytes, shelf.bytes);
        (shelf.entries.len(), shelf.bytes, shelf.pushed_out)
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_goes_first_beyond_the_entries() {
        let memory = Memory::new(Clock::at(0), None);
        let key = |i: usize| i.to_be_bytes();
        for i in 0..ENTRIES_MAX {
            memory.hold(&key(i), Bytes::from_static(b"value"), HOUR);
        }
        // Stored again, the first is the youngest.
        memory.hold(&key(0), Bytes::from_static(b"again"), HOUR);
        assert_eq!(totals(&memory), (ENTRIES_MAX, ENTRIES_MAX * 13, 0));
        memory.hold(b"one more", Bytes::new(), HOUR);
        assert_eq!(memory.held(&key(1)), None);
        assert_eq!(memory.held(&key(0)).as_deref(), Some(&b"again"[..]));
        assert_eq!(totals(&memory), (ENTRIES_MAX, (ENTRIES_MAX - 1) * 13 + 8, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_bounded_whatever_is_stored() {
        let clock = Clock::at(0);
        let memory = Memory::new(clock, None);
        let seed = Seed(11);
        let mut stream = seed.stream("store", 0);
        for _ in 0..3_000 {
            let key = stream.below(400).to_be_bytes();
            let bytes = stream.below(1 << 20) as usize;
            match stream.below(4) {
                0 => drop(memory.held(&key)),
                _ => memory.hold(&key, vec![0; bytes].into(), Duration::from_secs(1 + stream.below(50))),
            }
            clock.sleep(Duration::from_millis(stream.below(100))).await;
            let (entries, bytes, _) = totals(&memory);
            assert!(entries <= ENTRIES_MAX && bytes <= BYTES_MAX, "{entries} {bytes}, {seed:?}");
        }
        assert!(totals(&memory).2 > 0, "nothing was pushed out, {seed:?}");
    }
}
