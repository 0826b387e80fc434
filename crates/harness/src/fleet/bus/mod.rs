//! The bus between a coordinator and its workers: streams that are appended to and read from a position on.
//!
//! Entries are bytes: the bus must not know what is said, nor who says it. It may lose what it was given, as a Redis does
//! that is started again; that nothing is lost in the end is the affair of those who talk over it.

mod memory;
mod redis;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use memory::MemoryBus;
pub use redis::{BusTarget, RedisBus};

/// An entry's size at most.
pub(crate) const ENTRY_BYTES_MAX: usize = 16 << 20;
/// Entries that a stream keeps, about: what is read is trimmed long before.
const ENTRIES_MAX: usize = 20_000;
/// Entries that one reading gives at most.
const READ_MAX: usize = 256;

/// A bus.
#[derive(Clone, Debug)]
pub enum Bus {
    /// Inside one process: for virtual time.
    Memory(MemoryBus),
    /// Over Redis Streams.
    Redis(Box<RedisBus>),
}

/// Where in a stream: after an entry, or at its begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    high: u64,
    low: u64,
}

/// An entry and its place.
pub(crate) type Entry = (Position, Vec<u8>);

/// Why the bus did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// It is not there, or does not answer.
    #[error("redis at {place} is out of reach: {reason}")]
    Away {
        /// `host:port`.
        place: String,
        /// What the system or Redis says.
        reason: String,
    },
    /// The entry is too large.
    #[error(
        "a message of {0} bytes is too large for the bus; 16 MiB at most: use smaller scenario files or replays"
    )]
    TooLarge(usize),
}

impl Bus {
    /// Appends an entry.
    ///
    /// # Errors
    /// When the bus is away or the entry too large.
    pub(crate) async fn append(&self, stream: &str, entry: &[u8]) -> Result<(), BusError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(BusError::TooLarge(entry.len()));
        }
        match self {
            Self::Memory(bus) => bus.append(stream, entry),
            Self::Redis(bus) => return bus.append(stream, entry).await,
        }
        Ok(())
    }

    /// The position after the stream's newest entry.
    ///
    /// # Errors
    /// When the bus is away.
    pub(crate) async fn newest(&self, stream: &str) -> Result<Position, BusError> {
        match self {
            Self::Memory(bus) => Ok(bus.newest(stream)),
            Self::Redis(bus) => bus.newest(stream).await,
        }
    }

    /// One who reads a stream from a position on.
    pub(crate) fn reader(&self, stream: &str, after: Position) -> Reader {
        let kind = match self {
            Self::Memory(bus) => Kind::Memory(bus.clone()),
            Self::Redis(bus) => Kind::Redis(Box::new(bus.reader())),
        };
        Reader { kind, stream: stream.to_owned(), after }
    }

    /// Drops the entries up to `read`: they have been read by all who will.
    ///
    /// # Errors
    /// When the bus is away.
    pub(crate) async fn trim(&self, stream: &str, read: Position) -> Result<(), BusError> {
        match self {
            Self::Memory(bus) => bus.trim(stream, read),
            Self::Redis(bus) => return bus.trim(stream, read).await,
        }
        Ok(())
    }

    /// Drops the stream; positions in it mean nothing afterwards.
    ///
    /// # Errors
    /// When the bus is away.
    pub(crate) async fn remove(&self, stream: &str) -> Result<(), BusError> {
        match self {
            Self::Memory(bus) => bus.remove(stream),
            Self::Redis(bus) => return bus.remove(stream).await,
        }
        Ok(())
    }

    /// Whether talking over it takes time.
    pub(crate) fn is_memory(&self) -> bool {
        matches!(self, Self::Memory(_))
    }
}

/// Reads a stream, in order, over a connection of its own: reading waits on Redis's side.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: Kind,
    stream: String,
    after: Position,
}

#[derive(Debug)]
enum Kind {
    Memory(MemoryBus),
    Redis(Box<redis::Ear>),
}

impl Reader {
    /// The next entries, waited for at most so long; empty when there were none.
    ///
    /// # Errors
    /// When the bus is away; the position stays, so that reading goes on where it was.
    pub(crate) async fn next(&mut self, patience: Duration) -> Result<Vec<Entry>, BusError> {
        let entries = match &mut self.kind {
            Kind::Memory(bus) => bus.next(&self.stream, self.after).await,
            Kind::Redis(ear) => ear.next(&self.stream, self.after, patience).await?,
        };
        if let Some((position, _)) = entries.last() {
            self.after = *position;
        }
        Ok(entries)
    }
}
