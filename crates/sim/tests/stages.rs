//! What the harness gathers of `Server-Timing` against the stub's ledger, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{
    Bindings, Load, Plan, ScenarioFile, StepPlan, TagFilter, View, Workers, World, conduct, read_scenario,
};
use measure::{Run, RunKind};
use sim::{EPOCH_UNIX_NS, InProcess};
use stub::{Limits, Profile, Settings, Stub};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use wire::{Clock, LedgerEntry, Seed};

const SCENARIO: &str = r#"
class = "Asker"
wait_time = { between = ["50ms", "300ms"] }
[headers]
X-API-Key = "{{ api_key }}"
[data]
queries = ["What is new?", "Research the market in depth", "Analyse these figures", "Summarise this"]
[[task]]
name = "ask"
weight = 3
step = [{ method = "POST", path = "/ask", json = { user_id = "u{{ user }}", query = "{{ pick(queries) }}" } }]
[[task]]
name = "look"
step = [{ method = "GET", path = "/health" }]
[[task]]
name = "refused"
step = [{ method = "POST", path = "/ask", name = "/ask (refused)", json = { query = "x" }, expect = { status = [422] } }]
"#;

/// Twenty users for half a minute; the run, and the whole ledger.
fn lived(own_headers: bool, seed: u64) -> (Run, Vec<LedgerEntry>) {
    let file = ScenarioFile { name: "s.toml".to_owned(), text: SCENARIO.to_owned() };
    let bindings = Bindings { api_key: "test-api-key".to_owned(), ..Bindings::default() };
    let scenario = read_scenario(&file, &bindings).unwrap_or_else(|found| panic!("{found}"));
    let mut plan =
        Plan::new(RunKind::Run, Seed(seed), vec![scenario], &[], &TagFilter::default()).expect("a plan");
    let load = Load::Closed { users: 20, spawn_rate_per_s: 10.0 };
    plan.steps.push(StepPlan { name: "s".into(), load, run_time: Some(Duration::from_secs(30)), gate: true });
    let settings =
        Settings { limits: Limits::OFF, own_headers, ledger_entries_max: 50_000, ..Settings::suite() };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let clock = Clock::at(EPOCH_UNIX_NS);
        let stub = Stub::new(settings, Profile::default(), clock, plan.seed);
        let transport = InProcess::new(stub.router(), clock);
        let transport = move || transport.clone();
        let world =
            World { clock, workers: Workers::Here, transport, host: None, resources: None, lens: None };
        let (_commands, commanded) = mpsc::channel(1);
        let (shown, _view) = watch::channel(View::default());
        let run = conduct(plan, world, commanded, &shown).await;
        let page = stub.entries(0, 100_000);
        (run, page.entries)
    })
}

/// Sums by route and stage, of answers with this status.
fn ledger_sums(entries: &[LedgerEntry], route: &str, status: u16) -> BTreeMap<String, (u64, u64)> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.route == route && entry.status == Some(status)) {
        let mut said: BTreeMap<&str, u64> = BTreeMap::new();
        said.insert("queue", entry.queued_ns);
        said.insert("total", entry.fired_ns - entry.arrived_ns);
        for stage in &entry.stages {
            *said.entry(&stage.agent).or_default() += stage.worked_ns;
        }
        for (stage, ns) in said {
            let sum = sums.entry(stage.to_owned()).or_default();
            *sum = (sum.0 + 1, sum.1 + ns);
        }
    }
    sums
}

#[test]
fn sums_are_the_ledgers() {
    let seed = 20_261_123;
    let (run, entries) = lived(true, seed);
    let step = &run.steps[0];
    let said = step.stages.as_ref().expect("the stub says where the time went");
    assert_eq!((said.unreadable, said.left_out), (0, 0), "seed {seed}");
    let mut stages = 0;
    for (name, route, status) in
        [("/ask", "POST /ask", 200), ("/health", "GET /health", 200), ("/ask (refused)", "POST /ask", 422)]
    {
        let at = step.names.iter().position(|entry| entry.name == name).expect(name);
        let entry = said.entries.iter().find(|entry| usize::from(entry.name.0) == at);
        let entry = entry.unwrap_or_else(|| panic!("{name} has none, seed {seed}: {:?}", step.statuses));
        let found: BTreeMap<String, (u64, u64)> = entry
            .stages
            .iter()
            .map(|stage| (said.names[usize::from(stage.stage)].clone(), (stage.count, stage.times.sum_ns)))
            .collect();
        let expected = ledger_sums(&entries, route, status);
        assert_eq!(found, expected, "{name}, seed {seed}");
        assert_eq!(
            Some(entry.answers),
            expected.get("total").map(|(count, _)| *count),
            "{name}, seed {seed}"
        );
        // The way to the stub and back is all that is left.
        assert_eq!(
            entry.service_sum_ns - expected["total"].1,
            entry.answers * 100_000,
            "{name}, seed {seed}"
        );
        stages += found.len();
    }
    assert!(stages > 8, "{stages} stages in all, seed {seed}");
    assert_eq!(Run::from_json(&run.to_json()).expect("whole"), run);
}

#[test]
fn a_server_that_says_nothing_leaves_nothing() {
    let (run, _) = lived(false, 1);
    assert!(run.steps[0].stages.is_none());
    assert!(!run.to_json().contains("\"stages\":{"));
}
