//! A run on a thread of its own, from its plan to its results folder, as `run --headless` and `baseline` carry it out.
//! It must not know who watches.

use std::path::PathBuf;
use std::sync::Arc;

use harness::{Command, Plan, RunHandle, StepPlan, View};
use measure::{Run, RunKind};
use tokio::sync::{mpsc, oneshot, watch};
use wire::Truth;

use super::board::Board;
use super::stub_door::{self, Wanted, truth_of};
use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::load::{Ended, carry_out_with};
use crate::place::Place;
use crate::report::show;
use crate::results::Results;
use crate::run::hand_out;
use crate::runtime::runtime;
use crate::say::Stream;
use crate::watch::Keeper;

/// Where results go unless the command line says otherwise.
pub(super) const OUT: &str = "results";

/// What is to be run.
pub(super) struct Order {
    pub(super) plan: Plan,
    pub(super) place: Place,
    pub(super) host: String,
    /// What is put in force at the server before, if it is a stub of ours.
    pub(super) stub_profile: Option<Wanted>,
}

impl Order {
    pub(super) fn kind(&self) -> RunKind {
        self.plan.kind
    }
}

/// A run that has begun.
pub(super) struct Begun {
    pub(super) host: String,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) view: watch::Receiver<View>,
    /// What the server had truly done before, if it is a stub of ours.
    pub(super) truth_before: Option<Truth>,
}

/// A run that has ended.
pub(super) struct Done {
    pub(super) run: Arc<Run>,
    pub(super) board: Board,
    pub(super) folder: Option<String>,
    pub(super) exit: Exit,
}

/// The folder that holds the results.
pub(super) fn out(args: &RunArgs) -> PathBuf {
    args.out.clone().unwrap_or_else(|| PathBuf::from(OUT))
}

/// Starts it. `begun` is dropped when it does not begin; then `done` says why.
pub(super) fn spawn(
    order: Order,
    args: Arc<RunArgs>,
    begun: oneshot::Sender<Begun>,
    done: oneshot::Sender<Result<Done, Failure>>,
) -> Result<(), Failure> {
    let job = move || {
        let ended = carry(order, &args, begun);
        // Without a listener the program ends.
        let _ = done.send(ended);
    };
    std::thread::Builder::new().name("run".into()).spawn(job).map(drop).map_err(Failure::usage)
}

fn carry(order: Order, args: &RunArgs, begun: oneshot::Sender<Begun>) -> Result<Done, Failure> {
    let Order { mut plan, place, host, stub_profile } = order;
    let kind = plan.kind;
    if let Some(wanted) = stub_profile {
        stub_door::put(&args.load, &place, &host, &wanted)?;
        plan.setup["stub_profile"] = wanted.name.into();
    }
    let begun = std::cell::Cell::new(Some(begun));
    let follower = |handle: RunHandle, _: &[StepPlan], results: Option<&Results>| {
        if let Some(begun) = begun.take() {
            let (commands, view) = (handle.commands(), handle.view());
            // Without a listener the program ends.
            let _ = begun.send(Begun {
                host: host.clone(),
                commands,
                view,
                truth_before: truth_of(&args.load, &host),
            });
        }
        keep(handle, results)
    };
    let out = out(args);
    let ended = carry_out_with(plan, place, &args.load, Some(&out), &follower)?;
    let exit = match kind {
        RunKind::Run => hand_out(args, &ended)?,
        RunKind::Baseline => {
            let exit = show(&ended.run, Stream::Out)?;
            ended.say_where();
            exit
        }
    };
    let Ended { run, results } = ended;
    let folder = results.and_then(|results| Some(results.folder.file_name()?.to_str()?.to_owned()));
    let run = Arc::new(run);
    let board = Board::of(run.clone()).map_err(Failure::usage)?;
    Ok(Done { run, board, folder, exit })
}

/// Follows a run to its end, and writes what is finished.
fn keep(handle: RunHandle, results: Option<&Results>) -> Result<Run, Failure> {
    let runtime = runtime()?;
    let kept = runtime.block_on(async {
        let (mut view, mut keeper, mut outcome) = (handle.view(), Keeper::new(results), Ok(()));
        while view.changed().await.is_ok() {
            let seen = view.borrow_and_update().clone();
            if let Err(failure) = keeper.keep(&seen) {
                tracing::error!(target: "weaver_bench::page", "stopping: {}", failure.text);
                // Measuring on would only lose more.
                let _ = handle.commands().try_send(Command::Stop);
                outcome = Err(failure);
            }
        }
        outcome
    });
    let run = handle.join();
    let written = results.map_or(Ok(()), |results| results.write(&run));
    kept.and(written).map(|()| run)
}
