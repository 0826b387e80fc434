//! The one door to a running run: commands in, views out, the `Run` at the end.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use measure::{Live, Run};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::driver::Progress;
use crate::{Plan, Transport, World, conduct};

/// What a run can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send nothing new, wait for what is in flight, end the run.
    Stop,
    /// Wait for nothing, end the run.
    Cut,
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
    /// Requests in flight.
    pub in_flight: u32,
    /// Nothing new is sent any more.
    pub stopping: bool,
    /// Rates and percentiles of the step.
    pub live: Live,
    /// The run up to the last step that ended.
    pub finished: Option<Arc<Run>>,
}

impl View {
    pub(crate) fn update(&mut self, step: usize, progress: &Progress<'_>) {
        self.step = step;
        self.elapsed = Duration::from_nanos(progress.elapsed_ns);
        self.users = progress.users;
        self.in_flight = progress.in_flight;
        self.stopping = progress.stopping;
        self.live = progress.recorder.live();
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

    /// Waits for the run's end.
    ///
    /// # Panics
    /// When the run panicked: with its panic.
    pub fn join(self) -> Run {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
