//! Agents at work: limited concurrency, a bounded FIFO queue, and a delay for each request.
//!
//! A request that is dropped leaves its place in the queue or its slot at once. Agents must not know HTTP,
//! and they wait on the clock alone.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::try_join_all;
use tokio::sync::Semaphore;
use wire::{Clock, Seed, stable_hash};

use crate::latency::{LatencyModel, capped_ns};
use crate::ledger::{Entry, Part};
use crate::profile::{AgentPlan, Profile};
use crate::refusal::Refusal;

/// One agent.
struct Agent {
    plan: AgentPlan,
    /// Fair: who waits longest is served first.
    slots: Semaphore,
    waiting: AtomicU32,
}

/// A place in an agent's queue, given up when dropped.
struct Place<'a>(&'a AtomicU32);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicU32, most: u32) -> Result<Self, Refusal> {
        let taken = waiting.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        taken.map(|_| Self(waiting)).map_err(|_| Refusal::QueueFull)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Agent {
    fn new(plan: AgentPlan) -> Self {
        Self { slots: Semaphore::new(plan.concurrency as usize), waiting: AtomicU32::new(0), plan }
    }

    /// Waits for a slot, works for the drawn delay, and says how it went.
    async fn work(&self, agent: usize, drawn_ns: u64, clock: &Clock) -> Result<Part, Refusal> {
        let asked_ns = clock.now_ns();
        let _slot = match self.slots.try_acquire() {
            Ok(slot) => slot,
            Err(_) => {
                let _place = Place::take(&self.waiting, self.plan.queue_max)?;
                self.slots.acquire().await.expect("the semaphore is never closed")
            }
        };
        let started_ns = clock.now_ns();
        let planned_ns = self.grown_ns(drawn_ns);
        wait_ns(clock, started_ns, planned_ns).await;
        let done_ns = clock.now_ns();
        Ok(Part {
            agent,
            queued_ns: started_ns - asked_ns,
            planned_ns,
            worked_ns: done_ns - started_ns,
            done_ns,
        })
    }

    /// The delay with the agent's load on it: × (1 + growth × busy / concurrency), where busy are the slots that
    /// others hold as the work begins. An idle agent takes what was drawn.
    fn grown_ns(&self, drawn_ns: u64) -> u64 {
        if self.plan.growth == 0.0 {
            return drawn_ns;
        }
        let others = self.plan.concurrency as usize - self.slots.available_permits() - 1;
        let factor = 1.0 + self.plan.growth * others as f64 / f64::from(self.plan.concurrency);
        capped_ns(drawn_ns as f64 * factor)
    }
}

async fn wait_ns(clock: &Clock, from_ns: u64, delay_ns: u64) {
    // Even a wait that is over costs a turn of the timer.
    if delay_ns > 0 {
        clock.sleep_until(from_ns + delay_ns).await;
    }
}

/// All agents of a profile, and the ways through them.
pub(crate) struct Agents {
    profile: Profile,
    agents: Vec<Agent>,
    clock: Clock,
    seed: Seed,
}

impl Agents {
    pub(crate) fn new(profile: Profile, clock: Clock, seed: Seed) -> Self {
        let agents = profile.agents.iter().cloned().map(Agent::new).collect();
        Self { profile, agents, clock, seed }
    }

    /// Takes the query through the agents of its workflow, within the profile's deadline.
    pub(crate) async fn run(&self, query: &str, entry: &mut Entry) -> Result<(), Refusal> {
        let Some(deadline_ns) = self.profile.deadline_ns else { return self.stages(query, entry).await };
        let at_ns = entry.arrived_ns + deadline_ns;
        tokio::select! {
            biased;
            outcome = self.stages(query, entry) => outcome,
            () = self.clock.sleep_until(at_ns) => Err(Refusal::DeadlinePassed),
        }
    }

    async fn stages(&self, query: &str, entry: &mut Entry) -> Result<(), Refusal> {
        for (position, members) in self.profile.workflow(query).stages.iter().enumerate() {
            let work = |agent: &usize| {
                let agent = *agent;
                let drawn_ns = self.drawn_ns(&entry.request_id, position, agent);
                self.agents[agent].work(agent, drawn_ns, &self.clock)
            };
            let first = entry.parts.len();
            match &members[..] {
                [only] => {
                    let part = work(only).await?;
                    entry.parts.push(part);
                }
                several => {
                    let parts = try_join_all(several.iter().map(work)).await?;
                    entry.parts.extend(parts);
                }
            }
            entry.parts[first..].sort_by_key(|part| part.done_ns);
            entry.queued_ns += entry.parts[first..].iter().map(|part| part.queued_ns).sum::<u64>();
            // The stage waited for its last branch: that one is the critical path.
            entry.planned_ns += entry.parts.last().map_or(0, |part| part.planned_ns);
        }
        Ok(())
    }

    /// The delay of a route that no agent serves.
    pub(crate) async fn route(&self, choose: fn(&Profile) -> &LatencyModel, entry: &mut Entry) {
        let key = [entry.request_id.as_bytes(), b"\0route"].concat();
        let drawn_ns = choose(&self.profile).draw_ns(&mut self.seed.stream("delay", stable_hash(&key)));
        entry.planned_ns = drawn_ns;
        wait_ns(&self.clock, self.clock.now_ns(), drawn_ns).await;
    }

    /// A pure function of seed, request and place in the workflow: who else is there changes nothing.
    fn drawn_ns(&self, request_id: &str, stage: usize, agent: usize) -> u64 {
        let plan = &self.agents[agent].plan;
        let key =
            [request_id.as_bytes(), b"\0", &(stage as u64).to_le_bytes(), plan.name.as_bytes()].concat();
        plan.delay.draw_ns(&mut self.seed.stream("delay", stable_hash(&key)))
    }
}
