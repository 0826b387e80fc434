//! Drives one step: users in, a second after the other, users out.

use std::sync::Arc;
use std::time::Duration;

use measure::{ArrivalsRecord, ArrivalsTally, ClassRecord, Phases, Process, StepRecorder, StepRun};
use tokio::sync::mpsc;
use wire::Clock;

use crate::cap::offered_rps_max;
use crate::crew::Crew;
use crate::desk::ClassCounts;
use crate::handle::Command;
use crate::health::Health;
use crate::schedule::{Dealer, spawn_at_ns};
use crate::{Load, Plan, StepPlan};

const SECOND_NS: u64 = 1_000_000_000;

/// What is shown of a running step.
pub(crate) struct Progress<'a> {
    pub(crate) elapsed_ns: u64,
    pub(crate) users: u32,
    pub(crate) in_flight: u32,
    pub(crate) stopping: bool,
    pub(crate) recorder: &'a StepRecorder,
}

/// Where a step is.
struct Course {
    started_ns: u64,
    spawned: u32,
    steady_ns: Option<u64>,
    next_second_ns: u64,
    stop_ns: u64,
    /// Set once nothing new is sent: when that was, and when answers are given up.
    stopped: Option<(u64, u64)>,
    cut: bool,
    interrupted: bool,
    commanded: bool,
    /// How long answers are waited for once nothing new is sent.
    patience_ns: u64,
}

/// A step that has been driven, and whether a command told the run to end meanwhile.
pub(crate) struct Driven {
    pub(crate) step: StepRun,
    pub(crate) commanded: bool,
}

/// Drives a step to its end, or to the end that a command puts to it.
pub(crate) async fn drive(
    plan: &Arc<Plan>,
    index: usize,
    clock: Clock,
    mut crew: Crew,
    health: &mut Health,
    commands: &mut mpsc::Receiver<Command>,
    mut show: impl FnMut(Progress<'_>),
) -> Driven {
    let step = &plan.steps[index];
    let weights: Vec<u32> = plan.scenarios.iter().map(|s| s.weight).collect();
    let mut dealer = Dealer::new(weights);
    let mut recorder = StepRecorder::new(plan.entries.len(), step.load.record().times());
    crew.ready().await;
    let mut course = Course::begin(plan, step, clock.now_ns());
    crew.begin(course.started_ns, course.stop_ns).await;
    loop {
        let now_ns = clock.now_ns();
        while course.spawn_due(step, now_ns) {
            crew.spawn(dealer.deal(), course.spawned).await;
            course.spawned += 1;
        }
        if course.spawned == step.load.users() && course.steady_ns.is_none() {
            course.steady_ns = Some(now_ns);
        }
        if now_ns >= course.next_second_ns {
            let end_ns = course.next_second_ns - course.started_ns;
            let (gauges, records) = crew.swap().await;
            recorder.push_second(end_ns, gauges.users, gauges.in_flight, records);
            let (generator, target) = health.second();
            recorder.attach(generator, target);
            course.next_second_ns += SECOND_NS;
            show(Progress {
                elapsed_ns: end_ns,
                users: gauges.users,
                in_flight: gauges.in_flight,
                stopping: course.stopped.is_some(),
                recorder: &recorder,
            });
        }
        if course.stop_due(now_ns) {
            crew.stop().await;
        }
        if course.cut_due(now_ns) {
            crew.cut().await;
        }
        if crew.is_drained() {
            break;
        }
        let next_ns = course.next_ns(step);
        tokio::select! {
            biased;
            Some(command) = commands.recv() => course.obey(step, command, clock.now_ns()),
            () = crew.watch() => {}
            () = clock.sleep_until(next_ns) => {}
        }
    }
    let ended_ns = clock.now_ns();
    let (mut last, counts, arrivals) = crew.finish().await;
    recorder.push_second(ended_ns - course.started_ns, 0, 0, &mut last);
    let (generator, target) = health.second();
    recorder.attach(generator, target);
    let commanded = course.commanded;
    Driven { step: course.record(plan, step, recorder, (&counts, arrivals), ended_ns), commanded }
}

impl Course {
    fn begin(plan: &Plan, step: &StepPlan, now_ns: u64) -> Self {
        let run_ns = u64::try_from(step.run_time_limit().as_nanos()).unwrap_or(u64::MAX);
        Self {
            started_ns: now_ns,
            spawned: 0,
            steady_ns: None,
            next_second_ns: now_ns + SECOND_NS,
            stop_ns: now_ns + run_ns,
            stopped: None,
            cut: false,
            interrupted: false,
            commanded: false,
            patience_ns: u64::try_from(plan.stop_timeout.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    fn spawn_due(&self, step: &StepPlan, now_ns: u64) -> bool {
        self.stopped.is_none()
            && now_ns < self.stop_ns
            && self.next_spawn_ns(step).is_some_and(|at| at <= now_ns)
    }

    fn next_spawn_ns(&self, step: &StepPlan) -> Option<u64> {
        match step.load {
            Load::Closed { users, spawn_rate_per_s } if self.spawned < users => {
                Some(self.started_ns + spawn_at_ns(self.spawned, spawn_rate_per_s))
            }
            Load::Closed { .. } | Load::Open { .. } => None,
        }
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

    fn obey(&mut self, step: &StepPlan, command: Command, now_ns: u64) {
        self.commanded = true;
        match (command, &mut self.stopped) {
            // Before its end a stop is an interruption, unless a stop was to be its end; after it the step is whole.
            (Command::Stop, None) => self.interrupted = step.run_time.is_some(),
            (Command::Cut, None) => (self.interrupted, self.patience_ns) = (step.run_time.is_some(), 0),
            (Command::Stop, Some(_)) => {}
            (Command::Cut, Some((_, until_ns))) => *until_ns = now_ns,
        }
        self.stop_ns = self.stop_ns.min(now_ns);
    }

    fn next_ns(&self, step: &StepPlan) -> u64 {
        let spawn_ns = self.next_spawn_ns(step).filter(|_| self.stopped.is_none());
        let end_ns = match self.stopped {
            None => self.stop_ns,
            Some((_, until_ns)) if !self.cut => until_ns,
            Some(_) => u64::MAX,
        };
        self.next_second_ns.min(end_ns).min(spawn_ns.unwrap_or(u64::MAX))
    }

    fn record(
        self,
        plan: &Plan,
        step: &StepPlan,
        recorder: StepRecorder,
        (counts, arrivals): (&[ClassCounts], Option<ArrivalsTally>),
        ended_ns: u64,
    ) -> StepRun {
        let wind_down_ns = self.stopped.map_or(ended_ns, |(at_ns, _)| at_ns);
        let recorded = recorder.finish();
        StepRun {
            name: step.name.clone(),
            load: step.load.record(),
            run_time_s: step.run_time.map(|time| time.as_secs_f64()),
            gate: step.gate,
            phases: Phases {
                started_ns: self.started_ns,
                steady_ns: self.steady_ns.unwrap_or(wind_down_ns),
                wind_down_ns,
                ended_ns,
            },
            cut: self.interrupted,
            offered_rps_max: offered_rps_max(plan, step),
            names: plan.entries.clone(),
            classes: plan.scenarios.iter().zip(counts).map(|(s, c)| class_record(s, c)).collect(),
            arrivals: arrivals.and_then(|tally| self.arrivals(step, tally, wind_down_ns)),
            intervals: recorded.intervals,
            statuses: recorded.statuses,
            errors: recorded.errors,
            cut_off: recorded.cut_off,
            resources: None,
        }
    }
}

impl Course {
    fn arrivals(&self, step: &StepPlan, tally: ArrivalsTally, wind_down_ns: u64) -> Option<ArrivalsRecord> {
        let Load::Open { arrivals, .. } = &step.load else { return None };
        let lasted_ns = wind_down_ns.min(self.stop_ns) - self.started_ns;
        let due_mean = arrivals.mean_within(Duration::from_nanos(lasted_ns));
        Some(tally.into_record(due_mean, arrivals.process() == Process::Poisson))
    }
}

fn class_record(scenario: &crate::Scenario, counts: &ClassCounts) -> ClassRecord {
    ClassRecord {
        name: scenario.class.clone(),
        weight: scenario.weight,
        users: counts.users,
        entries: scenario.requests().map(|request| request.entry).collect(),
        task_requests: counts.tasks.iter().map(|task| task.requests).sum(),
        tasks: counts.tasks.clone(),
    }
}
