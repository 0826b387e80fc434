//! What workers handed in, where it survives the coordinator: a line an item, synced before it is acknowledged.
//!
//! It must not know what is done with it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};

use super::message::Report;

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// The run begins.
    Run { run: u64 },
    /// A worker may send so many requests.
    Ceiling { worker: u64, ceiling: u64 },
    /// What a worker handed in.
    Report { worker: u64, number: u64, report: Report },
}

/// Written to, and synced.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    pending: Vec<u8>,
    /// Batches handed to the system, and those that survive.
    begun: u64,
    done: Rc<Cell<u64>>,
    failed: Rc<Cell<bool>>,
    syncing: Option<JoinHandle<()>>,
}

impl Journal {
    /// A new file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create_new(path)?;
        let (pending, done, failed) = (vec![], Rc::default(), Rc::default());
        Ok(Self { file, pending, begun: 0, done, failed, syncing: None })
    }

    /// Keeps a line.
    pub(crate) fn put(&mut self, line: &Line) {
        serde_json::to_writer(&mut self.pending, line).expect("a line is JSON");
        self.pending.push(b'\n');
    }

    /// Whether a batch is on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished())
    }

    /// Sends what was kept on its way; gives the batch's number.
    pub(crate) fn sync(&mut self) -> u64 {
        self.begun += 1;
        let (batch, bytes) = (self.begun, std::mem::take(&mut self.pending));
        let (done, failed) = (self.done.clone(), self.failed.clone());
        let file = self.file.try_clone();
        self.syncing = Some(spawn_local(async move {
            let written = spawn_blocking(move || {
                let mut file = file?;
                file.write_all(&bytes)?;
                file.sync_data()
            });
            match written.await {
                Ok(Ok(())) => done.set(batch),
                Ok(Err(_)) | Err(_) => failed.set(true),
            }
        }));
        batch
    }

    /// The last batch that survives.
    pub(crate) fn done(&self) -> u64 {
        self.done.get()
    }

    /// Whether the system refused to keep a batch: nothing can be acknowledged any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }
}
