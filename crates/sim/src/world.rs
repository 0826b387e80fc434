//! The virtual world: a paused runtime, one thread, a fixed epoch.

use harness::{Plan, View, Workers, World, conduct};
use measure::Run;
use stub::{Profile, Settings, Stub};
use tokio::runtime::Builder;
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
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let world = async {
        let clock = Clock::at(EPOCH_UNIX_NS);
        let stub = Stub::new(settings, profile, clock, plan.seed);
        let transport = InProcess::new(stub.router());
        let world = World {
            clock,
            workers: Workers::Here,
            transport: move || transport.clone(),
            host: None,
            resources: None,
        };
        let (_commands, commanded) = mpsc::channel(1);
        let (shown, _view) = watch::channel(View::default());
        let run = conduct(plan, world, commanded, &shown).await;
        Simulated { run, truth: stub.truth() }
    };
    Ok(LocalSet::new().block_on(&runtime, world))
}
