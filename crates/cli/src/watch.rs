//! Follows a run: shows it, keeps its results, passes Ctrl-C and keys on.

use std::sync::Arc;

use harness::{Command, RunHandle, StepPlan, View};
use measure::Run;
use tokio::signal::unix::{SignalKind, signal};

use crate::dial::{Dial, turn_of};
use crate::exit::Failure;
use crate::keyboard::Keyboard;
use crate::progress::Progress;
use crate::results::Results;
use crate::runtime::runtime;

/// Writes what is finished as soon as it is.
#[derive(Debug)]
pub(crate) struct Keeper<'a> {
    results: Option<&'a Results>,
    kept: Option<Arc<Run>>,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(results: Option<&'a Results>) -> Self {
        Self { results, kept: None }
    }

    /// Writes the steps that have ended, if there are more than before.
    pub(crate) fn keep(&mut self, view: &View) -> Result<(), Failure> {
        let (Some(results), Some(run)) = (self.results, &view.finished) else { return Ok(()) };
        if self.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, run)) {
            return Ok(());
        }
        self.kept = Some(run.clone());
        results.write(run)
    }
}

/// Follows the run to its end. The first Ctrl-C (or SIGTERM) stops it, the second cuts off what is in flight. Keys
/// change the users of `keyed` steps.
pub(crate) fn follow(
    handle: RunHandle,
    mut progress: Progress,
    keyed: &[StepPlan],
    results: Option<&Results>,
) -> Result<Run, Failure> {
    let runtime = runtime()?;
    let kept = runtime.block_on(watch(&handle, &mut progress, keyed, results));
    progress.end();
    let run = handle.join();
    // What could not be written before may fit now; the first error is the one that is told.
    let written = results.map_or(Ok(()), |results| results.write(&run));
    kept.and(written).map(|()| run)
}

async fn watch(
    handle: &RunHandle,
    progress: &mut Progress,
    keyed: &[StepPlan],
    results: Option<&Results>,
) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt()).map_err(Failure::usage)?,
        signal(SignalKind::terminate()).map_err(Failure::usage)?,
    );
    let (mut view, commands) = (handle.view(), handle.commands());
    let mut keeper = Keeper::new(results);
    let mut keyboard = if keyed.is_empty() { Keyboard::default() } else { Keyboard::listen() };
    let mut dial = Dial::default();
    let mut signals = 0;
    let mut outcome = Ok(());
    loop {
        let signalled = tokio::select! {
            biased;
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            key = keyboard.key() => {
                if let Some(by) = turn_of(key) {
                    let now = view.borrow().clone();
                    progress.say(&dial.turn(&commands, &now, keyed, by));
                }
                continue;
            }
            changed = view.changed() => {
                if changed.is_err() {
                    return outcome;
                }
                false
            }
        };
        if signalled {
            signals += 1;
            progress.say(if signals == 1 {
                "stopping: waiting for answers; once more to cut them off"
            } else {
                "cutting off"
            });
            let command = if signals == 1 { Command::Stop } else { Command::Cut };
            // A run that has just ended hears nothing, and needs to hear nothing.
            let _ = commands.try_send(command);
            continue;
        }
        let seen: View = view.borrow_and_update().clone();
        progress.show(&seen);
        if let Err(failure) = keeper.keep(&seen) {
            progress.say(&format!("stopping: {}", failure.text));
            // Measuring on would only lose more.
            let _ = commands.try_send(Command::Stop);
            outcome = outcome.and(Err(failure));
        }
    }
}
