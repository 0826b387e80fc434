//! One worker: it starts users, swaps its recorder when asked, and ends when they have. Timing is the driver's.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use measure::{ArrivalsTally, Recorder};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use wire::Clock;

use crate::desk::{ClassCounts, Desk};
use crate::open::{Open, Seat, Taken};
use crate::pulse::Pulse;
use crate::user::{Farewell, Surroundings, User, run_id};
use crate::{Lens, Plan, Transport};

/// From the driver to a worker.
#[derive(Debug)]
pub(crate) enum Order {
    /// Begin the arrivals of an open load.
    Begin { from_ns: u64, until_ns: u64 },
    /// Do another's arrivals too, within the same span.
    Take { taken: Taken, from_ns: u64, until_ns: u64 },
    /// Start a user.
    Spawn { class: usize, number: u32, generation: u32 },
    /// Let a user go.
    Dismiss { number: u32 },
    /// Hand over the recorder; here is an empty one.
    Swap(Recorder),
    /// The same, and begin to count anew.
    Reset(Recorder),
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
    /// The transport is made.
    Ready,
    /// Answers `Swap` and `Reset`.
    Second { recorder: Recorder, users: u32, in_flight: u32, counts: Vec<ClassCounts> },
    /// After `Stop`: the last user has gone.
    Drained,
    /// The worker panicked.
    Died,
    /// Answers `Finish`.
    Finished { recorder: Recorder, counts: Vec<ClassCounts>, arrivals: Option<Box<ArrivalsTally>> },
}

/// Works until told to finish, or until the driver is gone.
pub(crate) async fn work<T: Transport>(
    plan: Arc<Plan>,
    (step, seat): (usize, Seat),
    clock: Clock,
    transport: T,
    lens: Option<Arc<dyn Lens>>,
    mut orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<Report>,
) {
    let (stop, stopped) = watch::channel(false);
    let around = surroundings((plan, step, &seat), clock, transport, lens, stopped);
    let _pulse = Pulse::begin(&around, seat.worker);
    let mut users = JoinSet::new();
    let mut farewells: HashMap<u32, Rc<Farewell>> = HashMap::new();
    let mut drained_told = false;
    let mut open: Vec<Rc<Open>> = vec![];
    if reports.send(Report::Ready).await.is_err() {
        return;
    }
    loop {
        // First, not in turn with what else is ready: a busy worker must not be late.
        begin_due(&around, &open, &mut users);
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
            () = next_arrival(&open, clock) => continue,
        };
        let report = match order {
            None => return,
            Some(Order::Spawn { class, number, generation }) => {
                let farewell = Rc::<Farewell>::default();
                farewells.insert(number, farewell.clone());
                users.spawn_local(User::new(around.clone(), (class, number, generation), farewell).live());
                continue;
            }
            Some(Order::Dismiss { number }) => {
                farewells.remove(&number).iter().for_each(|farewell| farewell.say());
                continue;
            }
            Some(Order::Begin { from_ns, until_ns }) => {
                open.extend(Open::new(&around.plan, step, seat.clone(), (from_ns, until_ns)).map(Rc::new));
                continue;
            }
            Some(Order::Take { taken, from_ns, until_ns }) => {
                let others = (seat.clone(), &taken);
                open.extend(Open::take_over(&around.plan, step, others, (from_ns, until_ns)).map(Rc::new));
                continue;
            }
            Some(ending @ (Order::Stop | Order::Cut)) => {
                stop.send_replace(true);
                open.iter().for_each(|open| open.close(clock.now_ns()));
                if matches!(ending, Order::Cut) {
                    users.abort_all();
                }
                continue;
            }
            Some(Order::Swap(spare)) => second(&around.desk, around.desk.swap(spare)),
            Some(Order::Reset(spare)) => {
                open.iter().for_each(|open| open.reset());
                second(&around.desk, around.desk.reset(spare, clock.now_ns()))
            }
            Some(Order::Finish(spare)) => finished(&around.desk, spare, &open),
        };
        if reports.send(report).await.is_err() {
            return;
        }
    }
}

/// The worker's run and desk, as its users share them.
fn surroundings<T>(
    (plan, step, seat): (Arc<Plan>, usize, &Seat),
    clock: Clock,
    transport: T,
    lens: Option<Arc<dyn Lens>>,
    stop: watch::Receiver<bool>,
) -> Rc<Surroundings<T>> {
    let desk = Desk::new(&plan, step, lens);
    let run = run_id(plan.seed, &plan.steps[step].name, 0);
    let (nobody, lease) = (Rc::default(), seat.lease.clone());
    Rc::new(Surroundings { plan, step, run, clock, desk, transport, stop, nobody, lease })
}

fn finished(desk: &Desk, spare: Recorder, open: &[Rc<Open>]) -> Report {
    let tallies = open.iter().map(|open| open.tally());
    let arrivals = tallies.reduce(|mut sum, more| {
        sum.merge(more);
        sum
    });
    let arrivals = arrivals.map(Box::new);
    Report::Finished { recorder: desk.swap(spare), counts: desk.counts(), arrivals }
}

fn second(desk: &Desk, recorder: Recorder) -> Report {
    Report::Second { recorder, users: desk.users(), in_flight: desk.in_flight(), counts: desk.counts() }
}

/// Begins all arrivals that are due.
fn begin_due<T: Transport>(around: &Rc<Surroundings<T>>, open: &[Rc<Open>], users: &mut JoinSet<()>) {
    for open in open {
        while let Some(arriving) = open.next(around.clock.now_ns()) {
            users.spawn_local(User::arriving(around.clone(), arriving).arrive());
        }
    }
}

/// Waits until the next arrival is due: for ever, when none is.
async fn next_arrival(open: &[Rc<Open>], clock: Clock) {
    match open.iter().filter_map(|open| open.next_ns()).min() {
        Some(at_ns) => clock.sleep_until(at_ns).await,
        None => std::future::pending().await,
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
