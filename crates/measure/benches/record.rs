//! What measuring costs: nanoseconds a recorded sample, microseconds a second that is written and read.
//! `cargo bench -p measure`.

use std::hint::black_box;
use std::time::Instant;

use measure::export::{results_folder, timestamp};
use measure::{
    EntryName, FORMAT, LoadRecord, NameId, Outcome, Phases, Recorder, RequestId, Run, RunKind, Sample,
    StepRecorder, StepRun, Summary, TimesKind,
};

const NAMES: u16 = 8;
const SECOND_NS: u64 = 1_000_000_000;

fn main() {
    record();
    suite();
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// Samples as a user makes them; latencies spread over a decade, by a multiplicative generator.
fn samples(count: u64) -> Vec<Sample> {
    let mut state: u64 = 1;
    let make = |number: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let service_ns = 20_000_000 + (state >> 33) % 200_000_000;
        let sent_ns = number * 1_000_000;
        Sample {
            request_id: RequestId { run: 1, user: 0, number: 0 },
            name: NameId((state >> 40) as u16 % NAMES),
            intended_ns: sent_ns - sent_ns.min(state >> 50),
            ready_ns: 0,
            sent_ns,
            done_ns: sent_ns + service_ns,
            outcome: if state >> 60 == 0 { Outcome::Throttled } else { Outcome::Success },
            status: if state >> 60 == 0 { 429 } else { 200 },
            body_bytes: 500,
        }
    };
    (0..count).map(make).collect()
}

fn record() {
    let samples = samples(40_000);
    let mut recorder = Recorder::new(usize::from(NAMES));
    let mut merged = Recorder::new(usize::from(NAMES));
    let (mut record_s, mut merge_s, rounds) = (0.0, 0.0, 50);
    for round in 0..=rounds {
        let ((), spent_s) =
            timed(|| samples.iter().for_each(|sample| recorder.record(black_box(sample), None)));
        let ((), moved_s) = timed(|| merged.merge(&mut recorder));
        // The first round makes the cells.
        if round > 0 {
            (record_s, merge_s) = (record_s + spent_s, merge_s + moved_s);
        }
    }
    let count = f64::from(rounds) * samples.len() as f64;
    println!("record      {:8.1} ns a sample", record_s / count * 1e9);
    println!(
        "merge       {:8.1} µs a second of {} samples",
        merge_s / f64::from(rounds) * 1e6,
        samples.len()
    );
    println!("memory      {:8} bytes a sample on the stack", size_of::<Sample>());
}

/// As much as the six steps of the suite make: 570 s of up to 50 requests a second over 8 entries.
fn suite() {
    let seconds = 570;
    let samples = samples(seconds * 50);
    let mut steps = StepRecorder::new(usize::from(NAMES), TimesKind::Service);
    let mut recorder = Recorder::new(usize::from(NAMES));
    let ((), write_s) = timed(|| {
        for (second, samples) in (1..).zip(samples.chunks(50)) {
            samples.iter().for_each(|sample| recorder.record(sample, None));
            steps.push_second(second * SECOND_NS, 100, 0, &mut recorder);
            black_box(steps.live());
        }
    });
    let run = run_of(steps, seconds * SECOND_NS);
    let cells: usize = run.steps[0].intervals.iter().map(|interval| interval.cells.len() + 1).sum();
    let (summary, read_s) = timed(|| Summary::of(&run.steps[0]).expect("what was written can be read"));
    let (folder, folder_s) = timed(|| results_folder(&run, &timestamp(&run)).expect("and derived from"));
    let (text, json_s) = timed(|| run.to_json());
    let per_cell = |spent_s: f64| spent_s / cells as f64 * 1e6;
    println!(
        "suite       {cells} histograms, {} requests, run.json {} bytes",
        summary.total.requests(),
        text.len()
    );
    println!("  write     {:8.1} ms, {:.1} µs a histogram", write_s * 1e3, per_cell(write_s));
    println!("  summarise {:8.1} ms, {:.1} µs a histogram", read_s * 1e3, per_cell(read_s));
    println!("  derive    {:8.1} ms, {} files", folder_s * 1e3, folder.len());
    println!("  run.json  {:8.1} ms", json_s * 1e3);
}

fn run_of(steps: StepRecorder, ended_ns: u64) -> Run {
    let records = steps.finish();
    let entry = |number| EntryName {
        method: "POST".to_owned(),
        name: format!("/ask {number}"),
        path: "/ask".to_owned(),
    };
    let step = StepRun {
        name: "suite".to_owned(),
        load: LoadRecord::Closed { users: 100, spawn_rate_per_s: 10.0 },
        run_time_s: None,
        gate: true,
        phases: Phases { started_ns: 0, steady_ns: 0, wind_down_ns: ended_ns, ended_ns },
        edits: vec![],
        reset_ns: None,
        cut: false,
        offered_rps_max: None,
        names: (0..NAMES).map(entry).collect(),
        classes: Vec::new(),
        arrivals: None,
        intervals: records.intervals,
        statuses: records.statuses,
        errors: records.errors,
        refusals: records.refusals,
        cut_off: records.cut_off,
        resources: None,
        losses: vec![],
        absence: None,
        stages: None,
        thresholds: vec![],
    };
    Run {
        format: FORMAT.to_owned(),
        kind: RunKind::Baseline,
        version: "bench".to_owned(),
        seed: 0,
        started_unix_ns: 0,
        simulated: true,
        target_url: None,
        host: None,
        targets: None,
        limits: measure::Limits::default(),
        target_source: None,
        plan: serde_json::Value::Null,
        planned_steps: vec!["suite".to_owned()],
        steps: vec![step],
        aborted: None,
        workers: vec![],
    }
}
