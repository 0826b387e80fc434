//! One instance of an agent: its slots, its queue, its connections and its batches.
//!
//! A request that is dropped leaves its place in the queue or its slot at once. It must not know workflows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use tokio::sync::Semaphore;
use wire::{Clock, Seed};

use super::batch::{BatchStatus, Batcher};
use super::pool::{Lease, Pool, PoolStatus};
use crate::latency::capped_ns;
use crate::ledger::Connect;
use crate::profile::AgentPlan;
use crate::refusal::Refusal;

/// One instance of an agent.
pub(super) struct Replica {
    pub(super) plan: Arc<AgentPlan>,
    /// Fair: who waits longest is served first.
    pub(super) slots: Semaphore,
    waiting: Arc<AtomicU32>,
    pool: Option<Pool>,
    batcher: Option<Batcher>,
    pub(super) clock: Clock,
    seed: Seed,
}

/// A piece of work: a pure function of seed, request and place in the workflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// The delay that was drawn for it.
    pub(super) drawn_ns: u64,
    /// The index of its random streams.
    pub(super) key: u64,
}

/// How a piece of work went, from the moment at which it no longer waited for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) begun_ns: u64,
    pub(super) connect: Option<Connect>,
    pub(super) planned_ns: u64,
    pub(super) started_ns: u64,
    pub(super) done_ns: u64,
    /// How many were done together.
    pub(super) batch: Option<u32>,
}

/// What operators see of a replica.
#[derive(Debug, Serialize)]
pub(super) struct ReplicaStatus {
    busy: usize,
    waiting: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<PoolStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batches: Option<BatchStatus>,
}

/// A place in a queue, given up when dropped.
pub(super) struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Replica {
    pub(super) fn new(plan: Arc<AgentPlan>, clock: Clock, seed: Seed) -> Self {
        Self {
            slots: Semaphore::new(plan.concurrency as usize),
            waiting: Arc::default(),
            pool: plan.connection.as_ref().map(|connection| Pool::new(connection, clock)),
            batcher: plan.batching.map(Batcher::new),
            plan,
            clock,
            seed,
        }
    }

    /// Waits for its turn, works, and says how it went.
    pub(super) async fn work(self: &Arc<Self>, work: Work) -> Result<Finished, Refusal> {
        if let Some(batcher) = self.batcher() {
            return batcher.work(self, work).await;
        }
        let _slot = match self.slots.try_acquire() {
            Ok(slot) => slot,
            Err(_) => {
                let _place = self.place(self.plan.queue_max)?;
                self.slots.acquire().await.expect("the semaphore is never closed")
            }
        };
        Ok(self.perform(work).await)
    }

    pub(super) fn batcher(&self) -> Option<&Batcher> {
        self.batcher.as_ref()
    }

    /// A place in the queue, unless `most` are taken.
    pub(super) fn place(&self, most: u32) -> Result<Place, Refusal> {
        let update = |n| (n < most).then_some(n + 1);
        let taken = self.waiting.try_update(Ordering::Relaxed, Ordering::Relaxed, update);
        taken.map(|_| Place(Arc::clone(&self.waiting))).map_err(|_| Refusal::QueueFull)
    }

    /// With a slot in hand: a connection where the agent needs one, then the work.
    pub(super) async fn perform(&self, work: Work) -> Finished {
        let lease = match &self.pool {
            None => None,
            Some(pool) => Some(pool.lease().await),
        };
        let begun_ns = self.clock.now_ns();
        let connect = match &lease {
            None => None,
            Some(lease) => Some(self.connect(lease, begun_ns, work.key).await),
        };
        let started_ns = begun_ns + connect.map_or(0, |connect| connect.took_ns);
        let planned_ns = self.grown_ns(work.drawn_ns);
        wait_ns(&self.clock, started_ns, planned_ns).await;
        let done_ns = self.clock.now_ns();
        if let Some(lease) = lease {
            lease.give_back();
        }
        Finished { begun_ns, connect, planned_ns, started_ns, done_ns, batch: None }
    }

    async fn connect(&self, lease: &Lease<'_>, begun_ns: u64, key: u64) -> Connect {
        let plan = self.plan.connection.as_ref().filter(|_| lease.is_new);
        let Some(plan) = plan else { return Connect { planned_ns: 0, took_ns: 0 } };
        let planned_ns = plan.connect.draw_ns(&mut self.seed.stream("connect", key));
        wait_ns(&self.clock, begun_ns, planned_ns).await;
        Connect { planned_ns, took_ns: self.clock.now_ns() - begun_ns }
    }

    /// The delay with the replica's load on it: × (1 + growth × busy / concurrency), where busy are the slots that
    /// others hold as the work begins, and × what scaling says of them. An idle replica takes what was drawn.
    fn grown_ns(&self, drawn_ns: u64) -> u64 {
        let AgentPlan { growth, concurrency, scaling, .. } = *self.plan;
        if growth == 0.0 && scaling.is_none() {
            return drawn_ns;
        }
        let busy = self.busy();
        let grown = 1.0 + growth * (busy - 1) as f64 / f64::from(concurrency);
        capped_ns(drawn_ns as f64 * grown * scaling.map_or(1.0, |scaling| scaling.factor(busy)))
    }

    fn busy(&self) -> usize {
        self.plan.concurrency as usize - self.slots.available_permits()
    }

    pub(super) fn status(&self) -> ReplicaStatus {
        ReplicaStatus {
            busy: self.busy(),
            waiting: self.waiting.load(Ordering::Relaxed),
            connections: self.pool.as_ref().map(Pool::status),
            batches: self.batcher().map(Batcher::status),
        }
    }
}

pub(super) async fn wait_ns(clock: &Clock, from_ns: u64, delay_ns: u64) {
    // Even a wait that is over costs a turn of the timer.
    if delay_ns > 0 {
        clock.sleep_until(from_ns + delay_ns).await;
    }
}
