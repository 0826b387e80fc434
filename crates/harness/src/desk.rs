//! What the users of one worker thread share: its recorder, gauges and counters. No lock: one thread.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use measure::{NameId, PulseRecord, Recorder, Sample, TaskRecord};
use wire::Clock;

use crate::{Lens, Plan, Scenario};

/// Counts of one class on one worker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassCounts {
    pub(crate) users: u32,
    pub(crate) tasks: Vec<TaskRecord>,
}

impl ClassCounts {
    pub(crate) fn zero(scenario: &Scenario) -> Self {
        let task = |task: &crate::Task| TaskRecord {
            name: task.name.clone(),
            weight: task.weight,
            begun: 0,
            requests: 0,
        };
        Self { users: 0, tasks: scenario.tasks.iter().map(task).collect() }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.users += other.users;
        for (task, more) in self.tasks.iter_mut().zip(&other.tasks) {
            task.begun += more.begun;
            task.requests += more.requests;
        }
    }
}

/// One worker's records.
#[derive(Debug)]
pub(crate) struct Desk {
    recorder: RefCell<Recorder>,
    counts: RefCell<Vec<ClassCounts>>,
    users: Cell<u32>,
    in_flight: Cell<u32>,
    lens: Option<Arc<dyn Lens>>,
}

impl Desk {
    pub(crate) fn new(plan: &Plan, step: usize, lens: Option<Arc<dyn Lens>>) -> Self {
        Self {
            lens,
            recorder: RefCell::new(plan.recorder(step)),
            counts: RefCell::new(plan.scenarios.iter().map(ClassCounts::zero).collect()),
            users: Cell::new(0),
            in_flight: Cell::new(0),
        }
    }

    /// Puts an empty recorder in place and hands out the filled one.
    pub(crate) fn swap(&self, spare: Recorder) -> Recorder {
        self.recorder.replace(spare)
    }

    pub(crate) fn users(&self) -> u32 {
        self.users.get()
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    pub(crate) fn counts(&self) -> Vec<ClassCounts> {
        self.counts.borrow().clone()
    }

    pub(crate) fn user_comes(&self, class: usize) {
        self.users.set(self.users.get() + 1);
        self.counts.borrow_mut()[class].users += 1;
    }

    /// A user goes, so long after its last answer.
    pub(crate) fn user_goes(&self, after_ns: u64) {
        self.users.set(self.users.get() - 1);
        self.pulse(|pulse| pulse.waited_ns += after_ns);
    }

    pub(crate) fn task_begins(&self, class: usize, task: usize) {
        self.counts.borrow_mut()[class].tasks[task].begun += 1;
    }

    /// Adds to what the worker's timer saw.
    pub(crate) fn pulse(&self, add: impl FnOnce(&mut PulseRecord)) {
        add(&mut self.recorder.borrow_mut().pulse);
    }

    /// A request leaves; the guard counts it as cut off unless it is recorded.
    pub(crate) fn request_begins(
        &self,
        class: usize,
        task: Option<usize>,
        name: NameId,
        clock: Clock,
    ) -> InFlight<'_> {
        if let Some(task) = task {
            self.counts.borrow_mut()[class].tasks[task].requests += 1;
        }
        self.in_flight.set(self.in_flight.get() + 1);
        InFlight { desk: self, name, clock, begun_ns: clock.now_ns(), recorded: false }
    }
}

/// A request that is on its way.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    desk: &'a Desk,
    name: NameId,
    clock: Clock,
    begun_ns: u64,
    recorded: bool,
}

impl InFlight<'_> {
    pub(crate) fn record(mut self, mut sample: Sample, error: Option<&str>) {
        self.recorded = true;
        if self.desk.lens.as_ref().is_none_or(|lens| lens.see(&mut sample)) {
            self.desk.recorder.borrow_mut().record(&sample, error);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.desk.in_flight.set(self.desk.in_flight.get() - 1);
        if !self.recorded {
            self.desk.recorder.borrow_mut().cut_off(self.name);
            self.desk.pulse(|pulse| pulse.given_up_ns += self.clock.now_ns() - self.begun_ns);
        }
    }
}
