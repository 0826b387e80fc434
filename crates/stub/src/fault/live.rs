//! The faults in force: since when, whom they strike, and what they remember of it.
//!
//! It must not know what becomes of those who are struck.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use serde::Serialize;
use tokio::sync::Semaphore;
use wire::{Clock, Seed, stable_hash};

use super::memory::{self, Leaking};
use super::plan::{Effect, FaultPlan};
use super::struck::Struck;
use crate::ledger::RouteName;
use crate::limiter::Starving;
use crate::redis::Outage;

/// All faults of a profile.
pub(crate) struct Faults {
    pub(super) all: Vec<Live>,
    pub(super) begun_ns: u64,
    pub(super) clock: Clock,
    seed: Seed,
    /// What leaks take, from the first request on.
    leaking: OnceLock<Leaking>,
}

/// One fault.
pub(super) struct Live {
    pub(super) plan: FaultPlan,
    pub(super) struck: AtomicU64,
    pub(super) state: State,
}

/// What a fault remembers.
pub(super) enum State {
    Nothing,
    /// Requests that it failed.
    Failed(AtomicU64),
    Buckets(Starving),
    /// Fair: who waits longest is served first.
    Workers(Semaphore),
    InFlight(AtomicU64),
    Flushed(AtomicBool),
    /// Bytes held in this process.
    Memory(Arc<AtomicU64>),
}

/// What operators see of a fault.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FaultStatus {
    kind: &'static str,
    state: &'static str,
    struck: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

impl Live {
    fn new(plan: &FaultPlan, unix_ns: u64) -> Self {
        let state = match plan.effect {
            Effect::FailFirst { .. } => State::Failed(AtomicU64::new(0)),
            Effect::TokenStarvation { layer, limit } => State::Buckets(Starving::new(layer, limit, unix_ns)),
            Effect::Plateau { workers } => State::Workers(Semaphore::new(workers as usize)),
            Effect::Collapse { .. } => State::InFlight(AtomicU64::new(0)),
            Effect::LostCache => State::Flushed(AtomicBool::new(false)),
            Effect::Leak(_) => State::Memory(Arc::default()),
            _ => State::Nothing,
        };
        Self { plan: plan.clone(), struck: AtomicU64::new(0), state }
    }

    fn status(&self, at_ns: u64) -> FaultStatus {
        let state = match () {
            () if self.plan.is_on(at_ns) => "on",
            () if at_ns < self.plan.start_ns => "waiting",
            () => "over",
        };
        let memory_bytes = match &self.state {
            State::Memory(held_bytes) => Some(held_bytes.load(Relaxed)),
            _ => None,
        };
        FaultStatus {
            kind: self.plan.effect.fault().name(),
            state,
            struck: self.struck.load(Relaxed),
            memory_bytes,
        }
    }
}

impl Faults {
    /// In force from now on.
    pub(crate) fn new(plans: &[FaultPlan], clock: Clock, seed: Seed) -> Self {
        let unix_ns = clock.unix_ns();
        let all = plans.iter().map(|plan| Live::new(plan, unix_ns)).collect();
        Self { all, begun_ns: clock.now_ns(), clock, seed, leaking: OnceLock::new() }
    }

    /// What strikes a request that arrives now.
    pub(crate) fn arrive(self: &Arc<Self>, route: RouteName, request_id: &str) -> Struck {
        if self.all.is_empty() {
            return Struck::default();
        }
        self.leak();
        let at_ns = self.now_ns();
        let mut struck = Struck::of(Arc::clone(self));
        for (number, live) in self.all.iter().enumerate() {
            if live.plan.route.is_some_and(|path| path != route.pattern) {
                continue;
            }
            let in_flight = match &live.state {
                State::InFlight(count) => {
                    struck.counts(number);
                    count.fetch_add(1, Relaxed) + 1
                }
                _ => 0,
            };
            let is_on = live.plan.is_on(at_ns) || live.plan.effect.strikes_answers();
            if is_on && self.draws(number, live, request_id) {
                struck.choose(number, live.plan.delay_ns(at_ns, in_flight));
            }
        }
        struck
    }

    /// Whether the request is among its share.
    fn draws(&self, number: usize, live: &Live, request_id: &str) -> bool {
        if live.plan.share >= 1.0 {
            return true;
        }
        let name = live.plan.effect.fault().name();
        let key = [&(number as u64).to_le_bytes(), name.as_bytes(), b"\0", request_id.as_bytes()].concat();
        self.seed.stream("fault", stable_hash(&key)).unit() < live.plan.share
    }

    /// Since they were put in force.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.begun_ns)
    }

    /// Whether the caches have to be emptied now: once for each fault that loses them.
    pub(crate) fn wants_flush(&self) -> bool {
        if self.all.is_empty() {
            return false;
        }
        let at_ns = self.now_ns();
        let wants = |live: &&Live| match &live.state {
            State::Flushed(done) => live.plan.start_ns <= at_ns && !done.swap(true, Relaxed),
            _ => false,
        };
        // Of several that begin together each is done with.
        self.all.iter().filter(wants).count() > 0
    }

    /// When Redis is away, on the clock.
    pub(crate) fn outages(&self) -> Vec<Outage> {
        let at_ns = |since_ns: u64| self.begun_ns.saturating_add(since_ns);
        let outage = |live: &Live| match live.plan.effect {
            Effect::RedisOutage(condition) => Some(Outage {
                from_ns: at_ns(live.plan.start_ns),
                to_ns: live.plan.end_ns.map_or(u64::MAX, at_ns),
                condition,
            }),
            _ => None,
        };
        self.all.iter().filter_map(outage).collect()
    }

    /// What operators see.
    pub(crate) fn status(&self) -> Vec<FaultStatus> {
        let at_ns = self.now_ns();
        self.all.iter().map(|live| live.status(at_ns)).collect()
    }

    /// In real time memory is held from the first request on: before it, there may be no runtime.
    fn leak(&self) {
        if self.clock.is_virtual() || self.leaking.get().is_some() {
            return;
        }
        let leak = |live: &Live| match (&live.plan.effect, &live.state) {
            (Effect::Leak(leak), State::Memory(held_bytes)) if leak.memory_per_s_bytes > 0 => {
                Some((live.plan.clone(), *leak, Arc::clone(held_bytes)))
            }
            _ => None,
        };
        let leaks: Vec<_> = self.all.iter().filter_map(leak).collect();
        self.leaking.get_or_init(|| memory::leaks(leaks, self.clock, self.begun_ns));
    }
}
