//! Conducts a whole run: step, cool-down, step, …

use std::sync::Arc;
use std::time::Duration;

use measure::{FORMAT, Host, LossRecord, Run};
use tokio::sync::{mpsc, watch};
use wire::Clock;

use crate::crew::Crew;
use crate::driver::{Driven, Progress, drive};
use crate::fleet::{Bus, Fleet, FleetCrew, Lead, RunSecret, TakenOver, Unfinished};
use crate::handle::{Command, View};
use crate::health::{Health, Probe};
use crate::threads::{Seats, Threads};
use crate::{Lens, Plan, Transport};

/// Workers that outlived their coordinator are ready for the next step within this time.
const RALLY: Duration = Duration::from_secs(5);

/// Where users live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// On the calling thread, which must be inside a `LocalSet`: for virtual time.
    Here,
    /// On threads of their own.
    Threads(usize),
}

impl Workers {
    /// How many.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Here => 1,
            Self::Threads(count) => count.max(1),
        }
    }
}

/// What the world outside hands in.
#[derive(Clone, Debug)]
pub struct World<F> {
    /// The clock.
    pub clock: Clock,
    /// Where users live.
    pub workers: Workers,
    /// Makes one transport a worker, on its thread.
    pub transport: F,
    /// The generator's machine; `None` in virtual time.
    pub host: Option<Host>,
    /// How processes and the wall clock are read; `None` in virtual time.
    pub resources: Option<Probe>,
    /// What sees each finished request before it is recorded.
    pub lens: Option<Arc<dyn Lens>>,
}

/// Carries out the plan; views go out on `shown`, commands come in.
pub async fn conduct<T, F>(
    plan: Plan,
    world: World<F>,
    mut commands: mpsc::Receiver<Command>,
    shown: &watch::Sender<View>,
) -> Run
where
    T: Transport,
    F: Fn() -> T + Clone + Send + 'static,
{
    let plan = Arc::new(plan);
    let mut run = blank(&plan, &world);
    shown.send_modify(|view| view.head = Some(Arc::new(run.clone())));
    steps((&plan, &world), None, &mut run, &mut commands, shown).await;
    run
}

/// The same by the workers of a fleet, which is led as `lead` says; the world's own workers and transport are not used.
pub async fn conduct_fleet<T, F>(
    plan: Plan,
    world: World<F>,
    lead: Lead,
    mut commands: mpsc::Receiver<Command>,
    shown: &watch::Sender<View>,
) -> Run
where
    T: Transport,
    F: Fn() -> T + Clone + Send + 'static,
{
    let plan = Arc::new(plan);
    let mut run = blank(&plan, &world);
    shown.send_modify(|view| view.head = Some(Arc::new(run.clone())));
    let fleet = match Fleet::begin(lead, &plan, &run, world.clock).await {
        Ok(fleet) => fleet,
        Err(words) => {
            run.aborted = Some(words);
            return run;
        }
    };
    match gather(&fleet, &mut commands, shown).await {
        Ok(()) => steps((&plan, &world), Some(&fleet), &mut run, &mut commands, shown).await,
        Err(words) => run.aborted = Some(words),
    }
    let losses: Vec<LossRecord> = run.steps.iter().flat_map(|step| &step.losses).cloned().collect();
    run.workers = fleet.records(&losses);
    let words = run.aborted.clone().unwrap_or_else(|| "the run is over".to_owned());
    fleet.dismiss(&words).await;
    run
}

/// Goes on with a run whose coordinator died: the step that ran is ended with what is known of it, and those that are left are
/// run. `kept` is the run file as far as it was written; `meeting` is where workers are heard and by which secret, `None` when
/// nobody can be. The world's clock counts from when the run began.
pub async fn conduct_resumed<T, F>(
    mut unfinished: Unfinished,
    kept: Option<Run>,
    meeting: Option<(Bus, RunSecret)>,
    world: World<F>,
    mut commands: mpsc::Receiver<Command>,
    shown: &watch::Sender<View>,
) -> Run
where
    T: Transport,
    F: Fn() -> T + Clone + Send + 'static,
{
    let plan = meeting.as_ref().and_then(|(_, secret)| unfinished.plan(secret).ok()).map(Arc::new);
    let head = unfinished.run_file();
    let TakenOver { fleet, mut run, gone } = match unfinished.take_over(kept, meeting, world.clock).await {
        Ok(taken) => taken,
        Err(mistakes) => return Run { aborted: Some(mistakes.to_string()), ..head },
    };
    shown.send_modify(|view| view.head = Some(Arc::new(head)));
    shown.send_modify(|view| view.finished = Some(Arc::new(run.clone())));
    let is_left = |run: &Run| run.planned_steps.len() > run.steps.len();
    if let Some(plan) = plan.filter(|_| is_left(&run) && run.aborted.is_none())
        && fleet.rally(RALLY).await
    {
        steps((&plan, &world), Some(&fleet), &mut run, &mut commands, shown).await;
    }
    if is_left(&run) && run.aborted.is_none() {
        let missing = run.planned_steps.len() - run.steps.len();
        run.aborted = Some(format!("{gone}, and no worker was left for {missing} of its steps"));
    }
    let losses: Vec<LossRecord> = run.steps.iter().flat_map(|step| &step.losses).cloned().collect();
    run.workers = fleet.records(&losses);
    let words = run.aborted.clone().unwrap_or_else(|| format!("{gone}, and the run is over"));
    fleet.dismiss(&words).await;
    run
}

/// Waits for the fleet's workers, unless a command ends the run before it begins.
async fn gather(
    fleet: &Fleet,
    commands: &mut mpsc::Receiver<Command>,
    shown: &watch::Sender<View>,
) -> Result<(), String> {
    let mut gathered = Box::pin(fleet.assemble());
    loop {
        tokio::select! {
            biased;
            Some(command) = commands.recv() => {
                if matches!(command, Command::Stop | Command::Cut) {
                    return Err("interrupted before all workers were there".to_owned());
                }
            }
            gathered = &mut gathered => return gathered,
            () = fleet.changes() => shown.send_modify(|view| view.workers = fleet.view()),
        }
    }
}

/// One step after the other, until the plan or the run ends.
async fn steps<T, F>(
    (plan, world): (&Arc<Plan>, &World<F>),
    fleet: Option<&Fleet>,
    run: &mut Run,
    commands: &mut mpsc::Receiver<Command>,
    shown: &watch::Sender<View>,
) where
    T: Transport,
    F: Fn() -> T + Clone + Send + 'static,
{
    let clock = world.clock;
    for index in run.steps.len()..plan.steps.len() {
        let step = &plan.steps[index];
        let mut health = Health::begin(clock, world.resources.clone());
        let crew = match fleet {
            None => Crew::Threads(Box::new(Threads::start(plan, index, world, &Seats::default()))),
            Some(fleet) => Crew::Fleet(Box::new(FleetCrew::start(fleet, plan, index))),
        };
        let show = |progress: Progress<'_>| shown.send_modify(|view| view.update(index, &progress));
        let Driven { step: mut done, commanded, aborted } =
            drive(plan, index, clock, crew, &mut health, commands, show).await;
        done.resources = health.resources();
        let last = index + 1 == plan.steps.len();
        if let Some(why) = aborted {
            run.aborted = Some(format!("in step {}: {why}", step.name));
        } else if done.cut {
            run.aborted = Some(format!("interrupted in step {}", step.name));
        } else if commanded && !last {
            run.aborted = Some(format!("interrupted after step {}", step.name));
        }
        run.steps.push(done);
        shown.send_modify(|view| {
            view.finished = Some(Arc::new(run.clone()));
            view.cooling = !last;
        });
        if run.aborted.is_some() {
            break;
        }
        if !last && !cool_down(plan, clock, commands).await {
            run.aborted = Some(format!("interrupted after step {}", step.name));
            break;
        }
    }
}

/// Waits between two steps; false when a command ended the run.
async fn cool_down(plan: &Plan, clock: Clock, commands: &mut mpsc::Receiver<Command>) -> bool {
    let until_ns = clock.now_ns() + u64::try_from(plan.cool_down.as_nanos()).unwrap_or(u64::MAX);
    loop {
        tokio::select! {
            biased;
            Some(command) = commands.recv() => match command {
                Command::Stop | Command::Cut => return false,
                // There is nothing to edit, to reset or to see.
                Command::Edit { .. } | Command::Reset | Command::Look(_) => {}
            },
            () = clock.sleep_until(until_ns) => return true,
        }
    }
}

fn blank<F>(plan: &Plan, world: &World<F>) -> Run {
    Run {
        format: FORMAT.to_owned(),
        kind: plan.kind,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: plan.seed.0,
        started_unix_ns: world.clock.unix_start_ns(),
        simulated: world.clock.is_virtual(),
        target_url: plan.target_url.clone(),
        host: world.host.clone(),
        targets: plan.targets.clone(),
        limits: plan.limits.clone(),
        target_source: world.resources.as_ref().and_then(|probe| probe.target_source.clone()),
        plan: plan.describe(),
        planned_steps: plan.steps.iter().map(|step| step.name.clone()).collect(),
        steps: vec![],
        aborted: None,
        workers: vec![],
    }
}
