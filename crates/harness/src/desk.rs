//! What the users of one worker thread share: its recorder, gauges and counters. No lock: one thread.

use std::cell::{Cell, RefCell};

use measure::{NameId, Recorder, Sample, TaskRecord};

use crate::{Plan, Scenario};

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
}

impl Desk {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            recorder: RefCell::new(Recorder::new(plan.entries.len())),
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

    pub(crate) fn user_goes(&self) {
        self.users.set(self.users.get() - 1);
    }

    pub(crate) fn task_begins(&self, class: usize, task: usize) {
        self.counts.borrow_mut()[class].tasks[task].begun += 1;
    }

    /// A request leaves; the guard counts it as cut off unless it is recorded.
    pub(crate) fn request_begins(&self, class: usize, task: Option<usize>, name: NameId) -> InFlight<'_> {
        if let Some(task) = task {
            self.counts.borrow_mut()[class].tasks[task].requests += 1;
        }
        self.in_flight.set(self.in_flight.get() + 1);
        InFlight { desk: self, name, recorded: false }
    }
}

/// A request that is on its way.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    desk: &'a Desk,
    name: NameId,
    recorded: bool,
}

impl InFlight<'_> {
    pub(crate) fn record(mut self, sample: &Sample, error: Option<&str>) {
        self.recorded = true;
        self.desk.recorder.borrow_mut().record(sample, error);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.desk.in_flight.set(self.desk.in_flight.get() - 1);
        if !self.recorded {
            self.desk.recorder.borrow_mut().cut_off(self.name);
        }
    }
}
