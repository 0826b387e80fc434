//! Buckets by name, bounded in number and in the length of a name.
//!
//! It must not know what a bucket counts, only how long an empty one takes to be full again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use wire::stable_hash;

use crate::settings::Limit;

/// Buckets kept of one kind; beyond it full ones go first, then those that were not asked the longest.
const BUCKETS_MAX: usize = 16_384;
/// Names longer than this are known by their hash.
const NAME_BYTES_MAX: usize = 128;

/// One bucket a name.
pub(super) struct Names<B> {
    is_off: bool,
    /// How long an empty bucket takes to be full again; after it, a bucket may be forgotten.
    refill_ns: u64,
    kept: HashMap<Box<str>, Kept<B>, BuildHasherDefault<DefaultHasher>>,
}

struct Kept<B> {
    bucket: B,
    asked_ns: u64,
}

impl<B> Names<B> {
    pub(super) fn new(limit: Limit) -> Self {
        Self { is_off: limit == Limit::Off, refill_ns: refill_ns(limit), kept: HashMap::default() }
    }

    /// What `work` does to the bucket of `name`, a new one being `full`. Without a limit nothing is kept.
    pub(super) fn with<R>(&mut self, name: &str, now_ns: u64, full: B, work: impl FnOnce(&mut B) -> R) -> R {
        let mut bucket = full;
        if self.is_off {
            return work(&mut bucket);
        }
        let name = bounded(name);
        if let Some(kept) = self.kept.get_mut(&*name) {
            kept.asked_ns = now_ns;
            return work(&mut kept.bucket);
        }
        let done = work(&mut bucket);
        if self.kept.len() >= BUCKETS_MAX {
            self.forget(now_ns);
        }
        self.kept.insert(name.into(), Kept { bucket, asked_ns: now_ns });
        done
    }

    /// Forgets full buckets; if that is not enough, the half that was not asked the longest.
    fn forget(&mut self, now_ns: u64) {
        let refill_ns = self.refill_ns;
        self.kept.retain(|_, kept| now_ns.saturating_sub(kept.asked_ns) < refill_ns);
        if self.kept.len() < BUCKETS_MAX {
            return;
        }
        // Of those asked at the same time the names decide, so that hashes do not.
        let mut asked: Vec<_> = self.kept.iter().map(|(name, kept)| (kept.asked_ns, name.clone())).collect();
        let middle = asked.len() / 2;
        asked.select_nth_unstable(middle);
        for (_, name) in &asked[..middle] {
            self.kept.remove(name);
        }
        tracing::warn!(
            forgotten = middle,
            "more callers at once than rate limits are kept for: some start afresh"
        );
    }
}

/// A name of bounded length that stands for `name`.
pub(super) fn bounded(name: &str) -> Cow<'_, str> {
    if name.len() <= NAME_BYTES_MAX {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("{} bytes {:016x}", name.len(), stable_hash(name.as_bytes())))
}

/// Burst over rate, rounded up to seconds; for ever where nothing refills.
fn refill_ns(limit: Limit) -> u64 {
    match limit {
        Limit::PerSecond { rate, burst } if rate > 0 => {
            let (rate, burst) = (rate.unsigned_abs(), u64::try_from(burst).unwrap_or(0));
            burst.div_ceil(rate).saturating_mul(1_000_000_000)
        }
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_and_bounded() {
        for (limit, full_after_2_s) in [
            (Limit::per_second(1, 1), true),
            (Limit::per_second(0, 1), false),
            (Limit::per_second(1, 9), false),
        ] {
            let mut names = Names::new(limit);
            for n in 0..3 * BUCKETS_MAX {
                let name = n.to_string();
                names.with(&name, n as u64, 7, |bucket| {
                    assert_eq!(*bucket, 7, "{n} is new");
                    *bucket = n;
                });
                names.with(&name, n as u64, 7, |bucket| assert_eq!(*bucket, n, "{n} is known"));
            }
            let held = names.kept.len();
            assert!((BUCKETS_MAX / 2..=BUCKETS_MAX).contains(&held), "{held}");
            // After the refill all are full, and the next newcomer at the brim sees all of them go.
            for n in held..=BUCKETS_MAX {
                names.with(&format!("late {n}"), 2_000_000_000, n, |_| ());
            }
            let left = names.kept.len();
            let expected = if full_after_2_s { 1 } else { BUCKETS_MAX / 2 + 1 };
            assert!(left <= expected + BUCKETS_MAX - held, "{limit:?}: {left} of {held}");
            assert_eq!(left == 1 + BUCKETS_MAX - held, full_after_2_s, "{limit:?}: {left} of {held}");
        }
    }

    #[test]
    fn long_names_are_short_and_apart() {
        let [long, other] = ["x", "y"].map(|last| format!("{}{last}", "x".repeat(200_000)));
        assert_eq!(bounded("alice"), "alice");
        assert!(bounded(&long).len() <= NAME_BYTES_MAX);
        assert_ne!(bounded(&long), bounded(&other));
        assert_eq!(bounded(&"é".repeat(64)), "é".repeat(64));
    }
}
