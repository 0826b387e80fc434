//! A step's workers on other machines, as the driver sees them: the same orders and the same records as from threads.
//!
//! It must not know the bus.

use std::rc::Rc;

use measure::{ArrivalsTally, GeneratorRecord, LossRecord, Packer, Recorder};

use super::coordinator::{Fleet, WorkerView};
use super::journal::Line;
use super::message::Order;
use super::seconds::Seconds;
use super::state::{Stage, State};
use crate::Plan;
use crate::desk::ClassCounts;
use crate::threads::Gauges;

/// Beyond the longest round trip: what a step's begin is put off by, so that all hear of it before.
const LEAD_NS: u64 = 200_000_000;

/// What a step's last records are.
pub(crate) struct Finished {
    pub(crate) recorder: Recorder,
    pub(crate) counts: Vec<ClassCounts>,
    pub(crate) arrivals: Option<ArrivalsTally>,
    pub(crate) losses: Vec<LossRecord>,
}

/// A step's workers.
#[derive(Debug)]
pub(crate) struct FleetCrew<'a> {
    fleet: &'a Fleet,
    zero: Vec<ClassCounts>,
    counts: Vec<ClassCounts>,
    /// What the second that was taken last held.
    taken: Recorder,
    began: bool,
}

impl<'a> FleetCrew<'a> {
    /// Gives the workers that are there their parts.
    pub(crate) fn start(fleet: &'a Fleet, plan: &Plan, index: usize) -> Self {
        let zero: Vec<ClassCounts> = plan.scenarios.iter().map(ClassCounts::zero).collect();
        let seconds = Seconds::new(plan.entries.len(), plan.recorder(index));
        let mut state = fleet.state.borrow_mut();
        state.cast(Stage::new(index, seconds, fleet.lead.move_users), plan.steps[index].load.is_open());
        state.keep_step(plan, index);
        drop(state);
        fleet.kick.notify_one();
        Self { fleet, counts: zero.clone(), zero, taken: plan.recorder(index), began: false }
    }

    /// Waits until all are ready; when the step is to begin.
    pub(crate) async fn ready(&mut self) -> u64 {
        self.until(|state| {
            let mut waiting = state.at_work().filter_map(|at| state.members[at].part);
            waiting.all(|part| part.ready) && state.is_durable()
        })
        .await;
        let state = self.fleet.state.borrow();
        let slowest_ns = state.at_work().map(|at| state.members[at].rtt_ns).max().unwrap_or(0);
        let lead_ns = if self.fleet.lead.bus.is_memory() { 0 } else { LEAD_NS + slowest_ns };
        state.clock.now_ns() + lead_ns
    }

    pub(crate) fn begin(&mut self, from_ns: u64, until_ns: u64) {
        self.began = true;
        let mut state = self.fleet.state.borrow_mut();
        state.keep(&Line::Begin { from_ns, until_ns });
        state.stage.iter_mut().for_each(|stage| stage.begun = true);
        drop(state);
        self.order(|member| Order::Begin {
            from_ns: member.its_ns(from_ns),
            until_ns: member.its_ns(until_ns),
        });
    }

    pub(crate) fn spawn(&self, class: usize, number: u32) {
        self.fleet.state.borrow_mut().spawn(class, number);
        self.fleet.kick.notify_one();
    }

    pub(crate) fn dismiss(&self, number: u32) {
        self.fleet.state.borrow_mut().dismiss(number);
        self.fleet.kick.notify_one();
    }

    pub(crate) fn stop(&self) {
        if let Some(stage) = &mut self.fleet.state.borrow_mut().stage {
            stage.stopping = true;
        }
        self.order(|_| Order::Stop);
    }

    pub(crate) fn cut(&self) {
        self.order(|_| Order::Cut);
    }

    /// Waits until something has changed.
    pub(crate) async fn watch(&self) {
        self.fleet.changed.notified().await;
    }

    /// Whether all who are at work have sent all their users home; also when nobody is left.
    pub(crate) fn is_drained(&self) -> bool {
        let state = self.fleet.state.borrow();
        state.at_work().all(|at| state.members[at].part.is_some_and(|part| part.drained))
    }

    /// Whether nobody is left.
    pub(crate) fn is_deserted(&self) -> bool {
        self.fleet.state.borrow().at_work().next().is_none()
    }

    /// The next second, once all who are at work have handed it in.
    pub(crate) fn swap(&mut self) -> Option<(Gauges, &mut Recorder, Option<GeneratorRecord>)> {
        let mut state = self.fleet.state.borrow_mut();
        let names: Vec<String> = state.members.iter().map(|member| member.beat.id.clone()).collect();
        let at_work: Vec<usize> = state.at_work().collect();
        let stage = state.stage.as_mut()?;
        if !stage.seconds.is_complete(at_work.into_iter()) {
            return None;
        }
        let (gauges, recorder, generator) = stage.seconds.take(|at| names[at].clone());
        self.taken.merge(recorder);
        self.counts = summed(&self.zero, stage.counts.values());
        drop(state);
        Some((gauges, &mut self.taken, generator))
    }

    /// Drops what was recorded; from when on seconds count.
    pub(crate) fn reset(&mut self, fresh: &impl Fn() -> Recorder) -> u64 {
        let at_ns = {
            let mut state = self.fleet.state.borrow_mut();
            let at_ns = state.clock.now_ns();
            if let Some(stage) = &mut state.stage {
                stage.resets += 1;
                stage.counts.clear();
                stage.seconds = Seconds::new(stage.seconds.names(), fresh());
                let resets = stage.resets;
                state.keep(&Line::Reset { at_ns, resets });
            }
            at_ns
        };
        self.taken = fresh();
        self.order(|member| Order::Reset { at_ns: member.its_ns(at_ns) });
        at_ns
    }

    pub(crate) fn counts(&self) -> &[ClassCounts] {
        &self.counts
    }

    pub(crate) fn view(&self) -> Vec<WorkerView> {
        self.fleet.view()
    }

    /// Collects the last records; those who come back late are waited for as long as they speak.
    pub(crate) async fn finish(mut self) -> Finished {
        if let Some(stage) = &mut self.fleet.state.borrow_mut().stage {
            // Workers end by their own clocks: the last may have drained a moment before the load was to stop.
            stage.stopping = true;
        }
        self.order(|_| Order::Finish);
        self.until(|state| state.awaited().next().is_none()).await;
        let mut state = self.fleet.state.borrow_mut();
        let stage = state.stage.take().expect("a step runs until it is finished");
        state.keep(&Line::Ended { index: stage.index, absence: None });
        let tolerated = self.fleet.lead.tolerate_loss;
        let losses = stage.losses.iter().map(|loss| state.loss_record(loss, tolerated)).collect();
        let mut packer = Packer::default();
        let tallies = stage.arrivals.iter().filter_map(|parcel| packer.unpack_arrivals(parcel).ok());
        let arrivals = tallies.reduce(|mut sum, more| {
            sum.merge(more);
            sum
        });
        let counts = summed(&self.zero, stage.counts.values());
        let damaged = stage.seconds.damaged();
        assert_eq!(damaged, 0, "parcels of workers that know the run secret contradict themselves");
        self.taken.merge(&mut stage.seconds.finish());
        Finished { recorder: self.taken, counts, arrivals, losses }
    }

    fn order(&self, order: impl Fn(&super::member::Member) -> Order) {
        self.fleet.state.borrow_mut().order_all(order);
        self.fleet.kick.notify_one();
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let fleet = Rc::new(self.fleet);
        loop {
            let changed = fleet.changed.notified();
            if holds(&fleet.state.borrow()) {
                return;
            }
            changed.await;
        }
    }
}

/// What all did together.
pub(super) fn summed<'a>(
    zero: &[ClassCounts],
    each: impl Iterator<Item = &'a Vec<ClassCounts>>,
) -> Vec<ClassCounts> {
    let mut sum = zero.to_vec();
    for counts in each {
        sum.iter_mut().zip(counts).for_each(|(sum, more)| sum.add(more));
    }
    sum
}
