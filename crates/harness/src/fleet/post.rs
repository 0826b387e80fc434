//! Reading and writing in tasks of their own, so that nobody who decides waits for the bus. What cannot be written is dropped:
//! letters may be lost, and whoever wrote them sends again what was in them.
//!
//! It must not know what letters say.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use wire::Clock;

use super::bus::{Bus, Position};

/// Letters that wait to be written or to be read.
const QUEUE: usize = 4_096;
/// How long one reading waits on the bus.
const READ_PATIENCE: Duration = Duration::from_millis(300);
/// Between two attempts at a bus that is away.
const RETRY: Duration = Duration::from_millis(100);
/// How often what was read is dropped from the bus.
const TRIM_EVERY_NS: u64 = 1_000_000_000;

/// What comes in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// An entry.
    Entry(Vec<u8>),
    /// The bus is back: what was said meanwhile may be lost.
    Back,
}

/// How the bus is.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    /// Since when it is away.
    away_since_ns: Cell<Option<u64>>,
    why: RefCell<String>,
}

/// A place that reads one stream and writes to any.
#[derive(Debug)]
pub(crate) struct Post {
    outgoing: mpsc::Sender<(String, Vec<u8>)>,
    incoming: mpsc::Receiver<Incoming>,
    condition: Rc<Condition>,
    reading: JoinHandle<()>,
    writing: Option<JoinHandle<()>>,
}

impl Drop for Post {
    fn drop(&mut self) {
        self.reading.abort();
        self.writing.iter().for_each(JoinHandle::abort);
    }
}

impl Post {
    /// Reads `stream` after a position; inside a `LocalSet`.
    pub(crate) fn open(bus: &Bus, clock: Clock, stream: &str, after: Position) -> Self {
        let (outgoing, outgone) = mpsc::channel(QUEUE);
        let (came, incoming) = mpsc::channel(QUEUE);
        let condition = Rc::new(Condition::default());
        let reading = read(bus.clone(), clock, (stream.to_owned(), after), came, condition.clone());
        let writing = write(bus.clone(), clock, outgone, condition.clone());
        let (reading, writing) = (spawn_local(reading), Some(spawn_local(writing)));
        Self { outgoing, incoming, condition, reading, writing }
    }

    /// Hands an entry over to be written.
    pub(crate) fn send(&self, stream: String, entry: Vec<u8>) {
        // Whoever keeps what was in it sends it again.
        let _ = self.outgoing.try_send((stream, entry));
    }

    /// The next thing that comes in; never, when nothing does.
    pub(crate) async fn next(&mut self) -> Incoming {
        match self.incoming.recv().await {
            Some(incoming) => incoming,
            None => std::future::pending().await,
        }
    }

    /// What has come in already.
    pub(crate) fn try_next(&mut self) -> Option<Incoming> {
        self.incoming.try_recv().ok()
    }

    /// Since when the bus is away, and what it says.
    pub(crate) fn away(&self) -> Option<(u64, String)> {
        let since_ns = self.condition.away_since_ns.get()?;
        Some((since_ns, self.condition.why.borrow().clone()))
    }

    /// Writes what waits, for so long at most.
    pub(crate) async fn close(mut self, clock: Clock, patience: Duration) {
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.outgoing, closed));
        if let Some(mut writing) = self.writing.take() {
            let ended = clock.timeout(patience, &mut writing).await;
            if ended.is_err() {
                writing.abort();
            }
        }
    }
}

async fn read(
    bus: Bus,
    clock: Clock,
    (stream, after): (String, Position),
    came: mpsc::Sender<Incoming>,
    condition: Rc<Condition>,
) {
    let mut reader = bus.reader(&stream, after);
    let mut trimmed_ns = clock.now_ns();
    loop {
        match reader.next(READ_PATIENCE).await {
            Ok(entries) => {
                if condition.away_since_ns.take().is_some() && came.send(Incoming::Back).await.is_err() {
                    return;
                }
                let last = entries.last().map(|(position, _)| *position);
                for (_, entry) in entries {
                    if came.send(Incoming::Entry(entry)).await.is_err() {
                        return;
                    }
                }
                let now_ns = clock.now_ns();
                if let Some(read) = last.filter(|_| now_ns >= trimmed_ns + TRIM_EVERY_NS) {
                    trimmed_ns = now_ns;
                    // Should it fail, the next one drops it.
                    let _ = bus.trim(&stream, read).await;
                }
            }
            Err(error) => {
                condition.note(clock.now_ns(), error.to_string());
                clock.sleep(RETRY).await;
            }
        }
    }
}

async fn write(
    bus: Bus,
    clock: Clock,
    mut outgone: mpsc::Receiver<(String, Vec<u8>)>,
    condition: Rc<Condition>,
) {
    while let Some((stream, entry)) = outgone.recv().await {
        if let Err(error) = bus.append(&stream, &entry).await {
            condition.note(clock.now_ns(), error.to_string());
            clock.sleep(RETRY).await;
        }
    }
}

impl Condition {
    fn note(&self, now_ns: u64, why: String) {
        if self.away_since_ns.get().is_none() {
            self.away_since_ns.set(Some(now_ns));
        }
        self.why.replace(why);
    }
}
