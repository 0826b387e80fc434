//! A load that is edited and reset while it runs, in virtual time: users come and go at the rate, and the records stay
//! such that Little's law holds. It must not know a server: every answer takes a fixed time.

use std::time::Duration;

use harness::{
    Bindings, Call, Command, Known, Load, Plan, Reply, RunHandle, ScenarioFile, SendError, StepPlan,
    TagFilter, Transport, View, Workers, World, conduct, read_scenario,
};
use measure::{Run, RunKind, StepRun, conclude};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use wire::{Clock, Seed};

const MS: u64 = 1_000_000;

/// Answers 200 after a fixed time.
#[derive(Clone)]
struct Fixed {
    clock: Clock,
    takes: Duration,
}

impl Transport for Fixed {
    async fn send(&self, _: Call) -> Result<Reply, SendError> {
        self.clock.sleep(self.takes).await;
        Ok(Reply { status: 200, body: "four".into(), server_timing: vec![] })
    }
}

const SCENARIO: &str = "class = \"A\"\nweight = 2\nwait_time = { constant = \"400ms\" }\n[[task]]\nname = \"t\"\n\
                        [[task.step]]\nmethod = \"GET\"\npath = \"/a\"\n";

fn plan(load: Load) -> Plan {
    let read = |class: &str| {
        let text = SCENARIO.replace("\"A\"", &format!("\"{class}\""));
        read_scenario(&ScenarioFile { name: "a.toml".into(), text }, &Bindings::default())
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let scenarios = vec![read("A"), read("B")];
    let mut plan =
        Plan::new(RunKind::Run, Seed(1), scenarios, &[], &TagFilter::default()).expect("a valid plan");
    let run_time = Some(Duration::from_secs(20));
    plan.steps.push(StepPlan { name: "s".into(), load, run_time, gate: true });
    plan
}

/// Runs with commands at their times, in ms.
fn run(load: Load, takes: Duration, commands: Vec<(u64, Command)>) -> Run {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("one");
    LocalSet::new().block_on(&runtime, async {
        let clock = Clock::at(0);
        let (sender, commanded) = mpsc::channel(4);
        let (shown, _view) = watch::channel(View::default());
        let transport = move || Fixed { clock, takes };
        let world =
            World { clock, workers: Workers::Here, transport, host: None, resources: None, lens: None };
        tokio::task::spawn_local(async move {
            for (at_ms, command) in commands {
                clock.sleep_until(at_ms * MS).await;
                sender.send(command).await.expect("the run listens");
            }
            std::future::pending::<()>().await;
        });
        conduct(plan(load), world, commanded, &shown).await
    })
}

fn users(users: u32, spawn_rate_per_s: f64) -> Load {
    Load::Closed { users, spawn_rate_per_s }
}

fn edit(users: u32, spawn_rate_per_s: f64) -> Command {
    Command::Edit { users, spawn_rate_per_s }
}

/// The step, whose numbers may be trusted, and read back as they were written.
#[track_caller]
fn trusted(run: &Run) -> &StepRun {
    assert_eq!(Run::from_json(&run.to_json()).expect("is whole"), *run);
    let conclusion = conclude(run).expect("is whole");
    assert!(conclusion.steps[0].validity.is_valid(), "{:?}", conclusion.steps[0].validity);
    &run.steps[0]
}

fn users_by_second(step: &StepRun) -> Vec<u32> {
    step.intervals.iter().map(|interval| interval.users).collect()
}

#[test]
fn users_come_and_go_at_the_rate() {
    let commands = vec![(5_100, edit(4, 2.0)), (10_100, edit(6, 1.0))];
    let run = run(users(10, 10.0), Duration::from_millis(100), commands);
    let step = trusted(&run);
    let seen = users_by_second(step);
    assert_eq!(seen[..5], [10, 10, 10, 10, 10]);
    // The first goes at 5.1 s, the last at 7.6 s; each has half a second for its answer and its wait.
    assert_eq!(seen[8..10], [4, 4]);
    assert!(seen[5] < 10 && seen[6] < seen[5], "{seen:?}");
    assert_eq!(seen[10..19], [5, 6, 6, 6, 6, 6, 6, 6, 6]);
    let edits: Vec<_> = step.edits.iter().map(|edit| (edit.at_ns / MS, edit.users)).collect();
    assert_eq!(edits, [(5_100, 4), (10_100, 6)]);
    assert_eq!(step.phases.steady_ns / MS, 11_100, "the last edit has taken effect");
    assert_eq!(step.classes.iter().map(|class| class.users).collect::<Vec<_>>(), [6, 6], "lives");
    let warning = &conclude(&run).expect("is whole").steps[0].warnings[0];
    assert!(warning.what.contains("6 users at 1 a second after 10.1 s, the last of 2 edits"), "{warning:?}");
}

#[test]
fn a_reset_drops_what_was_before() {
    // Of requests that take three seconds, many are under way at the reset.
    let run =
        run(users(20, 20.0), Duration::from_secs(3), vec![(9_500, Command::Reset), (9_700, Command::Reset)]);
    let step = trusted(&run);
    assert_eq!(step.reset_ns, Some(9_700 * MS));
    assert_eq!(step.phases.started_ns, 9_700 * MS);
    assert_eq!(step.intervals[0].end_ns, 1_000 * MS);
    // A cycle takes 3.4 s: three answers a user, of which those under way at the end come after it.
    let conclusion = conclude(&run).expect("is whole");
    let requests = conclusion.steps[0].summary.total.requests();
    assert!((60..=80).contains(&requests), "{requests}");
    assert!(conclusion.steps[0].warnings.iter().any(|warning| warning.what.contains("reset 9.7 s")));
}

#[test]
fn arrivals_are_not_edited_and_can_be_reset() {
    let stages = vec![harness::Stage { from_per_s: 50.0, to_per_s: 50.0, lasts: None }];
    let load = || Load::Open { arrivals: harness::Arrivals::Poisson(stages.clone()), in_flight_max: 500 };
    assert!(load().edited(5, 1.0).is_err_and(|mistakes| mistakes.to_string().contains("arrivals")));
    assert!(users(5, 1.0).edited(0, -1.0).is_err_and(|mistakes| mistakes.0.len() == 2));
    let run = run(load(), Duration::from_millis(300), vec![(3_000, edit(5, 1.0)), (7_250, Command::Reset)]);
    let step = trusted(&run);
    assert!(step.edits.is_empty());
    let arrivals = step.arrivals.as_ref().expect("is open");
    assert!((arrivals.due_mean - 12.75 * 50.0).abs() < 1e-6, "{}", arrivals.due_mean);
    assert_eq!(arrivals.due, arrivals.sent);
}

#[test]
fn glimpses_put_together_are_the_record() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("one");
    LocalSet::new().block_on(&runtime, async {
        let clock = Clock::at(0);
        let (sender, commanded) = mpsc::channel(4);
        let (shown, _view) = watch::channel(View::default());
        let transport = move || Fixed { clock, takes: Duration::from_millis(20) };
        let world =
            World { clock, workers: Workers::Here, transport, host: None, resources: None, lens: None };
        let seen = tokio::task::spawn_local(async move {
            let (mut known, mut intervals) = (Known::default(), vec![]);
            for at_ms in [2_500, 2_600, 7_100, 19_500] {
                clock.sleep_until(at_ms * MS).await;
                let glimpse = RunHandle::look(&sender, known).await.expect("a step runs");
                assert_eq!(glimpse.skipped, known.seconds);
                intervals.extend(glimpse.record.intervals);
                known = glimpse.known;
                assert_eq!(glimpse.record.classes.iter().map(|class| class.users).sum::<u32>(), 10);
            }
            intervals
        });
        let run = conduct(plan(users(10, 10.0)), world, commanded, &shown).await;
        assert_eq!(seen.await.expect("no panic"), run.steps[0].intervals[..19]);
    });
}
