//! The plan on its way to a worker: not the checked plan but what it was read from, so that the worker checks it with the
//! same functions and comes to the same plan, or says that it does not.
//!
//! What is secret in it travels sealed. It must not know the bus.

use measure::RunKind;
use serde::{Deserialize, Serialize};
use wire::token::PrivateKey;
use wire::{Mistakes, Seed, stable_hash};

use super::seal::RunSecret;
use crate::{Bindings, HttpOptions, Load, Plan, Scenario, ScenarioFile, StepPlan, TagFilter, read_scenarios};

/// What workers need to carry a plan out, beside the plan.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Sources {
    /// The key that scenarios send.
    pub api_key: String,
    /// What scenarios sign with: the text of its file.
    pub signing_key: Option<String>,
    /// How connections are made.
    pub http: HttpOptions,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("http", &self.http).finish_non_exhaustive()
    }
}

/// All that a worker needs to know of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Errand {
    /// The server; `None` in virtual time.
    pub target_url: Option<String>,
    sources: Sources,
    files: Vec<ScenarioFile>,
    tags: TagFilter,
    kind: RunKind,
    seed: u64,
    classes: Vec<(String, u32)>,
    steps: Vec<(String, Load)>,
    iterations: Option<u64>,
    digest: u64,
}

impl Errand {
    /// What to tell workers of this plan.
    pub(crate) fn of(plan: &Plan, sources: Sources) -> Self {
        Self {
            target_url: plan.target_url.clone(),
            sources,
            files: plan.files.clone(),
            tags: plan.tags.clone(),
            kind: plan.kind,
            seed: plan.seed.0,
            classes: plan.scenarios.iter().map(|s| (s.class.clone(), s.weight)).collect(),
            steps: plan.steps.iter().map(|step| (step.name.clone(), step.load.clone())).collect(),
            iterations: plan.iterations,
            digest: digest(plan),
        }
    }

    /// The plan, without what workers need not know.
    ///
    /// # Errors
    /// Every mistake of its files, and that it is not the plan that the coordinator has.
    pub(crate) fn plan(&self) -> Result<Plan, Mistakes> {
        let bindings = Bindings {
            api_key: self.sources.api_key.clone(),
            signing_key: self.sources.signing_key.as_deref().map(signing_key).transpose()?,
        };
        let scenarios = read_scenarios(&self.files, &bindings)?;
        let weighted = |(class, weight): &(String, u32)| {
            let scenario = scenarios.iter().find(|scenario| scenario.class == *class)?;
            Some(Scenario { weight: *weight, ..scenario.clone() })
        };
        let chosen = self.classes.iter().filter_map(weighted).collect();
        let mut plan = Plan::new(self.kind, Seed(self.seed), chosen, &[], &self.tags)?;
        let steps = self.steps.iter().cloned();
        plan.steps = steps.map(|(name, load)| StepPlan { name, load, run_time: None, gate: true }).collect();
        plan.iterations = self.iterations;
        plan.target_url.clone_from(&self.target_url);
        let mut mistakes = Mistakes::default();
        if digest(&plan) != self.digest {
            let remedy = "use one version of weaver-bench on all machines";
            mistakes.push("plan", "what was read here is not what the coordinator read", remedy);
        }
        mistakes.or(plan)
    }

    /// How connections are made.
    pub fn http(&self) -> &HttpOptions {
        &self.sources.http
    }

    /// Sealed, as text; `once` must be another one for every errand.
    pub(crate) fn sealed(&self, secret: &RunSecret, once: [u8; 12]) -> String {
        let text = serde_json::to_vec(self).expect("an errand is JSON");
        hex(&secret.sealed(once, &text))
    }

    /// What was sealed.
    pub(crate) fn unsealed(secret: &RunSecret, once: [u8; 12], text: &str) -> Option<Self> {
        serde_json::from_slice(&secret.unsealed(once, unhex(text)?)?).ok()
    }
}

/// What scenarios sign with: a private RSA key if the text says so, or else the secret that it is.
fn signing_key(text: &str) -> Result<PrivateKey, Mistakes> {
    PrivateKey::read(text).map_err(|error| {
        let mut mistakes = Mistakes::default();
        mistakes.push("signing key", error.to_string(), "give the coordinator another one");
        mistakes
    })
}

/// What two processes must agree on for their counts to mean the same.
fn digest(plan: &Plan) -> u64 {
    let described = plan.describe();
    let agreed = format!("{}{:?}{}", described["classes"], plan.entries, plan.seed.0);
    stable_hash(agreed.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    const ASKER: &str = r#"
class = "Asker"
wait_time = { constant = "10ms" }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
body = "q"
"#;

    /// A plan of one class and one step, and what it was read from.
    pub(crate) fn plan_and_sources(users: u32) -> (Plan, Sources) {
        let files = vec![ScenarioFile { name: "asker.toml".into(), text: ASKER.into() }];
        let sources = Sources { api_key: "sesame".into(), ..Sources::default() };
        let bindings = Bindings { api_key: "sesame".into(), signing_key: None };
        let scenarios = read_scenarios(&files, &bindings).unwrap_or_else(|e| panic!("{e}"));
        let mut plan =
            Plan::new(RunKind::Run, Seed(3), scenarios, &[], &TagFilter::default()).expect("a plan");
        plan.files = files;
        plan.steps.push(StepPlan {
            name: "run".into(),
            load: Load::Closed { users, spawn_rate_per_s: 100.0 },
            run_time: Some(Duration::from_secs(3)),
            gate: true,
        });
        (plan, sources)
    }

    #[test]
    fn a_plan_arrives_as_it_left_and_its_key_in_no_message() {
        let (plan, sources) = plan_and_sources(5);
        let errand = Errand::of(&plan, sources);
        let secret = RunSecret::new(b"s");
        let sealed = errand.sealed(&secret, [7; 12]);
        assert!(!sealed.contains(&hex(b"sesame")));
        let opened = Errand::unsealed(&secret, [7; 12], &sealed).expect("the same secret");
        let rebuilt = opened.plan().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(digest(&rebuilt), digest(&plan));
        assert_eq!(rebuilt.steps[0].load, plan.steps[0].load);
        assert!(Errand::unsealed(&secret, [8; 12], &sealed).is_none());
        let other = Errand { seed: 4, ..errand };
        let words = other.plan().expect_err("another seed").to_string();
        assert!(words.contains("not what the coordinator read"), "{words}");
    }
}
