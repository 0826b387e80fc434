//! Every recorded exchange with the real server, replayed through the router in virtual time.
//!
//! The clock is set to the recorded time, the environment is that of the file, and Redis is the embedded one. What
//! cannot be matched stands in [`EXCEPTIONS`], each with its reason.

mod compare;
mod policies;
mod recording;
mod world;

use std::path::Path;

use recording::Recording;
use world::World;

/// At most 12.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("api_key_compose-047", "a WebSocket's handshake is refused by the connection, before the router"),
    ("api_key_compose-048", "`connection: close` after HTTP/1.0 is the connection's"),
    ("api_key_compose-049", "`connection: close` is the connection's"),
    ("api_key_compose-050", "`connection: close` is the connection's"),
    ("api_key_compose-051", "what is no HTTP never comes to the router"),
    ("api_key_compose-052", "a method that no parser takes never comes to the router"),
    ("api_key_compose-053", "a method that no parser takes never comes to the router"),
];

/// Replays one file; the differences by exchange.
async fn replay(recording: &Recording) -> Vec<(String, Vec<String>)> {
    let mut world = World::new(recording);
    let mut found = vec![];
    for exchange in &recording.exchanges {
        let differences = world.replay(recording, exchange).await;
        if !differences.is_empty() {
            found.push((format!("{} {}: {}", exchange.id, exchange.group, exchange.name), differences));
        }
    }
    found
}

#[test]
fn every_recorded_exchange_through_the_router() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/exchanges");
    let recordings = recording::all(&folder);
    let (mut all, mut matched, mut report, mut excused) = (0, 0, String::new(), vec![]);
    for recording in &recordings {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let found = runtime.expect("a runtime").block_on(replay(recording));
        let total = recording.exchanges.len();
        println!("{:28} {:3} of {:3}", recording.mode, total - found.len(), total);
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
    assert!(EXCEPTIONS.len() <= 12, "too many exceptions");
    assert!(report.is_empty(), "{report}");
    let idle: Vec<_> = EXCEPTIONS.iter().filter(|(id, _)| !excused.iter().any(|used| used == id)).collect();
    assert!(idle.is_empty(), "these match and need no exception: {idle:?}");
}
