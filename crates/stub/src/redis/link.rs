//! The connection in use, and whether it still is of use.
//!
//! A command that nobody waits for any more is answered all the same, in its turn, so the library keeps its place.
//! On a connection that no longer answers those places would pile up: it is given up in time. It must not know how
//! connections are made.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use redis::aio::MultiplexedConnection;

use super::dial::Wire;

/// Abandoned commands on one connection since its last answer; beyond it the connection is given up.
const ABANDONED_MAX: u32 = 4_096;

/// A connection and what was heard of it.
pub(super) struct Link {
    wire: Wire,
    /// Commands abandoned since the last answer, and when the first of them was.
    abandoned: AtomicU32,
    abandoned_ns: AtomicU64,
}

impl Link {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, abandoned: AtomicU32::new(0), abandoned_ns: AtomicU64::new(0) }
    }

    pub(super) fn connection(&self) -> MultiplexedConnection {
        self.wire.connection.clone()
    }

    /// Whether a command at `now_ns` should take this connection.
    pub(super) fn is_usable(&self, now_ns: u64, limit: Duration) -> bool {
        let silent = Duration::from_nanos(now_ns.saturating_sub(self.abandoned_ns.load(Relaxed)));
        !self.wire.driver.is_finished() && is_trusted(self.abandoned.load(Relaxed), silent, limit)
    }

    /// An answer came, and with it those to all commands before.
    pub(super) fn answered(&self) {
        // A load first: the line is shared by all, and almost always there is nothing to write.
        if self.abandoned.load(Relaxed) > 0 {
            self.abandoned.store(0, Relaxed);
        }
    }

    /// Nobody waits for a command's answer any more.
    pub(super) fn abandon(&self, now_ns: u64) {
        if self.abandoned.fetch_add(1, Relaxed) == 0 {
            self.abandoned_ns.store(now_ns, Relaxed);
        }
    }
}

/// Whether a connection with so many abandoned commands, the first of them so long ago, may still be answering.
fn is_trusted(abandoned: u32, silent: Duration, limit: Duration) -> bool {
    abandoned == 0 || (abandoned < ABANDONED_MAX && silent < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_trusted_for_so_long_and_so_many() {
        let (ms, limit) = (Duration::from_millis, Duration::from_millis(250));
        for (abandoned, silent, trusted) in [
            (0, ms(10_000), true),
            (1, ms(249), true),
            (1, ms(250), false),
            (ABANDONED_MAX - 1, ms(0), true),
            (ABANDONED_MAX, ms(0), false),
        ] {
            assert_eq!(is_trusted(abandoned, silent, limit), trusted, "{abandoned} for {silent:?}");
        }
    }
}
