//! What the tests of the proof share: a request, and the entry that belongs to it.

use measure::{NameId, Outcome, RequestId, Sample};
use wire::LedgerEntry;

/// The request of this number: sent after as many milliseconds, answered 5 ms later.
pub(crate) fn sample(number: u32) -> Sample {
    let sent_ns = u64::from(number) * 1_000_000;
    Sample {
        request_id: RequestId { run: 0xabcd, user: 7, number },
        name: NameId(0),
        intended_ns: sent_ns,
        ready_ns: sent_ns,
        sent_ns,
        done_ns: sent_ns + 5_000_000,
        outcome: Outcome::Success,
        status: 200,
        body_bytes: 10,
    }
}

/// The entry that belongs to it.
pub(crate) fn entry(number: u32) -> LedgerEntry {
    let sample = sample(number);
    LedgerEntry {
        request_id: sample.request_id.to_string(),
        replica: None,
        route: "POST /ask".into(),
        caller: None,
        arrival: u64::from(number),
        arrived_ns: sample.sent_ns,
        queued_ns: 0,
        planned_ns: 5_000_000,
        delayed_ns: 5_000_000,
        held_ns: 0,
        look: None,
        fired_ns: sample.done_ns,
        first_byte_ns: sample.done_ns,
        written_ns: sample.done_ns,
        status: Some(200),
        abandoned: false,
        reason: None,
        faults: vec![],
        stages: vec![],
    }
}
