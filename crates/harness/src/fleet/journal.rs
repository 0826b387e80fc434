//! What workers handed in, where it survives the coordinator: a line an item, synced before it is acknowledged.
//!
//! It must not know what is done with it.

use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::rc::Rc;

use measure::{AbsenceRecord, Run, StepRun};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};

use super::message::Report;
use super::rest::Rest;
use super::state::Loss;
use crate::Load;

/// The format that this version writes and reads.
pub(crate) const FORMAT: &str = "weaver-bench.journal/1";

/// A line, as JSON. Moments are nanoseconds since the run's clock started, unless they say otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// The run begins: always the first line, and only there.
    Head(Box<Head>),
    /// Another coordinator goes on, which is the run's so-manieth.
    Reign { reign: u64 },
    /// A worker, as it stood when a step began.
    Worker(Identity),
    /// Workers make ready for a step.
    Step(Box<StepHead>),
    /// It begins; arrivals come until then.
    Begin { from_ns: u64, until_ns: u64 },
    /// What it recorded was dropped, for the so-manieth time.
    Reset { at_ns: u64, resets: u32 },
    /// A worker may send so many requests.
    Ceiling { worker: u64, ceiling: u64 },
    /// What a worker handed in.
    Report { worker: u64, number: u64, report: Report },
    /// A worker was lost in the step, or took its leave.
    Loss { worker: u64, at_ns: u64, users_moved: u32, silent_ns: u64, left: bool, arrivals_moved: bool },
    /// The step is over; with when nobody led it, if that was its end.
    Ended { index: usize, absence: Option<AbsenceRecord> },
    /// The run file is whole: nobody needs this file any more.
    Over,
}

/// How the journal begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    /// [`FORMAT`].
    pub(crate) format: String,
    /// Which of several fleets on the bus.
    pub(crate) fleet: String,
    /// The run, as letters name it.
    pub(crate) run: u64,
    /// What only those who know the run secret can write: see [`super::RunSecret::proof`].
    pub(crate) proof: String,
    /// The secret was drawn, and died with the coordinator.
    pub(crate) drawn: bool,
    /// A run that lost a worker is valid still.
    pub(crate) tolerate_loss: bool,
    /// Users of a lost worker go to the others.
    pub(crate) move_users: bool,
    /// The plan: what workers are told, sealed, and the rest.
    pub(crate) errand: String,
    pub(crate) rest: Rest,
    /// The run file, without any step.
    pub(crate) file: Run,
}

/// What a step's record is made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StepHead {
    pub(crate) index: usize,
    /// When workers were told of it.
    pub(crate) at_ns: u64,
    pub(crate) load: Load,
    /// Whether response times are recorded.
    pub(crate) response: bool,
    /// Its record, before anything happened.
    pub(crate) record: StepRun,
}

/// Who a worker is, and how its clock goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) worker: u64,
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) threads: u32,
    pub(crate) offset_ns: i64,
    pub(crate) rtt_ns: u64,
}

impl Line {
    pub(crate) fn loss(worker: u64, loss: &Loss) -> Self {
        let Loss { at_ns, users_moved, silent_ns, left, arrivals_moved, .. } = *loss;
        Self::Loss { worker, at_ns, users_moved, silent_ns, left, arrivals_moved }
    }
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
    /// Goes on at the file's end; nobody else may, for as long as this process lives.
    ///
    /// # Errors
    /// In words, when another coordinator has it.
    pub(crate) fn on(file: File) -> Result<Self, String> {
        lock(&file)?;
        let (pending, done, failed) = (vec![], Rc::default(), Rc::default());
        Ok(Self { file, pending, begun: 0, done, failed, syncing: None })
    }

    /// Keeps a line.
    pub(crate) fn put(&mut self, line: &Line) {
        serde_json::to_writer(&mut self.pending, line).expect("a line is JSON");
        self.pending.push(b'\n');
    }

    /// Whether anything was kept that is not on its way.
    pub(crate) fn is_behind(&self) -> bool {
        !self.pending.is_empty()
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

/// Keeps others from the file.
///
/// # Errors
/// In words, when another has it.
pub(crate) fn lock(file: &File) -> Result<(), String> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            "the run has a coordinator still, on this machine or another; end it first".to_owned()
        }
        TryLockError::Error(error) => format!("the journal cannot be locked: {error}"),
    })
}

/// Notes in a journal that its run file is whole.
///
/// # Errors
/// When it cannot be written.
pub fn close_journal(mut file: &File) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Line::Over).expect("a line is JSON");
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}
