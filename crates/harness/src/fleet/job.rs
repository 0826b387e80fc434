//! One step on one worker: its threads, its seconds, its end.
//!
//! It must not know the bus or letters.

use std::collections::HashMap;
use std::sync::Arc;

use measure::{GeneratorRecord, Packer};

use super::lease::Lease;
use super::message::{Order, Report, Second};
use super::worker::Station;
use crate::desk::ClassCounts;
use crate::health::Health;
use crate::threads::{Gauges, Seats, Threads};
use crate::{Load, Plan, Transport, World};

const SECOND_NS: u64 = 1_000_000_000;
/// Answers in flight are waited for so long by one whose work others do.
pub(super) const ANSWERS_NS: u64 = 2_000_000_000;

/// A step under way.
pub(super) struct Job {
    plan: Arc<Plan>,
    index: usize,
    pub(super) crew: Threads,
    health: Health,
    gauges: Gauges,
    /// Where seconds count from, once it has begun.
    from_ns: Option<u64>,
    /// When it has begun, resets or not.
    began_ns: Option<u64>,
    until_ns: u64,
    second: u64,
    resets: u32,
    /// When answers are given up.
    cut_ns: u64,
    /// Threads take turns; which turn a user had.
    turn: usize,
    turns: HashMap<u32, usize>,
    stage: Stage,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Made,
    Ready,
    Stopping,
    Drained,
    Over,
}

impl Job {
    /// Starts the threads; `seats` are the first one and the number of all, over all workers.
    pub(super) fn begin<T, F>(
        (plan, index): (&Arc<Plan>, usize),
        station: &Station,
        transport: F,
        (first, of): (usize, usize),
        lease: Arc<Lease>,
    ) -> Self
    where
        T: Transport,
        F: Fn() -> T + Clone + Send + 'static,
    {
        let mut own = Plan::clone(plan);
        let threads = station.workers.count();
        if let Load::Open { in_flight_max, .. } = &mut own.steps[index].load {
            *in_flight_max = share(*in_flight_max, threads, of);
        }
        let plan = Arc::new(own);
        let (clock, workers) = (station.clock, station.workers);
        let world = World { clock, workers, transport, host: None, resources: None, lens: None };
        let seats = Seats { first, of, lease: Some(lease) };
        Self {
            crew: Threads::start(&plan, index, &world, &seats),
            plan,
            index,
            health: Health::begin(clock, station.resources.clone()),
            gauges: Gauges::default(),
            from_ns: None,
            began_ns: None,
            until_ns: u64::MAX,
            cut_ns: u64::MAX,
            second: 0,
            resets: 0,
            turn: 0,
            turns: HashMap::new(),
            stage: Stage::Made,
        }
    }

    pub(super) fn users(&self) -> u32 {
        // Those that came since the last second count too.
        self.gauges.users.max(u32::try_from(self.turns.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.gauges.in_flight
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// When something is due next.
    pub(super) fn next_ns(&self) -> u64 {
        let stop_ns = if self.stage < Stage::Stopping { self.until_ns } else { u64::MAX };
        self.second_ns().unwrap_or(u64::MAX).min(stop_ns).min(self.cut_ns)
    }

    /// When the second that runs ends.
    fn second_ns(&self) -> Option<u64> {
        self.from_ns.map(|from_ns| from_ns + (self.second + 1) * SECOND_NS)
    }

    /// Does what is due at `now_ns`; what there is to report of it.
    pub(super) async fn work(&mut self, now_ns: u64, packer: &mut Packer) -> Vec<Report> {
        let mut reports = vec![];
        if self.stage == Stage::Made && self.crew.is_ready() {
            self.stage = Stage::Ready;
            reports.push(Report::Ready { step: self.index });
        }
        while self.stage < Stage::Over && self.second_ns().is_some_and(|end_ns| end_ns <= now_ns) {
            reports.push(self.cut_second(packer).await);
        }
        if self.stage < Stage::Stopping && now_ns >= self.until_ns {
            self.stop().await;
        }
        if now_ns >= self.cut_ns {
            self.cut_ns = u64::MAX;
            self.crew.cut().await;
        }
        if self.stage == Stage::Stopping && self.crew.is_drained() {
            self.stage = Stage::Drained;
            reports.push(Report::Drained { step: self.index });
        }
        if self.stage == Stage::Drained && self.crew.is_dismissed() {
            self.stage = Stage::Over;
            reports.extend(self.finish(packer).await);
        }
        reports
    }

    /// What the second recorded.
    async fn cut_second(&mut self, packer: &mut Packer) -> Report {
        let (gauges, recorder) = self.crew.swap().await;
        let parcel = packer.pack(recorder);
        self.gauges = gauges;
        let counts = self.crew.counts().to_vec();
        let (generator, _) = self.health.second();
        self.second += 1;
        self.report(parcel, counts, generator)
    }

    fn report(
        &self,
        parcel: measure::Parcel,
        counts: Vec<ClassCounts>,
        generator: Option<GeneratorRecord>,
    ) -> Report {
        Report::Second(Box::new(Second {
            step: self.index,
            resets: self.resets,
            second: self.second - 1,
            users: self.gauges.users,
            in_flight: self.gauges.in_flight,
            parcel,
            counts,
            generator,
        }))
    }

    /// The last records.
    async fn finish(&mut self, packer: &mut Packer) -> [Report; 2] {
        let (mut recorder, counts, arrivals) = self.crew.end().await;
        let parcel = packer.pack(&mut recorder);
        self.gauges = Gauges::default();
        let (generator, _) = self.health.second();
        self.second += 1;
        let last = self.report(parcel, counts, generator);
        let arrivals = arrivals.map(|tally| packer.pack_arrivals(tally));
        [last, Report::Finished { step: self.index, arrivals }]
    }

    pub(super) async fn obey(&mut self, order: Order, now_ns: u64) {
        match order {
            // Who has given its work up begins none.
            Order::Begin { .. } if self.stage >= Stage::Stopping => {}
            Order::Begin { from_ns, until_ns } => {
                (self.from_ns, self.began_ns, self.until_ns) = (Some(from_ns), Some(from_ns), until_ns);
                self.crew.begin(from_ns, until_ns).await;
            }
            Order::Spawn { users } => {
                for (class, number, generation) in users {
                    self.crew.spawn_on(self.turn, (class, number), generation).await;
                    self.turns.insert(number, self.turn);
                    self.turn += 1;
                }
            }
            Order::Take { seats } => {
                // Who has given its work up takes none.
                for taken in seats.into_iter().filter(|_| self.stage < Stage::Stopping) {
                    let Some(began_ns) = self.began_ns else { continue };
                    self.crew.take_on(self.turn, taken, (began_ns, self.until_ns)).await;
                    self.turn += 1;
                }
            }
            Order::Dismiss { numbers } => {
                for number in numbers {
                    if let Some(turn) = self.turns.remove(&number) {
                        self.crew.dismiss_on(turn, number).await;
                    }
                }
            }
            Order::Reset { at_ns } => {
                self.crew.reset(|| self.plan.recorder(self.index)).await;
                (self.from_ns, self.second, self.resets) = (Some(at_ns), 0, self.resets + 1);
            }
            Order::Stop => self.stop().await,
            Order::Cut => self.crew.cut().await,
            Order::Finish => self.crew.dismiss_all(),
            Order::Abandon => self.leave(now_ns + ANSWERS_NS).await,
            Order::Plan { .. } | Order::Step { .. } | Order::Bye { .. } => {}
        }
    }

    async fn stop(&mut self) {
        self.stage = self.stage.max(Stage::Stopping);
        self.crew.stop().await;
    }

    /// Gives up what others do now: sends nothing new, hands over what there is once the answers in flight are there, which
    /// are given up at `cut_ns`. So of what left next to nothing is without an answer.
    pub(super) async fn leave(&mut self, cut_ns: u64) {
        self.stop().await;
        self.crew.dismiss_all();
        self.cut_ns = self.cut_ns.min(cut_ns);
    }
}

/// A worker's part of what all may have in progress together, rounded up.
fn share(whole: u32, threads: usize, seats: usize) -> u32 {
    let part = (u64::from(whole) * threads as u64).div_ceil(seats.max(1) as u64);
    u32::try_from(part).unwrap_or(whole).max(1)
}
