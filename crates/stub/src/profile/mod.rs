//! A profile of the stub: its agents, their delays, and which query takes which way through them.
//!
//! It is checked data; it must not know requests, clocks or HTTP.

mod json;
mod read;
mod rule;
mod switches;

use std::time::Duration;

use wire::{Mistakes, format_duration};

use crate::fault::FaultPlan;
use crate::latency::LatencyModel;
pub(crate) use json::merged;
pub(crate) use rule::Rule;
pub(crate) use switches::{
    AnswerCachePlan, BatchingPlan, ConnectionPlan, ScalingPlan, in_range, or_default, whole_ns,
};

/// The profile that is used unless another one is given.
const DEFAULT: &str = include_str!("../../../../load_tests/stub/default.toml");

/// Agents, workflows and the delays of the routes that no agent serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Sorted by name; stages name them by position.
    pub(crate) agents: Vec<AgentPlan>,
    /// Tried in this order; the last one takes every query.
    pub(crate) workflows: Vec<Workflow>,
    pub(crate) health: LatencyModel,
    pub(crate) whoami: LatencyModel,
    pub(crate) metrics: LatencyModel,
    /// From a request's arrival; past it, 504.
    pub(crate) deadline_ns: Option<u64>,
    /// Each agent stands there so often, and each replica has the whole of the agent's capacity.
    pub(crate) replicas: u32,
    pub(crate) answer_cache: Option<AnswerCachePlan>,
    pub(crate) faults: Vec<FaultPlan>,
    /// The file as it stands, for operators.
    pub(crate) written: serde_json::Map<String, serde_json::Value>,
}

/// One agent as it is planned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AgentPlan {
    pub(crate) name: String,
    pub(crate) concurrency: u32,
    pub(crate) queue_max: u32,
    /// The delay grows to 1 + growth times itself as the agent fills up.
    pub(crate) growth: f64,
    pub(crate) delay: LatencyModel,
    pub(crate) connection: Option<ConnectionPlan>,
    pub(crate) batching: Option<BatchingPlan>,
    pub(crate) scaling: Option<ScalingPlan>,
}

/// A way through the agents: stages one after the other, the agents of a stage side by side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Workflow {
    pub(crate) name: String,
    /// `None` takes every query.
    pub(crate) rule: Option<Rule>,
    pub(crate) stages: Vec<Vec<usize>>,
}

impl Default for Profile {
    fn default() -> Self {
        Self::parse("default.toml", DEFAULT)
            .unwrap_or_else(|wrong| panic!("the default profile is right: {wrong}"))
    }
}

impl Profile {
    /// Reads a profile; `file` is what messages call it.
    ///
    /// # Errors
    /// Every mistake of the file, each with its line and remedy.
    pub fn parse(file: &str, text: &str) -> Result<Self, Mistakes> {
        read::profile(file, text)
    }

    /// The profile as its file has it: what `GET /_stub/profile` shows.
    pub fn written(&self) -> serde_json::Value {
        self.written.clone().into()
    }

    /// The same with answers kept for `ttl`, whatever the file says of it; 0 switches the cache off.
    #[must_use]
    pub fn with_answer_cache(mut self, ttl: Duration) -> Self {
        if ttl.is_zero() {
            self.written.remove("answer_cache");
            return Self { answer_cache: None, ..self };
        }
        let fresh = AnswerCachePlan::lasting(ttl);
        let plan = match self.answer_cache.take() {
            Some(plan) => AnswerCachePlan { ttl_ns: fresh.ttl_ns, ..plan },
            None => fresh,
        };
        let written = self.written.entry("answer_cache").or_insert_with(|| serde_json::json!({}));
        written["ttl"] = format_duration(ttl).into();
        Self { answer_cache: Some(plan), ..self }
    }

    /// The profile with a deadline no later than this one.
    pub(crate) fn within(mut self, deadline: Option<Duration>) -> Self {
        let given_ns = deadline.map(|deadline| u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX));
        self.deadline_ns = self.deadline_ns.into_iter().chain(given_ns).min();
        self
    }

    /// The first workflow whose rule the query meets.
    pub(crate) fn workflow(&self, query: &str) -> &Workflow {
        let meets = |workflow: &&Workflow| workflow.rule.as_ref().is_none_or(|rule| rule.matches(query));
        self.workflows.iter().find(meets).expect("the last workflow has no rule")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_tells_queries_apart() {
        let profile = Profile::default();
        for (query, workflow) in [
            ("What is the capital of France?", "simple"),
            ("calculate 12 * 7 for me", "arithmetic"),
            ("Research the latest developments in quantum computing", "research"),
            ("Analyze the findings and point out what matters", "analysis"),
            ("Summarize the analysis in three sentences", "summary"),
            ("Create a detailed plan for moving our platform to another region", "plan"),
        ] {
            assert_eq!(profile.workflow(query).name, workflow, "{query}");
        }
    }

    #[test]
    fn the_profiles_of_the_repository_are_right() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../load_tests/stub");
        let files = std::fs::read_dir(folder).expect("the folder of profiles");
        let paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        assert!(paths.len() >= 2, "{paths:?}");
        for path in paths {
            let text = std::fs::read_to_string(&path).expect("a profile");
            Profile::parse(&path.display().to_string(), &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        }
    }

    fn file(name: &str) -> Profile {
        let path = format!("{}/../../load_tests/stub/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Profile::parse(name, &text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// The switches that are on, with the agents that have them.
    fn switches(profile: &Profile) -> Vec<(&'static str, Vec<&str>)> {
        let agents = |is_on: fn(&AgentPlan) -> bool| {
            profile.agents.iter().filter(|a| is_on(a)).map(|a| &*a.name).collect::<Vec<_>>()
        };
        let mut all = vec![
            ("no pool", agents(|a| a.connection.as_ref().is_some_and(|c| c.pool == 0))),
            ("pool", agents(|a| a.connection.as_ref().is_some_and(|c| c.pool > 0))),
            ("batching", agents(|a| a.batching.is_some())),
        ];
        all.retain(|(_, agents)| !agents.is_empty());
        all.extend(profile.answer_cache.is_some().then_some(("answer cache", vec![])));
        all.extend((profile.replicas > 1).then_some(("replicas", vec![])));
        all
    }

    #[test]
    fn each_switch_has_a_profile_that_is_the_default_but_for_it() {
        let models = &["analyst", "answerer", "planner", "reader", "searcher", "writer"][..];
        for (name, switch, agents) in [
            ("answer_cache.toml", "answer cache", &[][..]),
            ("no_pooling.toml", "no pool", models),
            ("pooling.toml", "pool", models),
            ("batching.toml", "batching", models),
            ("replicas.toml", "replicas", &[]),
        ] {
            let mut profile = file(name);
            assert_eq!(switches(&profile), [(switch, agents.to_vec())], "{name}");
            for agent in &mut profile.agents {
                (agent.connection, agent.batching) = (None, None);
            }
            let written = Profile::default().written;
            let bare = Profile { replicas: 1, answer_cache: None, written, ..profile };
            assert_eq!(bare, Profile::default(), "{name}");
        }
    }
}
