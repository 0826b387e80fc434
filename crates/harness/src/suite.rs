//! The suite file: steps, mix and targets, all mistakes at once.

use std::time::Duration;

use measure::{Level3, Limits, RunKind, Targets};
use wire::{Mistakes, Seed, Source, Table, Value};

use crate::arrivals::load;
use crate::limits::read_limits;
use crate::plan::{STOP_TIMEOUT, check_stop_timeout, choose_classes};
use crate::thresholds::read_thresholds;
use crate::{
    Bindings, OpenReplay, Plan, Scenario, ScenarioFile, StepPlan, TagFilter, ThresholdPlan, read_scenarios,
};

/// A suite of steps, as `load_tests/baseline.toml` writes it.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Where the scenarios stand, relative to the suite file.
    pub scenarios: String,
    /// The classes that take part, each with its weight in this suite.
    pub mix: Vec<(String, u32)>,
    /// The steps.
    pub steps: Vec<StepPlan>,
    /// Between two steps.
    pub cool_down: Duration,
    /// Answers in flight at a step's end are waited for so long.
    pub stop_timeout: Duration,
    /// What steps are judged by.
    pub targets: Targets,
    /// The limits of validity.
    pub limits: Limits,
    /// What must hold beside the targets.
    pub thresholds: Vec<ThresholdPlan>,
}

/// How much shorter the quick suite is.
const QUICK_FACTOR: u32 = 10;

impl Suite {
    /// The same suite at a tenth of every duration, with users spawned ten times as fast.
    pub fn quick(mut self) -> Self {
        for step in &mut self.steps {
            step.run_time = step.run_time.map(|time| time / QUICK_FACTOR);
            step.load = step.load.clone().quick(QUICK_FACTOR);
        }
        for rule in self.thresholds.iter_mut().map(|threshold| &mut threshold.rule) {
            rule.window_s = rule.window_s.map(|window_s| (window_s / QUICK_FACTOR).max(1));
            rule.abort_after_s = rule.abort_after_s.map(|after_s| after_s / f64::from(QUICK_FACTOR));
        }
        self.cool_down /= QUICK_FACTOR;
        self
    }

    /// The plan: the classes of the mix, in its order and with its weights, through all steps.
    /// `file` is the suite's name, for messages.
    ///
    /// # Errors
    /// Every mistake of the scenarios, and classes of the mix that no scenario has.
    pub fn plan(
        self,
        file: &str,
        scenarios: &[ScenarioFile],
        bindings: &Bindings,
        seed: Seed,
    ) -> Result<Plan, Mistakes> {
        let files = scenarios.to_vec();
        let mut scenarios = read_scenarios(scenarios, bindings)?;
        let names: Vec<String> = self.mix.iter().map(|(class, _)| class.clone()).collect();
        choose_classes(&mut scenarios, &names, &format!("{file}: [mix]"))?;
        let weighted = |(class, weight): &(String, u32)| {
            let scenario = scenarios.iter().find(|scenario| scenario.class == *class)?;
            Some(Scenario { weight: *weight, ..scenario.clone() })
        };
        let mixed = self.mix.iter().filter_map(weighted).collect();
        let mut plan = Plan::new(RunKind::Baseline, seed, mixed, &[], &TagFilter::default())?;
        plan.watch(self.thresholds)?;
        Ok(Plan {
            steps: self.steps,
            cool_down: self.cool_down,
            stop_timeout: self.stop_timeout,
            targets: Some(self.targets),
            limits: self.limits,
            files,
            ..plan
        })
    }
}

/// Reads a suite file that needs no other.
///
/// # Errors
/// Every mistake of the file, and a replay that it names.
pub fn read_suite(file: &str, text: &str) -> Result<Suite, Mistakes> {
    read_suite_with(file, text, &|name| {
        let mut mistakes = Mistakes::default();
        mistakes.push(file, format!("the replay `{name}` cannot be read from here"), "use another process");
        Err(mistakes)
    })
}

/// Reads a suite file; replays that it names are read through `open`.
///
/// # Errors
/// Every mistake of the file and of its replays.
pub fn read_suite_with(file: &str, text: &str, open: OpenReplay<'_>) -> Result<Suite, Mistakes> {
    let mut checks = Mistakes::default();
    let suite = Source::read(file, text, |root| {
        let mix = root.need_value("mix").map(|value| mix(&value)).unwrap_or_default();
        let mut thresholds = read_thresholds(root, None);
        let steps = root.tables("step", |table| {
            let step = step(table, file, open, &mut checks);
            thresholds.extend(read_thresholds(table, Some(&step.name)));
            step
        });
        if steps.is_empty() {
            root.mistake("the suite has no step", "add a [[step]]");
        }
        let stop_timeout = root.get("stop_timeout");
        check_stop_timeout(stop_timeout, file, &mut checks);
        for (i, step) in steps.iter().enumerate() {
            if steps[..i].iter().any(|other| other.name == step.name) {
                root.mistake(&format!("two steps are called `{}`", step.name), "rename one of the two");
            }
        }
        let scenarios = root.need("scenarios");
        let limits = root.table("validity", read_limits).unwrap_or_default();
        let targets = root.need_value("targets").and_then(|value| value.table(targets)?);
        Some(Suite {
            scenarios: scenarios?,
            mix,
            steps,
            cool_down: root.get("cool_down").unwrap_or_default(),
            stop_timeout: stop_timeout.unwrap_or(STOP_TIMEOUT),
            targets: targets?,
            limits,
            thresholds,
        })
    });
    match suite {
        Err(mut found) => {
            found.append(checks);
            Err(found)
        }
        // Whatever is `None` has left a mistake.
        Ok(suite) => checks.or(suite.expect("a suite without mistakes is whole")),
    }
}

fn mix(value: &Value<'_>) -> Vec<(String, u32)> {
    let entries = value.table(Table::entries).unwrap_or_default();
    if entries.is_empty() {
        value.mistake("names no class", "add lines like `SimpleQueryUser = 60`");
    }
    let weight = |(class, value): (String, Value<'_>)| {
        let weight: u32 = value.read()?;
        if weight == 0 {
            value.mistake("is no weight", "give 1 or more, or leave the class out");
        }
        Some((class, weight))
    };
    entries.into_iter().filter_map(weight).collect()
}

fn step(table: &mut Table<'_>, file: &str, open: OpenReplay<'_>, checks: &mut Mistakes) -> StepPlan {
    let before = table.mistakes_count();
    let name: String = table.need("name").unwrap_or_default();
    if !name.is_empty() && !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
        table.mistake(
            &format!("`{name}` is no step name"),
            "use letters, digits, `_` and `-`: files are named by it",
        );
    }
    let load = load(table, open, checks);
    // Arrivals that end need no other end.
    let lasts = load.lasts();
    let given = if lasts.is_some() { table.get("run_time") } else { table.need("run_time") };
    let step = StepPlan {
        name,
        load,
        run_time: given.or(lasts).or(Some(Duration::from_secs(1))),
        gate: table.get("gate").unwrap_or(true),
    };
    if table.mistakes_count() == before {
        step.check(&format!("{file}: step `{}`", step.name), checks);
    }
    step
}

fn targets(table: &mut Table<'_>) -> Option<Targets> {
    let path = table.need("judged_path");
    let p50_ms = level(table, "p50", milliseconds);
    let p95_ms = level(table, "p95", milliseconds);
    let p99_ms = level(table, "p99", milliseconds);
    let failure_ratio = level(table, "failure_ratio", |value| value.read());
    let rps = level(table, "rps", |value| value.read());
    for (name, rising, levels) in [
        ("p50", true, p50_ms),
        ("p95", true, p95_ms),
        ("p99", true, p99_ms),
        ("failure_ratio", true, failure_ratio),
        ("rps", false, rps),
    ] {
        let in_order = |l: Level3| {
            let (a, b, c) = (l.target, l.acceptable, l.critical);
            if rising { a <= b && b <= c } else { a >= b && b >= c }
        };
        if levels.is_some_and(|l| !in_order(l)) {
            table.mistake(
                &format!("the levels of `{name}` are not in order"),
                "go from target over acceptable to critical, getting worse",
            );
        }
    }
    Some(Targets {
        judged_path: path?,
        p50_ms: p50_ms?,
        p95_ms: p95_ms?,
        p99_ms: p99_ms?,
        failure_ratio: failure_ratio?,
        rps: rps?,
    })
}

fn milliseconds(value: &Value<'_>) -> Option<f64> {
    let time: Duration = value.read()?;
    Some(time.as_secs_f64() * 1e3)
}

fn level(
    table: &mut Table<'_>,
    key: &'static str,
    read: impl Fn(&Value<'_>) -> Option<f64>,
) -> Option<Level3> {
    table.need_value(key)?.table(|levels| {
        let mut one = |key| levels.need_value(key).and_then(|value| read(&value));
        let (target, acceptable, critical) = (one("target"), one("acceptable"), one("critical"));
        Some(Level3 { target: target?, acceptable: acceptable?, critical: critical? })
    })?
}
