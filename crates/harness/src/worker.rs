//! One worker: it starts users, swaps its recorder when asked, and ends when they have. Timing is the driver's.

use std::rc::Rc;
use std::sync::Arc;

use measure::Recorder;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use wire::Clock;

use crate::desk::{ClassCounts, Desk};
use crate::user::{Surroundings, User};
use crate::{Plan, Transport};

/// From the driver to a worker.
#[derive(Debug)]
pub(crate) enum Order {
    /// Start a user.
    Spawn { class: usize, number: u32 },
    /// Hand over the recorder; here is an empty one.
    Swap(Recorder),
    /// Send nothing new.
    Stop,
    /// Give up what is in flight.
    Cut,
    /// Hand over the last records and end.
    Finish(Recorder),
}

/// From a worker to the driver.
#[derive(Debug)]
pub(crate) enum Report {
    /// Answers `Swap`.
    Second { recorder: Recorder, users: u32, in_flight: u32 },
    /// After `Stop`: the last user has gone.
    Drained,
    /// The worker panicked.
    Died,
    /// Answers `Finish`.
    Finished { recorder: Recorder, counts: Vec<ClassCounts> },
}

/// Works until told to finish, or until the driver is gone.
pub(crate) async fn work<T: Transport>(
    plan: Arc<Plan>,
    step: usize,
    clock: Clock,
    transport: T,
    mut orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<Report>,
) {
    let (stop, stopped) = watch::channel(false);
    let desk = Desk::new(&plan);
    let name = plan.steps[step].name.as_bytes();
    let run = (plan.seed.stream("run", wire::stable_hash(name)).next_u64() >> 32) as u32;
    let around = Rc::new(Surroundings { plan, step, run, clock, desk, transport, stop: stopped });
    let mut users = JoinSet::new();
    let mut drained_told = false;
    loop {
        if *stop.borrow() && users.is_empty() && !drained_told {
            drained_told = true;
            if reports.send(Report::Drained).await.is_err() {
                return;
            }
        }
        let order = tokio::select! {
            biased;
            order = orders.recv() => order,
            Some(ended) = users.join_next() => {
                resume_panic(ended);
                continue;
            }
        };
        let report = match order {
            None => return,
            Some(Order::Spawn { class, number }) => {
                users.spawn_local(User::new(around.clone(), class, number).live());
                continue;
            }
            Some(Order::Stop) => {
                stop.send_replace(true);
                continue;
            }
            Some(Order::Cut) => {
                stop.send_replace(true);
                users.abort_all();
                continue;
            }
            Some(Order::Swap(spare)) => Report::Second {
                recorder: around.desk.swap(spare),
                users: around.desk.users(),
                in_flight: around.desk.in_flight(),
            },
            Some(Order::Finish(spare)) => {
                Report::Finished { recorder: around.desk.swap(spare), counts: around.desk.counts() }
            }
        };
        if reports.send(report).await.is_err() {
            return;
        }
    }
}

/// A user that panicked is a bug of ours: it ends the worker, and with it the run.
fn resume_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
