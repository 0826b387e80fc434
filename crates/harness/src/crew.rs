//! The workers of a step, as the driver sees them: orders out, reports in.

use std::sync::Arc;

use measure::Recorder;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use wire::Clock;

use crate::desk::ClassCounts;
use crate::worker::{Order, Report, work};
use crate::{Plan, Transport, Workers};

/// Orders and reports that may wait; a full queue makes the sender wait, nothing is dropped.
const QUEUE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Crew {
    orders: Vec<mpsc::Sender<Order>>,
    reports: mpsc::Receiver<Report>,
    spares: Vec<Recorder>,
    merged: Recorder,
    drained: usize,
}

/// The gauges at the end of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) users: u32,
    pub(crate) in_flight: u32,
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

impl Crew {
    /// Starts the workers.
    pub(crate) fn start<T, F>(plan: &Arc<Plan>, step: usize, clock: Clock, workers: Workers, make: &F) -> Self
    where
        T: Transport,
        F: Fn() -> T + Clone + Send + 'static,
    {
        let (reported, reports) = mpsc::channel(QUEUE);
        let count = match workers {
            Workers::Here => 1,
            Workers::Threads(count) => count.max(1),
        };
        let mut orders = vec![];
        for index in 0..count {
            let (order, ordered) = mpsc::channel(QUEUE);
            orders.push(order);
            let (plan, make, reported) = (plan.clone(), make.clone(), reported.clone());
            let job = move || async move {
                let _alarm = Alarm(reported.clone());
                work(plan, step, clock, make(), ordered, reported).await;
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
        let names = plan.entries.len();
        let spares = orders.iter().map(|_| Recorder::new(names)).collect();
        Self { orders, reports, spares, merged: Recorder::new(names), drained: 0 }
    }

    /// Starts user `number` on the worker whose turn it is.
    pub(crate) async fn spawn(&self, class: usize, number: u32) {
        let worker = number as usize % self.orders.len();
        self.orders[worker].send(Order::Spawn { class, number }).await.expect(DEAD);
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
        while self.spares.len() < self.orders.len() {
            let report = self.report().await;
            self.unasked(&report);
            if let Report::Second { mut recorder, users, in_flight } = report {
                gauges.users += users;
                gauges.in_flight += in_flight;
                self.merged.merge(&mut recorder);
                self.spares.push(recorder);
            }
        }
        (gauges, &mut self.merged)
    }

    /// Collects the last records and ends the workers.
    pub(crate) async fn finish(mut self) -> (Recorder, Vec<ClassCounts>) {
        for worker in &self.orders {
            let spare = self.spares.pop().expect("a spare a worker");
            worker.send(Order::Finish(spare)).await.expect(DEAD);
        }
        let mut totals: Option<Vec<ClassCounts>> = None;
        for _ in 0..self.orders.len() {
            let mut report = self.report().await;
            while !matches!(report, Report::Finished { .. }) {
                report = self.report().await;
            }
            if let Report::Finished { mut recorder, counts } = report {
                self.merged.merge(&mut recorder);
                match &mut totals {
                    None => totals = Some(counts),
                    Some(totals) => totals.iter_mut().zip(&counts).for_each(|(total, more)| total.add(more)),
                }
            }
        }
        (self.merged, totals.unwrap_or_default())
    }

    async fn report(&mut self) -> Report {
        let report = self.reports.recv().await.expect(DEAD);
        assert!(!matches!(report, Report::Died), "{DEAD}");
        report
    }

    fn unasked(&mut self, report: &Report) {
        if matches!(report, Report::Drained) {
            self.drained += 1;
        }
    }
}
