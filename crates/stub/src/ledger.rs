//! The ledger: what the stub truly did to every request, in a bounded ring, and summed up without bound.
//!
//! An entry opens when a request's head is read and closes on every way out: answered, refused, or dropped
//! because the client left. It must not know HTTP beyond method names and status numbers.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::{Clock, LedgerEntry, LookTime, RouteTruth, StageTime, Truth};

use crate::histogram::Histogram;
use crate::limiter::Allowance;

/// Longest caller that is written down.
const CALLER_CHARS_MAX: usize = 256;

/// Method and path pattern; both from closed sets, so that their number is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteName {
    pub(crate) method: &'static str,
    pub(crate) pattern: &'static str,
}

impl RouteName {
    fn label(self) -> String {
        format!("{} {}", self.method, self.pattern)
    }
}

/// One agent's part in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its position in the profile.
    pub(crate) agent: usize,
    pub(crate) queued_ns: u64,
    /// `None` where work needs no connection.
    pub(crate) connect: Option<Connect>,
    pub(crate) planned_ns: u64,
    pub(crate) worked_ns: u64,
    pub(crate) done_ns: u64,
    /// How many were done together, where works are batched.
    pub(crate) batch: Option<u32>,
    /// The replica's position, where there are several.
    pub(crate) replica: Option<u32>,
}

impl Part {
    /// All that was drawn for it.
    pub(crate) fn drawn_ns(&self) -> u64 {
        self.planned_ns + self.connect.map_or(0, |connect| connect.planned_ns)
    }
}

/// A new connection as it was planned and as it went; nothing of both where one was reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) planned_ns: u64,
    pub(crate) took_ns: u64,
}

/// A look into the answer cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) is_hit: bool,
    pub(crate) planned_ns: u64,
    pub(crate) took_ns: u64,
}

/// What is known of one request.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) request_id: Box<str>,
    pub(crate) route: RouteName,
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) arrived_ns: u64,
    pub(crate) queued_ns: u64,
    pub(crate) planned_ns: u64,
    /// `None` where answers are not cached, or the query came not so far.
    pub(crate) look: Option<Look>,
    pub(crate) fired_ns: u64,
    pub(crate) parts: Vec<Part>,
    pub(crate) fault: Option<Cow<'static, str>>,
    written_ns: u64,
    status: Option<u16>,
}

#[derive(Default)]
struct Totals {
    service: Histogram,
    planned: Histogram,
}

#[derive(Default)]
struct Book {
    received: u64,
    answered: u64,
    refused: u64,
    abandoned: u64,
    in_flight: u64,
    dropped: u64,
    kept: VecDeque<Record>,
    totals: BTreeMap<(RouteName, u16), Totals>,
}

/// All that happened.
pub(crate) struct Ledger {
    clock: Clock,
    agents: Vec<String>,
    entries_max: usize,
    book: Mutex<Book>,
}

impl Ledger {
    pub(crate) fn new(clock: Clock, agents: Vec<String>, entries_max: usize) -> Self {
        Self { clock, agents, entries_max, book: Mutex::default() }
    }

    /// Opens the entry of a request that has just arrived.
    pub(crate) fn open(self: &Arc<Self>, request_id: Box<str>, route: RouteName) -> Entry {
        let record = Record {
            request_id,
            route,
            caller: None,
            arrived_ns: self.clock.now_ns(),
            queued_ns: 0,
            planned_ns: 0,
            look: None,
            fired_ns: 0,
            parts: vec![],
            fault: None,
            written_ns: 0,
            status: None,
        };
        let mut book = self.book();
        book.received += 1;
        book.in_flight += 1;
        drop(book);
        Entry { ledger: Arc::clone(self), record: Some(record), allowance: None }
    }

    fn close(&self, record: Record) {
        let mut book = self.book();
        book.in_flight -= 1;
        match record.status {
            None => book.abandoned += 1,
            Some(status) => {
                *(if status < 400 { &mut book.answered } else { &mut book.refused }) += 1;
                let totals = book.totals.entry((record.route, status)).or_default();
                totals.service.record(record.written_ns - record.arrived_ns);
                totals.planned.record(record.planned_ns);
            }
        }
        if book.kept.len() >= self.entries_max {
            book.dropped += 1;
            book.kept.pop_front();
        }
        if self.entries_max > 0 {
            book.kept.push_back(record);
        }
    }

    /// Counts and times, summed up.
    pub(crate) fn truth(&self) -> Truth {
        let book = self.book();
        let route = |((route, status), totals): (&(RouteName, u16), &Totals)| RouteTruth {
            route: route.label(),
            status: *status,
            count: totals.service.truth().count,
            service: totals.service.truth(),
            planned: totals.planned.truth(),
        };
        let mut routes: Vec<_> = book.totals.iter().map(route).collect();
        routes.sort_by(|a, b| (&a.route, a.status).cmp(&(&b.route, b.status)));
        Truth {
            received: book.received,
            answered: book.answered,
            refused: book.refused,
            abandoned: book.abandoned,
            in_flight: book.in_flight,
            entries_kept: book.kept.len() as u64,
            entries_dropped: book.dropped,
            routes,
        }
    }

    /// The entries that are kept, oldest first. They are copied out at once, and written down at leisure.
    pub(crate) fn entries(&self) -> impl Iterator<Item = LedgerEntry> + '_ {
        let kept: Vec<_> = self.book().kept.iter().cloned().collect();
        kept.into_iter().map(|record| self.entry(record))
    }

    fn entry(&self, record: Record) -> LedgerEntry {
        let stage = |part: &Part| StageTime {
            agent: self.agents[part.agent].clone(),
            queued_ns: part.queued_ns,
            connect_ns: part.connect.map(|connect| connect.took_ns),
            planned_ns: part.planned_ns,
            worked_ns: part.worked_ns,
            batch: part.batch,
            replica: part.replica,
        };
        LedgerEntry {
            request_id: record.request_id.into(),
            route: record.route.label(),
            caller: record.caller.map(|caller| caller.chars().take(CALLER_CHARS_MAX).collect()),
            arrived_ns: record.arrived_ns,
            queued_ns: record.queued_ns,
            planned_ns: record.planned_ns,
            look: record.look.map(|look| LookTime { hit: look.is_hit, took_ns: look.took_ns }),
            fired_ns: record.fired_ns,
            written_ns: record.written_ns,
            status: record.status,
            fault: record.fault.map(Cow::into_owned),
            stages: record.parts.iter().map(stage).collect(),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open entry of one request. Dropped without an answer, it counts as abandoned.
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    /// `Some` until closed.
    record: Option<Record>,
    /// What rate limits leave to the caller, if the answer says so.
    pub(crate) allowance: Option<Allowance>,
}

impl Entry {
    /// The answer with this status is handed to the connection.
    pub(crate) fn answered(mut self, status: u16) {
        if let Some(mut record) = self.record.take() {
            record.written_ns = self.ledger.clock.now_ns();
            record.status = Some(status);
            self.ledger.close(record);
        }
    }

    /// The agents' names, by the positions that parts hold.
    pub(crate) fn agents(&self) -> &[String] {
        &self.ledger.agents
    }
}

impl std::ops::Deref for Entry {
    type Target = Record;

    fn deref(&self) -> &Record {
        self.record.as_ref().expect("an entry is closed by value")
    }
}

impl std::ops::DerefMut for Entry {
    fn deref_mut(&mut self) -> &mut Record {
        self.record.as_mut().expect("an entry is closed by value")
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.ledger.close(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: RouteName = RouteName { method: "POST", pattern: "/ask" };

    #[tokio::test(start_paused = true)]
    async fn the_ring_is_bounded_and_nothing_is_lost_from_the_sums() {
        for entries_max in [0, 1, 4, 100] {
            let ledger = Arc::new(Ledger::new(Clock::at(0), vec![], entries_max));
            let open = ledger.open("open".into(), ASK);
            for i in 0..10u16 {
                let entry = ledger.open(i.to_string().into(), ASK);
                match i % 5 {
                    0 => drop(entry),
                    1 => entry.answered(429),
                    _ => entry.answered(200),
                }
            }
            let truth = ledger.truth();
            assert_eq!(
                (truth.received, truth.in_flight, truth.abandoned, truth.refused, truth.answered),
                (11, 1, 2, 2, 6)
            );
            let kept = entries_max.min(10) as u64;
            assert_eq!((truth.entries_kept, truth.entries_dropped), (kept, 10 - kept), "{entries_max}");
            assert_eq!(
                truth.routes.iter().map(|r| (r.status, r.count)).collect::<Vec<_>>(),
                [(200, 6), (429, 2)]
            );
            let ids: Vec<_> = ledger.entries().map(|entry| entry.request_id).collect();
            let newest: Vec<_> = (10 - kept..10).map(|i| i.to_string()).collect();
            assert_eq!(ids, newest);
            drop(open);
            assert_eq!(ledger.truth().in_flight, 0);
        }
    }
}
