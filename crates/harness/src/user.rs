//! One user's life: `on_start`, then a task, a wait, a task, … until told to stop.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use measure::{Outcome, RequestId, Sample};
use tokio::sync::{Notify, watch};
use wire::{Clock, Seed, Stream};

use crate::assess::assess;
use crate::desk::Desk;
use crate::fleet::Lease;
use crate::open::Arriving;
use crate::scenario::Scope;
use crate::{Call, OnFailure, Plan, Request, Scenario, SendError, Step, Task, Transport};

/// What all users of a worker need.
#[derive(Debug)]
pub(crate) struct Surroundings<T> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) step: usize,
    /// Tells the request ids of this step from those of others.
    pub(crate) run: u32,
    pub(crate) clock: Clock,
    pub(crate) desk: Desk,
    pub(crate) transport: T,
    pub(crate) stop: watch::Receiver<bool>,
    /// What arrivals have, whom nobody tells to go.
    pub(crate) nobody: Rc<Farewell>,
    /// How many requests may leave; `None` when nothing bounds them.
    pub(crate) lease: Option<Arc<Lease>>,
}

/// Tells one user to go, once it has read the answer that it waits for.
#[derive(Debug, Default)]
pub(crate) struct Farewell {
    said: Cell<bool>,
    wake: Notify,
}

impl Farewell {
    pub(crate) fn say(&self) {
        self.said.set(true);
        self.wake.notify_one();
    }
}

/// A user.
#[derive(Debug)]
pub(crate) struct User<T> {
    around: Rc<Surroundings<T>>,
    stop: watch::Receiver<bool>,
    farewell: Rc<Farewell>,
    class: usize,
    number: u32,
    /// Tells the request ids of its step, and of its generation, from those of others.
    run: u32,
    requests: u32,
    stream: Stream,
    /// When the next request is due: at the end of a wait, by the user's pace, or after the answer before it.
    due_ns: u64,
    /// When it could be sent at the earliest: when the answer before was read.
    ready_ns: u64,
    /// Of an arrival.
    arriving: Option<Arriving>,
}

/// Why a part of a user's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Whole,
    Task,
    User,
}

impl<T: Transport> User<T> {
    pub(crate) fn new(
        around: Rc<Surroundings<T>>,
        (class, number, generation): (usize, u32, u32),
        farewell: Rc<Farewell>,
    ) -> Self {
        let (seed, step) = (around.plan.seed, &around.plan.steps[around.step].name);
        around.transport.prepare(number);
        let now_ns = around.clock.now_ns();
        around.desk.user_comes(class, now_ns);
        Self {
            stop: around.stop.clone(),
            farewell,
            stream: seed.stream(&of_generation(&format!("user/{step}"), generation), u64::from(number)),
            run: if generation == 0 { around.run } else { run_id(seed, step, generation) },
            due_ns: now_ns,
            ready_ns: now_ns,
            requests: 0,
            around,
            class,
            number,
            arriving: None,
        }
    }

    /// An arrival, with a class and a random stream of its own.
    pub(crate) fn arriving(around: Rc<Surroundings<T>>, arriving: Arriving) -> Self {
        let (seed, step) = (around.plan.seed, &around.plan.steps[around.step].name);
        let mut stream = seed.stream(&format!("arrival/{step}"), u64::from(arriving.number));
        let weights = around.plan.scenarios.iter().map(|scenario| scenario.weight);
        let class = by_weight(weights, &mut stream);
        around.transport.prepare(arriving.lane);
        around.desk.user_comes(class, arriving.due_ns);
        Self {
            stop: around.stop.clone(),
            farewell: around.nobody.clone(),
            run: match arriving.generation() {
                0 => around.run,
                again => run_id(seed, step, again),
            },
            stream,
            due_ns: arriving.due_ns,
            ready_ns: arriving.due_ns,
            requests: 0,
            around,
            class,
            number: arriving.number,
            arriving: Some(arriving),
        }
    }

    /// Does one task.
    pub(crate) async fn arrive(mut self) {
        let plan = self.around.plan.clone();
        let scenario = &plan.scenarios[self.class];
        let index = self.choose(scenario);
        let task = &scenario.tasks[index];
        if matches!(task.steps.first(), Some(Step::Think(_))) {
            self.arrived(self.around.clock.now_ns());
        }
        self.run(task, index).await;
    }

    /// An arrival's first request leaves, or it begins to think.
    fn arrived(&mut self, at_ns: u64) {
        if let Some(arriving) = &mut self.arriving {
            arriving.sent(at_ns);
        }
    }

    /// Lives until told to stop.
    pub(crate) async fn live(mut self) {
        let plan = self.around.plan.clone();
        let scenario = &plan.scenarios[self.class];
        let mut left = plan.iterations_of(self.around.step, self.number).unwrap_or(u64::MAX);
        if left == 0 {
            return;
        }
        let mut ended = self.take(&scenario.on_start, None, OnFailure::Continue).await;
        while ended != Ended::User && !self.stopping() {
            let index = self.choose(scenario);
            // Without what the harness itself was late by, so that a pace does not drift.
            let begun_ns = self.due_ns.max(self.ready_ns);
            ended = self.run(&scenario.tasks[index], index).await;
            left -= 1;
            if ended == Ended::User || left == 0 {
                break;
            }
            let due_ns = scenario.wait.due_ns(begun_ns, self.due_ns, &mut self.stream);
            self.wait_until(due_ns).await;
        }
    }

    /// A task by weight.
    fn choose(&mut self, scenario: &Scenario) -> usize {
        by_weight(scenario.tasks.iter().map(|task| task.weight), &mut self.stream)
    }

    async fn run(&mut self, task: &Task, index: usize) -> Ended {
        self.around.desk.task_begins(self.class, index);
        let (least, most) = task.repeat;
        let repeats = least + self.stream.below(u64::from(most - least) + 1) as u32;
        for repeat in 0..repeats {
            if let Some(pause) = task.pause.filter(|_| repeat > 0) {
                let pause_ns = pause.draw_ns(&mut self.stream);
                self.wait_until(self.due_ns + pause_ns).await;
            }
            let ended = self.take(&task.steps, Some(index), task.on_failure).await;
            if ended != Ended::Whole {
                return ended;
            }
        }
        Ended::Whole
    }

    async fn take(&mut self, steps: &[Step], task: Option<usize>, on_failure: OnFailure) -> Ended {
        for step in steps {
            let owed = self.arriving.as_ref().is_some_and(Arriving::is_owed);
            if self.stopping() && !owed {
                return Ended::User;
            }
            let request = match step {
                Step::Think(span) => {
                    let think_ns = span.draw_ns(&mut self.stream);
                    self.wait_until(self.due_ns + think_ns).await;
                    continue;
                }
                Step::Request(request) => request,
            };
            let outcome = self.send(request, task).await;
            match request.on_failure.unwrap_or(on_failure) {
                _ if outcome == Outcome::Success => {}
                OnFailure::Continue => {}
                OnFailure::StopTask => return Ended::Task,
                OnFailure::StopUser => return Ended::User,
            }
        }
        Ended::Whole
    }

    /// Renders, sends, assesses and records one request.
    async fn send(&mut self, request: &Request, task: Option<usize>) -> Outcome {
        let around = self.around.clone();
        if !self.may_leave().await {
            return Outcome::Failure;
        }
        let request_id = RequestId { run: self.run, user: self.number, number: self.requests };
        self.requests += 1;
        let call = self.render(request, request_id);
        let in_flight = around.desk.request_begins(self.class, task, request.entry, around.clock);
        let sent_ns = around.clock.now_ns();
        self.arrived(sent_ns);
        let result = match call {
            Ok(call) => {
                let answer = around.clock.timeout(request.timeout, around.transport.send(call)).await;
                answer.unwrap_or(Err(SendError::Timeout(request.timeout)))
            }
            Err(error) => Err(error),
        };
        let done_ns = around.clock.now_ns();
        let assessed = assess(&request.expect, &request.name, &result);
        let sample = Sample {
            request_id,
            name: request.entry,
            intended_ns: self.due_ns,
            ready_ns: self.ready_ns,
            sent_ns,
            done_ns,
            outcome: assessed.outcome,
            status: assessed.status,
            body_bytes: assessed.body_bytes,
        };
        let said = result.as_ref().map_or(&[][..], |reply| &reply.server_timing);
        in_flight.record(sample, assessed.error.as_deref(), said);
        around.desk.user_reads(self.ready_ns, done_ns);
        (self.due_ns, self.ready_ns) = (done_ns, done_ns);
        assessed.outcome
    }

    /// Waits until a request may leave; false: the user is to end before that, and nothing leaves.
    async fn may_leave(&mut self) -> bool {
        let around = self.around.clone();
        let Some(lease) = &around.lease else { return true };
        tokio::select! {
            biased;
            () = lease.take() => true,
            // An error means that the worker is gone, which ends users too.
            _ = self.stop.wait_for(|stop| *stop) => false,
        }
    }

    fn render(&mut self, request: &Request, request_id: RequestId) -> Result<Call, SendError> {
        let unix_ns = self.around.clock.unix_ns();
        let scope = &mut Scope { request_id, stream: &mut self.stream, unix_ns, unsigned: None };
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 1);
        for (name, template) in &request.headers {
            let value = match template.as_literal() {
                Some(text) => HeaderValue::from_str(text),
                None => HeaderValue::from_str(&template.render(scope)),
            };
            headers.insert(name, value.map_err(|e| SendError::Other(format!("header {name}: {e}")))?);
        }
        let id = HeaderValue::from_str(&request_id.to_string());
        headers.insert(
            HeaderName::from_static(wire::REQUEST_ID_HEADER),
            id.map_err(|e| SendError::Other(e.to_string()))?,
        );
        let call = Call {
            user: self.arriving.as_ref().map_or(self.number, |arriving| arriving.lane),
            method: request.method.clone(),
            path: request.path.render(scope),
            headers,
            body: request.body.as_ref().map(|body| body.render(scope).into()).unwrap_or_default(),
        };
        match scope.unsigned.take() {
            None => Ok(call),
            Some(why) => Err(SendError::Other(format!("not signed: {why}"))),
        }
    }

    /// Waits, unless told to stop; what comes next is due at `at_ns`.
    async fn wait_until(&mut self, at_ns: u64) {
        self.due_ns = at_ns;
        let clock = self.around.clock;
        if at_ns <= clock.now_ns() {
            // A user that never waits must still let orders through.
            tokio::task::yield_now().await;
            return;
        }
        tokio::select! {
            biased;
            // An error means that the worker is gone, which ends users too.
            _ = self.stop.wait_for(|stop| *stop) => {}
            () = self.farewell.wake.notified() => {}
            () = clock.sleep_until(at_ns) => {}
        }
    }

    fn stopping(&self) -> bool {
        self.farewell.said.get() || *self.stop.borrow()
    }
}

/// What the request ids of a step's users begin with; a user that was begun anew has others than before.
pub(crate) fn run_id(seed: Seed, step: &str, generation: u32) -> u32 {
    let stream = &mut seed.stream(&of_generation("run", generation), wire::stable_hash(step.as_bytes()));
    (stream.next_u64() >> 32) as u32
}

fn of_generation(name: &str, generation: u32) -> String {
    if generation == 0 { name.to_owned() } else { format!("{name}/again/{generation}") }
}

/// One of several, drawn by weight.
fn by_weight(weights: impl Iterator<Item = u32> + Clone, stream: &mut Stream) -> usize {
    let total: u64 = weights.clone().map(u64::from).sum();
    let mut ticket = stream.below(total);
    let hit = |weight: u32| {
        let hit = ticket < u64::from(weight);
        ticket = ticket.saturating_sub(u64::from(weight));
        hit
    };
    weights.map(hit).position(|hit| hit).unwrap_or(0)
}

impl<T> Drop for User<T> {
    fn drop(&mut self) {
        let now_ns = self.around.clock.now_ns();
        self.around.desk.user_goes(self.class, self.ready_ns, now_ns);
    }
}
