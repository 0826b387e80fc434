//! A run on a thread of its own, from its plan to its results folder, as `run --headless` and `baseline` carry it out.
//! It must not know who watches.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use harness::{Call, Command, HttpTransport, Plan, RunHandle, StepPlan, Target, Transport, View};
use measure::{Run, RunKind};
use tokio::sync::{mpsc, oneshot, watch};
use wire::{Clock, Truth};

use super::board::Board;
use crate::args::{LoadArgs, RunArgs};
use crate::exit::{Exit, Failure};
use crate::load::{Ended, carry_out_with};
use crate::place::{Place, http_options};
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
    let Order { plan, place, host } = order;
    let kind = plan.kind;
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

/// How long a server may take to say whether it is a stub.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the server truly did so far, if it is a stub of ours. One request that no scenario has is sent for it.
pub(super) fn truth_of(args: &LoadArgs, host: &str) -> Option<Truth> {
    let (_, body) = ask(args, host, "/_stub/truth").filter(|(status, _)| *status == 200)?;
    serde_json::from_slice(&body).ok()
}

/// One GET: status and body, if there is an answer in time.
fn ask(args: &LoadArgs, host: &str, path: &str) -> Option<(u16, bytes::Bytes)> {
    let options = http_options(args.http, args.insecure, args.cacert.as_deref()).ok()?;
    let transport = HttpTransport::new(Target::parse(host).ok()?, &options).ok()?;
    let call = Call { path: path.to_owned(), ..Call::default() };
    let reply =
        runtime().ok()?.block_on(Clock::system().timeout(PATIENCE, transport.send(call))).ok()?.ok()?;
    Some((reply.status, reply.body))
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
