//! Agents at work: limited concurrency, a bounded FIFO queue, and a delay for each request.
//!
//! A request that is dropped leaves its place in the queue or its slot at once. Agents must not know HTTP,
//! and they wait on the clock alone.

mod batch;
mod pool;
mod remote;
mod replica;
mod status;

pub(crate) use status::AgentsStatus;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::try_join_all;
use wire::{Clock, Seed, stable_hash};

use crate::answer_cache::{AnswerCache, Key};
use crate::latency::LatencyModel;
use crate::ledger::{Entry, Part};
use crate::mesh::RedisMesh;
use crate::profile::{AgentPlan, Profile};
use crate::redis::Backing;
use crate::refusal::Refusal;
use replica::{Finished, Replica, Work, wait_ns};

/// One agent: its replicas, each with slots and a queue of its own, and whose turn it is.
struct Agent {
    plan: Arc<AgentPlan>,
    replicas: Vec<Arc<Replica>>,
    next: AtomicUsize,
}

impl Agent {
    fn new(plan: &AgentPlan, replicas: u32, clock: Clock, seed: Seed) -> Self {
        let plan = Arc::new(plan.clone());
        let replica = |_| Arc::new(Replica::new(Arc::clone(&plan), clock, seed));
        Self { replicas: (0..replicas).map(replica).collect(), plan, next: AtomicUsize::new(0) }
    }

    /// The work goes to the replica whose turn it is, in order of arrival and blind to how long the queues are.
    async fn work(&self, agent: usize, work: Work) -> Result<Part, Refusal> {
        let (position, replica) = match &self.replicas[..] {
            [only] => (None, only),
            several => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed) % several.len();
                (Some(turn as u32), &several[turn])
            }
        };
        let asked_ns = replica.clock.now_ns();
        let Finished { begun_ns, connect, planned_ns, started_ns, done_ns, batch } =
            replica.work(work).await?;
        Ok(Part {
            agent,
            queued_ns: begun_ns - asked_ns,
            connect,
            planned_ns,
            worked_ns: done_ns - started_ns,
            done_ns,
            batch,
            replica: position,
        })
    }
}

/// All agents of a profile, the ways through them, and the cache before them.
pub(crate) struct Agents {
    profile: Profile,
    agents: Vec<Agent>,
    cache: Option<AnswerCache>,
    /// Over which stages travel, if they do.
    mesh: OnceLock<RedisMesh>,
    clock: Clock,
    seed: Seed,
}

impl Agents {
    pub(crate) fn new(profile: Profile, redis: &Backing, clock: Clock, seed: Seed) -> Self {
        let agent = |plan| Agent::new(plan, profile.replicas, clock, seed);
        let agents = profile.agents.iter().map(agent).collect();
        let cache = profile.answer_cache.clone().map(|plan| AnswerCache::new(plan, redis, clock, seed));
        Self { profile, agents, cache, mesh: OnceLock::new(), clock, seed }
    }

    /// What the model says to the query, within the profile's deadline: out of the cache, or from the agents.
    pub(crate) async fn run(&self, query: &str, entry: &mut Entry) -> Result<String, Refusal> {
        let Some(deadline_ns) = self.profile.deadline_ns else { return self.answer(query, entry).await };
        let at_ns = entry.arrived_ns + deadline_ns;
        tokio::select! {
            biased;
            outcome = self.answer(query, entry) => outcome,
            () = self.clock.sleep_until(at_ns) => Err(Refusal::DeadlinePassed),
        }
    }

    async fn answer(&self, query: &str, entry: &mut Entry) -> Result<String, Refusal> {
        let Some(cache) = &self.cache else {
            self.stages(query, entry).await?;
            return Ok(said(query));
        };
        let key = Key::of(query);
        if let Some(text) = cache.look(&key, entry).await {
            return Ok(text);
        }
        self.stages(query, entry).await?;
        let text = said(query);
        cache.keep(key, &text).await;
        Ok(text)
    }

    /// The agents' names, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.profile.agents.iter().map(|agent| agent.name.as_str())
    }

    /// From now on stages travel over this mesh.
    pub(crate) fn send_over(&self, mesh: RedisMesh) {
        // Whoever asks twice has the mesh already.
        let _ = self.mesh.set(mesh);
    }

    /// One agent's part in a stage.
    async fn work(&self, request_id: &str, stage: usize, agent: usize) -> Result<Part, Refusal> {
        match self.mesh.get() {
            Some(mesh) => self.over(mesh, request_id, stage, agent).await,
            None => self.agents[agent].work(agent, self.drawn(request_id, stage, agent)).await,
        }
    }

    /// Takes the query through the agents of its workflow.
    async fn stages(&self, query: &str, entry: &mut Entry) -> Result<(), Refusal> {
        for (position, members) in self.profile.workflow(query).stages.iter().enumerate() {
            let work = |agent: &usize| self.work(&entry.request_id, position, *agent);
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
            entry.planned_ns += entry.parts.last().map_or(0, Part::drawn_ns);
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
    fn drawn(&self, request_id: &str, stage: usize, agent: usize) -> Work {
        let plan = &self.agents[agent].plan;
        let key =
            [request_id.as_bytes(), b"\0", &(stage as u64).to_le_bytes(), plan.name.as_bytes()].concat();
        let key = stable_hash(&key);
        Work { drawn_ns: plan.delay.draw_ns(&mut self.seed.stream("delay", key)), key }
    }
}

/// The text of the real server's own stand-in for a model.
fn said(query: &str) -> String {
    format!("[MODEL RESPONSE] {query}")
}
