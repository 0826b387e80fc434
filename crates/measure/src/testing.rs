//! What the tests of this crate share: samples, and steps made from them.

use crate::*;

/// A sample sent `sent_ns` after the clock's start that took `service_ns`.
pub(crate) fn sample(name: u16, outcome: Outcome, sent_ns: u64, service_ns: u64) -> Sample {
    Sample {
        request_id: RequestId { run: 1, user: 0, number: 0 },
        name: NameId(name),
        intended_ns: sent_ns,
        ready_ns: sent_ns,
        sent_ns,
        done_ns: sent_ns + service_ns,
        outcome,
        status: match outcome {
            Outcome::Success => 200,
            Outcome::Throttled => 429,
            Outcome::Failure => 500,
        },
        body_bytes: 10,
    }
}

/// Two entries, one class with a task for each.
pub(crate) const NAMES: [(&str, &str); 2] = [("POST", "/ask"), ("GET", "/health")];

/// A step of these samples, put through the same recorders as a real one, a second at a time.
pub(crate) fn step_of(name: &str, users: u32, samples: &[Sample]) -> StepRun {
    step_with(name, LoadRecord::Closed { users, spawn_rate_per_s: 1.0 }, samples, Recorder::new(NAMES.len()))
}

/// The same of any load, with a recorder of service times, or of both.
pub(crate) fn step_with(name: &str, load: LoadRecord, samples: &[Sample], mut recorder: Recorder) -> StepRun {
    let users = load.users();
    let mut sorted = samples.to_vec();
    sorted.sort_by_key(|sample| sample.done_ns);
    let mut steps = StepRecorder::new(NAMES.len(), load.times());
    let last_ns = sorted.last().map_or(0, |sample| sample.done_ns);
    let mut end_ns = 1_000_000_000;
    for sample in &sorted {
        while sample.done_ns >= end_ns {
            steps.push_second(end_ns, users, 0, &mut recorder);
            end_ns += 1_000_000_000;
        }
        recorder.record(sample, Some("HTTPError('500 Server Error, \"x\"')"));
    }
    steps.push_second(last_ns.max(end_ns - 1_000_000_000) + 1, users, 0, &mut recorder);
    let ended_ns = last_ns.max(end_ns - 1_000_000_000) + 1;
    let StepRecords { intervals, statuses, errors, refusals, cut_off, stages } = steps.finish();
    let of = |name: u16| samples.iter().filter(|sample| sample.name == NameId(name)).count() as u64;
    let task =
        |name: &str, weight, begun| TaskRecord { name: name.to_owned(), weight, begun, requests: begun };
    StepRun {
        name: name.to_owned(),
        load,
        run_time_s: Some(30.0),
        gate: true,
        phases: Phases { started_ns: 0, steady_ns: 0, wind_down_ns: ended_ns, ended_ns },
        edits: vec![],
        reset_ns: None,
        cut: false,
        offered_rps_max: None,
        names: NAMES
            .map(|(method, name)| EntryName {
                method: method.to_owned(),
                name: name.to_owned(),
                path: name.to_owned(),
            })
            .to_vec(),
        classes: vec![ClassRecord {
            name: "SimpleQueryUser".to_owned(),
            weight: 60,
            users,
            entries: vec![NameId(0), NameId(1)],
            task_requests: samples.len() as u64,
            tasks: vec![task("ask", 1, of(0)), task("health", 2, of(1))],
        }],
        arrivals: None,
        intervals,
        statuses,
        errors,
        refusals,
        cut_off,
        resources: None,
        losses: vec![],
        absence: None,
        stages,
        thresholds: vec![],
    }
}

/// `count` successes of `/ask`, `every_ns` apart, each `service_ns` long.
pub(crate) fn asks(count: u64, every_ns: u64, service_ns: u64) -> Vec<Sample> {
    (0..count).map(|at| sample(0, Outcome::Success, at * every_ns, service_ns)).collect()
}

/// The targets.
pub(crate) fn targets() -> Targets {
    let level = |target, acceptable, critical| Level3 { target, acceptable, critical };
    Targets {
        judged_path: "/ask".to_owned(),
        p50_ms: level(200.0, 500.0, 1_000.0),
        p95_ms: level(1_000.0, 2_000.0, 5_000.0),
        p99_ms: level(2_000.0, 5_000.0, 10_000.0),
        failure_ratio: level(0.01, 0.05, 0.10),
        rps: level(10.0, 5.0, 5.0),
    }
}

/// A run of these steps.
pub(crate) fn run_of(steps: Vec<StepRun>) -> Run {
    Run {
        format: FORMAT.to_owned(),
        kind: RunKind::Baseline,
        version: "0.1.0".to_owned(),
        seed: 7,
        started_unix_ns: 1_795_427_148_000_000_000,
        simulated: true,
        target_url: None,
        host: None,
        targets: Some(targets()),
        limits: Limits::default(),
        target_source: None,
        plan: serde_json::json!({"run_time_s": 0.1}),
        planned_steps: steps.iter().map(|step| step.name.clone()).collect(),
        steps,
        aborted: None,
        workers: vec![],
    }
}

/// Random numbers for tests: splitmix64.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }
}
