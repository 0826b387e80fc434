//! The one door to a running run: commands in, views out, the `Run` at the end.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use measure::{Live, Run, StepRun};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use crate::driver::Progress;
use crate::fleet::{Bus, Lead, RunSecret, Unfinished, WorkerView};
use crate::{Plan, Transport, World, conduct, conduct_fleet, conduct_resumed};

/// What a run can be told.
#[derive(Debug)]
pub enum Command {
    /// Send nothing new, wait for what is in flight, end the run.
    Stop,
    /// Wait for nothing, end the run.
    Cut,
    /// Another number of users in the step that runs: more come, or the newest go when they have read their answers. A
    /// step of arrivals takes no notice, nor does one that is stopping; [`crate::Load::edited`] says what can be asked.
    Edit {
        /// Users.
        users: u32,
        /// Users that come or go a second.
        spawn_rate_per_s: f64,
    },
    /// Drop what the step has recorded so far. Users and requests go on; requests in flight count when they end.
    Reset,
    /// Show what the step has recorded.
    Look(Look),
}

/// Asks for what a step has recorded. Nothing is copied unless somebody asks.
#[derive(Debug)]
pub struct Look {
    /// What is known already, as the last [`Glimpse`] gave it.
    pub known: Known,
    /// Where the answer goes; dropped when no step runs.
    pub answer: oneshot::Sender<Glimpse>,
}

/// How much of which record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The step.
    pub step: usize,
    /// How often it had been reset.
    pub resets: u32,
    /// Its first seconds.
    pub seconds: usize,
}

/// What a step has recorded up to the end of the last second.
#[derive(Clone, Debug)]
pub struct Glimpse {
    /// What is known with it.
    pub known: Known,
    /// Seconds that the record leaves out, since they were known.
    pub skipped: usize,
    /// The record, as it would stand if the step had ended then; of arrivals, how they came about is known at the end
    /// alone.
    pub record: StepRun,
}

/// What there is to see of a run, renewed once a second.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Index of the step that runs.
    pub step: usize,
    /// Since its start.
    pub elapsed: Duration,
    /// Users.
    pub users: u32,
    /// Users asked for, 0 of arrivals, and how many come or go a second.
    pub asked: (u32, f64),
    /// As many are there as were asked for, or have been.
    pub steady: bool,
    /// Between two steps.
    pub cooling: bool,
    /// Requests in flight.
    pub in_flight: u32,
    /// Nothing new is sent any more.
    pub stopping: bool,
    /// Rates and percentiles of the step.
    pub live: Live,
    /// The workers of a fleet; empty where users live in this process.
    pub workers: Vec<WorkerView>,
    /// The run without any step, from its start on.
    pub head: Option<Arc<Run>>,
    /// The run up to the last step that ended.
    pub finished: Option<Arc<Run>>,
}

impl View {
    pub(crate) fn update(&mut self, step: usize, progress: &Progress<'_>) {
        self.step = step;
        self.elapsed = Duration::from_nanos(progress.elapsed_ns);
        self.users = progress.users;
        self.asked = progress.asked;
        self.steady = progress.steady;
        self.cooling = false;
        self.in_flight = progress.in_flight;
        self.stopping = progress.stopping;
        self.live = progress.recorder.live();
        self.workers.clone_from(&progress.workers);
    }
}

/// A run on threads of its own.
#[derive(Debug)]
pub struct RunHandle {
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<View>,
    thread: JoinHandle<Run>,
}

impl RunHandle {
    /// Starts a run in real time.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<T, F>(plan: Plan, world: World<F>) -> std::io::Result<Self>
    where
        T: Transport,
        F: Fn() -> T + Clone + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Self::spawn(move |commanded, shown| {
            LocalSet::new().block_on(&runtime, conduct(plan, world, commanded, shown))
        })
    }

    /// Starts a run in real time that workers elsewhere carry out, as `lead` says.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_fleet<T, F>(plan: Plan, world: World<F>, lead: Lead) -> std::io::Result<Self>
    where
        T: Transport,
        F: Fn() -> T + Clone + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Self::spawn(move |commanded, shown| {
            LocalSet::new().block_on(&runtime, conduct_fleet(plan, world, lead, commanded, shown))
        })
    }

    /// Goes on with a run whose coordinator died; see [`conduct_resumed`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn resume<T, F>(
        unfinished: Unfinished,
        kept: Option<Run>,
        meeting: Option<(Bus, RunSecret)>,
        world: World<F>,
    ) -> std::io::Result<Self>
    where
        T: Transport,
        F: Fn() -> T + Clone + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Self::spawn(move |commanded, shown| {
            let going = conduct_resumed(unfinished, kept, meeting, world, commanded, shown);
            LocalSet::new().block_on(&runtime, going)
        })
    }

    /// Runs `conductor` on a thread of its own: it hears commands, shows views, and gives the run.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn<C>(conductor: C) -> std::io::Result<Self>
    where
        C: FnOnce(mpsc::Receiver<Command>, &watch::Sender<View>) -> Run + Send + 'static,
    {
        let (commands, commanded) = mpsc::channel(16);
        let (shown, view) = watch::channel(View::default());
        let job = move || conductor(commanded, &shown);
        let thread = std::thread::Builder::new().name("driver".into()).spawn(job)?;
        Ok(Self { commands, view, thread })
    }

    /// Where to send commands.
    pub fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// What there is to see; the channel closes when the run has ended.
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// What the running step has recorded beyond what is `known`; `None` when no step runs, or the run has ended.
    pub async fn look(commands: &mpsc::Sender<Command>, known: Known) -> Option<Glimpse> {
        let (answer, answered) = oneshot::channel();
        commands.send(Command::Look(Look { known, answer })).await.ok()?;
        answered.await.ok()
    }

    /// Waits for the run's end.
    ///
    /// # Panics
    /// When the run panicked: with its panic.
    pub fn join(self) -> Run {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
