//! The page's one session: ready, then run after run, each started, followed and kept. The state is decided by pure
//! functions; what is shared is behind locks that nobody waits under. It must not know HTTP.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use harness::{Command, Plan, RunHandle, StepPlan, View};
use measure::{Run, RunKind};
use tokio::sync::{mpsc, oneshot, watch};
use wire::Clock;

use super::board::{Board, Shown};
use super::events::Events;
use super::logs::Ring;
use super::run_thread::{self, Begun, Order};
use crate::args::RunArgs;
use crate::dial::Dial;
use crate::exit::{Exit, Failure};

/// The board is kept up to date for this long after somebody looked.
const LOOKED_NS: u64 = 5_000_000_000;

/// What the session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was run yet.
    Ready,
    /// Users come or go.
    Spawning,
    /// All are there.
    Running,
    /// Between two steps.
    Cooling,
    /// Answers are waited for.
    Stopping,
    /// The last run has ended.
    Stopped,
}

impl Phase {
    /// Its word in the page's own interface.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Spawning => "spawning",
            Self::Running => "running",
            Self::Cooling => "cooling",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Locust's word.
    pub(super) fn locust(self) -> &'static str {
        if self == Self::Cooling { "running" } else { self.word() }
    }
}

/// A run that goes on.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) plan: Arc<Plan>,
    pub(super) host: String,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) view: watch::Receiver<View>,
    /// How often it was told to stop.
    pub(super) stops: u32,
    pub(super) dial: Dial,
    version: u64,
}

impl Current {
    /// The step that runs.
    pub(super) fn step(&self) -> (usize, &StepPlan) {
        let at = self.view.borrow().step.min(self.plan.steps.len() - 1);
        (at, &self.plan.steps[at])
    }
}

/// A run that has ended.
#[derive(Clone)]
pub(super) struct Last {
    pub(super) run: Arc<Run>,
    /// The results folder's name.
    pub(super) folder: Option<String>,
}

/// What is known of runs.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) number: u32,
    /// A run is being started.
    pub(super) starting: bool,
    pub(super) current: Option<Current>,
    pub(super) last: Option<Last>,
    /// What the last server had truly done before its run, if it is a stub of ours.
    pub(super) truth_before: Option<Arc<wire::Truth>>,
    /// How the last run would have ended the program.
    pub(super) exit: Option<Exit>,
}

/// The session.
pub(super) struct Session {
    pub(super) args: Arc<RunArgs>,
    pub(super) clock: Clock,
    pub(super) logs: Ring,
    pub(super) events: Events,
    runs: Mutex<Runs>,
    board: tokio::sync::Mutex<Known>,
    looked_ns: AtomicU64,
    /// Runs that have ended.
    ended: watch::Sender<u32>,
}

/// The board, with what was made of it.
#[derive(Default)]
struct Known {
    board: Board,
    /// Of which run and view.
    version: (u32, u64),
    shown: Option<Arc<Shown>>,
}

/// The state, as numbers decide it.
pub(crate) fn phase(starting: bool, current: Option<(&View, u32)>, ran: bool) -> Phase {
    match current {
        _ if starting => Phase::Spawning,
        None if ran => Phase::Stopped,
        None => Phase::Ready,
        Some((view, stops)) if view.stopping || stops > 0 => Phase::Stopping,
        Some((view, _)) if view.cooling => Phase::Cooling,
        Some((view, _)) if view.steady => Phase::Running,
        Some(_) => Phase::Spawning,
    }
}

impl Session {
    pub(super) fn new(args: Arc<RunArgs>, clock: Clock, logs: Ring) -> Arc<Self> {
        Arc::new(Self {
            args,
            clock,
            logs,
            events: Events::new(),
            runs: Mutex::default(),
            board: tokio::sync::Mutex::default(),
            looked_ns: AtomicU64::new(0),
            ended: watch::channel(0).0,
        })
    }

    /// What is known of runs; not to be held over an `await`.
    pub(super) fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phase(&self) -> Phase {
        let runs = self.runs();
        let view = runs.current.as_ref().map(|current| (current.view.borrow().clone(), current.stops));
        phase(runs.starting, view.as_ref().map(|(view, stops)| (view, *stops)), runs.last.is_some())
    }

    /// Says when a run has ended, each time.
    pub(super) fn ends(&self) -> watch::Receiver<u32> {
        self.ended.subscribe()
    }

    /// Starts what was asked for, unless a run goes on. It returns when users come, or with what speaks against it.
    pub(super) async fn start(self: &Arc<Self>, order: Order) -> Result<(), Failure> {
        {
            let mut runs = self.runs();
            if runs.starting || runs.current.is_some() {
                return Err(Failure::usage("a run goes on; stop it, or edit it"));
            }
            runs.starting = true;
        }
        let (kind, plan) = (order.kind(), Arc::new(order.plan.clone()));
        let (begun, beginning) = oneshot::channel();
        let (done, ending) = oneshot::channel();
        let spawned = run_thread::spawn(order, self.args.clone(), begun, done);
        let begun = match spawned {
            // The sender is dropped when it could not begin; then the end says why.
            Ok(()) => beginning.await.ok(),
            Err(failure) => {
                self.runs().starting = false;
                return Err(failure);
            }
        };
        let Some(Begun { host, commands, view, truth_before }) = begun else {
            self.runs().starting = false;
            let failed = ending.await.map_err(Failure::usage).and_then(|done| done.map(|_| ()));
            return Err(failed.err().unwrap_or_else(|| Failure::usage("the run did not begin")));
        };
        tracing::info!(target: "weaver_bench::page", "{} started against {host}, seed {}", word(kind), plan.seed.0);
        let number = {
            let mut runs = self.runs();
            runs.starting = false;
            runs.number += 1;
            runs.truth_before = truth_before.map(Arc::new);
            runs.current =
                Some(Current { plan, host, commands, view, stops: 0, dial: Dial::default(), version: 0 });
            runs.number
        };
        *self.board.lock().await = Known { version: (number, 0), ..Known::default() };
        tokio::spawn(follow(self.clone(), number, ending));
        Ok(())
    }

    /// Stops the run: the first time it waits for answers, the second it cuts them off. False when none goes on.
    pub(super) fn stop(&self) -> bool {
        let mut runs = self.runs();
        let Some(current) = &mut runs.current else { return false };
        current.stops += 1;
        let command = if current.stops == 1 { Command::Stop } else { Command::Cut };
        // A run that has just ended hears nothing, and needs to hear nothing.
        let _ = current.commands.try_send(command);
        true
    }

    /// Changes the number of users and their rate, if the load can be edited.
    pub(super) fn edit(&self, users: u32, spawn_rate_per_s: f64) -> Result<(), Failure> {
        let mut runs = self.runs();
        let nothing = || Failure::usage("edit: no run goes on; start one");
        let current = runs.current.as_mut().filter(|current| current.stops == 0).ok_or_else(nothing)?;
        if current.plan.kind == RunKind::Baseline {
            return Err(Failure::usage("edit: the baseline keeps its plan; start a run of your own"));
        }
        let (at, step) = current.step();
        step.load.edited(users, spawn_rate_per_s)?;
        self.send(current, Command::Edit { users, spawn_rate_per_s })?;
        current.dial.set(at, users);
        Ok(())
    }

    /// Drops what the running step has recorded.
    pub(super) fn reset(&self) -> Result<(), Failure> {
        let runs = self.runs();
        let nothing = || Failure::usage("reset: no run goes on, and a result is never changed");
        let current = runs.current.as_ref().ok_or_else(nothing)?;
        if current.plan.kind == RunKind::Baseline {
            return Err(Failure::usage("reset: the baseline keeps what it measures"));
        }
        self.send(current, Command::Reset)
    }

    fn send(&self, current: &Current, command: Command) -> Result<(), Failure> {
        current
            .commands
            .try_send(command)
            .map_err(|_| Failure::usage("the run is busy or has just ended; try again"))
    }

    /// The newest figures; kept up to date for a while from now on. `None` before the first second of the first run.
    pub(super) async fn shown(&self) -> Option<Arc<Shown>> {
        self.looked_ns.store(self.clock.now_ns().max(1), Ordering::Relaxed);
        let mut known = self.board.lock().await;
        self.refresh(&mut known).await;
        known.shown.clone()
    }

    /// Looks at the board, brought up to date.
    pub(super) async fn board<T>(&self, look: impl FnOnce(&Board) -> T) -> T {
        self.looked_ns.store(self.clock.now_ns().max(1), Ordering::Relaxed);
        let mut known = self.board.lock().await;
        self.refresh(&mut known).await;
        look(&known.board)
    }

    /// Whether somebody looks, or has just looked.
    fn is_looked_at(&self) -> bool {
        let looked_ns = self.looked_ns.load(Ordering::Relaxed);
        self.events.has_readers() || (looked_ns > 0 && self.clock.now_ns() < looked_ns + LOOKED_NS)
    }

    /// Brings the board up to date, if a second has passed since it was.
    async fn refresh(&self, known: &mut Known) {
        let (number, current) = {
            let runs = self.runs();
            (runs.number, runs.current.clone())
        };
        let Some(current) = current.filter(|current| known.version != (number, current.version)) else {
            return;
        };
        known.version = (number, current.version);
        let view = current.view.borrow().clone();
        let told = match view.finished.or(view.head) {
            Some(run) => known.board.finished(run),
            None => Ok(()),
        };
        let glimpse = RunHandle::look(&current.commands, known.board.known()).await;
        let told = told.and_then(|()| glimpse.map_or(Ok(()), |glimpse| known.board.glimpse(glimpse)));
        match told.and_then(|()| known.board.shown()) {
            Ok(shown) => known.shown = shown.map(Arc::new),
            Err(error) => tracing::error!(target: "weaver_bench::page", "{error}"),
        }
    }

    /// Sends the newest view to those who read.
    pub(super) async fn publish(&self) {
        if !self.is_looked_at() {
            return;
        }
        let shown = {
            let mut known = self.board.lock().await;
            self.refresh(&mut known).await;
            known.shown.clone()
        };
        if self.events.has_readers() {
            self.events.issue(super::view::view(self, shown.as_deref()).to_string());
        }
    }

    /// What has ended is kept, and shown as its file says.
    async fn ended(&self, number: u32, done: Result<run_thread::Done, Failure>) {
        let board = match done {
            Ok(done) => {
                tracing::info!(target: "weaver_bench::page", "the run has ended; results in {}", done.folder.as_deref().unwrap_or("no folder"));
                let mut runs = self.runs();
                runs.exit = Some(done.exit);
                let folder = done.folder;
                runs.last = Some(Last { run: done.run.clone(), folder });
                Some(done.board)
            }
            Err(failure) => {
                tracing::error!(target: "weaver_bench::page", "the run failed: {}", failure.text);
                self.events.note(&format!("the run failed: {}", failure.text));
                self.runs().exit = Some(failure.exit);
                None
            }
        };
        let mut known = self.board.lock().await;
        if let Some(board) = board {
            known.shown = board.shown().ok().flatten().map(Arc::new);
            known.board = board;
        }
        known.version = (number, u64::MAX);
        self.runs().current = None;
        drop(known);
        self.publish().await;
        self.ended.send_modify(|ended| *ended += 1);
    }
}

fn word(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Baseline => "the baseline",
        RunKind::Run => "a run",
    }
}

/// Follows a run to its end.
async fn follow(
    session: Arc<Session>,
    number: u32,
    ending: oneshot::Receiver<Result<run_thread::Done, Failure>>,
) {
    let Some(mut view) = session.runs().current.as_ref().map(|current| current.view.clone()) else { return };
    while view.changed().await.is_ok() {
        view.mark_unchanged();
        if let Some(current) = &mut session.runs().current {
            current.version += 1;
        }
        session.publish().await;
    }
    let done = ending.await.unwrap_or_else(|_| Err(Failure::bug("the run's thread has ended")));
    session.ended(number, done).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases() {
        let view = |steady, stopping, cooling| View { steady, stopping, cooling, ..View::default() };
        for (starting, view, stops, ran, expected) in [
            (false, None, 0, false, Phase::Ready),
            (false, None, 0, true, Phase::Stopped),
            (true, None, 0, true, Phase::Spawning),
            (false, Some(view(false, false, false)), 0, true, Phase::Spawning),
            (false, Some(view(true, false, false)), 0, false, Phase::Running),
            (false, Some(view(true, false, false)), 1, false, Phase::Stopping),
            (false, Some(view(true, true, false)), 0, false, Phase::Stopping),
            (false, Some(view(true, true, true)), 0, false, Phase::Stopping),
            (false, Some(view(true, false, true)), 0, false, Phase::Cooling),
        ] {
            let found = phase(starting, view.as_ref().map(|view| (view, stops)), ran);
            assert_eq!(found, expected, "{view:?}");
        }
    }
}
