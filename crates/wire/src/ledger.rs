//! The shape of the stub's truth, as it stands in the answers of the `/_stub/` routes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One agent's part in a request: first it is queued, then connected, then worked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTime {
    /// The agent.
    pub agent: String,
    /// Waited for others: for a batch to gather, for a slot, and for a turn at a pooled connection.
    pub queued_ns: u64,
    /// What a new connection really took, 0 where one was reused; `None` where the agent needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ns: Option<u64>,
    /// The delay that was drawn for the work, with the load's or the batch's share. A batch's delay is that of all its
    /// members; a connection's is not in it.
    pub planned_ns: u64,
    /// The delay that really passed, without the connection's.
    pub worked_ns: u64,
    /// How many were done together; `None` where the agent does not batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// The replica, from 0; `None` where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<u32>,
}

/// A look into the answer cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookTime {
    /// Whether the answer was there.
    pub hit: bool,
    /// What the look really took.
    pub took_ns: u64,
}

/// What the stub truly did to one request. Times are nanoseconds since the stub's clock started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The client's `X-Request-Id`, or the stub's own.
    pub request_id: String,
    /// Method and path pattern, such as `POST /ask`.
    pub route: String,
    /// The authenticated user, if there is one.
    pub caller: Option<String>,
    /// The request's head was read.
    pub arrived_ns: u64,
    /// Waited for others at all stages, see [`StageTime::queued_ns`].
    pub queued_ns: u64,
    /// Delays that were drawn on the critical path: of works, of new connections, and of the look into the cache.
    pub planned_ns: u64,
    /// The look into the answer cache; `None` where there is no cache, or the request came not so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<LookTime>,
    /// The answer was ready.
    pub fired_ns: u64,
    /// The answer was handed to the connection.
    pub written_ns: u64,
    /// The status; `None` when the client left first.
    pub status: Option<u16>,
    /// The reason of a refusal, for operators.
    pub fault: Option<String>,
    /// The agents' parts, in order of completion.
    pub stages: Vec<StageTime>,
}

/// Times of many requests: exact count, sum, least and greatest, and buckets of at most 0.1 % width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramTruth {
    /// Requests counted.
    pub count: u64,
    /// Sum of all times.
    pub sum_ns: u64,
    /// Least time.
    pub min_ns: u64,
    /// Greatest time.
    pub max_ns: u64,
    /// Quantiles by nearest rank: `p50`, `p90`, `p95`, `p99`, `p99_9`.
    pub quantiles_ns: BTreeMap<String, u64>,
    /// Buckets that are not empty: lower bound and count.
    pub buckets: Vec<(u64, u64)>,
}

/// One route and status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteTruth {
    /// Method and path pattern.
    pub route: String,
    /// HTTP status.
    pub status: u16,
    /// Requests answered so.
    pub count: u64,
    /// From arrival to the answer being handed to the connection.
    pub service: HistogramTruth,
    /// Delay that was drawn.
    pub planned: HistogramTruth,
}

/// The ledger, summed up: `received = answered + refused + abandoned + in_flight`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Requests whose head was read, operator routes aside.
    pub received: u64,
    /// Answered with a status below 400.
    pub answered: u64,
    /// Answered with a status of 400 or above.
    pub refused: u64,
    /// The client left before the answer.
    pub abandoned: u64,
    /// Not yet answered.
    pub in_flight: u64,
    /// Entries kept in the ledger.
    pub entries_kept: u64,
    /// Entries that no longer fit; they are counted above all the same.
    pub entries_dropped: u64,
    /// Counts and times by route and status.
    pub routes: Vec<RouteTruth>,
}
