//! The plan of a run: what is sent, by how many users, for how long. Checked before anything starts.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use measure::{EntryName, Limits, NameId, Recorder, RunKind, Targets};
use serde_json::json;
use wire::{Mistakes, Seed, format_duration, nearest};

use crate::{Load, Scenario, ScenarioFile, Step, ThresholdPlan, Wait};

/// The longest run: it keeps the records bounded.
const RUN_TIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// Wait for answers at the end, unless another is given.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for answers at the end.
const STOP_TIMEOUT_MAX: Duration = Duration::from_secs(30 * 60);
/// Entry names at most: a recorder has room for all of them.
const ENTRIES_MAX: usize = 200;

/// A whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What kind of run it is.
    pub kind: RunKind,
    /// Every random number follows from it.
    pub seed: Seed,
    /// The user classes.
    pub scenarios: Vec<Scenario>,
    /// What requests count under.
    pub entries: Vec<EntryName>,
    /// The loads, one after the other.
    pub steps: Vec<StepPlan>,
    /// Between two steps.
    pub cool_down: Duration,
    /// Answers in flight at a step's end are waited for so long.
    pub stop_timeout: Duration,
    /// Tasks that the users of a step begin, all together and `on_start` aside, before they go: each has its even share,
    /// whoever carries it. `None`: users stay until the step ends.
    pub iterations: Option<u64>,
    /// What steps are judged by.
    pub targets: Option<Targets>,
    /// The limits of validity.
    pub limits: Limits,
    /// What must hold beside the targets; filled by [`Plan::watch`].
    pub thresholds: Vec<ThresholdPlan>,
    /// What else the record should hold of how the run was set up.
    pub setup: serde_json::Value,
    /// The server's address, for the record; `None` in virtual time.
    pub target_url: Option<String>,
    /// The files that its scenarios were read from, for workers that read them again; empty where they were not.
    pub files: Vec<ScenarioFile>,
    /// By what its tasks were chosen.
    pub tags: TagFilter,
}

/// One load, held for a time.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPlan {
    /// Its name.
    pub name: String,
    /// What loads the server.
    pub load: Load,
    /// From the first user or arrival to the last request; `None` until it is stopped, or its arrivals are over.
    pub run_time: Option<Duration>,
    /// Whether it decides the exit code.
    pub gate: bool,
}

/// Which tasks take part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TagFilter {
    /// Only tasks with one of these; empty means all.
    pub include: Vec<String>,
    /// No task with one of these.
    pub exclude: Vec<String>,
}

impl StepPlan {
    /// How long it runs at most.
    pub fn run_time_limit(&self) -> Duration {
        let given = self.run_time.unwrap_or(RUN_TIME_MAX);
        self.load.lasts().map_or(given, |lasts| lasts.min(given))
    }

    /// Appends what is wrong with it; `place` is what messages call it.
    pub fn check(&self, place: &str, mistakes: &mut Mistakes) {
        self.load.check(place, mistakes);
        if let Some(time) = self.run_time.filter(|time| time.is_zero() || *time > RUN_TIME_MAX) {
            let problem = format!("run time = {} is out of range", format_duration(time));
            mistakes.push(place, problem, "give more than 0s and at most 24h");
        }
    }
}

/// Keeps the classes that are named (all, if none is), in the order of the files.
///
/// # Errors
/// When a name is unknown.
pub(crate) fn choose_classes(
    scenarios: &mut Vec<Scenario>,
    names: &[String],
    place: &str,
) -> Result<(), Mistakes> {
    let mut mistakes = Mistakes::default();
    let known: Vec<&str> = scenarios.iter().map(|s| s.class.as_str()).collect();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let remedy = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        mistakes.push(place, format!("unknown user class `{name}`"), remedy);
    }
    if !names.is_empty() {
        scenarios.retain(|s| names.contains(&s.class));
    }
    mistakes.or(())
}

/// Appends what is wrong with a stop timeout, if one is given; `place` is what messages call it.
pub fn check_stop_timeout(time: Option<Duration>, place: &str, mistakes: &mut Mistakes) {
    if let Some(time) = time.filter(|time| *time > STOP_TIMEOUT_MAX) {
        let problem = format!("stop timeout = {} is out of range", format_duration(time));
        mistakes.push(place, problem, "give at most 30m");
    }
}

impl Plan {
    /// A plan without steps: entries are numbered, tasks filtered, classes chosen.
    ///
    /// # Errors
    /// When a class is unknown or nothing is left to do.
    pub fn new(
        kind: RunKind,
        seed: Seed,
        mut scenarios: Vec<Scenario>,
        classes: &[String],
        tags: &TagFilter,
    ) -> Result<Self, Mistakes> {
        choose_classes(&mut scenarios, classes, "user classes")?;
        let mut mistakes = Mistakes::default();
        for scenario in &mut scenarios {
            scenario.tasks.retain(|task| tags.keeps(&task.tags));
        }
        scenarios.retain(|scenario| !scenario.tasks.is_empty());
        if scenarios.is_empty() {
            mistakes.push("--tags", "no task is left", "choose other tags or classes");
        }
        // A class without weight takes part where it is asked for by its name.
        if classes.is_empty() {
            scenarios.retain(|scenario| scenario.weight > 0);
        }
        scenarios.iter_mut().for_each(|scenario| scenario.weight = scenario.weight.max(1));
        if scenarios.is_empty() && mistakes.0.is_empty() {
            mistakes.push(
                "scenarios",
                "no class has a weight above 0",
                "name the classes that are to take part",
            );
        }
        for scenario in scenarios.iter().filter(|scenario| scenario.lacks_key()) {
            let problem = format!("the class `{}` signs what it sends, and there is no key", scenario.class);
            mistakes.push("--signing-key", problem, "give a file; `token keys --out DIR` makes one");
        }
        let entries = number_entries(&mut scenarios, &mut mistakes);
        if entries.len() > ENTRIES_MAX {
            let problem = format!("{} different entry names", entries.len());
            mistakes.push(
                "scenarios",
                problem,
                format!("use at most {ENTRIES_MAX}; give steps a common `name`"),
            );
        }
        mistakes.or(Self {
            kind,
            seed,
            scenarios,
            entries,
            steps: vec![],
            cool_down: Duration::ZERO,
            stop_timeout: STOP_TIMEOUT,
            iterations: None,
            targets: None,
            limits: Limits::default(),
            thresholds: vec![],
            setup: serde_json::Value::Null,
            target_url: None,
            files: vec![],
            tags: tags.clone(),
        })
    }

    /// Whether response times are kept in a step: requests have due times of their own.
    pub(crate) fn has_response(&self, step: usize) -> bool {
        let paced = self.scenarios.iter().any(|scenario| scenario.wait.is_paced());
        paced || self.steps[step].load.is_open()
    }

    /// An empty recorder for a step.
    pub(crate) fn recorder(&self, step: usize) -> Recorder {
        match self.has_response(step) {
            true => Recorder::with_response(self.entries.len()),
            false => Recorder::new(self.entries.len()),
        }
    }

    /// The scenarios, for the run file.
    pub(crate) fn describe(&self) -> serde_json::Value {
        let classes: Vec<_> = self.scenarios.iter().map(describe_class).collect();
        let mut described = json!({
            "classes": classes,
            "cool_down": format_duration(self.cool_down),
            "stop_timeout": format_duration(self.stop_timeout),
            "setup": self.setup,
        });
        if let Some(iterations) = self.iterations {
            described["iterations"] = iterations.into();
        }
        described
    }

    /// Tasks that a user of a step begins at most; `None` when nothing bounds them.
    pub(crate) fn iterations_of(&self, step: usize, user: u32) -> Option<u64> {
        let users = u64::from(self.steps[step].load.users().max(1));
        let extra = |all: u64| u64::from(u64::from(user) < all % users);
        self.iterations.map(|all| if u64::from(user) < users { all / users + extra(all) } else { 0 })
    }
}

impl TagFilter {
    fn keeps(&self, tags: &[String]) -> bool {
        let any = |list: &[String]| tags.iter().any(|tag| list.contains(tag));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Requests with one method and name count under one entry.
fn number_entries(scenarios: &mut [Scenario], mistakes: &mut Mistakes) -> Vec<EntryName> {
    let mut entries: Vec<EntryName> = vec![];
    for request in scenarios.iter_mut().flat_map(Scenario::requests_mut) {
        let method = request.method.as_str();
        let found = entries.iter().position(|e| e.method == method && e.name == request.name);
        let index = found.unwrap_or_else(|| {
            let (name, path) = (request.name.clone(), request.path_written.clone());
            entries.push(EntryName { method: method.to_owned(), name, path });
            entries.len() - 1
        });
        if entries[index].path != request.path_written {
            let (name, paths) = (&request.name, [&entries[index].path, &request.path_written]);
            let problem = format!("`{method} {name}` stands for `{}` and for `{}`", paths[0], paths[1]);
            mistakes.push("scenarios", problem, "give them names of their own, or one path with a template");
        }
        // More than `ENTRIES_MAX` are refused by the caller.
        request.entry = NameId(u16::try_from(index).unwrap_or(u16::MAX));
    }
    entries
}

fn describe_class(scenario: &Scenario) -> serde_json::Value {
    let wait = match scenario.wait {
        Wait::Between(span) => {
            format!("between {} and {}", format_duration(span.least), format_duration(span.most))
        }
        Wait::Constant(time) => format!("constant {}", format_duration(time)),
        Wait::ConstantPacing(time) => format!("constant_pacing {}", format_duration(time)),
        Wait::ConstantThroughput(rate) => format!("constant_throughput {rate}"),
        Wait::Exponential(mean) => format!("exponential {}", format_duration(mean)),
    };
    let tasks: Vec<_> = scenario
        .tasks
        .iter()
        .map(|task| {
            let requests = task.steps.iter().filter_map(|step| match step {
                Step::Request(request) => Some(format!("{} {}", request.method, request.name)),
                Step::Think(_) => None,
            });
            json!({"name": task.name, "weight": task.weight, "requests": requests.collect::<Vec<_>>()})
        })
        .collect();
    json!({"class": scenario.class, "weight": scenario.weight, "wait_time": wait, "tasks": tasks})
}
