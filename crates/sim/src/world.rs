//! The virtual world: a paused runtime, one thread, a fixed epoch.

use harness::{Command, Plan, RunHandle, View, Workers, World, conduct};
use measure::Run;
use stub::{Profile, Settings, Stub};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use wire::{Clock, Truth};

use crate::InProcess;

/// Virtual runs begin here: 2026-01-01T00:00:00Z.
pub const EPOCH_UNIX_NS: u64 = 1_767_225_600_000_000_000;

/// What came out of a virtual world.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What the harness measured.
    pub run: Run,
    /// What the stub truly did.
    pub truth: Truth,
}

/// Runs `plan` against a stub in virtual time; all that comes out depends on the arguments alone.
///
/// # Errors
/// When the system gives no runtime.
pub fn simulate(plan: Plan, settings: Settings, profile: Profile) -> std::io::Result<Simulated> {
    let (_commands, commanded) = mpsc::channel(1);
    let (shown, _view) = watch::channel(View::default());
    Ok(live_through(&runtime()?, plan, settings, profile, commanded, &shown))
}

/// The same on a thread of its own, with commands and views like a run in real time.
///
/// # Errors
/// When the system gives no runtime or thread.
pub fn start(plan: Plan, settings: Settings, profile: Profile) -> std::io::Result<RunHandle> {
    let runtime = runtime()?;
    RunHandle::spawn(move |commanded, shown| {
        live_through(&runtime, plan, settings, profile, commanded, shown).run
    })
}

pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().start_paused(true).build()
}

fn live_through(
    runtime: &Runtime,
    plan: Plan,
    settings: Settings,
    profile: Profile,
    commanded: mpsc::Receiver<Command>,
    shown: &watch::Sender<View>,
) -> Simulated {
    let life = async {
        let clock = Clock::at(EPOCH_UNIX_NS);
        let stub = Stub::new(settings, profile, clock, plan.seed);
        let transport = InProcess::new(stub.router(), clock);
        let transport = move || transport.clone();
        let world =
            World { clock, workers: Workers::Here, transport, host: None, resources: None, lens: None };
        let run = conduct(plan, world, commanded, shown).await;
        Simulated { run, truth: stub.truth() }
    };
    LocalSet::new().block_on(runtime, life)
}
