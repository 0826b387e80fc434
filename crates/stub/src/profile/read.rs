//! Reads a profile out of TOML and checks it as a whole: unknown agents, unused ones, the default workflow.

use std::collections::BTreeSet;
use std::time::Duration;

use wire::{Mistakes, Source, Table, Value};

use super::switches::{
    AnswerCachePlan, BatchingPlan, ConnectionPlan, ScalingPlan, in_range, or_default, replicas, switch,
    whole_ns,
};
use super::{AgentPlan, Profile, Rule, Workflow};
use crate::fault;
use crate::latency::LatencyModel;

const CONCURRENCY_MAX: u32 = 1_000_000;
const QUEUE_MAX: u32 = 1_000_000;
const GROWTH_MAX: f64 = 1_000.0;
const WORKFLOWS_MAX: usize = 1_000;
/// What stands in `Server-Timing` beside agents.
const TIMING_NAMES: [&str; 6] = ["queue", "cache", "connect", "batch", "replica", "total"];

pub(super) fn profile(file: &str, text: &str) -> Result<Profile, Mistakes> {
    let read = Source::read(file, text, root)?;
    // `None` only beside a mistake, and then the mistakes are returned.
    let profile = read.expect("a profile without mistakes is complete");
    let as_json =
        |table: &mut Table<'_>| table.entries().into_iter().map(|(k, v)| (k, v.to_json())).collect();
    Ok(Profile { written: Source::read(file, text, as_json)?, ..profile })
}

fn root(table: &mut Table<'_>) -> Option<Profile> {
    let deadline: Option<Duration> =
        table.get_if("deadline", "give a deadline above 0", |d: &Duration| !d.is_zero());
    let [health, whoami, metrics] =
        table.table("route", routes).unwrap_or([const { Some(LatencyModel::NONE) }; 3]);
    let replicas = replicas(table);
    let answer_cache = switch(table, "answer_cache", AnswerCachePlan::read);
    let faults = fault::read(table);
    let agents = agents(table);
    let named = agents.iter().map(|(plan, _)| plan.name.clone()).collect::<Vec<_>>();
    let mut used = BTreeSet::new();
    let workflows = workflows(table, &named, &mut used);
    for (plan, value) in &agents {
        if !used.contains(&plan.name) {
            value.mistake("is used by no workflow", "name it in a stage or take it out");
        }
    }
    let plans: Option<Vec<_>> = agents.into_iter().map(|(plan, _)| plan.complete()).collect();
    Some(Profile {
        agents: plans?,
        workflows: workflows?,
        health: health?,
        whoami: whoami?,
        metrics: metrics?,
        deadline_ns: deadline.map(whole_ns),
        replicas: replicas?,
        answer_cache: answer_cache?,
        faults: faults?,
        written: serde_json::Map::new(),
    })
}

/// An agent of which parts may be wrong; its name is known all the same.
struct Draft {
    name: String,
    concurrency: Option<u32>,
    queue_max: Option<u32>,
    growth: Option<f64>,
    delay: Option<LatencyModel>,
    connection: Option<Option<ConnectionPlan>>,
    batching: Option<Option<BatchingPlan>>,
    scaling: Option<Option<ScalingPlan>>,
}

impl Draft {
    fn complete(self) -> Option<AgentPlan> {
        let Self { name, concurrency, queue_max, growth, delay, connection, batching, scaling } = self;
        Some(AgentPlan {
            name,
            concurrency: concurrency?,
            queue_max: queue_max?,
            growth: growth?,
            delay: delay?,
            connection: connection?,
            batching: batching?,
            scaling: scaling?,
        })
    }
}

fn agents<'a>(table: &mut Table<'a>) -> Vec<(Draft, Value<'a>)> {
    let entries = table.need_value("agent").and_then(|all| all.table(Table::entries)).unwrap_or_default();
    let mut agents: Vec<_> =
        entries.into_iter().filter_map(|(name, value)| Some((agent(name, &value)?, value))).collect();
    agents.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    agents
}

fn agent(name: String, value: &Value<'_>) -> Option<Draft> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') || name.len() > 64 {
        value.mistake("has a name that fits no header", "use up to 64 letters, digits, - and _");
    }
    if TIMING_NAMES.contains(&name.as_str()) {
        value.mistake("has a name that `Server-Timing` needs itself", "name the agent otherwise");
    }
    value.table(|table| {
        let concurrency = positive(table, "concurrency", CONCURRENCY_MAX);
        let remedy = format!("give 0 to {QUEUE_MAX}");
        let queue_max = or_default(table, "queue_max", QUEUE_MAX, &remedy, |n| *n <= QUEUE_MAX);
        let factor = |growth: &f64| (0.0..=GROWTH_MAX).contains(growth);
        let growth = or_default(table, "growth", 0.0, "give a factor from 0 to 1000", factor);
        let delay = table.need_value("delay").and_then(|value| LatencyModel::read(&value));
        let connection = switch(table, "connection", ConnectionPlan::read);
        let batching = switch(table, "batching", BatchingPlan::read);
        let scaling = switch(table, "scaling", ScalingPlan::read);
        Draft { name, concurrency, queue_max, growth, delay, connection, batching, scaling }
    })
}

fn positive(table: &mut Table<'_>, key: &'static str, most: u32) -> Option<u32> {
    in_range(&table.need_value(key)?, &format!("give 1 to {most}"), |n: &u32| (1..=most).contains(n))
}

fn workflows(table: &mut Table<'_>, agents: &[String], used: &mut BTreeSet<String>) -> Option<Vec<Workflow>> {
    let items = table.need_value("workflow").map(|value| value.items()).unwrap_or_default();
    if items.is_empty() || items.len() > WORKFLOWS_MAX {
        table.mistake(
            "there must be at least one workflow",
            &format!("add 1 to {WORKFLOWS_MAX} [[workflow]]"),
        );
    }
    let last = items.len().saturating_sub(1);
    let mut names = BTreeSet::new();
    let mut all = vec![];
    for (i, item) in items.iter().enumerate() {
        all.push(item.table(|table| workflow(table, i == last, agents, used, &mut names)).flatten());
    }
    all.into_iter().collect()
}

fn workflow(
    table: &mut Table<'_>,
    is_last: bool,
    agents: &[String],
    used: &mut BTreeSet<String>,
    names: &mut BTreeSet<String>,
) -> Option<Workflow> {
    let name: Option<String> = table.need("name");
    if name.as_ref().is_some_and(|name| !names.insert(name.clone())) {
        table.mistake("two workflows have this name", "give each its own name");
    }
    let rule = table.table("match", rule);
    match (&rule, is_last) {
        (None, false) => {
            table.mistake("it takes every query, so the later ones take none", "add `match` or move it last")
        }
        (Some(_), true) => table
            .mistake("a query that meets no rule has no workflow", "end with a [[workflow]] without `match`"),
        _ => {}
    }
    let stages = table.need_value("stages").and_then(|value| stages(&value, agents, used));
    Some(Workflow { name: name?, rule: rule.map_or(Some(None), |rule| rule.map(Some))?, stages: stages? })
}

fn rule(table: &mut Table<'_>) -> Option<Rule> {
    let before = table.mistakes_count();
    let arithmetic = table.get("arithmetic").unwrap_or(false);
    let words: Vec<String> = table.get("words").unwrap_or_default();
    let min_words = table.get("min_words").unwrap_or(0);
    let rule = Rule { arithmetic, words: words.iter().map(|w| w.to_lowercase()).collect(), min_words };
    if rule == Rule::default() && table.mistakes_count() == before {
        table.mistake("`match` says nothing", "give arithmetic = true, words = [\"…\"] or min_words = …");
    }
    if let Some(word) = words.iter().find(|w| w.is_empty() || !w.chars().all(char::is_alphanumeric)) {
        table.mistake(&format!("`{word}` is no single word"), "give words of letters and digits only");
    }
    (table.mistakes_count() == before).then_some(rule)
}

fn stages(value: &Value<'_>, agents: &[String], used: &mut BTreeSet<String>) -> Option<Vec<Vec<usize>>> {
    let items = value.items();
    if value.is_array() && items.is_empty() {
        value.mistake("has no stage", "name at least one agent");
    }
    let mut all = vec![];
    for item in items {
        let members = if item.is_array() { item.items() } else { vec![item.clone()] };
        if members.is_empty() {
            item.mistake("has no agent", "name at least one agent a stage");
        }
        all.push(members.iter().map(|member| stage_agent(member, agents, used)).collect::<Option<Vec<_>>>());
    }
    all.into_iter().collect()
}

fn stage_agent(value: &Value<'_>, agents: &[String], used: &mut BTreeSet<String>) -> Option<usize> {
    let name: String = value.read()?;
    let found = agents.iter().position(|agent| *agent == name);
    if found.is_none() {
        let known: Vec<_> = agents.iter().map(String::as_str).collect();
        let remedy = match wire::nearest(&name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("agents here: {}", known.join(", ")),
        };
        value.mistake("is no agent", &remedy);
    }
    used.insert(name);
    found
}

/// The delays of /health, /whoami and /metrics.
fn routes(table: &mut Table<'_>) -> [Option<LatencyModel>; 3] {
    ["health", "whoami", "metrics"].map(|key| match table.value(key) {
        None => Some(LatencyModel::NONE),
        Some(value) => value.table(|table| LatencyModel::read(&table.need_value("delay")?))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: &str = "[agent.a]\nconcurrency = 1\ndelay = { fixed = \"1ms\" }\n[agent.b]\nconcurrency = 2\nqueue_max = 0\ngrowth = 0.5\ndelay = { exponential = { mean = \"1ms\" } }\n";

    /// Reading `text` finds exactly these mistakes.
    fn check(text: &str, expected: &[&str]) {
        let wrong = profile("p.toml", text).expect_err(text);
        assert_eq!(wrong.0.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn reads_what_is_right() {
        let text = format!(
            "deadline = \"2s\"\n{AGENTS}[[workflow]]\nname = \"w\"\nmatch = {{ words = [\"Plan\"] }}\nstages = [\"a\", [\"a\", \"b\"]]\n[[workflow]]\nname = \"rest\"\nstages = [\"b\"]\n[route.health]\ndelay = {{ fixed = \"2ms\" }}"
        );
        let profile = profile("p.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!(profile.workflow("a plan").stages, [vec![0], vec![0, 1]]);
        assert_eq!(profile.workflow("else").stages, [vec![1]]);
        assert_eq!((profile.agents[0].queue_max, profile.agents[1].queue_max), (QUEUE_MAX, 0));
        assert_eq!((profile.deadline_ns, profile.agents[1].growth), (Some(2_000_000_000), 0.5));
        assert_eq!(profile.whoami, LatencyModel::NONE);
    }

    #[test]
    fn all_mistakes_at_once() {
        check(
            "[agent.a]\nconcurrency = 0\ndelay = { lognormal = { median = \"2ms\", p99 = \"1ms\" } }\n[agent.idle]\nconcurrency = 1\ndelay = { fixed = \"1ms\" }\n[[workflow]]\nname = \"w\"\nmatch = {}\nstages = [\"idel\", [\"a\"]]\n",
            &[
                "p.toml:2: `agent.a.concurrency` = 0 is out of range; give 1 to 1000000",
                "p.toml:3: `agent.a.delay.lognormal` = {\"median\":\"2ms\",\"p99\":\"1ms\"} is no log-normal; give a median above 0 and a p99 above the median",
                "p.toml:9: in `workflow[0].match`: `match` says nothing; give arithmetic = true, words = [\"…\"] or min_words = …",
                "p.toml:7: in `workflow[0]`: a query that meets no rule has no workflow; end with a [[workflow]] without `match`",
                "p.toml:10: `workflow[0].stages[0]` = \"idel\" is no agent; did you mean `idle`?",
                "p.toml:4: `agent.idle` = {\"concurrency\":1,\"delay\":{\"fixed\":\"1ms\"}} is used by no workflow; name it in a stage or take it out",
            ],
        );
    }

    #[test]
    fn an_empty_file_lacks_everything() {
        check(
            "",
            &[
                "p.toml:1: `agent` is missing; add `agent = …`",
                "p.toml:1: `workflow` is missing; add `workflow = …`",
                "p.toml:1: there must be at least one workflow; add 1 to 1000 [[workflow]]",
            ],
        );
    }
}
