//! What the target truly did, where it keeps a ledger, beside what was measured. It must not know how a ledger is kept.
//!
//! A ledger counts since its server began: what it held when the run began is subtracted, bucket by bucket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use measure::{Quantile, Summary, units};
use serde_json::{Value, json};
use wire::Truth;

use super::answer;
use super::figures::ms;
use super::session::Session;
use super::stub_door::truth_of;

/// `GET /api/truth`.
pub(super) async fn truth(State(session): State<Arc<Session>>) -> Response {
    let (host, before) = {
        let runs = session.runs();
        let host = super::view::host(&session, runs.current.as_ref(), runs.last.as_ref());
        (host, runs.truth_before.clone())
    };
    let (Some(host), Some(before)) = (host, before) else {
        return answer::json_of(&unavailable(
            "the target keeps no ledger: only a stub of ours tells what it truly did",
        ));
    };
    let args = session.args.clone();
    let after = tokio::task::spawn_blocking(move || truth_of(&args.load, &host)).await.ok().flatten();
    let Some(after) = after else {
        return answer::json_of(&unavailable(
            "the stub does not open its ledger to this machine, or has ended",
        ));
    };
    let shown = session.shown().await;
    let rows = shown.as_ref().map_or(vec![], |shown| rows(&shown.standing.summary, &before, &after));
    let since = |of: fn(&Truth) -> u64| of(&after).saturating_sub(of(&before));
    let measured = shown.as_ref().map_or(0, |shown| shown.standing.summary.total.requests());
    let received = since(|truth| truth.received);
    answer::json_of(&json!({
        "available": true, "why": "",
        "ledger": {
            "received": received, "answered": since(|truth| truth.answered),
            "refused": since(|truth| truth.refused), "abandoned": since(|truth| truth.abandoned),
            "in_flight": after.in_flight, "entries_dropped": since(|truth| truth.entries_dropped),
        },
        "rows": rows, "joined": measured.min(received), "unjoined": measured.abs_diff(received),
    }))
}

fn unavailable(why: &str) -> Value {
    json!({"available": false, "why": why, "ledger": null, "rows": [], "joined": 0, "unjoined": 0})
}

/// One a route that was answered with a success since the run began.
fn rows(summary: &Summary, before: &Truth, after: &Truth) -> Vec<Value> {
    let mut found = vec![];
    for route in after.routes.iter().filter(|route| route.status < 400) {
        let mut buckets: BTreeMap<u64, u64> = route.service.buckets.iter().copied().collect();
        let known =
            before.routes.iter().find(|known| known.route == route.route && known.status == route.status);
        for (bound_ns, count) in known.iter().flat_map(|known| &known.service.buckets) {
            let held = buckets.entry(*bound_ns).or_default();
            *held = held.saturating_sub(*count);
        }
        let true_count: u64 = buckets.values().sum();
        let path = route.route.split_once(' ').map_or(route.route.as_str(), |(_, path)| path);
        let measured = summary.successes_of(path);
        if true_count == 0 || measured.count == 0 {
            continue;
        }
        let mut row =
            json!({"name": route.route, "measured_count": measured.count, "true_count": true_count});
        for (word, quantile) in [("p50", Quantile::P50), ("p95", Quantile::P95), ("p99", Quantile::P99)] {
            let seen_ns = measured.quantile_ns(quantile);
            let true_ns = at_rank(&buckets, quantile.rank(true_count));
            row[format!("measured_{word}_ms")] = ms(seen_ns);
            row[format!("true_{word}_ms")] = ms(true_ns);
            let error =
                seen_ns.zip(true_ns).map(|(seen_ns, true_ns)| units::ms(seen_ns) - units::ms(true_ns));
            row[format!("error_{word}_ms")] = json!(error);
        }
        found.push(row);
    }
    found
}

/// The bucket of a rank, from 1.
fn at_rank(buckets: &BTreeMap<u64, u64>, rank: u64) -> Option<u64> {
    let mut seen = 0;
    buckets.iter().find_map(|(bound_ns, count)| {
        seen += count;
        (seen >= rank && *count > 0).then_some(*bound_ns)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_buckets() {
        let buckets = BTreeMap::from([(10, 2), (20, 0), (30, 3)]);
        for (rank, expected) in [(1, Some(10)), (2, Some(10)), (3, Some(30)), (5, Some(30)), (6, None)] {
            assert_eq!(at_rank(&buckets, rank), expected, "rank {rank}");
        }
    }
}
