//! Numbers used once: each counts for five minutes, and whoever comes with it again is refused.
//!
//! It must not know who sends them, nor what else a message holds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use wire::Clock;

use super::shared_nonces::SharedNonces;

/// How long a nonce is remembered.
const KEPT_NS: u64 = 300 * 1_000_000_000;
/// Nonces that are remembered; past it the oldest go early.
const KEPT_MAX: usize = 1 << 17;

/// Where nonces are remembered.
pub(crate) enum Nonces {
    /// In this process.
    Memory(MemoryNonces),
    /// In Redis, and in this process while Redis is out of reach.
    Redis(SharedNonces),
}

impl Nonces {
    /// Whether `nonce` comes for the first time; it is remembered from now on.
    pub(crate) async fn first_time(&self, nonce: &[u8]) -> bool {
        match self {
            Self::Memory(nonces) => nonces.first_time(nonce),
            Self::Redis(nonces) => nonces.first_time(nonce).await,
        }
    }
}

/// The nonces of this process, by their hash, so that each takes the same room.
pub(crate) struct MemoryNonces {
    clock: Clock,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    until_ns: HashMap<[u8; 32], u64>,
    /// In the order in which they came, which is the one in which they go.
    oldest: VecDeque<[u8; 32]>,
}

impl MemoryNonces {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    pub(super) fn first_time(&self, nonce: &[u8]) -> bool {
        let now_ns = self.clock.now_ns();
        self.kept().first_time(hash(nonce), now_ns, KEPT_MAX)
    }

    /// Whether `nonce` is remembered.
    pub(super) fn knows(&self, nonce: &[u8]) -> bool {
        let now_ns = self.clock.now_ns();
        self.kept().until_ns.get(&hash(nonce)).is_some_and(|until_ns| *until_ns > now_ns)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(nonce: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, nonce).as_ref());
    hash
}

impl Kept {
    fn first_time(&mut self, hash: [u8; 32], now_ns: u64, kept_max: usize) -> bool {
        while let Some(oldest) = self.oldest.front()
            && (self.until_ns.get(oldest).is_none_or(|until_ns| *until_ns <= now_ns)
                || self.oldest.len() > kept_max)
        {
            self.until_ns.remove(oldest);
            self.oldest.pop_front();
        }
        if self.until_ns.contains_key(&hash) {
            return false;
        }
        self.until_ns.insert(hash, now_ns + KEPT_NS);
        self.oldest.push_back(hash);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counts_for_five_minutes() {
        let mut kept = Kept::default();
        for (hash, now_ns, expected) in [
            (1, 0, true),
            (1, 1, false),
            (2, 5, true),
            (1, KEPT_NS - 1, false),
            (1, KEPT_NS, true),
            (2, KEPT_NS + 4, false),
            (2, KEPT_NS + 5, true),
            (1, 2 * KEPT_NS - 1, false),
        ] {
            assert_eq!(kept.first_time([hash; 32], now_ns, 9), expected, "{hash} at {now_ns}");
        }
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut kept = Kept::default();
        for hash in 0..100 {
            assert!(kept.first_time([hash; 32], 0, 9));
            assert!(kept.until_ns.len() <= 10 && kept.oldest.len() == kept.until_ns.len());
        }
        assert!(!kept.first_time([99; 32], 0, 9));
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_decides() {
        let clock = Clock::at(0);
        let nonces = Nonces::Memory(MemoryNonces::new(clock));
        assert!(nonces.first_time(b"n").await && nonces.first_time(b"").await);
        clock.sleep(std::time::Duration::from_secs(299)).await;
        assert!(!nonces.first_time(b"n").await);
        clock.sleep(std::time::Duration::from_secs(1)).await;
        assert!(nonces.first_time(b"n").await);
    }
}
