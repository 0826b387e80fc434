//! Who carries the users: the threads of this process, or the workers of a fleet, each as far as it is known.
//! It must not know how they are led.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use harness::WorkerView;
use measure::{GeneratorRecord, ThreadRecord, WorkerRecord, units};
use serde_json::{Value, json};

use super::answer;
use super::session::Session;

/// Workers in an answer at most, as many as a run may have threads.
const WORKERS_MAX: usize = 256;

pub(super) async fn workers(State(session): State<Arc<Session>>) -> Response {
    let phase = session.phase();
    let (fleet, ended) = {
        let runs = session.runs();
        let fleet = runs.current.as_ref().map(|current| current.view.borrow().workers.clone());
        (fleet.unwrap_or_default(), runs.last.as_ref().map(|last| last.run.clone()))
    };
    let live = session.runs().current.is_some();
    let mut workers: Vec<Value> = if !fleet.is_empty() {
        fleet.iter().take(WORKERS_MAX).map(of_fleet).collect()
    } else if let Some(run) = ended.filter(|run| !live && !run.workers.is_empty()) {
        run.workers.iter().take(WORKERS_MAX).map(of_record).collect()
    } else {
        let shown = session.shown().await;
        let interval = shown.as_ref().and_then(|shown| shown.record.0.intervals.last());
        let read = interval.and_then(|interval| interval.generator.as_ref());
        // Threads share one record: its lateness is of all of them.
        let late = shown.as_ref().and_then(|shown| shown.lateness).map(|late| units::ms(late.p99_ns));
        read.map(|read| threads(read, phase.word(), late)).unwrap_or_default()
    };
    workers.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    answer::json_of(&json!({"workers": workers}))
}

fn threads(read: &GeneratorRecord, state: &str, late_p99_ms: Option<f64>) -> Vec<Value> {
    let share = |ns: u64| ns as f64 / read.span_ns.max(1) as f64;
    let memory_bytes = read.process.and_then(|process| process.memory_bytes);
    let worker = |thread: &ThreadRecord| {
        json!({
            "id": thread.name, "kind": "thread", "state": state, "cpu_share": share(thread.cpu_ns),
            "waited_share": share(thread.waited_ns), "late_p99_ms": late_p99_ms, "memory_bytes": memory_bytes,
            "users": null,
        })
    };
    read.threads
        .iter()
        .filter(|thread| thread.name.starts_with("worker-"))
        .take(WORKERS_MAX)
        .map(worker)
        .collect()
}

fn of_fleet(worker: &WorkerView) -> Value {
    json!({
        "id": worker.id, "kind": "process", "host": worker.host, "pid": worker.pid, "state": worker.state,
        "words": worker.words, "users": worker.users, "in_flight": worker.in_flight,
        "cpu_share": worker.cpu_ratio, "memory_bytes": worker.memory_bytes,
        "clock_offset_ms": worker.offset_ns as f64 / 1e6, "round_trip_ms": units::ms(worker.rtt_ns),
        "rejoined": worker.rejoined, "late_p99_ms": null,
    })
}

/// As the run file has it.
fn of_record(worker: &WorkerRecord) -> Value {
    let state = match &worker.lost {
        Some(loss) if loss.left => "left",
        Some(_) => "lost",
        None => "done",
    };
    json!({
        "id": worker.id, "kind": "process", "host": worker.host, "pid": worker.pid, "state": state,
        "users": worker.users, "requests": worker.requests, "cpu_share": null, "memory_bytes": null,
        "clock_offset_ms": worker.offset_ns as f64 / 1e6, "round_trip_ms": units::ms(worker.rtt_ns),
        "rejoined": worker.rejoined, "late_p99_ms": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_threads_that_carry_users_are_workers() {
        let thread = |name: &str, cpu_ns| ThreadRecord { name: name.into(), cpu_ns, waited_ns: 0 };
        let threads_read = vec![thread("driver", 5), thread("worker-0", 500), thread("run", 1)];
        let process = measure::ProcessRecord { memory_bytes: Some(9), ..Default::default() };
        let read = GeneratorRecord {
            span_ns: 1_000,
            threads: threads_read,
            process: Some(process),
            ..GeneratorRecord::default()
        };
        let found = threads(&read, "running", Some(0.5));
        assert_eq!(found.len(), 1, "{found:?}");
        let worker = &found[0];
        assert_eq!((&worker["id"], &worker["cpu_share"]), (&json!("worker-0"), &json!(0.5)));
        assert_eq!((&worker["memory_bytes"], &worker["late_p99_ms"]), (&json!(9), &json!(0.5)));
    }
}
