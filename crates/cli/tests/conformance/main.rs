//! Every recorded exchange with the real server, replayed over a socket against the binary.
//!
//! For each recording a `weaver-bench serve` of its own runs under `faketime`, from the recorded time on, in the
//! recorded environment, with a redis-server of its own where the real one had Redis. Requests go out byte for byte
//! as they were recorded, at the recorded second. What cannot be matched stands in [`EXCEPTIONS`].

mod agent;
#[path = "../../../stub/tests/conformance/compare.rs"]
mod compare;
mod connections;
mod pace;
#[path = "../../../stub/tests/conformance/policies.rs"]
mod policies;
#[path = "../../../stub/tests/conformance/recording.rs"]
mod recording;
#[path = "../../../stub/tests/it/redis_server.rs"]
mod redis_server;
mod replay;
mod server;
mod startup;
mod talk;
mod timeline;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use recording::Recording;

/// What cannot be matched over a socket, each with its reason. At most 16.
const EXCEPTIONS: &[(&str, &str)] = &[];
/// Recordings at once: most of the time they wait for the recorded second.
const AT_ONCE: usize = 8;

/// What became of one recording: its number of exchanges, and the differences by exchange.
struct Outcome {
    mode: String,
    total: usize,
    found: Vec<(String, Vec<String>)>,
}

/// Replays one recording in a runtime of its own.
fn outcome(recording: &Recording) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let found = runtime.block_on(replay::replay(recording));
    Outcome { mode: recording.mode.clone(), total: recording.exchanges.len(), found }
}

/// All recordings, several at once, those that take longest first.
fn outcomes(mut recordings: Vec<Recording>) -> Vec<Outcome> {
    recordings.sort_by_key(replay::length_s);
    let (waiting, done) = (Mutex::new(recordings), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
                while let Some(recording) = next() {
                    let outcome = outcome(&recording);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    let mut outcomes = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by(|one, other| one.mode.cmp(&other.mode));
    outcomes
}

#[test]
fn every_recorded_exchange_over_a_socket() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stub/tests/recorded/exchanges");
    let (mut all, mut matched, mut report, mut excused) = (0, 0, String::new(), vec![]);
    for Outcome { mode, total, found } in outcomes(recording::all(&folder)) {
        println!("{mode:28} {:3} of {total:3}", total - found.len());
        all += total;
        matched += total - found.len();
        for (exchange, differences) in found {
            let id = exchange.split(' ').next().unwrap_or_default().to_owned();
            if EXCEPTIONS.iter().any(|(known, _)| *known == id) {
                excused.push(id);
            } else {
                report += &format!("{exchange}\n    {}\n", differences.join("\n    "));
            }
        }
    }
    println!("{matched} of {all} exchanges match, {} are excused", excused.len());
    assert!(all >= 785, "{all} exchanges");
    assert!(EXCEPTIONS.len() <= 16, "too many exceptions");
    assert!(report.is_empty(), "{report}");
    let idle: Vec<_> = EXCEPTIONS.iter().filter(|(id, _)| !excused.iter().any(|used| used == id)).collect();
    assert!(idle.is_empty(), "these match and need no exception: {idle:?}");
}
