//! What operators see of agents: the profile in force, and what its switches did so far.
//!
//! It must not know HTTP.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::replica::ReplicaStatus;
use super::{Agent, Agents};
use crate::answer_cache::{AnswerCache, CacheStatus};

/// The body of `GET /_stub/profile`.
#[derive(Debug, Serialize)]
pub(crate) struct AgentsStatus<'a> {
    /// As its file has it; what it leaves out is as load_tests/README.md says.
    profile: &'a Map<String, Value>,
    replicas: u32,
    answer_cache: Option<CacheStatus>,
    agents: BTreeMap<&'a str, Vec<ReplicaStatus>>,
}

impl Agents {
    /// The profile in force with live counters.
    pub(crate) fn status(&self) -> AgentsStatus<'_> {
        let replicas = |agent: &Agent| agent.replicas.iter().map(|replica| replica.status()).collect();
        AgentsStatus {
            profile: &self.profile.written,
            replicas: self.profile.replicas,
            answer_cache: self.cache.as_deref().map(AnswerCache::status),
            agents: self.agents.iter().map(|agent| (&*agent.plan.name, replicas(agent))).collect(),
        }
    }
}
