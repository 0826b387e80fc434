//! The open load of one worker: arrivals that are due are begun, dropped ones counted, lanes lent.
//! It must not know what an arrival does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use measure::ArrivalsTally;

use crate::arrivals::{Curve, Gaps, Share};
use crate::fleet::Lease;
use crate::{Load, Plan};

/// Which of how many workers this is, and what all of them count together: arrivals in progress.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) worker: usize,
    pub(crate) workers: usize,
    pub(crate) in_flight: Arc<AtomicU32>,
    pub(crate) lease: Option<Arc<Lease>>,
}

/// Seats of a worker that is gone, taken by another.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Taken {
    /// Which seat, and how often it had been taken before, plus one.
    pub(crate) seat: usize,
    pub(crate) generation: u32,
    /// What is due before was the other's.
    pub(crate) from_ns: u64,
}

/// One worker's arrivals.
#[derive(Debug)]
pub(crate) struct Open {
    share: RefCell<Share>,
    tally: RefCell<ArrivalsTally>,
    gaps: RefCell<Gaps>,
    begin_ns: u64,
    /// How often its seat was taken by another worker.
    generation: u32,
    in_flight: Arc<AtomicU32>,
    in_flight_max: u32,
    lanes_free: RefCell<Vec<u32>>,
    lanes_made: Cell<u32>,
    /// Arrivals that were begun and have not sent anything.
    owed: Cell<u64>,
}

impl Open {
    /// The worker's part of a step from `begin_ns` to `end_ns`; `None` when its load is closed.
    pub(crate) fn new(plan: &Plan, step: usize, seat: Seat, (begin_ns, end_ns): (u64, u64)) -> Option<Self> {
        let step = &plan.steps[step];
        let Load::Open { arrivals, in_flight_max } = &step.load else { return None };
        let place = (seat.worker, seat.workers);
        let share = Share::new(arrivals, (plan.seed, &step.name), place, (begin_ns, end_ns));
        let gaps = Gaps::new(Curve::new(arrivals.stages()), 1.0 / seat.workers as f64);
        Some(Self {
            share: RefCell::new(share),
            tally: RefCell::default(),
            gaps: RefCell::new(gaps),
            begin_ns,
            generation: 0,
            in_flight: seat.in_flight,
            in_flight_max: *in_flight_max,
            lanes_free: RefCell::default(),
            lanes_made: Cell::new(0),
            owed: Cell::new(0),
        })
    }

    /// The same of a seat that another worker had: what was due before is left to it.
    pub(crate) fn take_over(
        plan: &Plan,
        step: usize,
        (seat, taken): (Seat, &Taken),
        span_ns: (u64, u64),
    ) -> Option<Self> {
        let mut open = Self::new(plan, step, Seat { worker: taken.seat, ..seat }, span_ns)?;
        open.generation = taken.generation;
        while open.share.get_mut().take(taken.from_ns).is_some() {}
        Some(open)
    }

    /// When the next one is due; `None` when none is left.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.share.borrow().next_ns()
    }

    /// The next one that is due by `now_ns`, to be begun; those that find too many in progress are dropped on the way.
    pub(crate) fn next(self: &Rc<Self>, now_ns: u64) -> Option<Arriving> {
        loop {
            let (number, due_ns) = self.share.borrow_mut().take(now_ns)?;
            self.tally.borrow_mut().due(1);
            let room = |count: u32| (count < self.in_flight_max).then_some(count + 1);
            if self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok() {
                self.owed.set(self.owed.get() + 1);
                return Some(Arriving { open: self.clone(), lane: self.lane(), number, due_ns, sent: false });
            }
            self.tally.borrow_mut().dropped();
        }
    }

    /// Begins no more: what is due by `now_ns` and was not begun is counted.
    pub(crate) fn close(&self, now_ns: u64) {
        let mut share = self.share.borrow_mut();
        let unsent = std::iter::from_fn(|| share.take(now_ns)).count();
        share.end();
        self.tally.borrow_mut().due(unsent as u64);
    }

    /// Counts anew: of what was before, only what is yet to be sent.
    pub(crate) fn reset(&self) {
        let mut tally = ArrivalsTally::default();
        tally.due(self.owed.get());
        self.tally.replace(tally);
    }

    /// What was counted.
    pub(crate) fn tally(&self) -> ArrivalsTally {
        self.tally.borrow().clone()
    }

    fn lane(&self) -> u32 {
        self.lanes_free.borrow_mut().pop().unwrap_or_else(|| {
            let made = self.lanes_made.get();
            self.lanes_made.set(made + 1);
            made
        })
    }
}

/// An arrival in progress; it makes room when it is dropped.
#[derive(Debug)]
pub(crate) struct Arriving {
    open: Rc<Open>,
    /// What transports know it by: lanes are used again, so that connections are shared among few.
    pub(crate) lane: u32,
    pub(crate) number: u32,
    pub(crate) due_ns: u64,
    sent: bool,
}

impl Arriving {
    /// How often its seat was taken by another worker.
    pub(crate) fn generation(&self) -> u32 {
        self.open.generation
    }

    /// Whether nothing of it has left yet. It was due, so it leaves even when the load has ended meanwhile.
    pub(crate) fn is_owed(&self) -> bool {
        !self.sent
    }

    /// Its first request leaves; later ones do not count.
    pub(crate) fn sent(&mut self, at_ns: u64) {
        if std::mem::replace(&mut self.sent, true) {
            return;
        }
        self.open.owed.set(self.open.owed.get() - 1);
        let mut tally = self.open.tally.borrow_mut();
        tally.sent(at_ns.saturating_sub(self.due_ns));
        tally.gap(self.open.gaps.borrow_mut().next(at_ns.saturating_sub(self.open.begin_ns)));
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.open.lanes_free.borrow_mut().push(self.lane);
        self.open.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
