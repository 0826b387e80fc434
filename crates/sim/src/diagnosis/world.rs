//! A world of the bench: a healthy target, a mix of users and a load, all drawn from a seed.
//!
//! It must not know faults, figures or findings.

use std::fmt::Write as _;
use std::time::Duration;

use harness::{Arrivals, Bindings, Load, Plan, ScenarioFile, Stage, read_suite};
use measure::RunKind;
use stub::{Limits, Profile, Quirk, RedisSettings, Repairs, Settings};
use wire::{Mistakes, Seed, Stream};

use super::delay::delay;

/// The suite whose steps, targets and scenarios a world varies.
const SUITE: &str = include_str!("../../../../load_tests/baseline.toml");
const SCENARIOS: [(&str, &str); 5] = [
    ("SimpleQueryUser", include_str!("../../../../load_tests/scenarios/simple_query_user.toml")),
    ("WorkflowUser", include_str!("../../../../load_tests/scenarios/workflow_user.toml")),
    ("BurstUser", include_str!("../../../../load_tests/scenarios/burst_user.toml")),
    ("AuthenticationUser", include_str!("../../../../load_tests/scenarios/authentication_user.toml")),
    ("StressTestUser", include_str!("../../../../load_tests/scenarios/stress_test_user.toml")),
];
/// Agents of the default profile, with the median of each in milliseconds.
const AGENTS: [(&str, f64); 8] = [
    ("router", 5.0),
    ("answerer", 90.0),
    ("calculator", 12.0),
    ("planner", 60.0),
    ("searcher", 50.0),
    ("reader", 40.0),
    ("analyst", 100.0),
    ("writer", 60.0),
];
/// Slots of a healthy agent: more than there are requests at once.
const ROOMY: u32 = 1_024;

/// What loads the target.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One load.
    Single(Load, Duration),
    /// The suite, each step this share as long as it is written.
    Baseline(f64),
}

/// Which loads worlds are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loads {
    /// The six-step suite, whole or at half its length.
    #[default]
    Suite,
    /// One load held for a while: some users, or arrivals.
    Single,
}

/// A target, its users and their load.
#[derive(Clone, Debug)]
pub struct World {
    /// What it was drawn from.
    pub number: u64,
    /// Top keys of the profile.
    pub top: String,
    /// Slots of each agent, what one takes, and further keys.
    pub agents: Vec<(&'static str, u32, String, String)>,
    /// Whether any agent's delay has two kinds of values.
    pub mixed: bool,
    /// One workflow with this stage alone instead of the default's many.
    pub one_stage: Option<&'static str>,
    /// `[[fault]]` tables.
    pub faults: String,
    /// Classes and their weights.
    pub mix: Vec<(&'static str, u32)>,
    /// The load.
    pub shape: Shape,
    /// Rate limits; lifted in a healthy world.
    pub limits: Limits,
    /// What is repaired of the real server.
    pub repairs: Repairs,
    /// An embedded Redis, with the event mesh over it or not.
    pub redis: Option<bool>,
    /// Whether answers are cached.
    pub cached: bool,
    /// A class whose key is wrong.
    pub wrong_key: Option<&'static str>,
    /// A time limit of all requests, in place of the scenarios' own.
    pub timeout: Option<Duration>,
}

/// Evenly on a logarithmic scale.
pub(super) fn log_uniform(stream: &mut Stream, least: f64, most: f64) -> f64 {
    least * libm::pow(most / least, stream.unit())
}

impl World {
    /// The world of this number.
    pub fn draw(number: u64, loads: Loads) -> Self {
        let mut stream = Seed(number).stream("world", 0);
        let one_stage = (stream.unit() < 0.25).then_some("answerer");
        let speed = log_uniform(&mut stream, 0.3, 3.0);
        let mut mixed = false;
        let mut agents = vec![];
        for (name, median_ms) in AGENTS {
            let (text, is_mixed) = delay(&mut stream, median_ms * speed);
            if one_stage.is_none_or(|only| only == name) {
                mixed |= is_mixed;
                agents.push((name, ROOMY, text, String::new()));
            }
        }
        let cached = stream.unit() < 0.15;
        let redis = (stream.unit() < 0.3).then(|| stream.unit() < 0.5);
        let mix = draw_mix(&mut stream);
        let shape = draw_shape(&mut stream, loads);
        let mut world = Self {
            number,
            top: String::new(),
            agents,
            mixed,
            one_stage,
            faults: String::new(),
            mix,
            shape,
            limits: Limits::OFF,
            // With Redis the real server lets anyone in who asks twice: what a wrong key then gets is no answer of a healthy one.
            repairs: Repairs::NONE.with(Quirk::CacheIdentity),
            redis,
            cached: false,
            wrong_key: None,
            timeout: None,
        };
        if stream.unit() < 0.3 {
            world.repairs = world.repairs.with(Quirk::Refill);
        }
        if cached {
            world.cache();
        }
        world
    }

    /// Puts an answer cache before the agents.
    pub fn cache(&mut self) {
        if !self.cached {
            self.cached = true;
            self.top.push_str("answer_cache = { ttl = \"5m\", lookup = { fixed = \"1ms\" } }\n");
        }
    }

    /// How long the load lasts.
    pub fn lasts(&self) -> Duration {
        match &self.shape {
            Shape::Single(_, lasts) => *lasts,
            Shape::Baseline(share) => Duration::from_secs_f64(570.0 * share + 50.0),
        }
    }

    /// The stub's profile.
    pub fn profile_text(&self) -> String {
        let mut text = self.top.clone();
        for (route, median, p99) in
            [("health", 1_000, 3_000), ("whoami", 1_200, 4_000), ("metrics", 1_000, 3_000)]
        {
            let _ = writeln!(
                text,
                "[route.{route}]\ndelay = {{ lognormal = {{ median = \"{median}us\", p99 = \"{p99}us\" }} }}"
            );
        }
        for (name, slots, delay, further) in &self.agents {
            let _ = writeln!(
                text,
                "[agent.{name}]\nconcurrency = {slots}\nqueue_max = 100_000\ndelay = {delay}\n{further}"
            );
        }
        match self.one_stage {
            Some(name) => text.push_str(&format!("[[workflow]]\nname = \"all\"\nstages = [\"{name}\"]\n")),
            None => text.push_str(WORKFLOWS),
        }
        text.push_str(&self.faults);
        text
    }

    /// What carries it out with this seed.
    ///
    /// # Errors
    /// When what was drawn does not fit together: a mistake of the bench.
    pub fn setup(&self, seed: u64) -> Result<(Plan, Settings, Profile), Mistakes> {
        let suite = read_suite("baseline.toml", SUITE)?;
        let files: Vec<_> = SCENARIOS
            .iter()
            .map(|(class, text)| ScenarioFile {
                name: format!("{class}.toml"),
                text: self.scenario(class, text),
            })
            .collect();
        let bindings = Bindings { api_key: "test-api-key".into(), ..Bindings::default() };
        let mut suite = suite;
        suite.mix = self.mix.iter().map(|(class, weight)| ((*class).to_owned(), *weight)).collect();
        let mut plan = suite.plan("baseline.toml", &files, &bindings, Seed(seed))?;
        match &self.shape {
            Shape::Single(load, lasts) => {
                plan.kind = RunKind::Run;
                plan.targets = None;
                plan.steps.truncate(1);
                let step = &mut plan.steps[0];
                (step.name, step.load, step.run_time) = ("run".into(), load.clone(), Some(*lasts));
            }
            Shape::Baseline(share) => {
                for step in &mut plan.steps {
                    step.run_time = step.run_time.map(|time| time.mul_f64(*share));
                }
            }
        }
        let redis =
            if self.redis.is_some() { RedisSettings::Memory { up: true } } else { RedisSettings::Off };
        let settings = Settings {
            limits: self.limits,
            repairs: self.repairs,
            redis,
            stages_on_mesh: self.redis == Some(true),
            ledger_entries_max: 1,
            ..Settings::suite()
        };
        Ok((plan, settings, Profile::parse("world.toml", &self.profile_text())?))
    }

    /// A class's scenario, with what the world does to it.
    fn scenario(&self, class: &str, text: &str) -> String {
        let mut text = text.to_owned();
        if self.wrong_key == Some(class) {
            text = text.replace("{{ api_key }}", "another-key");
        }
        if let Some(time) = self.timeout {
            let kept: Vec<_> = text.lines().filter(|line| !line.starts_with("timeout")).collect();
            let limit = format!("path = \"/ask\"\ntimeout = \"{}ms\"", time.as_millis());
            text = kept.join("\n").replace("path = \"/ask\"", &limit);
        }
        text
    }
}

/// Some of the classes, one of them at least that asks.
fn draw_mix(stream: &mut Stream) -> Vec<(&'static str, u32)> {
    if stream.unit() < 0.3 {
        return vec![
            ("SimpleQueryUser", 60),
            ("WorkflowUser", 30),
            ("BurstUser", 10),
            ("AuthenticationUser", 5),
            ("StressTestUser", 5),
        ];
    }
    let mut mix = vec![];
    for (class, _) in SCENARIOS {
        let weight = 1 + stream.below(60) as u32;
        if stream.unit() < 0.6 {
            mix.push((class, weight));
        }
    }
    if mix.iter().all(|(class, _)| *class == "AuthenticationUser") {
        mix.push(("SimpleQueryUser", 60));
    }
    mix
}

fn draw_shape(stream: &mut Stream, loads: Loads) -> Shape {
    if loads == Loads::Suite {
        return Shape::Baseline(if stream.unit() < 0.5 { 1.0 } else { 0.5 });
    }
    let lasts = Duration::from_secs(log_uniform(stream, 30.0, 300.0) as u64);
    match stream.unit() {
        kind if kind < 0.67 => {
            let users = log_uniform(stream, 5.0, 200.0) as u32;
            let ramp_s = log_uniform(stream, 1.0, 20.0).min(lasts.as_secs_f64() / 3.0);
            let spawn_rate_per_s = (f64::from(users) / ramp_s).max(1.0);
            Shape::Single(Load::Closed { users, spawn_rate_per_s }, lasts)
        }
        kind => {
            let stages = vec![Stage::steady(log_uniform(stream, 3.0, 100.0))];
            let arrivals = if kind < 0.87 { Arrivals::Poisson(stages) } else { Arrivals::Constant(stages) };
            Shape::Single(Load::Open { arrivals, in_flight_max: 10_000 }, lasts)
        }
    }
}

/// As in the default profile.
const WORKFLOWS: &str = r#"
[[workflow]]
name = "plan"
match = { words = ["plan", "strategy", "roadmap", "design", "architecture"] }
stages = ["router", "planner", ["searcher", "reader", "analyst"], "writer"]
[[workflow]]
name = "research"
match = { words = ["research", "investigate", "compare", "find", "search"] }
stages = ["router", ["searcher", "reader"], "writer"]
[[workflow]]
name = "summary"
match = { words = ["summarize", "summarise", "summary"] }
stages = ["router", "reader", "writer"]
[[workflow]]
name = "analysis"
match = { words = ["analyze", "analyse", "analysis", "evaluate", "assess", "explain"] }
stages = ["router", "reader", "analyst"]
[[workflow]]
name = "arithmetic"
match = { words = ["calculate", "compute", "solve", "how", "what"], arithmetic = true }
stages = ["router", "calculator", "writer"]
[[workflow]]
name = "simple"
stages = ["router", "answerer"]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_world_fits_together() {
        for number in 0..200 {
            for loads in [Loads::Suite, Loads::Single] {
                let world = World::draw(number, loads);
                world.setup(number).unwrap_or_else(|wrong| panic!("world {number}: {wrong}"));
            }
        }
    }
}
