//! The thresholds of a plan: read from a suite or a flag, and told which entries they are over.
//! It must not know how they are judged.

mod condition;
mod read;
mod sentence;
mod watch;

use measure::{NameId, Over, Threshold};
use serde::{Deserialize, Serialize};
use wire::{Mistakes, nearest};

use crate::{Plan, Step};

pub(crate) use read::read_thresholds;
pub use sentence::read_threshold;
pub(crate) use watch::Watch;

/// Thresholds of a plan at most: each looks at every second.
const THRESHOLDS_MAX: usize = 100;

/// A threshold of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdPlan {
    /// What messages call it: its file and line, or its flag.
    pub place: String,
    /// The step that it is for; `None`: for all.
    pub step: Option<String>,
    /// What must hold.
    pub rule: Threshold,
}

impl Plan {
    /// Puts thresholds under watch: what each is over is looked up among the entries.
    ///
    /// # Errors
    /// Every threshold that is over nothing, or over requests that cannot be told from others.
    pub fn watch(&mut self, thresholds: Vec<ThresholdPlan>) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        if thresholds.len() > THRESHOLDS_MAX {
            let problem = format!("{} thresholds", thresholds.len());
            mistakes.push("thresholds", problem, format!("give at most {THRESHOLDS_MAX}"));
        }
        for mut threshold in thresholds {
            let found = match &threshold.rule.over {
                Over::All => Ok(vec![]),
                Over::Name(name) => self.named(name),
                Over::Tag(tag) => self.tagged(tag),
            };
            match found {
                Ok(entries) => threshold.rule.entries = entries,
                Err((problem, remedy)) => mistakes.push(&threshold.place, problem, remedy),
            }
            self.thresholds.push(threshold);
        }
        mistakes.or(())
    }

    /// The thresholds of one step.
    pub(crate) fn thresholds_of(&self, step: usize) -> Vec<Threshold> {
        let name = &self.steps[step].name;
        let its = self.thresholds.iter().filter(|one| one.step.as_ref().is_none_or(|step| step == name));
        its.map(|one| one.rule.clone()).collect()
    }

    fn named(&self, name: &str) -> Result<Vec<NameId>, (String, String)> {
        let is_meant = |entry: &measure::EntryName| {
            let rest = name.strip_prefix(entry.method.as_str()).and_then(|rest| rest.strip_prefix(' '));
            [Some(name), rest].into_iter().flatten().any(|name| name == entry.name || name == entry.path)
        };
        let found: Vec<NameId> =
            (0..).zip(&self.entries).filter(|(_, entry)| is_meant(entry)).map(|(at, _)| NameId(at)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let known: Vec<String> =
            self.entries.iter().map(|entry| format!("{} {}", entry.method, entry.name)).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let bare: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
        Err((format!("no request counts under `{name}`"), remedy(name, &[known, bare])))
    }

    /// The entries of tasks with this tag; other tasks must not count under them.
    fn tagged(&self, tag: &str) -> Result<Vec<NameId>, (String, String)> {
        let (mut with, mut without) = (vec![], vec![]);
        let entries = |steps: &[Step]| -> Vec<NameId> {
            let entry = |step: &Step| match step {
                Step::Request(request) => Some(request.entry),
                Step::Think(_) => None,
            };
            steps.iter().filter_map(entry).collect()
        };
        for scenario in &self.scenarios {
            without.extend(entries(&scenario.on_start));
            for task in &scenario.tasks {
                let is_meant = task.tags.iter().any(|other| other == tag);
                if is_meant { &mut with } else { &mut without }.extend(entries(&task.steps));
            }
        }
        with.sort_unstable();
        with.dedup();
        if with.is_empty() {
            let tasks = self.scenarios.iter().flat_map(|scenario| &scenario.tasks);
            let known = tasks.flat_map(|task| &task.tags).map(String::as_str).collect();
            return Err((format!("no task that sends anything has the tag `{tag}`"), remedy(tag, &[known])));
        }
        match with.iter().find(|name| without.contains(name)) {
            None => Ok(with),
            Some(shared) => {
                let entry = &self.entries[usize::from(shared.0)];
                let problem = format!(
                    "tasks with the tag `{tag}` and others count under `{} {}`",
                    entry.method, entry.name
                );
                Err((problem, "give the requests of one of the two a `name` of their own".to_owned()))
            }
        }
    }
}

/// The nearest of the known, or all of the first list.
fn remedy(name: &str, known: &[Vec<&str>]) -> String {
    if let Some(near) = known.iter().find_map(|known| nearest(name, known)) {
        return format!("did you mean `{near}`?");
    }
    let mut all = known[0].clone();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() { "there is none".to_owned() } else { format!("known: {}", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bindings, ScenarioFile, TagFilter, read_scenario};
    use measure::RunKind;
    use wire::Seed;

    const SCENARIO: &str = r#"
class = "User"
wait_time = { constant = "1s" }
[[task]]
name = "cheap"
tags = ["cheap", "read"]
step = [{ method = "GET", path = "/health" }, { method = "GET", path = "/whoami" }]
[[task]]
name = "ask"
tags = ["ask"]
step = [{ method = "POST", path = "/ask", name = "/ask (plain)" }, { method = "POST", path = "/ask", name = "/ask (deep)" }]
[[task]]
name = "mixed"
tags = ["mixed"]
step = [{ method = "GET", path = "/health" }]
"#;

    fn check(sentence: &str, expected: Result<&[u16], &str>) {
        let file = ScenarioFile { name: "s.toml".to_owned(), text: SCENARIO.to_owned() };
        let scenario = read_scenario(&file, &Bindings::default()).unwrap_or_else(|found| panic!("{found}"));
        let tags = TagFilter::default();
        let mut plan = Plan::new(RunKind::Run, Seed(1), vec![scenario], &[], &tags).expect("a plan");
        let threshold = read_threshold("--threshold", sentence).expect(sentence);
        match (plan.watch(vec![threshold]), expected) {
            (Ok(()), Ok(ids)) => {
                let found: Vec<u16> = plan.thresholds[0].rule.entries.iter().map(|name| name.0).collect();
                assert_eq!(found, ids, "{sentence}");
            }
            (Err(found), Err(words)) => assert_eq!(found.to_string(), words),
            (found, _) => panic!("{sentence}: {found:?}"),
        }
    }

    #[test]
    fn names_and_tags_stand_for_entries() {
        check("p95 < 1s", Ok(&[]));
        check("p95 < 1s on /ask", Ok(&[2, 3]));
        check("p95 < 1s on POST /ask", Ok(&[2, 3]));
        check("p95 < 1s on \"/ask (deep)\"", Ok(&[3]));
        check("p95 < 1s on POST /ask (deep)", Ok(&[3]));
        check("p95 < 1s on GET /whoami", Ok(&[1]));
        check("p95 < 1s on tag ask", Ok(&[2, 3]));
        check(
            "p95 < 1s on GET /ask",
            Err("--threshold: no request counts under `GET /ask`; did you mean `GET /whoami`?"),
        );
        check(
            "p95 < 1s on zzz",
            Err(
                "--threshold: no request counts under `zzz`; known: GET /health, GET /whoami, POST /ask (deep), \
                 POST /ask (plain)",
            ),
        );
        check(
            "p95 < 1s on tag zzz",
            Err("--threshold: no task that sends anything has the tag `zzz`; known: ask, cheap, mixed, read"),
        );
        check(
            "p95 < 1s on tag cheap",
            Err(
                "--threshold: tasks with the tag `cheap` and others count under `GET /health`; give the requests of one \
                 of the two a `name` of their own",
            ),
        );
    }
}
