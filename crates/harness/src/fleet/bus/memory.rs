//! The bus inside one process. It must not know time: an entry is there as soon as it is appended.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{ENTRIES_MAX, Entry, Position, READ_MAX};

/// Streams in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    streams: Mutex<HashMap<String, Stream>>,
    appended: Notify,
}

#[derive(Debug, Default)]
struct Stream {
    newest: u64,
    entries: VecDeque<Entry>,
}

impl MemoryBus {
    pub(super) fn append(&self, stream: &str, entry: &[u8]) {
        let mut streams = self.streams();
        let held = streams.entry(stream.to_owned()).or_default();
        held.newest += 1;
        held.entries.push_back((Position { high: held.newest, low: 0 }, entry.to_vec()));
        if held.entries.len() > ENTRIES_MAX {
            held.entries.pop_front();
        }
        drop(streams);
        self.0.appended.notify_waiters();
    }

    pub(super) fn newest(&self, stream: &str) -> Position {
        Position { high: self.streams().get(stream).map_or(0, |held| held.newest), low: 0 }
    }

    pub(super) async fn next(&self, stream: &str, after: Position) -> Vec<Entry> {
        loop {
            let appended = self.0.appended.notified();
            let found = self.find(stream, after);
            if !found.is_empty() {
                return found;
            }
            appended.await;
        }
    }

    fn find(&self, stream: &str, after: Position) -> Vec<Entry> {
        let streams = self.streams();
        let held = streams.get(stream).into_iter().flat_map(|held| &held.entries);
        held.filter(|(position, _)| *position > after).take(READ_MAX).cloned().collect()
    }

    pub(super) fn trim(&self, stream: &str, read: Position) {
        if let Some(held) = self.streams().get_mut(stream) {
            held.entries.retain(|(position, _)| *position > read);
        }
    }

    pub(super) fn remove(&self, stream: &str) {
        if let Some(held) = self.streams().get_mut(stream) {
            held.entries.clear();
        }
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
