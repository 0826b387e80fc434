//! A Redis of this process: nothing but whether it answers. What would be kept in it is kept by those who ask.
//!
//! With it an outage can be played in virtual time, as the real server would see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use wire::Clock;

use super::outage::Outages;
use super::temper::REST;
use super::{Outage, RedisError, Temper};

/// How the embedded Redis answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// At once.
    Up,
    /// Connections are refused.
    Down,
    /// It accepts and never answers.
    Frozen,
}

/// A Redis of this process. Cloning it is cheap, and all clones are the same.
#[derive(Clone, Debug)]
pub struct Embedded(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    condition: AtomicU8,
    outages: Outages,
    up_at_start: bool,
    temper: Temper,
    /// Until then it is left alone.
    rests_until_ns: AtomicU64,
    commands: AtomicU64,
    errors: AtomicU64,
    clock: Clock,
}

impl Embedded {
    pub(crate) fn new(up: bool, temper: Temper, clock: Clock) -> Self {
        let condition = if up { Condition::Up } else { Condition::Down };
        let condition = AtomicU8::new(condition as u8);
        Self(Arc::new(Inner {
            condition,
            outages: Outages::default(),
            up_at_start: up,
            temper,
            rests_until_ns: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            clock,
        }))
    }

    /// From now on it answers like this.
    pub fn set(&self, condition: Condition) {
        self.0.condition.store(condition as u8, Relaxed);
    }

    /// These outages are planned, and no others.
    pub(crate) fn play(&self, outages: Vec<Outage>) {
        self.0.outages.plan(outages);
    }

    pub(crate) fn up_at_start(&self) -> bool {
        self.0.up_at_start
    }

    /// Commands that were answered, and those that failed.
    pub(crate) fn counts(&self) -> [u64; 2] {
        [&self.0.commands, &self.0.errors].map(|count| count.load(Relaxed))
    }

    /// What a command comes to, after as long as it takes. As with a server, the brisk leave it alone for a second
    /// after a failure.
    pub(crate) async fn ask(&self) -> Result<(), RedisError> {
        let Inner { temper, rests_until_ns, clock, .. } = &*self.0;
        if clock.now_ns() < rests_until_ns.load(Relaxed) {
            return Err(RedisError::Resting);
        }
        let outcome = self.outcome().await;
        if outcome.is_ok() { &self.0.commands } else { &self.0.errors }.fetch_add(1, Relaxed);
        if outcome.is_err() && *temper == Temper::Brisk {
            rests_until_ns.store(clock.now_ns() + REST.as_nanos() as u64, Relaxed);
        }
        outcome
    }

    async fn outcome(&self) -> Result<(), RedisError> {
        let planned = self.0.outages.at(self.0.clock.now_ns());
        let now = planned.map_or_else(|| self.0.condition.load(Relaxed), |condition| condition as u8);
        if now == Condition::Up as u8 {
            return Ok(());
        }
        if now == Condition::Down as u8 {
            let text = "Error 111 connecting to localhost:6379. Connection refused.".to_owned();
            return Err(RedisError::Refused { text });
        }
        self.0.clock.sleep(self.0.temper.limit(Duration::ZERO)).await;
        Err(RedisError::TimedOut)
    }
}
