//! The harness in virtual time against a transport whose every answer is known beforehand.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use harness::{
    Bindings, Call, Command, Load, Plan, Reply, ScenarioFile, SendError, StepPlan, TagFilter, Transport,
    View, Workers, World, conduct, read_scenario,
};
use measure::{NameId, Outcome, Run, RunKind, StepRun};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use wire::{Clock, Seed};

/// Answers 200 after a fixed time; `/throttled` 429, `/missing` 404, `/never` not at all.
#[derive(Clone)]
struct Fixed {
    clock: Clock,
    takes: Duration,
    sent: Rc<Cell<u64>>,
}

impl Transport for Fixed {
    async fn send(&self, call: Call) -> Result<Reply, SendError> {
        self.sent.set(self.sent.get() + 1);
        self.clock.sleep(self.takes).await;
        match call.path.as_str() {
            "/never" => std::future::pending().await,
            "/refused" => Err(SendError::Refused),
            path => {
                let status = [("/throttled", 429), ("/missing", 404)].iter().find(|(p, _)| *p == path);
                Ok(Reply {
                    status: status.map_or(200, |(_, s)| *s),
                    body: "four".into(),
                    server_timing: vec![],
                })
            }
        }
    }
}

fn scenario(class: &str, wait: &str, steps: &str) -> ScenarioFile {
    let head =
        format!("class = \"{class}\"\nwait_time = {{ constant = \"{wait}\" }}\n[[task]]\nname = \"t\"\n");
    ScenarioFile { name: format!("{class}.toml"), text: head + steps }
}

fn get(path: &str, more: &str) -> String {
    format!("[[task.step]]\nmethod = \"GET\"\npath = \"{path}\"\n{more}\n")
}

/// Runs one step and sends `command` at `command_at`, if any.
fn run(files: &[ScenarioFile], step: StepPlan, takes: Duration, command: Option<(Duration, Command)>) -> Run {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("one");
    LocalSet::new().block_on(&runtime, async {
        let clock = Clock::at(0);
        let read = |file| read_scenario(file, &Bindings::default()).unwrap_or_else(|e| panic!("{e}"));
        let scenarios = files.iter().map(read).collect();
        let mut plan =
            Plan::new(RunKind::Run, Seed(1), scenarios, &[], &TagFilter::default()).expect("a valid plan");
        plan.steps.push(step);
        plan.stop_timeout = Duration::from_secs(2);
        let transport = move || Fixed { clock, takes, sent: Rc::default() };
        let world =
            World { clock, workers: Workers::Here, transport, host: None, resources: None, lens: None };
        let (commands, commanded) = mpsc::channel(1);
        let (shown, _view) = watch::channel(View::default());
        if let Some((at, command)) = command {
            tokio::task::spawn_local(async move {
                clock.sleep(at).await;
                commands.send(command).await.expect("the run listens");
            });
        }
        conduct(plan, world, commanded, &shown).await
    })
}

fn step(users: u32, spawn_rate_per_s: f64, run_time_ms: u64) -> StepPlan {
    let run_time = Some(Duration::from_millis(run_time_ms));
    let load = Load::Closed { users, spawn_rate_per_s };
    StepPlan { name: "s".into(), load, run_time, gate: true }
}

fn count(step: &StepRun, name: u16, outcome: Outcome) -> u64 {
    let cells = step.intervals.iter().flat_map(|i| &i.cells);
    cells.filter(|c| c.name == NameId(name) && c.outcome == outcome).map(|c| c.count).sum()
}

const MS10: Duration = Duration::from_millis(10);

#[test]
fn users_cycles_and_phases_are_exact() {
    // A cycle is 10 ms + 990 ms; users start at 0, 0.5, 1 and 1.5 s; nothing starts after 9.9 s.
    let run = run(&[scenario("A", "990ms", &get("/a", ""))], step(4, 2.0, 9_900), MS10, None);
    let step = &run.steps[0];
    assert_eq!(count(step, 0, Outcome::Success), 10 + 10 + 9 + 9);
    assert_eq!((step.phases.steady_ns, step.phases.wind_down_ns), (1_500_000_000, 9_900_000_000));
    let cells = step.intervals.iter().flat_map(|i| &i.cells);
    assert!(cells.into_iter().all(|c| c.service.min_ns == 10_000_000
        && c.service.max_ns == 10_000_000
        && c.body_bytes == 4 * c.count));
    assert_eq!(step.offered_rps_max, Some(4.0 / 0.99));
    assert_eq!(step.classes[0].tasks[0].requests, 38);
    assert!(!step.cut && run.aborted.is_none());
}

#[test]
fn outcomes_are_kept_apart() {
    let steps =
        get("/throttled", "expect = { throttled = [429] }") + &get("/missing", "") + &get("/refused", "");
    let run = run(&[scenario("A", "970ms", &steps)], step(1, 1.0, 4_900), MS10, None);
    let step = &run.steps[0];
    let counts = [(0, Outcome::Throttled), (1, Outcome::Failure), (2, Outcome::Failure)];
    assert!(counts.iter().all(|(name, outcome)| count(step, *name, *outcome) == 5));
    let errors: Vec<_> = step.errors.iter().map(|e| (e.error.as_str(), e.occurrences)).collect();
    let missing = "HTTPError('404 Client Error: Not Found for url: /missing')";
    assert_eq!(errors, [(missing, 5), ("ConnectionRefusedError(111, 'Connection refused')", 5)]);
    let statuses: Vec<_> = step.statuses.iter().map(|s| (s.name.0, s.status, s.count)).collect();
    assert_eq!(statuses, [(0, 429, 5), (1, 404, 5), (2, 0, 5)]);
}

#[test]
fn a_failure_stops_the_task_if_told_to() {
    let mut file = scenario("A", "980ms", "on_failure = \"stop\"\n");
    file.text += &(get("/a", "") + &get("/missing", "") + &get("/b", ""));
    let run = run(&[file], step(1, 1.0, 4_900), MS10, None);
    let step = &run.steps[0];
    assert_eq!(count(step, 0, Outcome::Success), 5);
    assert_eq!(count(step, 2, Outcome::Success), 0, "/b comes after the failure");
}

#[test]
fn timeouts_and_cut_offs() {
    let run = run(
        &[scenario("A", "0s", &get("/never", "timeout = \"3s\""))],
        step(1, 1.0, 6_500),
        Duration::ZERO,
        None,
    );
    let step = &run.steps[0];
    // Sent at 0, 3 and 6 s: two time out, the third is given up 2 s after the end.
    assert_eq!(step.errors[0].error, "ReadTimeout('no complete answer within 3 s')");
    assert_eq!((step.errors[0].occurrences, step.cut_off[0].count), (2, 1));
    assert_eq!(step.phases.ended_ns, 8_500_000_000);
}

#[test]
fn a_stop_ends_the_run_and_marks_the_step() {
    let at = Duration::from_millis(2_500);
    let run =
        run(&[scenario("A", "990ms", &get("/a", ""))], step(1, 1.0, 60_000), MS10, Some((at, Command::Stop)));
    assert!(run.steps[0].cut);
    assert_eq!(run.aborted.as_deref(), Some("interrupted in step s"));
    assert_eq!(count(&run.steps[0], 0, Outcome::Success), 3);
    assert_eq!(run.steps[0].phases.ended_ns, 2_500_000_000);
}

/// Without a stop before it, a cut waits for no answer either.
#[test]
fn a_cut_ends_the_run_at_once() {
    let at = Duration::from_millis(2_500);
    let files = [scenario("A", "0s", &get("/never", "timeout = \"60s\""))];
    let run = run(&files, step(1, 1.0, 60_000), MS10, Some((at, Command::Cut)));
    assert!(run.steps[0].cut);
    assert_eq!((run.steps[0].phases.ended_ns, run.steps[0].cut_off[0].count), (2_500_000_000, 1));
}

#[test]
fn classes_with_several_users_are_dealt_by_weight() {
    let mut heavy = scenario("Heavy", "1s", &get("/a", ""));
    heavy.text = format!("weight = 3\n{}", heavy.text);
    let run = run(&[heavy, scenario("Light", "1s", &get("/b", ""))], step(8, 100.0, 3_000), MS10, None);
    let users: Vec<u32> = run.steps[0].classes.iter().map(|c| c.users).collect();
    assert_eq!(users, [6, 2]);
}
