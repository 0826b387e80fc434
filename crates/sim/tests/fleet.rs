//! One process against several workers in virtual time: the same users, the same requests, the same histogram.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::plan;
use harness::{
    Allowed, Arrivals, Bus, Lead, Load, MemoryBus, Plan, RunSecret, Served, Sources, Stage, Station,
    StepPlan, View, Workers, World, conduct, conduct_fleet, serve,
};
use measure::{Outcome, Run, Summary, Times};
use sim::{EPOCH_UNIX_NS, InProcess};
use stub::{Limits, Profile, Settings, Stub};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::{LocalSet, spawn_local};
use wire::{Clock, Truth};

/// A profile on which nobody waits for anybody.
const IDLE: &str = r#"
[agent.any]
concurrency = 100000
queue_max = 1000
delay = { lognormal = { median = "80ms", p99 = "300ms" } }
[[workflow]]
name = "any"
stages = ["any"]
"#;

/// Two steps, one of users and one of arrivals.
fn two_steps() -> Plan {
    let mut plan = plan(11);
    let arrivals = Arrivals::Poisson(vec![Stage::steady(150.0)]);
    let step = |name: &str, load: Load| StepPlan {
        name: name.into(),
        load,
        run_time: Some(Duration::from_secs(20)),
        gate: true,
    };
    plan.steps = vec![
        step("users", Load::Closed { users: 90, spawn_rate_per_s: 30.0 }),
        step("arrivals", Load::Open { arrivals, in_flight_max: 100_000 }),
    ];
    plan.cool_down = Duration::from_secs(1);
    plan
}

/// The plan carried out by so many workers; with none, by this process alone.
fn carried_out(workers: usize) -> (Run, Truth) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let life = async move {
        let plan = two_steps();
        let clock = Clock::at(EPOCH_UNIX_NS);
        let settings = Settings { limits: Limits::OFF, ..Settings::suite() };
        let profile = Profile::parse("idle.toml", IDLE).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let stub = Stub::new(settings, profile, clock, plan.seed);
        let transport = InProcess::new(stub.router(), clock);
        let make = move || transport.clone();
        let world = World {
            clock,
            workers: Workers::Here,
            transport: make.clone(),
            host: None,
            resources: None,
            lens: None,
        };
        let (_commands, commanded) = mpsc::channel(1);
        let (shown, _view) = watch::channel(View::default());
        if workers == 0 {
            return (conduct(plan, world, commanded, &shown).await, stub.truth());
        }
        let (bus, secret) = (Bus::Memory(MemoryBus::default()), RunSecret::new(b"sesame"));
        let station = |number: usize| Station {
            bus: bus.clone(),
            fleet: "sim".into(),
            secret: secret.clone(),
            clock,
            id: format!("w{number}"),
            incarnation: number as u64 + 1,
            host: "here".into(),
            pid: 1,
            workers: Workers::Here,
            resources: None,
            allowed: Allowed::default(),
        };
        let served: Vec<_> = (0..workers)
            .map(|number| {
                let make = make.clone();
                spawn_local(serve(station(number), move |_: &_| Ok(make.clone())))
            })
            .collect();
        let lead = Lead {
            bus: bus.clone(),
            fleet: "sim".into(),
            secret: secret.clone(),
            expect_workers: workers,
            expect_workers_max_wait: Some(Duration::from_secs(30)),
            tolerate_loss: false,
            move_users: true,
            journal: None,
            sources: Sources { api_key: "test-api-key".into(), ..Sources::default() },
        };
        let run = conduct_fleet(plan, world, lead, commanded, &shown).await;
        for served in served {
            assert!(matches!(served.await.expect("it ends"), Served::Whole(_)));
        }
        (run, stub.truth())
    };
    LocalSet::new().block_on(&runtime, life)
}

/// Requests by step, entry and outcome, with all their times.
fn times(run: &Run) -> BTreeMap<(String, String, Outcome), Times> {
    let mut times = BTreeMap::new();
    for step in &run.steps {
        let summary = Summary::of(step).expect("whole");
        for row in summary.rows_sent() {
            for outcome in Outcome::ALL {
                times.insert(
                    (step.name.clone(), format!("{} {}", row.method, row.name), outcome),
                    row.of(outcome).clone(),
                );
            }
        }
    }
    times
}

#[test]
fn four_workers_measure_what_one_process_measures() {
    let (alone, alone_truth) = carried_out(0);
    let expected = times(&alone);
    assert!(alone_truth.received > 3_000, "enough to tell");
    for workers in [1, 4] {
        let (fleet, truth) = carried_out(workers);
        assert_eq!(fleet.aborted, None);
        assert_eq!(times(&fleet), expected, "{workers} workers");
        assert_eq!(truth.received, alone_truth.received);
        for (one, other) in fleet.steps.iter().zip(&alone.steps) {
            assert_eq!((&one.statuses, &one.classes), (&other.statuses, &other.classes));
            assert!(one.losses.is_empty());
        }
        assert_eq!(fleet.workers.len(), workers);
        let handed_in: u64 = fleet.workers.iter().map(|worker| worker.requests).sum();
        assert_eq!(handed_in, truth.received);
        assert!(fleet.workers.iter().all(|worker| worker.offset_ns == 0 && worker.lost.is_none()));
    }
}
