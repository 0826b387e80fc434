//! The worker threads of a step: orders out, reports in.
//!
//! It must not know the driver's course, nor other machines.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use measure::{ArrivalsTally, Recorder};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::desk::ClassCounts;
use crate::fleet::Lease;
use crate::open::{Seat, Taken};
use crate::worker::{Order, Report, work};
use crate::{Plan, Transport, Workers, World};

/// Orders and reports that may wait; a full queue makes the sender wait, nothing is dropped.
const QUEUE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Threads {
    orders: Vec<mpsc::Sender<Order>>,
    reports: mpsc::Receiver<Report>,
    spares: Vec<Recorder>,
    merged: Recorder,
    /// By class, at the end of the last second.
    counts: Vec<ClassCounts>,
    ready: usize,
    drained: usize,
    dismissed: bool,
}

/// The gauges at the end of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) users: u32,
    pub(crate) in_flight: u32,
}

/// Which seats of the step's these threads have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    /// The first.
    pub(crate) first: usize,
    /// All of the step, over all processes; 0 when these threads are all.
    pub(crate) of: usize,
    /// What may be sent; `None` when nothing bounds it.
    pub(crate) lease: Option<Arc<Lease>>,
}

/// Tells the driver of a worker that panics, so that it does not wait for its reports.
struct Alarm(mpsc::Sender<Report>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // With a full queue the driver is not waiting; with a closed one it is gone.
            let _ = self.0.try_send(Report::Died);
        }
    }
}

/// A worker thread ended on its own: a bug, which its panic message has told.
const DEAD: &str = "a worker has ended unasked";

impl Threads {
    /// Starts the workers.
    pub(crate) fn start<T, F>(plan: &Arc<Plan>, step: usize, world: &World<F>, seats: &Seats) -> Self
    where
        T: Transport,
        F: Fn() -> T + Clone + Send + 'static,
    {
        let (reported, reports) = mpsc::channel(QUEUE);
        let World { clock, workers, transport: make, lens, .. } = world;
        let (clock, workers) = (*clock, *workers);
        let count = workers.count();
        let mut orders = vec![];
        let in_flight = Arc::new(AtomicU32::new(0));
        for index in 0..count {
            let seat = Seat {
                worker: seats.first + index,
                workers: seats.of.max(count),
                in_flight: in_flight.clone(),
                lease: seats.lease.clone(),
            };
            let (order, ordered) = mpsc::channel(QUEUE);
            orders.push(order);
            let (plan, make, reported, lens) = (plan.clone(), make.clone(), reported.clone(), lens.clone());
            let job = move || async move {
                let _alarm = Alarm(reported.clone());
                work(plan, (step, seat), clock, make(), lens, ordered, reported).await;
            };
            match workers {
                Workers::Here => drop(tokio::task::spawn_local(job())),
                Workers::Threads(_) => {
                    let thread = std::thread::Builder::new().name(format!("worker-{index}"));
                    let run = move || {
                        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
                        LocalSet::new().block_on(&runtime, job());
                    };
                    thread.spawn(run).expect("a worker thread starts");
                }
            }
        }
        let spares = orders.iter().map(|_| plan.recorder(step)).collect();
        let counts = plan.scenarios.iter().map(ClassCounts::zero).collect();
        Self {
            orders,
            reports,
            spares,
            merged: plan.recorder(step),
            counts,
            ready: 0,
            drained: 0,
            dismissed: false,
        }
    }

    /// Waits until all workers have made their transports: nothing is due before.
    pub(crate) async fn ready(&mut self) {
        while !self.is_ready() {
            self.watch().await;
        }
    }

    /// Whether all workers have made their transports.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready == self.orders.len()
    }

    /// Begins the arrivals of an open load, which end before `until_ns`.
    pub(crate) async fn begin(&self, from_ns: u64, until_ns: u64) {
        for worker in &self.orders {
            worker.send(Order::Begin { from_ns, until_ns }).await.expect(DEAD);
        }
    }

    /// Has thread `turn`, counted round, do another's arrivals too.
    pub(crate) async fn take_on(&self, turn: usize, taken: Taken, (from_ns, until_ns): (u64, u64)) {
        let order = Order::Take { taken, from_ns, until_ns };
        self.orders[turn % self.orders.len()].send(order).await.expect(DEAD);
    }

    /// Starts user `number` on the worker whose turn it is.
    pub(crate) async fn spawn(&self, class: usize, number: u32) {
        self.spawn_on(number as usize, (class, number), 0).await;
    }

    /// Starts a user on thread `turn`, counted round; `generation` counts the times that it was begun elsewhere.
    pub(crate) async fn spawn_on(&self, turn: usize, (class, number): (usize, u32), generation: u32) {
        let order = Order::Spawn { class, number, generation };
        self.orders[turn % self.orders.len()].send(order).await.expect(DEAD);
    }

    /// Lets user `number` go once it has read its answer.
    pub(crate) async fn dismiss(&self, number: u32) {
        self.dismiss_on(number as usize, number).await;
    }

    /// The same of one on thread `turn`.
    pub(crate) async fn dismiss_on(&self, turn: usize, number: u32) {
        self.orders[turn % self.orders.len()].send(Order::Dismiss { number }).await.expect(DEAD);
    }

    pub(crate) async fn stop(&self) {
        for worker in &self.orders {
            worker.send(Order::Stop).await.expect(DEAD);
        }
    }

    pub(crate) async fn cut(&self) {
        for worker in &self.orders {
            worker.send(Order::Cut).await.expect(DEAD);
        }
    }

    /// Waits for the next report that comes unasked.
    pub(crate) async fn watch(&mut self) {
        let report = self.report().await;
        self.unasked(&report);
    }

    /// Whether all users have gone, after `stop`.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained == self.orders.len()
    }

    /// Collects and merges what was recorded since the last time.
    pub(crate) async fn swap(&mut self) -> (Gauges, &mut Recorder) {
        for worker in &self.orders {
            let spare = self.spares.pop().expect("a spare a worker");
            worker.send(Order::Swap(spare)).await.expect(DEAD);
        }
        let mut gauges = Gauges::default();
        self.counts.iter_mut().for_each(ClassCounts::clear);
        while self.spares.len() < self.orders.len() {
            let report = self.report().await;
            self.unasked(&report);
            if let Report::Second { mut recorder, users, in_flight, counts } = report {
                gauges.users += users;
                gauges.in_flight += in_flight;
                self.merged.merge(&mut recorder);
                self.spares.push(recorder);
                self.counts.iter_mut().zip(&counts).for_each(|(sum, more)| sum.add(more));
            }
        }
        (gauges, &mut self.merged)
    }

    /// Drops what was recorded; `fresh` makes an empty recorder. Users and requests go on and count from now on.
    pub(crate) async fn reset(&mut self, fresh: impl Fn() -> Recorder) {
        for worker in &self.orders {
            let spare = self.spares.pop().expect("a spare a worker");
            worker.send(Order::Reset(spare)).await.expect(DEAD);
        }
        self.counts.iter_mut().for_each(ClassCounts::clear);
        while self.spares.len() < self.orders.len() {
            let report = self.report().await;
            self.unasked(&report);
            if let Report::Second { counts, .. } = report {
                self.spares.push(fresh());
                self.counts.iter_mut().zip(&counts).for_each(|(sum, more)| sum.add(more));
            }
        }
    }

    /// What each class did, up to the end of the last second.
    pub(crate) fn counts(&self) -> &[ClassCounts] {
        &self.counts
    }

    /// Nothing more will be asked of them.
    pub(crate) fn dismiss_all(&mut self) {
        self.dismissed = true;
    }

    /// Whether nothing more will be asked of them.
    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed
    }

    /// Collects the last records and ends the workers, who are not to be asked again.
    pub(crate) async fn end(&mut self) -> (Recorder, Vec<ClassCounts>, Option<ArrivalsTally>) {
        let nobody = Self {
            orders: vec![],
            reports: mpsc::channel(1).1,
            spares: vec![],
            merged: Recorder::new(0),
            counts: vec![],
            ready: 0,
            drained: 0,
            dismissed: true,
        };
        std::mem::replace(self, nobody).finish().await
    }

    /// Collects the last records and ends the workers.
    pub(crate) async fn finish(mut self) -> (Recorder, Vec<ClassCounts>, Option<ArrivalsTally>) {
        for worker in &self.orders {
            let spare = self.spares.pop().expect("a spare a worker");
            worker.send(Order::Finish(spare)).await.expect(DEAD);
        }
        let mut totals: Option<Vec<ClassCounts>> = None;
        let mut arrivals: Option<ArrivalsTally> = None;
        for _ in 0..self.orders.len() {
            let mut report = self.report().await;
            while !matches!(report, Report::Finished { .. }) {
                report = self.report().await;
            }
            if let Report::Finished { mut recorder, counts, arrivals: more } = report {
                self.merged.merge(&mut recorder);
                if let Some(more) = more {
                    arrivals.get_or_insert_default().merge(*more);
                }
                match &mut totals {
                    None => totals = Some(counts),
                    Some(totals) => totals.iter_mut().zip(&counts).for_each(|(total, more)| total.add(more)),
                }
            }
        }
        (self.merged, totals.unwrap_or_default(), arrivals)
    }

    async fn report(&mut self) -> Report {
        let report = self.reports.recv().await.expect(DEAD);
        assert!(!matches!(report, Report::Died), "{DEAD}");
        report
    }

    fn unasked(&mut self, report: &Report) {
        match report {
            Report::Ready => self.ready += 1,
            Report::Drained => self.drained += 1,
            Report::Second { .. } | Report::Died | Report::Finished { .. } => {}
        }
    }
}
