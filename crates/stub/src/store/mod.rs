//! Values under keys that expire: in this process, or in Redis for all replicas.
//!
//! It must not know what the values are or who reads them.

mod memory;

use std::time::Duration;

use bytes::Bytes;
use wire::Clock;

use crate::redis::{Backing, Embedded, RedisError, Server};
use memory::Memory;

/// Longest value that is kept; a longer one is not there when it is asked for.
const VALUE_BYTES_MAX: usize = 8 << 20;
/// Keys that one step of a flush looks at.
const FLUSH_STEP: usize = 1_000;

/// Where values are kept.
#[derive(Debug)]
pub enum Store {
    /// In this process, bounded in entries and bytes.
    Memory(Memory),
    /// In Redis, under keys that begin with a prefix.
    Redis(Shared),
}

/// The store could not be asked. It is no answer about the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub RedisError);

/// Values in Redis.
#[derive(Debug)]
pub struct Shared {
    server: Server,
    prefix: Box<str>,
}

impl Store {
    /// Keeps values in this process, by this clock.
    pub fn memory(clock: Clock) -> Self {
        Self::Memory(Memory::new(clock, None))
    }

    /// Keeps values in the embedded Redis: while it does not answer, they cannot be asked for.
    pub fn embedded(clock: Clock, redis: Embedded) -> Self {
        Self::Memory(Memory::new(clock, Some(redis)))
    }

    /// The store of this Redis; without one, in this process.
    pub(crate) fn of(backing: &Backing, prefix: &str, clock: Clock) -> Self {
        match backing {
            Backing::Off => Self::memory(clock),
            Backing::Embedded(redis) => Self::embedded(clock, redis.clone()),
            Backing::Server(server) => Self::redis(server.clone(), prefix),
        }
    }

    /// Keeps values in Redis; `prefix` parts them from others there.
    pub fn redis(server: Server, prefix: &str) -> Self {
        Self::Redis(Shared { server, prefix: prefix.into() })
    }

    /// The value of `key`, unless it never was, expired or was pushed out.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Unavailable> {
        match self {
            Self::Memory(memory) => memory.get(key).await.map_err(Unavailable),
            Self::Redis(shared) => shared.get(key).await.map_err(Unavailable),
        }
    }

    /// Keeps `value` for `ttl`, in place of what was there.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn put(&self, key: &[u8], value: Bytes, ttl: Duration) -> Result<(), Unavailable> {
        if value.len() > VALUE_BYTES_MAX || ttl.is_zero() {
            tracing::debug!(bytes = value.len(), ?ttl, "a value is too long or too short-lived to be kept");
            return Ok(());
        }
        match self {
            Self::Memory(memory) => memory.put(key, value, ttl).await.map_err(Unavailable)?,
            Self::Redis(shared) => shared.put(key, &value, ttl).await.map_err(Unavailable)?,
        }
        Ok(())
    }

    /// Forgets all values of this store.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn flush(&self) -> Result<(), Unavailable> {
        match self {
            Self::Memory(memory) => memory.flush(),
            Self::Redis(shared) => shared.flush().await.map_err(Unavailable)?,
        }
        Ok(())
    }
}

impl Shared {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), key].concat()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, RedisError> {
        self.server.run(redis::cmd("GET").arg(self.key(key))).await
    }

    async fn put(&self, key: &[u8], value: &[u8], ttl: Duration) -> Result<(), RedisError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        self.server.run(redis::cmd("SET").arg(self.key(key)).arg(value).arg("PX").arg(ttl_ms)).await
    }

    async fn flush(&self) -> Result<(), RedisError> {
        let pattern = format!("{}*", globless(&self.prefix));
        let mut cursor = 0;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(FLUSH_STEP);
            let (next, keys): (u64, Vec<Vec<u8>>) = self.server.run(&scan).await?;
            if !keys.is_empty() {
                self.server.run::<()>(redis::cmd("UNLINK").arg(keys)).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

/// `text` as a pattern that matches only itself.
fn globless(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the store cannot be asked: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}
