//! Open loads, paced users and the lens in virtual time, against a transport that stands still when it is told to.

use std::sync::Arc;
use std::time::Duration;

use harness::{
    Arrivals, Bindings, Call, Command, Journal, Lens, Load, Plan, Reply, ScenarioFile, SendError, Stage,
    StepPlan, TagFilter, Transport, View, Workers, World, conduct, read_scenario,
};
use measure::{ArrivalsRecord, Outcome, Run, RunKind, Sample, StepRun, Summary, TimesKind};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use wire::{Clock, Seed};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// Answers after a fixed time, but nothing within the freeze: what would fall into it is answered at its end.
#[derive(Clone)]
struct Freezing {
    clock: Clock,
    takes_ns: u64,
    freeze_ns: (u64, u64),
}

impl Transport for Freezing {
    async fn send(&self, _call: Call) -> Result<Reply, SendError> {
        let at_ns = self.clock.now_ns() + self.takes_ns;
        let (begin_ns, end_ns) = self.freeze_ns;
        self.clock.sleep_until(if (begin_ns..end_ns).contains(&at_ns) { end_ns } else { at_ns }).await;
        Ok(Reply { status: 200, body: "four".into(), server_timing: vec![] })
    }
}

/// What a test runs; what it leaves out is as here.
struct Case {
    wait: &'static str,
    weights: &'static [u32],
    steps: usize,
    load: Load,
    run_time: Option<Duration>,
    takes_ns: u64,
    freeze_ns: (u64, u64),
    command: Option<(u64, fn() -> Command)>,
    lens: Option<Arc<dyn Lens>>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            wait: "constant = \"0s\"",
            weights: &[1],
            steps: 1,
            load: open(Arrivals::Constant(vec![Stage::steady(100.0)]), 10_000),
            run_time: Some(Duration::from_secs(10)),
            takes_ns: 5 * MS,
            freeze_ns: (0, 0),
            command: None,
            lens: None,
        }
    }
}

fn open(arrivals: Arrivals, in_flight_max: u32) -> Load {
    Load::Open { arrivals, in_flight_max }
}

fn stage(from_per_s: f64, to_per_s: f64, lasts_s: u64) -> Stage {
    Stage { from_per_s, to_per_s, lasts: Some(Duration::from_secs(lasts_s)) }
}

impl Case {
    fn plan(&self) -> Plan {
        let class = |(number, weight): (usize, &u32)| {
            let step = "[[task.step]]\nmethod = \"GET\"\npath = \"/a\"\n".repeat(self.steps);
            let text = format!(
                "class = \"C{number}\"\nweight = {weight}\nwait_time = {{ {} }}\n[[task]]\nname = \"t\"\n{step}",
                self.wait
            );
            let file = ScenarioFile { name: "c.toml".into(), text };
            read_scenario(&file, &Bindings::default()).unwrap_or_else(|wrong| panic!("{wrong}"))
        };
        let scenarios = self.weights.iter().enumerate().map(class).collect();
        let plan = Plan::new(RunKind::Run, Seed(1), scenarios, &[], &TagFilter::default());
        let mut plan = plan.unwrap_or_else(|wrong| panic!("{wrong}"));
        let (load, run_time) = (self.load.clone(), self.run_time);
        plan.steps.push(StepPlan { name: "s".into(), load, run_time, gate: true });
        plan
    }

    fn run(self) -> Run {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        LocalSet::new().block_on(&runtime.expect("one"), async {
            let clock = Clock::at(0);
            let (takes_ns, freeze_ns) = (self.takes_ns, self.freeze_ns);
            let world = World {
                clock,
                workers: Workers::Here,
                transport: move || Freezing { clock, takes_ns, freeze_ns },
                host: None,
                resources: None,
                lens: self.lens.clone(),
            };
            let (commands, commanded) = mpsc::channel(1);
            let (shown, _view) = watch::channel(View::default());
            if let Some((at_ns, command)) = self.command {
                tokio::task::spawn_local(async move {
                    clock.sleep_until(at_ns).await;
                    commands.send(command()).await.expect("the run listens");
                });
            }
            conduct(self.plan(), world, commanded, &shown).await
        })
    }

    fn step(self) -> (StepRun, Summary) {
        let run = self.run();
        assert_eq!(Run::from_json(&run.to_json()).expect("a whole run"), run, "the file holds all of it");
        let step = run.steps.into_iter().next().expect("one step");
        let summary = Summary::of(&step).expect("a whole step");
        (step, summary)
    }
}

fn arrivals(step: &StepRun) -> &ArrivalsRecord {
    step.arrivals.as_ref().expect("an open load")
}

fn counted(step: &StepRun) -> [u64; 4] {
    let ArrivalsRecord { due, sent, dropped, unsent, .. } = *arrivals(step);
    [due, sent, dropped, unsent]
}

/// A freeze of 2 s: what is due within it waits for its end, and nothing is held back.
#[test]
fn a_freeze_shows_in_the_response_and_not_in_the_lateness() {
    let (step, summary) = Case { freeze_ns: (4 * S, 6 * S), ..Case::default() }.step();
    assert_eq!(counted(&step), [1_000, 1_000, 0, 0]);
    assert_eq!((arrivals(&step).due_mean, summary.lateness.map(|late| late.max_ns)), (1_000.0, Some(0)));
    // Answered within the freeze are the 200 that are sent from 3.995 s to before 5.995 s.
    let times = summary.total.success();
    let held: u64 = (0..1_000)
        .map(|k| k * 10 * MS)
        .filter(|at| (3_995 * MS..5_995 * MS).contains(at))
        .map(|at| 6 * S - at)
        .sum();
    assert_eq!(times.sum_ns, held + 800 * 5 * MS);
    assert_eq!(times.max_ns(), Some(2 * S), "due at 4 s");
    assert_eq!((summary.total.shown, step.load.times()), (TimesKind::Response, TimesKind::Response));
    assert_eq!(summary.total.response.as_ref(), Some(&summary.total.service), "sent when they were due");
    assert_eq!(arrivals(&step).lateness.as_ref().map(|late| (late.count, late.max_ns)), Some((1_000, 0)));
}

#[test]
fn as_many_as_may_be_are_in_flight_and_the_others_are_counted() {
    // 5 at a time, 100 ms each: at every moment the last 5 that were begun. Of 10 in 100 ms 5 find room.
    let load = open(Arrivals::Constant(vec![Stage::steady(100.0)]), 5);
    let (step, summary) = Case { load, takes_ns: 100 * MS - 1_000, ..Case::default() }.step();
    assert_eq!(counted(&step), [1_000, 500, 500, 0]);
    assert_eq!((summary.total.requests(), step.classes[0].users), (500, 500));
    assert!(step.intervals.iter().all(|interval| interval.in_flight <= 5 && interval.users <= 5));
}

#[test]
fn every_process_is_due_and_sent_in_full() {
    let ramp = [stage(0.0, 100.0, 2), stage(100.0, 100.0, 1)].to_vec();
    let replay: Arc<[u64]> = [0, 100, 100, 2_500_000].into();
    for (arrivals_asked, due, due_mean, ended_ns) in [
        (Arrivals::Constant(ramp.clone()), 200, 200.0, 3 * S),
        (Arrivals::Poisson(ramp), 211, 200.0, 3 * S),
        (Arrivals::Replay(replay), 4, 4.0, 3 * S),
    ] {
        let load = open(arrivals_asked.clone(), 1_000);
        let (step, summary) = Case { load, run_time: None, ..Case::default() }.step();
        let name = format!("{arrivals_asked:?}");
        assert_eq!((counted(&step), arrivals(&step).due_mean), ([due, due, 0, 0], due_mean), "{name}");
        assert_eq!((step.phases.wind_down_ns, summary.total.success().count), (ended_ns, due), "{name}");
        let poisson = matches!(arrivals_asked, Arrivals::Poisson(_));
        let gaps = arrivals(&step).gaps.as_ref();
        assert_eq!(gaps.map(|gaps| gaps.count), poisson.then_some(due), "{name}");
        assert_eq!(gaps.map(|gaps| gaps.bins.iter().sum()), poisson.then_some(due), "{name}");
    }
}

#[test]
fn an_arrival_is_one_task_of_a_class_by_weight() {
    let (step, summary) = Case { weights: &[3, 1], steps: 2, ..Case::default() }.step();
    assert_eq!((counted(&step)[1], summary.total.requests()), (1_000, 2_000));
    let begun: Vec<u64> = step.classes.iter().map(|class| class.tasks[0].begun).collect();
    // Standard deviation √(1000·¾·¼) = 13.7: five of them.
    assert!(begun[0].abs_diff(750) < 69 && begun[0] + begun[1] == 1_000, "{begun:?}");
    // What follows within a task is due when the answer before it was read.
    assert_eq!(summary.total.success().sum_ns, 2_000 * 5 * MS);
    assert_eq!(step.offered_rps_max, Some(200.0));
}

#[test]
fn what_is_due_after_a_stop_is_not_counted() {
    for (command, sent, done) in
        [((|| Command::Stop) as fn() -> Command, 251, 251), (|| Command::Cut, 251, 250)]
    {
        let (step, summary) = Case { command: Some((2_502 * MS, command)), ..Case::default() }.step();
        assert!(step.cut);
        assert_eq!(counted(&step), [sent, sent, 0, 0], "{:?}", command());
        assert_eq!((summary.total.requests(), summary.total.sent()), (done, sent), "{:?}", command());
        assert_eq!(arrivals(&step).due_mean.round(), 250.0);
    }
}

/// A pace of 1 s and answers that take 2.5 s: the second request is due at 1 s, sent at 2.5 s and answered at 5 s.
#[test]
fn a_paced_user_carries_due_times() {
    for (wait, response_ns) in [
        ("constant_pacing = \"1s\"", [2_500, 4_000, 4_000, 4_000]),
        ("constant_throughput = 1", [2_500, 4_000, 4_000, 4_000]),
        ("constant_throughput = 0.1", [2_500, 0, 0, 0]),
    ] {
        let load = Load::Closed { users: 1, spawn_rate_per_s: 1.0 };
        let run_time = Some(Duration::from_millis(9_900));
        let (step, summary) = Case { wait, load, run_time, takes_ns: 2_500 * MS, ..Case::default() }.step();
        let response = summary.total.response.as_ref().expect("due times of their own");
        let times = &response[Outcome::Success as usize];
        assert_eq!(times.sum_ns, response_ns.iter().sum::<u64>() * MS, "{wait}");
        assert_eq!(times.max_ns(), response_ns.iter().max().map(|ms| ms * MS), "{wait}");
        assert_eq!(summary.total.success().max_ns(), Some(2_500 * MS), "closed users show the service time");
        assert_eq!(summary.lateness.map(|late| late.max_ns), Some(0), "the server was late, not the harness");
        assert!(step.arrivals.is_none());
    }
    let load = Load::Closed { users: 1, spawn_rate_per_s: 1.0 };
    let (_, summary) = Case { load, ..Case::default() }.step();
    assert_eq!(summary.total.response, None, "no due times of its own");
}

/// Plants a mistake.
#[derive(Debug)]
struct Planted(fn(&mut Sample) -> bool);

impl Lens for Planted {
    fn see(&self, sample: &mut Sample) -> bool {
        (self.0)(sample)
    }
}

#[test]
fn a_lens_sees_what_is_recorded() {
    let late = |sample: &mut Sample| {
        sample.sent_ns += 3 * MS;
        true
    };
    let (_, summary) = Case { lens: Some(Arc::new(Planted(late))), ..Case::default() }.step();
    let row = &summary.total;
    assert_eq!(row.late_ns, (1_000 * 3 * MS, 3 * MS), "a late sender shows as lateness");
    assert_eq!(row.service[0].max_ns(), Some(2 * MS));
    assert_eq!(row.success().max_ns(), Some(5 * MS), "and never as a better response");

    let few = |sample: &mut Sample| !sample.request_id.user.is_multiple_of(100);
    let (_, summary) = Case { lens: Some(Arc::new(Planted(few))), ..Case::default() }.step();
    assert_eq!((summary.total.requests(), summary.total.cut_off), (990, 0));

    let journal = Arc::new(Journal::new(600));
    let (step, _) = Case { lens: Some(journal.clone()), ..Case::default() }.step();
    let kept = journal.drain();
    assert_eq!((kept.len(), journal.dropped()), (600, 400));
    assert!(kept.iter().all(|sample| step.names[usize::from(sample.name.0)].name == "/a"));
    assert!((0..600).all(|number| kept[number as usize].request_id.user == number));
}
