//! What stands in a journal, carried out again: who worked, which step ran, what was handed in and what was lost.
//!
//! It must not know the bus, nor where the lines come from.

use std::mem;

use measure::{AbsenceRecord, ClassRecord, Phases, Process, Recorder, StepRecorder, StepRun};

use super::crew::summed;
use super::journal::{Identity, Line, StepHead};
use super::member::{Member, Part, Standing};
use super::message::Report;
use super::seconds::Seconds;
use super::state::{Loss, Stage, State};
use crate::desk::ClassCounts;
use crate::driver::blank_step;
use crate::{Load, Plan};

const SECOND_NS: u64 = 1_000_000_000;

/// The step that runs, and what of it is whole.
#[derive(Debug)]
pub(super) struct Course {
    head: StepHead,
    from_ns: Option<u64>,
    until_ns: u64,
    reset_ns: Option<u64>,
    recorder: StepRecorder,
    seconds: u64,
}

/// Carries lines out, one after the other.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) state: State,
    pub(super) course: Option<Course>,
    /// Steps that are over.
    pub(super) steps: Vec<StepRun>,
    /// Whether a lost worker makes the run invalid.
    pub(super) tolerate_loss: bool,
}

impl State {
    /// Keeps what a step's record is made from, and who takes part.
    pub(super) fn keep_step(&mut self, plan: &Plan, index: usize) {
        let identities: Vec<Identity> =
            self.members.iter().filter(|member| member.part.is_some()).map(Member::identity).collect();
        for identity in identities {
            self.keep(&Line::Worker(identity));
        }
        let head = StepHead {
            index,
            at_ns: self.clock.now_ns(),
            load: plan.steps[index].load.clone(),
            response: plan.has_response(index),
            record: blank_step(plan, index),
        };
        self.keep(&Line::Step(Box::new(head)));
    }

    /// The member whose process it is; one that was not known is now.
    fn recall(&mut self, worker: u64) -> usize {
        let known = self.members.iter().position(|member| member.worker == worker);
        known.unwrap_or_else(|| {
            let mut member = Member::new(worker, self.clock.now_ns());
            member.beat.id = format!("{worker:016x}");
            self.members.push(member);
            self.members.len() - 1
        })
    }
}

impl Replay {
    pub(super) fn new(state: State, tolerate_loss: bool) -> Self {
        Self { state, course: None, steps: vec![], tolerate_loss }
    }

    /// Carries a line out.
    pub(super) fn take(&mut self, line: Line) {
        match line {
            Line::Head(_) | Line::Reign { .. } | Line::Over => {}
            Line::Worker(identity) => {
                let at = self.state.recall(identity.worker);
                self.state.members[at].identify(identity);
            }
            Line::Step(head) => self.begin(*head),
            Line::Begin { from_ns, until_ns } => {
                if let Some(course) = &mut self.course {
                    (course.from_ns, course.until_ns) = (Some(from_ns), until_ns);
                }
            }
            Line::Reset { at_ns, resets } => self.reset(at_ns, resets),
            Line::Ceiling { worker, ceiling } => {
                let at = self.state.recall(worker);
                let member = &mut self.state.members[at];
                (member.ceiling, member.wanted) = (member.ceiling.max(ceiling), member.wanted.max(ceiling));
            }
            Line::Report { worker, number, report } => self.report(worker, number, report),
            Line::Loss { worker, at_ns, users_moved, silent_ns, left, arrivals_moved } => {
                let member = self.state.recall(worker);
                if !left {
                    self.state.members[member].standing = Standing::Lost;
                }
                if let Some(stage) = &mut self.state.stage {
                    // As it was then, not as it looks now.
                    stage.losses.retain(|known| known.member != member);
                    stage.losses.push(Loss { member, at_ns, users_moved, silent_ns, left, arrivals_moved });
                }
            }
            Line::Ended { absence, .. } => self.end_step(absence),
        }
    }

    fn begin(&mut self, head: StepHead) {
        self.end_step(None);
        for member in &mut self.state.members {
            member.part = None;
        }
        let course = Course::new(head);
        let mut stage = Stage::new(course.head.index, course.blank_seconds(), false);
        // Nothing is dealt out any more.
        stage.stopping = true;
        self.state.stage = Some(stage);
        self.course = Some(course);
    }

    fn reset(&mut self, at_ns: u64, resets: u32) {
        if let (Some(course), Some(stage)) = (&mut self.course, &mut self.state.stage) {
            (course.reset_ns, course.seconds) = (Some(at_ns), 0);
            course.recorder = course.blank_recorder();
            stage.resets = resets;
            stage.counts.clear();
            stage.seconds = course.blank_seconds();
        }
    }

    fn report(&mut self, worker: u64, number: u64, report: Report) {
        let at = self.state.recall(worker);
        let runs = self.state.stage.as_ref().map(|stage| stage.index);
        let member = &mut self.state.members[at];
        if !member.inbox.takes(number) {
            return;
        }
        member.durable = member.inbox.taken();
        if matches!(report, Report::Ready { step } if runs == Some(step)) && member.part.is_none() {
            (member.part, member.standing) = (Some(Part::default()), Standing::Prepared);
        }
        if member.standing == Standing::Lost {
            let works = member.part.is_some_and(|part| !part.finished);
            member.standing = if works { Standing::Returning } else { Standing::Prepared };
        }
        self.state.take(at, report);
        self.advance();
    }

    /// Takes the seconds that all who are at work have handed in.
    pub(super) fn advance(&mut self) {
        if let Some(course) = &mut self.course {
            course.advance(&mut self.state);
        }
    }

    /// Ends the step that runs, if one does.
    fn end_step(&mut self, absence: Option<AbsenceRecord>) {
        if let Some(course) = self.course.take() {
            let mut step = course.end(&mut self.state, self.tolerate_loss);
            if let Some(step) = step.as_mut().filter(|_| absence.is_some()) {
                (step.absence, step.cut) = (absence, true);
            }
            self.steps.extend(step);
        }
    }

    /// The present begins: whoever may still speak is waited for from now on.
    pub(super) fn wake(&mut self) {
        let now_ns = self.state.clock.now_ns();
        for member in &mut self.state.members {
            member.heard_ns = now_ns;
            if matches!(member.standing, Standing::Lost | Standing::Returning | Standing::Greeted) {
                member.standing = Standing::Prepared;
            }
        }
    }
}

impl Course {
    fn new(head: StepHead) -> Self {
        let recorder = StepRecorder::new(head.record.names.len(), head.record.load.times());
        Self { head, from_ns: None, until_ns: u64::MAX, reset_ns: None, recorder, seconds: 0 }
    }

    fn blank_recorder(&self) -> StepRecorder {
        StepRecorder::new(self.head.record.names.len(), self.head.record.load.times())
    }

    fn blank_seconds(&self) -> Seconds {
        let names = self.head.record.names.len();
        let merged = if self.head.response { Recorder::with_response(names) } else { Recorder::new(names) };
        Seconds::new(names, merged)
    }

    pub(super) fn advance(&mut self, state: &mut State) {
        loop {
            let at_work: Vec<usize> = state.at_work().collect();
            let Some(stage) = &mut state.stage else { return };
            if at_work.is_empty() || !stage.seconds.is_complete(at_work.into_iter()) {
                return;
            }
            self.second(&mut stage.seconds, &state.members);
        }
    }

    fn second(&mut self, seconds: &mut Seconds, members: &[Member]) {
        let (gauges, records, generator) = seconds.take(|at| members[at].beat.id.clone());
        self.seconds += 1;
        self.recorder.push_second(self.seconds * SECOND_NS, gauges.users, gauges.in_flight, records);
        self.recorder.attach(generator, None);
    }

    /// The step's record, from all that was handed in; `None` when nobody worked at it.
    pub(super) fn end(mut self, state: &mut State, tolerate_loss: bool) -> Option<StepRun> {
        let mut stage = state.stage.take()?;
        while !stage.seconds.is_empty() {
            self.second(&mut stage.seconds, &state.members);
        }
        let losses = stage.losses.iter().map(|loss| state.loss_record(loss, tolerate_loss)).collect();
        let began_ns = self.from_ns?;
        let started_ns = self.reset_ns.unwrap_or(began_ns);
        let ended_ns = started_ns + self.seconds * SECOND_NS;
        let wind_down_ns = ended_ns.min(self.until_ns).max(started_ns);
        let steady_ns = (began_ns + ramp_ns(&self.head.load)).clamp(started_ns, wind_down_ns);
        let recorded = self.recorder.finish();
        let mut packer = measure::Packer::default();
        let tallies = stage.arrivals.iter().filter_map(|parcel| packer.unpack_arrivals(parcel).ok());
        let tally = tallies.reduce(|mut sum, more| {
            sum.merge(more);
            sum
        });
        let mut record = StepRun {
            phases: Phases { started_ns, steady_ns, wind_down_ns, ended_ns },
            reset_ns: self.reset_ns,
            intervals: recorded.intervals,
            statuses: recorded.statuses,
            errors: recorded.errors,
            refusals: recorded.refusals,
            cut_off: recorded.cut_off,
            stages: recorded.stages,
            losses,
            ..self.head.record
        };
        count(&mut record.classes, stage.counts.values());
        if let (Load::Open { arrivals, .. }, Some(tally)) = (&self.head.load, tally) {
            let until = |at_ns: u64| std::time::Duration::from_nanos(at_ns - began_ns);
            let due_mean =
                arrivals.mean_within(until(wind_down_ns)) - arrivals.mean_within(until(started_ns));
            record.arrivals = Some(tally.into_record(due_mean, arrivals.process() == Process::Poisson));
        }
        Some(record)
    }
}

/// How long all users of a load take to come.
fn ramp_ns(load: &Load) -> u64 {
    match load {
        Load::Closed { users, spawn_rate_per_s } => (f64::from(*users) * 1e9 / spawn_rate_per_s) as u64,
        Load::Open { .. } => 0,
    }
}

/// Puts into the records of classes what workers did together.
fn count<'a>(classes: &mut [ClassRecord], each: impl Iterator<Item = &'a Vec<ClassCounts>>) {
    let zero = |class: &mut ClassRecord| ClassCounts { users: 0, tasks: mem::take(&mut class.tasks) };
    let zero: Vec<ClassCounts> = classes.iter_mut().map(zero).collect();
    for (class, counts) in classes.iter_mut().zip(summed(&zero, each)) {
        class.users = counts.users;
        class.task_requests = counts.tasks.iter().map(|task| task.requests).sum();
        class.tasks = counts.tasks;
    }
}
