//! Drives one step: users in, a second after the other, users out.

use std::sync::Arc;
use std::time::Duration;

use measure::{
    ArrivalsRecord, ArrivalsTally, EditRecord, Phases, Process, StepRecorder, StepRecords, StepRun,
};
use tokio::sync::mpsc;
use wire::Clock;

use crate::cap::offered_rps_max;
use crate::crew::Crew;
use crate::desk::ClassCounts;
use crate::fleet::WorkerView;
use crate::handle::{Command, Glimpse, Known};
use crate::health::Health;
use crate::schedule::{Change, Dealer, Ramp};
use crate::threads::Gauges;
use crate::thresholds::Watch;
use crate::{Load, Plan, StepPlan};

const SECOND_NS: u64 = 1_000_000_000;
/// How often it is asked for a second that has not come.
const AWAIT_NS: u64 = 20_000_000;
/// Edits of a step that are carried out; further ones are not.
const EDITS_MAX: usize = 1_000;

/// What is shown of a running step.
pub(crate) struct Progress<'a> {
    pub(crate) elapsed_ns: u64,
    pub(crate) users: u32,
    pub(crate) asked: (u32, f64),
    pub(crate) steady: bool,
    pub(crate) in_flight: u32,
    pub(crate) stopping: bool,
    pub(crate) recorder: &'a StepRecorder,
    pub(crate) workers: Vec<WorkerView>,
}

/// Where a step is.
struct Course {
    started_ns: u64,
    /// Where its record begins: at its start, or at the last reset.
    recorded_ns: u64,
    ramp: Ramp,
    /// The classes of the users that came and were not told to go, by when they came, each with the user's number.
    there: Vec<(usize, u32)>,
    /// Users that ever came: the next one's number.
    spawned: u32,
    users_max: u32,
    edits: Vec<EditRecord>,
    resets: u32,
    steady_ns: Option<u64>,
    next_second_ns: u64,
    stop_ns: u64,
    /// Set once nothing new is sent: when that was, and when answers are given up.
    stopped: Option<(u64, u64)>,
    cut: bool,
    interrupted: bool,
    commanded: bool,
    /// The threshold that stopped it, and how.
    aborted: Option<String>,
    /// How long answers are waited for once nothing new is sent.
    patience_ns: u64,
}

/// A step that has been driven, and whether a command or a threshold told the run to end meanwhile.
pub(crate) struct Driven {
    pub(crate) step: StepRun,
    pub(crate) commanded: bool,
    pub(crate) aborted: Option<String>,
}

/// Drives a step to its end, or to the end that a command puts to it.
pub(crate) async fn drive(
    plan: &Arc<Plan>,
    index: usize,
    clock: Clock,
    mut crew: Crew<'_>,
    health: &mut Health,
    commands: &mut mpsc::Receiver<Command>,
    mut show: impl FnMut(Progress<'_>),
) -> Driven {
    let step = &plan.steps[index];
    let mut dealer = Dealer::new(plan.scenarios.iter().map(|s| s.weight).collect());
    let blank = || StepRecorder::new(plan.entries.len(), step.load.record().times());
    let mut recorder = blank();
    let mut watch = Watch::begin(plan, index);
    let begin_ns = crew.ready(clock).await;
    let mut course = Course::begin(plan, step, begin_ns);
    crew.begin(course.started_ns, course.stop_ns).await;
    loop {
        let now_ns = clock.now_ns();
        while let Some(change) = course.change_due(now_ns) {
            course.carry_out(change, &mut dealer, &crew).await;
        }
        if course.ramp.is_there() && course.steady_ns.is_none() {
            course.steady_ns = Some(now_ns);
        }
        let mut awaits = false;
        while now_ns >= course.next_second_ns {
            let end_ns = course.next_second_ns - course.recorded_ns;
            let Some((gauges, records, elsewhere)) = crew.swap().await else {
                // A part of it is on its way; all else goes on meanwhile.
                awaits = true;
                break;
            };
            recorder.push_second(end_ns, gauges.users, gauges.in_flight, records);
            let (generator, target) = health.second();
            recorder.attach(elsewhere.or(generator), target);
            course.heed(&mut watch, &recorder, now_ns);
            show(Progress { workers: crew.view(), ..course.progress(gauges, &recorder) });
            course.next_second_ns += SECOND_NS;
        }
        course.rest(plan, &recorder, crew.counts(), now_ns);
        if course.stop_due(now_ns) {
            crew.stop().await;
        }
        if course.cut_due(now_ns) {
            crew.cut().await;
        }
        if crew.is_drained() {
            break;
        }
        let next_ns = if awaits { course.next_ns().max(now_ns + AWAIT_NS) } else { course.next_ns() };
        tokio::select! {
            biased;
            Some(command) = commands.recv() => {
                let mut at_ns = clock.now_ns();
                if matches!(command, Command::Reset) {
                    at_ns = crew.reset(clock, || plan.recorder(index)).await;
                    (recorder, watch) = (blank(), Watch::begin(plan, index));
                }
                course.obey((plan, index), command, (&recorder, crew.counts()), at_ns);
            }
            () = crew.watch() => {}
            () = clock.sleep_until(next_ns) => {}
        }
    }
    let ended_ns = clock.now_ns();
    let deserted = crew.is_deserted();
    let (mut last, counts, arrivals, losses) = crew.finish().await;
    recorder.push_second(ended_ns - course.recorded_ns, 0, 0, &mut last);
    let (generator, target) = health.second();
    recorder.attach(generator, target);
    let deserted = deserted.then(|| "no worker was left".to_owned());
    let (commanded, aborted) = (course.commanded, course.aborted.take().or(deserted));
    let mut step = course.record((plan, index), recorder.finish(), (&counts, arrivals), ended_ns);
    step.losses = losses;
    Driven { step, commanded, aborted }
}

/// A step's record before it begins.
pub(crate) fn blank_step(plan: &Plan, index: usize) -> StepRun {
    let zero: Vec<ClassCounts> = plan.scenarios.iter().map(ClassCounts::zero).collect();
    let step = &plan.steps[index];
    let recorded = StepRecorder::new(0, step.load.record().times()).finish();
    Course::begin(plan, step, 0).record((plan, index), recorded, (&zero, None), 0)
}

impl Course {
    fn begin(plan: &Plan, step: &StepPlan, now_ns: u64) -> Self {
        let run_ns = u64::try_from(step.run_time_limit().as_nanos()).unwrap_or(u64::MAX);
        let (users, rate_per_s) = (step.load.users(), step.load.record().spawn_rate_per_s());
        Self {
            started_ns: now_ns,
            recorded_ns: now_ns,
            ramp: Ramp::new(now_ns, users, rate_per_s),
            there: vec![],
            spawned: 0,
            users_max: users,
            edits: vec![],
            resets: 0,
            steady_ns: None,
            next_second_ns: now_ns + SECOND_NS,
            stop_ns: now_ns + run_ns,
            stopped: None,
            cut: false,
            interrupted: false,
            commanded: false,
            aborted: None,
            patience_ns: u64::try_from(plan.stop_timeout.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Ends the load when all users have come and, their tasks done, gone.
    fn rest(&mut self, plan: &Plan, recorder: &StepRecorder, counts: &[ClassCounts], now_ns: u64) {
        let came: u32 = counts.iter().map(|class| class.users).sum();
        let gone = recorder.last().is_some_and(|last| last.users == 0);
        let all_came = self.ramp.is_there() && (came >= self.spawned || self.resets > 0);
        if plan.iterations.is_some() && all_came && gone {
            self.stop_ns = self.stop_ns.min(now_ns);
        }
    }

    /// What is shown at the end of a second.
    fn progress<'a>(&self, gauges: Gauges, recorder: &'a StepRecorder) -> Progress<'a> {
        Progress {
            elapsed_ns: self.next_second_ns - self.started_ns,
            users: gauges.users,
            asked: self.ramp.asked(),
            steady: self.steady_ns.is_some(),
            in_flight: gauges.in_flight,
            stopping: self.stopped.is_some(),
            recorder,
            workers: vec![],
        }
    }

    /// A user that is to come or to go, while the load lasts.
    fn change_due(&mut self, now_ns: u64) -> Option<Change> {
        let lasts = self.stopped.is_none() && now_ns < self.stop_ns;
        if lasts { self.ramp.take(now_ns) } else { None }
    }

    async fn carry_out(&mut self, change: Change, dealer: &mut Dealer, crew: &Crew<'_>) {
        match change {
            Change::Comes => {
                let (class, number) = (dealer.deal(), self.spawned);
                self.spawned += 1;
                self.there.push((class, number));
                crew.spawn(class, number).await;
            }
            Change::Goes => {
                if let Some((class, number)) = self.there.pop() {
                    dealer.take_back(class);
                    crew.dismiss(number).await;
                }
            }
        }
    }

    /// The record begins anew: those who are there stay.
    fn reset(&mut self, now_ns: u64) {
        self.resets += 1;
        self.recorded_ns = now_ns;
        self.next_second_ns = now_ns + SECOND_NS;
        self.steady_ns = self.steady_ns.map(|steady_ns| steady_ns.max(now_ns));
    }

    fn edit(&mut self, now_ns: u64, users: u32, spawn_rate_per_s: f64) {
        let room = self.edits.len() < EDITS_MAX;
        if self.stopped.is_some() || now_ns >= self.stop_ns || !room {
            return;
        }
        self.ramp.turn(now_ns, users, spawn_rate_per_s);
        self.users_max = self.users_max.max(users);
        self.steady_ns = None;
        self.edits.push(EditRecord { at_ns: now_ns, users, spawn_rate_per_s });
    }

    /// Says once that the load is to stop.
    fn stop_due(&mut self, now_ns: u64) -> bool {
        if self.stopped.is_some() || now_ns < self.stop_ns {
            return false;
        }
        self.stopped = Some((now_ns, now_ns.saturating_add(self.patience_ns)));
        true
    }

    /// Says once that what is in flight is to be given up.
    fn cut_due(&mut self, now_ns: u64) -> bool {
        let due = !self.cut && self.stopped.is_some_and(|(_, until_ns)| now_ns >= until_ns);
        self.cut |= due;
        due
    }

    fn obey(
        &mut self,
        (plan, index): (&Plan, usize),
        command: Command,
        (recorder, counts): (&StepRecorder, &[ClassCounts]),
        now_ns: u64,
    ) {
        let step = &plan.steps[index];
        match command {
            Command::Stop | Command::Cut => self.end(step, &command, now_ns),
            Command::Edit { users, spawn_rate_per_s } => {
                if let Ok(Load::Closed { .. }) = step.load.edited(users, spawn_rate_per_s) {
                    self.edit(now_ns, users, spawn_rate_per_s);
                }
            }
            Command::Reset => self.reset(now_ns),
            Command::Look(look) => {
                let seen = self.glimpse((plan, index), look.known, recorder, counts, now_ns);
                // Who asked may be gone.
                let _ = look.answer.send(seen);
            }
        }
    }

    fn end(&mut self, step: &StepPlan, command: &Command, now_ns: u64) {
        self.commanded = true;
        match (command, &mut self.stopped) {
            // Before its end a stop is an interruption, unless a stop was to be its end; after it the step is whole.
            (Command::Stop, None) => self.interrupted = step.run_time.is_some(),
            (Command::Cut, None) => (self.interrupted, self.patience_ns) = (step.run_time.is_some(), 0),
            (Command::Stop, Some(_)) => {}
            (Command::Cut, Some((_, until_ns))) => *until_ns = now_ns,
            (Command::Edit { .. } | Command::Reset | Command::Look(_), _) => {}
        }
        self.stop_ns = self.stop_ns.min(now_ns);
    }

    /// Stops the load if a threshold that may do so has been broken for long enough, unless it ends anyway.
    fn heed(&mut self, watch: &mut Watch, recorder: &StepRecorder, now_ns: u64) {
        if self.stopped.is_some() || now_ns >= self.stop_ns {
            return;
        }
        let steady_ns = self.steady_ns.map(|at_ns| at_ns.saturating_sub(self.recorded_ns));
        if let Some(why) = recorder.last().and_then(|last| watch.second(last, steady_ns)) {
            (self.aborted, self.interrupted, self.stop_ns) = (Some(why), true, now_ns);
        }
    }

    fn next_ns(&self) -> u64 {
        let spawn_ns = self.ramp.next_ns().filter(|_| self.stopped.is_none());
        let end_ns = match self.stopped {
            None => self.stop_ns,
            Some((_, until_ns)) if !self.cut => until_ns,
            Some(_) => u64::MAX,
        };
        self.next_second_ns.min(end_ns).min(spawn_ns.unwrap_or(u64::MAX))
    }

    /// What there is beyond what is known, up to the end of the last second.
    fn glimpse(
        &self,
        (plan, index): (&Plan, usize),
        known: Known,
        recorder: &StepRecorder,
        counts: &[ClassCounts],
        now_ns: u64,
    ) -> Glimpse {
        let same = (known.step, known.resets) == (index, self.resets);
        let skipped = if same { known.seconds.min(recorder.seconds()) } else { 0 };
        let records = recorder.look(skipped);
        let ended_ns = records.intervals.last().map_or(now_ns, |last| self.recorded_ns + last.end_ns);
        let record = self.record((plan, index), records, (counts, None), ended_ns.max(self.recorded_ns));
        let known = Known { step: index, resets: self.resets, seconds: recorder.seconds() };
        Glimpse { known, skipped, record }
    }

    fn record(
        &self,
        (plan, index): (&Plan, usize),
        recorded: StepRecords,
        (counts, arrivals): (&[ClassCounts], Option<ArrivalsTally>),
        ended_ns: u64,
    ) -> StepRun {
        let step = &plan.steps[index];
        let wind_down_ns =
            self.stopped.map_or(ended_ns, |(at_ns, _)| at_ns).clamp(self.recorded_ns, ended_ns);
        StepRun {
            name: step.name.clone(),
            load: step.load.record(),
            run_time_s: step.run_time.map(|time| time.as_secs_f64()),
            gate: step.gate,
            phases: Phases {
                started_ns: self.recorded_ns,
                steady_ns: self.steady_ns.unwrap_or(wind_down_ns).clamp(self.recorded_ns, wind_down_ns),
                wind_down_ns,
                ended_ns,
            },
            edits: self.edits.clone(),
            reset_ns: (self.resets > 0).then_some(self.recorded_ns),
            cut: self.interrupted,
            offered_rps_max: offered_rps_max(plan, step, self.users_max),
            names: plan.entries.clone(),
            classes: plan.scenarios.iter().zip(counts).map(|(s, c)| c.record(s)).collect(),
            arrivals: arrivals.and_then(|tally| self.arrivals(step, tally, wind_down_ns)),
            intervals: recorded.intervals,
            statuses: recorded.statuses,
            errors: recorded.errors,
            refusals: recorded.refusals,
            cut_off: recorded.cut_off,
            resources: None,
            losses: vec![],
            absence: None,
            stages: recorded.stages,
            thresholds: plan.thresholds_of(index),
        }
    }
}

impl Course {
    fn arrivals(&self, step: &StepPlan, tally: ArrivalsTally, wind_down_ns: u64) -> Option<ArrivalsRecord> {
        let Load::Open { arrivals, .. } = &step.load else { return None };
        let until = |at_ns: u64| Duration::from_nanos(at_ns.saturating_sub(self.started_ns));
        let due_mean = arrivals.mean_within(until(wind_down_ns.min(self.stop_ns)))
            - arrivals.mean_within(until(self.recorded_ns));
        Some(tally.into_record(due_mean, arrivals.process() == Process::Poisson))
    }
}
