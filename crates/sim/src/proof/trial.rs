//! A trial: one load on one profile, and what is kept of it.
//!
//! It must not know where it is carried out, nor what is claimed of it.

use std::sync::Arc;
use std::time::Duration;

use harness::{Bindings, Journal, Lens, Load, Plan, ScenarioFile, StepPlan, TagFilter, read_scenario};
use measure::{Run, RunKind, Sample, StepRun, Summary, conclude};
use stub::Profile;
use wire::{LedgerEntry, Mistakes, Seed};

use super::ProofError;
use super::join::{Joined, Joiner};
use super::outputs::{Output, outputs};

/// Makes what stands before the recorder: given the journal that must see whatever is recorded, and how long the
/// trial's load lasts. The tests plant their mistakes here.
pub type Glass = Arc<dyn Fn(Arc<Journal>, Duration) -> Arc<dyn Lens> + Send + Sync>;

/// A question, and an expectation that every fault breaks.
pub(super) const ASK: &str = r#"
class = "Ask"
wait_time = { constant = "0s" }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
json = { user_id = "proof", query = "Hello" }
expect = { status = [200], json = [{ pointer = "/answer" }] }
"#;

/// One agent who takes every question.
pub(super) fn one_agent(concurrency: u32, delay: &str) -> String {
    format!(
        "[agent.agent]\nconcurrency = {concurrency}\nqueue_max = 1_000_000\ndelay = {delay}\n\
         [[workflow]]\nname = \"all\"\nstages = [\"agent\"]\n"
    )
}

/// One load on one profile.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// The step's name.
    pub(crate) name: String,
    /// The stub's profile, TOML.
    pub(crate) profile: String,
    /// The scenario, TOML.
    pub(crate) scenario: String,
    /// What loads it.
    pub(crate) load: Load,
    /// For so long.
    pub(crate) run_time: Duration,
    /// What its chance follows from.
    pub(crate) seed: Seed,
}

/// What a trial lets its claims look at, as it comes in: entries in the order in which they closed, requests in the
/// order in which they ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'a> {
    /// The ledger's.
    Entry(&'a LedgerEntry),
    /// The harness's.
    Sample(&'a Sample),
}

/// What is left of a trial when it is over.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// The run file, as it was read back from its own text.
    pub(crate) run: Run,
    /// Its only step, summed up.
    pub(crate) summary: Summary,
    /// Harness and ledger, joined.
    pub(crate) joined: Joined,
    /// What each output counts.
    pub(crate) outputs: Vec<Output>,
    /// Why the run is INVALID, if it is.
    pub(crate) invalid: Vec<String>,
    /// When the profile was put in force, on the run's clock: when the clocks of its faults began.
    pub(crate) in_force_ns: u64,
}

impl Trial {
    /// The plan that carries it out.
    pub(crate) fn plan(&self, api_key: &str) -> Result<Plan, Mistakes> {
        let file = ScenarioFile { name: format!("{}.toml", self.name), text: self.scenario.clone() };
        let bindings = Bindings { api_key: api_key.to_owned(), ..Bindings::default() };
        let scenario = read_scenario(&file, &bindings)?;
        let mut plan = Plan::new(RunKind::Run, self.seed, vec![scenario], &[], &TagFilter::default())?;
        let (name, load) = (self.name.clone(), self.load.clone());
        let step = StepPlan { name, load, run_time: Some(self.run_time), gate: false };
        let mut mistakes = Mistakes::default();
        step.check(&self.name, &mut mistakes);
        plan.steps.push(step);
        mistakes.or(plan)
    }

    /// The stub's profile, checked.
    pub(crate) fn profile(&self) -> Result<Profile, Mistakes> {
        Profile::parse(&format!("{}.toml", self.name), &self.profile)
    }

    /// The lens of a trial: the journal alone, or behind a glass.
    pub(crate) fn lens(&self, glass: Option<&Glass>, journal: &Arc<Journal>) -> Arc<dyn Lens> {
        match glass {
            Some(glass) => glass(journal.clone(), self.run_time),
            None => journal.clone(),
        }
    }
}

impl Evidence {
    /// Draws the conclusions that all trials share.
    pub(crate) fn of(run: &Run, joiner: Joiner) -> Result<Self, ProofError> {
        // As a reader of the file would have it.
        let run = Run::from_json(&run.to_json())?;
        let step = run.steps.first().ok_or(ProofError::Aborted)?;
        let summary = Summary::of(step)?;
        let invalid =
            conclude(&run)?.steps.iter().flat_map(|step| step.validity.reasons().to_vec()).collect();
        Ok(Self { outputs: outputs(&run)?, summary, joined: joiner.finish(), invalid, in_force_ns: 0, run })
    }

    /// The only step.
    pub(crate) fn step(&self) -> &StepRun {
        &self.run.steps[0]
    }
}
