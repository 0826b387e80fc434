//! Where trials are carried out: in virtual time with a stub of their own, or against a server of somebody else's.
//!
//! It must not know what is claimed of them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use harness::{Journal, View, Workers, World, conduct};
use measure::Run;
use stub::{Limits, RedisSettings, Settings, Stub};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use wire::Clock;

use super::ProofError;
use super::join::Joiner;
use super::server::Server;
use super::trial::{Evidence, Glass, Seen, Trial};
use crate::InProcess;
use crate::world::{EPOCH_UNIX_NS, runtime};

/// The key that trials send, where no server asks for another.
pub(super) const API_KEY: &str = "test-api-key";

/// Requests that may wait to be joined: more are counted, and break the join.
const WAITING_MAX: usize = 50_000;
/// Journal and ledger are drained so often, in virtual time.
const DRAINED_EVERY: Duration = Duration::from_millis(500);

/// Where trials are carried out, and the glass before their recorder.
pub(crate) struct Bench {
    /// A running stub; `None`: in virtual time.
    pub(crate) server: Option<Server>,
    pub(crate) glass: Option<Glass>,
}

impl Bench {
    /// Whether time is virtual, so that nothing but the numbers themselves may differ.
    pub(crate) fn is_virtual(&self) -> bool {
        self.server.is_none()
    }

    /// Carries a trial out; what happens is shown as it comes in, and what was shown is not kept.
    pub(crate) fn carry_out(
        &self,
        trial: &Trial,
        show: &mut dyn FnMut(Seen<'_>),
    ) -> Result<Evidence, ProofError> {
        match &self.server {
            None => self.live_through(trial, show),
            Some(server) => server.carry_out(trial, self.glass.as_ref(), show),
        }
    }

    fn live_through(&self, trial: &Trial, show: &mut dyn FnMut(Seen<'_>)) -> Result<Evidence, ProofError> {
        let plan = trial.plan(API_KEY)?;
        let profile = trial.profile()?;
        let mut joiner = Joiner::new(&plan.entries);
        let journal = Arc::new(Journal::new(WAITING_MAX));
        let lens = trial.lens(self.glass.as_ref(), &journal);
        let (_commands, commanded) = mpsc::channel(1);
        let (shown, _view) = watch::channel(View::default());
        let life = async {
            let clock = Clock::at(EPOCH_UNIX_NS);
            let stub = Stub::new(settings(), profile, clock, plan.seed);
            let transport = InProcess::with_way(stub.router(), clock, Duration::ZERO);
            let transport = move || transport.clone();
            let lens = Some(lens);
            let world = World { clock, workers: Workers::Here, transport, host: None, resources: None, lens };
            let mut next = 0;
            let mut run = pin!(conduct(plan, world, commanded, &shown));
            loop {
                let ended: Option<Run> = tokio::select! {
                    biased;
                    run = &mut run => Some(run),
                    () = clock.sleep(DRAINED_EVERY) => None,
                };
                drain(&stub, &mut next, &journal, &mut joiner, show);
                if let Some(run) = ended {
                    return run;
                }
            }
        };
        let run = LocalSet::new().block_on(&runtime()?, life);
        // Virtual time knows no busy machine: what is INVALID here is wrong.
        Ok(Evidence { invalid: vec![], ..Evidence::of(&run, joiner)? })
    }
}

/// Hands on what has come in since the last time.
fn drain(
    stub: &Stub,
    next: &mut u64,
    journal: &Journal,
    joiner: &mut Joiner,
    show: &mut dyn FnMut(Seen<'_>),
) {
    for sample in journal.drain() {
        joiner.sample(&sample);
        show(Seen::Sample(&sample));
    }
    loop {
        let page = stub.entries(*next, 10_000);
        for entry in &page.entries {
            joiner.entry(entry);
            show(Seen::Entry(entry));
        }
        *next = page.next;
        if page.entries.is_empty() {
            return;
        }
    }
}

/// A stub that the proof may be carried out on: without limits, and without the headers that no claim is about.
pub fn settings() -> Settings {
    Settings {
        limits: Limits::OFF,
        cors: None,
        csrf: None,
        security: None,
        own_headers: false,
        // Something to lose.
        redis: RedisSettings::Memory { up: true },
        ledger_entries_max: WAITING_MAX,
        ..Settings::suite()
    }
}
