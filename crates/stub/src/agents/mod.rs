//! Agents at work: limited concurrency, a bounded FIFO queue, and a delay for each request.
//!
//! A request that is dropped leaves its place in the queue or its slot at once. Agents must not know HTTP,
//! and they wait on the clock alone.

mod audit;
mod batch;
mod pool;
mod remote;
mod replica;
mod route;
mod status;

pub(crate) use route::PlainRoute;
pub(crate) use status::AgentsStatus;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::try_join_all;
use wire::{Audit, Clock, Seed, stable_hash};

use crate::answer_cache::{AnswerCache, Key};
use crate::fault::Struck;
use crate::ledger::{Entry, Part};
use crate::mesh::RedisMesh;
use crate::profile::{AgentPlan, Profile};
use crate::redis::Backing;
use crate::refusal::Refusal;
use audit::Watch;
use replica::{Finished, Replica, Work};
use route::RouteWatches;

/// One agent: its replicas, each with slots and a queue of its own, and whose turn it is.
struct Agent {
    plan: Arc<AgentPlan>,
    replicas: Vec<Arc<Replica>>,
    next: AtomicUsize,
    watch: Watch,
}

impl Agent {
    fn new(plan: &AgentPlan, replicas: u32, clock: Clock, seed: Seed) -> Self {
        let plan = Arc::new(plan.clone());
        let replica = |_| Arc::new(Replica::new(Arc::clone(&plan), clock, seed));
        Self {
            replicas: (0..replicas).map(replica).collect(),
            plan,
            next: AtomicUsize::new(0),
            watch: Watch::default(),
        }
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
        self.watch.drew(work.key, work.drawn_ns);
        let asked_ns = replica.clock.now_ns();
        let Finished { begun_ns, connect, planned_ns, started_ns, done_ns, batch } =
            replica.work(work).await?;
        self.watch.passed(planned_ns, done_ns - started_ns);
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
    names: Arc<[String]>,
    agents: Vec<Arc<Agent>>,
    routes: Arc<RouteWatches>,
    cache: Option<Arc<AnswerCache>>,
    /// Over which the stages of these agents travel, if they do.
    mesh: OnceLock<(RedisMesh, Arc<[String]>)>,
    clock: Clock,
    seed: Seed,
}

impl Agents {
    pub(crate) fn new(profile: Profile, redis: &Backing, clock: Clock, seed: Seed) -> Self {
        let names = Arc::default();
        let none = Profile { agents: vec![], answer_cache: None, ..profile.clone() };
        let (agents, cache, mesh) = (vec![], None, OnceLock::new());
        let routes = Arc::default();
        Self { profile: none, names, agents, routes, cache, mesh, clock, seed }.renewed(profile, redis)
    }

    /// Those of another profile. Who stays as planned stays as it is, with its slots, queues and connections; so does
    /// the cache.
    pub(crate) fn renewed(&self, profile: Profile, redis: &Backing) -> Self {
        let agent = |plan: &AgentPlan| {
            let same = self.agents.iter().find(|agent| *agent.plan == *plan);
            match same.filter(|_| self.profile.replicas == profile.replicas) {
                Some(same) => Arc::clone(same),
                None => Arc::new(Agent::new(plan, profile.replicas, self.clock, self.seed)),
            }
        };
        let agents = profile.agents.iter().map(agent).collect();
        let cache = match &profile.answer_cache {
            plan if *plan == self.profile.answer_cache => self.cache.clone(),
            None => None,
            Some(plan) => Some(Arc::new(AnswerCache::new(plan.clone(), redis, self.clock, self.seed))),
        };
        let names = profile.agents.iter().map(|agent| agent.name.clone()).collect();
        let routes = self.routes.renewed(&self.profile, &profile);
        let Self { mesh, clock, seed, .. } = self;
        Self { profile, names, agents, routes, cache, mesh: mesh.clone(), clock: *clock, seed: *seed }
    }

    /// The profile as it is written.
    pub(crate) fn written(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.profile.written
    }

    /// Forgets all answers that are kept.
    pub(crate) async fn forget_answers(&self) {
        if let Some(cache) = &self.cache {
            cache.flush().await;
        }
    }

    /// What the model says to the query, within the profile's deadline: out of the cache, or from the agents.
    pub(crate) async fn run(
        &self,
        query: &str,
        struck: &Struck,
        entry: &mut Entry,
    ) -> Result<String, Refusal> {
        let Some(deadline_ns) = self.profile.deadline_ns else {
            return self.answer(query, struck, entry).await;
        };
        let at_ns = entry.arrived_ns + deadline_ns;
        tokio::select! {
            biased;
            outcome = self.answer(query, struck, entry) => outcome,
            () = self.clock.sleep_until(at_ns) => Err(Refusal::DeadlinePassed),
        }
    }

    async fn answer(&self, query: &str, struck: &Struck, entry: &mut Entry) -> Result<String, Refusal> {
        struck.delay(entry).await;
        let Some(cache) = &self.cache else {
            self.stages(query, struck, entry).await?;
            return Ok(said(query));
        };
        let key = Key::of(query);
        let is_lost = struck.loses_cache(entry);
        if let Some(text) = cache.look(&key, is_lost, entry).await {
            return Ok(text);
        }
        self.stages(query, struck, entry).await?;
        let text = said(query);
        if !is_lost {
            cache.keep(key, &text).await;
        }
        Ok(text)
    }

    /// The agents' names, in their order.
    pub(crate) fn names(&self) -> &Arc<[String]> {
        &self.names
    }

    /// From now on the stages of these agents travel over this mesh, where they are heard.
    pub(crate) fn send_over(&self, mesh: RedisMesh) {
        // Whoever asks twice has the mesh already.
        let _ = self.mesh.set((mesh, Arc::clone(&self.names)));
    }

    /// One agent's part in a stage, and how long it waited for a worker before.
    async fn work(
        &self,
        request_id: &str,
        stage: usize,
        agent: usize,
        struck: &Struck,
    ) -> Result<(Part, u64), Refusal> {
        let (_worker, held_ns) = struck.worker().await;
        let part = match self.mesh.get() {
            Some((mesh, heard)) if heard.contains(&self.names[agent]) => {
                self.over(mesh, request_id, stage, agent).await?
            }
            _ => self.agents[agent].work(agent, self.drawn(request_id, stage, agent)).await?,
        };
        Ok((part, held_ns))
    }

    /// Takes the query through the agents of its workflow.
    async fn stages(&self, query: &str, struck: &Struck, entry: &mut Entry) -> Result<(), Refusal> {
        struck.works(entry);
        for (position, members) in self.profile.workflow(query).stages.iter().enumerate() {
            let work = |agent: &usize| self.work(&entry.request_id, position, *agent, struck);
            let first = entry.parts.len();
            // The stage waits for its last branch: that one is the critical path.
            let held_ns = match &members[..] {
                [only] => {
                    let (part, held_ns) = work(only).await?;
                    entry.parts.push(part);
                    held_ns
                }
                several => {
                    let mut parts = try_join_all(several.iter().map(work)).await?;
                    parts.sort_by_key(|(part, _)| part.done_ns);
                    entry.parts.extend(parts.iter().map(|(part, _)| *part));
                    parts.last().map_or(0, |(_, held_ns)| *held_ns)
                }
            };
            entry.held_ns += held_ns;
            entry.queued_ns += entry.parts[first..].iter().map(|part| part.queued_ns).sum::<u64>();
            entry.planned_ns += entry.parts.last().map_or(0, Part::drawn_ns);
            entry.delayed_ns += entry.parts.last().map_or(0, Part::took_ns);
        }
        Ok(())
    }

    /// Whether the delays were as they were to be.
    pub(crate) fn audit(&self) -> Audit {
        let agents = self.agents.iter().map(|agent| agent.watch.audit(&agent.plan.name, &agent.plan.delay));
        let (agents, routes): (Vec<_>, _) = (agents.collect(), self.audited_routes());
        let all = agents.iter().chain(&routes);
        let reasons = all.flat_map(|one| one.reasons.iter().map(|reason| format!("{}: {reason}", one.name)));
        let reasons: Vec<_> = reasons.collect();
        Audit { ok: reasons.is_empty(), reasons, agents, routes }
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
