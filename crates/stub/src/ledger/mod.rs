//! The ledger: what the stub truly did to every request, in a bounded ring, and summed up without bound.
//!
//! An entry opens when a request's head is read and closes on every way out: its answer's last byte was handed over,
//! or the client left before. It must not know HTTP beyond method names and status numbers.

mod curve;
mod receipt;
mod record;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::{Clock, LedgerEntry, RouteTruth, Truth};

use crate::histogram::Histogram;
use curve::Curve;
pub(crate) use curve::add_arrivals;
pub(crate) use receipt::{Entry, Receipt, receipted};
pub(crate) use record::{Connect, Look, Part, Record, RouteName};

/// So many entries are copied out at once, so that nobody who is served waits long for the ledger.
const COPIED_MAX: usize = 256;

/// Entries in the order in which they were closed, a part of all.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerPage {
    /// Oldest first.
    pub entries: Vec<LedgerEntry>,
    /// The number of the first of them, in the order of closing, from 0; greater than what was asked for where older
    /// ones no longer were there.
    pub first: u64,
    /// The number to ask for next.
    pub next: u64,
    /// Entries that no longer are kept, in all.
    pub dropped: u64,
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
    /// Also the number of the first one that is kept.
    dropped: u64,
    kept: VecDeque<Record>,
    totals: BTreeMap<(RouteName, u16), Totals>,
    curve: Curve,
}

/// Neighbours in the ring, copied out.
struct Copied {
    first: u64,
    records: Vec<Record>,
    dropped: u64,
}

/// All that happened.
pub(crate) struct Ledger {
    clock: Clock,
    entries_max: usize,
    book: Mutex<Book>,
}

impl Ledger {
    pub(crate) fn new(clock: Clock, entries_max: usize) -> Self {
        Self { clock, entries_max, book: Mutex::default() }
    }

    /// Entries that are kept at most.
    pub(crate) fn entries_max(&self) -> usize {
        self.entries_max
    }

    /// Opens the entry of a request that has just arrived.
    pub(crate) fn open(self: &Arc<Self>, request_id: Box<str>, route: RouteName) -> Entry {
        let mut book = self.book();
        let now_ns = self.clock.now_ns();
        let record = Record::new(request_id, route, book.received, now_ns);
        book.received += 1;
        book.curve.arrived(self.clock.unix_start_ns() + now_ns);
        book.in_flight += 1;
        drop(book);
        Entry::new(Arc::clone(self), record)
    }

    fn close(&self, record: Record) {
        let mut book = self.book();
        book.in_flight -= 1;
        book.curve.ended(self.clock.unix_ns());
        match record.whole() {
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
        let mut book = self.book();
        let arrivals = book.curve.truth(self.clock.unix_ns());
        let route = |((route, status), totals): (&(RouteName, u16), &Totals)| {
            let service = totals.service.truth();
            let planned = totals.planned.truth();
            RouteTruth { route: route.label(), status: *status, count: service.count, service, planned }
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
            arrivals,
            ..Truth::default()
        }
    }

    /// At most `limit` of the entries that are kept, from the number `from` on.
    pub(crate) fn page(&self, from: u64, limit: usize) -> LedgerPage {
        let Copied { first, mut records, mut dropped } = self.copied(from, limit.min(COPIED_MAX));
        while records.len() < limit {
            let next = first + records.len() as u64;
            let more = self.copied(next, (limit - records.len()).min(COPIED_MAX));
            dropped = more.dropped;
            // A page has no holes: whoever asks for what is dropped meanwhile is told of it.
            if more.records.is_empty() || more.first != next {
                break;
            }
            records.extend(more.records);
        }
        let next = first + records.len() as u64;
        let entries = records.into_iter().map(Record::entry).collect();
        LedgerPage { entries, first, next, dropped }
    }

    fn copied(&self, from: u64, limit: usize) -> Copied {
        let book = self.book();
        let kept = book.kept.len();
        let skipped = usize::try_from(from.saturating_sub(book.dropped)).map_or(kept, |n| n.min(kept));
        let until = skipped.saturating_add(limit).min(kept);
        Copied {
            first: book.dropped + skipped as u64,
            records: book.kept.range(skipped..until).cloned().collect(),
            dropped: book.dropped,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: RouteName = RouteName { method: "POST", pattern: "/ask" };

    #[tokio::test(start_paused = true)]
    async fn the_ring_is_bounded_and_nothing_is_lost_from_the_sums() {
        for entries_max in [0, 1, 4, 100] {
            let ledger = Arc::new(Ledger::new(Clock::at(0), entries_max));
            let open = ledger.open("open".into(), ASK);
            for i in 0..10u16 {
                let entry = ledger.open(i.to_string().into(), ASK);
                match i % 5 {
                    0 => drop(entry),
                    1 => entry.ready(429).written(),
                    _ => entry.ready(200).written(),
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
            let page = ledger.page(0, 100);
            let ids: Vec<_> = page.entries.into_iter().map(|entry| entry.request_id).collect();
            let newest: Vec<_> = (10 - kept..10).map(|i| i.to_string()).collect();
            assert_eq!((ids, page.first, page.next, page.dropped), (newest, 10 - kept, 10, 10 - kept));
            drop(open);
            assert_eq!(ledger.truth().in_flight, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_numbered_in_order_of_closing() {
        let ledger = Arc::new(Ledger::new(Clock::at(0), 1_000));
        for i in 0..1_500 {
            drop(ledger.open(i.to_string().into(), ASK));
        }
        for (from, limit, first, next) in [
            (0, 0, 500, 500),
            (0, 1, 500, 501),
            (0, 700, 500, 1_200),
            (499, 10, 500, 510),
            (500, 10, 500, 510),
            (501, 10, 501, 511),
            (1_200, 700, 1_200, 1_500),
            (1_499, 700, 1_499, 1_500),
            (1_500, 700, 1_500, 1_500),
            (u64::MAX, usize::MAX, 1_500, 1_500),
            (0, usize::MAX, 500, 1_500),
        ] {
            let page = ledger.page(from, limit);
            assert_eq!((page.first, page.next, page.dropped), (first, next, 500), "{from} {limit}");
            let ids: Vec<_> = page.entries.into_iter().map(|entry| entry.request_id).collect();
            assert_eq!(ids, (first..next).map(|i| i.to_string()).collect::<Vec<_>>(), "{from} {limit}");
        }
    }
}
