//! A profile of the stub: its agents, their delays, and which query takes which way through them.
//!
//! It is checked data; it must not know requests, clocks or HTTP.

mod read;
mod rule;

use wire::Mistakes;

use crate::latency::LatencyModel;
pub(crate) use rule::Rule;

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
}
