//! What the users of one worker thread share: its recorder, gauges and counters. No lock: one thread.

use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use http::HeaderValue;
use measure::{ClassRecord, NameId, PulseRecord, Recorder, Sample, TaskRecord};
use wire::Clock;

use crate::stages::read_stages;
use crate::{Lens, Plan, Scenario};

/// Counts of one class on one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

    /// The same in the run file.
    pub(crate) fn record(&self, scenario: &Scenario) -> ClassRecord {
        ClassRecord {
            name: scenario.class.clone(),
            weight: scenario.weight,
            users: self.users,
            entries: scenario.requests().map(|request| request.entry).collect(),
            task_requests: self.tasks.iter().map(|task| task.requests).sum(),
            tasks: self.tasks.clone(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.users = 0;
        self.tasks.iter_mut().for_each(|task| (task.begun, task.requests) = (0, 0));
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
    /// Requests that ended, whatever the outcome.
    ended: Cell<u64>,
    /// Users that are there, by class.
    present: RefCell<Vec<u32>>,
    /// Sum of when the requests in flight were begun.
    begun_sum_ns: Cell<u128>,
    /// Sum of when the users that are there read their last answers, or came.
    ready_sum_ns: Cell<u128>,
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
            ended: Cell::new(0),
            present: RefCell::new(vec![0; plan.scenarios.len()]),
            begun_sum_ns: Cell::new(0),
            ready_sum_ns: Cell::new(0),
        }
    }

    /// Puts an empty recorder in place and hands out the filled one.
    pub(crate) fn swap(&self, spare: Recorder) -> Recorder {
        self.recorder.replace(spare)
    }

    /// Forgets what was counted, and hands out what was recorded: those who are there count from now on, with the times
    /// that they had been under way noted.
    pub(crate) fn reset(&self, spare: Recorder, now_ns: u64) -> Recorder {
        for (counts, present) in self.counts.borrow_mut().iter_mut().zip(self.present.borrow().iter()) {
            counts.clear();
            counts.users = *present;
        }
        let before = |count: u32, sum_ns: u128| {
            u64::try_from((u128::from(count) * u128::from(now_ns)).saturating_sub(sum_ns)).unwrap_or(u64::MAX)
        };
        let dropped = self.recorder.replace(spare);
        self.pulse(|pulse| {
            pulse.requests_before_ns = before(self.in_flight(), self.begun_sum_ns.get());
            pulse.users_before_ns = before(self.users(), self.ready_sum_ns.get());
        });
        dropped
    }

    pub(crate) fn users(&self) -> u32 {
        self.users.get()
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    pub(crate) fn ended(&self) -> u64 {
        self.ended.get()
    }

    pub(crate) fn counts(&self) -> Vec<ClassCounts> {
        self.counts.borrow().clone()
    }

    pub(crate) fn user_comes(&self, class: usize, ready_ns: u64) {
        self.users.set(self.users.get() + 1);
        self.counts.borrow_mut()[class].users += 1;
        self.present.borrow_mut()[class] += 1;
        self.ready_sum_ns.set(self.ready_sum_ns.get() + u128::from(ready_ns));
    }

    /// A user has read an answer: its last one, or its coming, was at `before_ns`.
    pub(crate) fn user_reads(&self, before_ns: u64, now_ns: u64) {
        self.ready_sum_ns.set(self.ready_sum_ns.get() - u128::from(before_ns) + u128::from(now_ns));
    }

    /// A user goes, whose last answer, or coming, was at `ready_ns`.
    pub(crate) fn user_goes(&self, class: usize, ready_ns: u64, now_ns: u64) {
        self.users.set(self.users.get() - 1);
        self.present.borrow_mut()[class] -= 1;
        self.ready_sum_ns.set(self.ready_sum_ns.get() - u128::from(ready_ns));
        self.pulse(|pulse| pulse.waited_ns += now_ns.saturating_sub(ready_ns));
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
        let begun_ns = clock.now_ns();
        self.begun_sum_ns.set(self.begun_sum_ns.get() + u128::from(begun_ns));
        InFlight { desk: self, name, clock, begun_ns, recorded: false }
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
    /// `said` is what the server says of where the time went; mostly nothing.
    pub(crate) fn record(mut self, mut sample: Sample, error: Option<&str>, said: &[HeaderValue]) {
        self.recorded = true;
        if self.desk.lens.as_ref().is_none_or(|lens| lens.see(&mut sample)) {
            let recorder = &mut *self.desk.recorder.borrow_mut();
            recorder.record(&sample, error);
            if !said.is_empty() {
                recorder.stages(&sample, read_stages(said).as_deref());
            }
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.desk.in_flight.set(self.desk.in_flight.get() - 1);
        self.desk.ended.set(self.desk.ended.get() + 1);
        self.desk.begun_sum_ns.set(self.desk.begun_sum_ns.get() - u128::from(self.begun_ns));
        if !self.recorded {
            self.desk.recorder.borrow_mut().cut_off(self.name);
            self.desk.pulse(|pulse| pulse.given_up_ns += self.clock.now_ns() - self.begun_ns);
        }
    }
}
