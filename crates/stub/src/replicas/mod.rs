//! Several stubs behind one address: over Redis each tells what it did, and any of them can tell it of all.
//!
//! All share the truth; those of one name ([`crate::Settings::replica_of`]) share the ledger's entries and what an
//! operator changes too. It must not know how the truth comes about, nor what a profile is.

mod beat;
mod look;
mod shared_profile;
mod sum;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use redis::{FromRedisValue, Script, ScriptInvocation};
use tokio::sync::Mutex;
use wire::{Clock, Seed};

use crate::redis::{RedisError, Server, Temper};
use beat::Told;
pub(crate) use beat::{Heard, Word};
pub(crate) use look::SharedPage;
pub(crate) use shared_profile::SharedProfile;

/// How often each tells.
pub(crate) const EVERY: Duration = Duration::from_millis(250);
/// Who was not heard of for so long is lost.
const LOST_AFTER_US: u64 = 3_000_000;
/// How long a replica that no longer tells is counted, and its entries are kept.
const KEPT_US: u64 = 3_600_000_000;
/// How long the operator's profile stays after the last replica.
const PROFILE_KEPT_US: u64 = 60_000_000;
/// How long an answer of Redis is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// This stub among those that share its Redis.
pub(crate) struct Replicas {
    /// A connection of its own: what goes over it is long, and nobody who is served shall wait behind it.
    server: Server,
    name: Box<str>,
    /// Before the names of all keys.
    prefix: Box<str>,
    is_one_of_several: bool,
    clock: Clock,
    beat: Script,
    page: Script,
    change: Script,
    told: Mutex<Told>,
    /// Held by who changes the profile.
    pub(crate) changing: Mutex<()>,
}

impl Replicas {
    /// This stub among all in `server`, or among those that go by the name `group`. Seed and start tell it from them.
    pub(crate) fn new(server: &Server, group: Option<&str>, clock: Clock, seed: Seed) -> Self {
        let name = seed.stream("instance", clock.unix_start_ns()).next_u64();
        Self {
            server: Server::new(server.target().clone(), Temper::Patient, clock),
            name: format!("{name:016x}").into(),
            prefix: format!("weaver-bench:{}:", group.unwrap_or_default()).into(),
            is_one_of_several: group.is_some(),
            clock,
            beat: Script::new(include_str!("beat.lua")),
            page: Script::new(include_str!("page.lua")),
            change: Script::new(include_str!("change.lua")),
            told: Mutex::default(),
            changing: Mutex::default(),
        }
    }

    /// The name of this stub among the others.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it shares its ledger and its profile, too.
    pub(crate) fn is_one_of_several(&self) -> bool {
        self.is_one_of_several
    }

    fn names(&self) -> String {
        self.key("replicas")
    }

    fn record(&self, name: &str) -> String {
        self.key(&format!("replica:{name}"))
    }

    fn key(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        self.within(self.server.run_script(script)).await
    }

    async fn within<T>(&self, asked: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
        self.clock.timeout(LIMIT, asked).await.unwrap_or(Err(RedisError::TimedOut))
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} in {:?}", self.prefix, self.name, self.server)
    }
}
