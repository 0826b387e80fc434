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
    /// The replica that it came to, where a stub is one of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// Method and path pattern, such as `POST /ask`.
    pub route: String,
    /// The authenticated user, if there is one.
    pub caller: Option<String>,
    /// Its place in the order of arrivals, from 0.
    pub arrival: u64,
    /// The request's head was read.
    pub arrived_ns: u64,
    /// Waited for others at all stages, see [`StageTime::queued_ns`].
    pub queued_ns: u64,
    /// Delays that were drawn on the critical path: of works, of new connections, and of the look into the cache.
    pub planned_ns: u64,
    /// What those delays truly took.
    pub delayed_ns: u64,
    /// For so long faults held the request or its answer back.
    #[serde(default)]
    pub held_ns: u64,
    /// The look into the answer cache; `None` where there is no cache, or the request came not so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<LookTime>,
    /// The answer was ready.
    pub fired_ns: u64,
    /// The first byte of the answer was handed to the connection; 0 if none was.
    pub first_byte_ns: u64,
    /// The last byte of it was; 0 if it never was.
    pub written_ns: u64,
    /// The answer's last byte was never handed over: the client left, or a fault came between. Such a request counts
    /// as abandoned, whatever its status.
    #[serde(default)]
    pub abandoned: bool,
    /// The status; `None` when the client left before the answer was ready.
    pub status: Option<u16>,
    /// The reason of a refusal, for operators.
    pub reason: Option<String>,
    /// The faults that struck, by their names, in the order in which they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
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
    /// The same as an HdrHistogram (1 ns to 1 h, 3 digits; V2, compressed, in base64), which clients can merge; each time
    /// stands at the middle of its bucket. `None` of nothing, and where it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdr: Option<String>,
}

/// One second of the stub's Unix time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondTruth {
    /// Requests whose head was read within it.
    pub arrivals: u64,
    /// Time that requests spent in flight within it, summed up: over 10⁹ it is their mean number, weighted by time.
    pub in_flight_ns: u64,
    /// Most in flight at once; over several stubs a bound of it.
    pub in_flight_max: u64,
}

/// The process of arrivals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArrivalsTruth {
    /// The Unix second that `seconds` begin with.
    pub first_unix_s: u64,
    /// The newest 3,600 seconds at most, one after the other. The last is the one in which something last happened, or
    /// the one that is going on while requests are in flight.
    pub seconds: Vec<SecondTruth>,
    /// Seconds before them that are no longer kept.
    pub seconds_dropped: u64,
    /// Mean of all gaps between two arrivals; `None` before the second, and over several stubs.
    pub gap_ns_mean: Option<u64>,
    /// Their coefficient of variation: 0 of constant gaps, 1 of a Poisson process; `None` where there is no mean, or it
    /// is 0.
    pub gap_cv: Option<f64>,
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
    /// From arrival to the last byte of the answer being handed to the connection.
    pub service: HistogramTruth,
    /// Delay that was drawn.
    pub planned: HistogramTruth,
}

/// How one of several replicas is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// It was heard of within the last 3 s.
    Live,
    /// It said that it ends, and its truth is whole.
    Ended,
    /// It was not heard of for 3 s and had not said that it ends: it was killed, is frozen, or is cut off.
    Lost,
}

/// One of several replicas, and what it has told so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaTruth {
    /// Its name, which stands in its entries of the ledger too.
    pub replica: String,
    /// How it is known to be.
    pub state: ReplicaState,
    /// Since it was heard of last.
    pub heard_ms_ago: u64,
    /// What it did after this Unix time may be missing; `None` of one that ended, of which nothing is.
    pub whole_until_unix_ms: Option<u64>,
    /// When its clock started: the times of its entries count from there.
    pub start_unix_ns: u64,
    /// Requests whose head it had read, as it told last.
    pub received: u64,
    /// Those it had not yet answered then.
    pub in_flight: u64,
    /// Entries that left its own ledger before they could be shared.
    pub entries_missed: u64,
}

/// The ledger, summed up: `received = answered + refused + abandoned + in_flight + unknown`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Requests whose head was read, operator routes aside.
    pub received: u64,
    /// Answered with a status below 400.
    pub answered: u64,
    /// Answered with a status of 400 or above.
    pub refused: u64,
    /// Without an answer to its last byte: the client left, or a fault cut the answer off.
    pub abandoned: u64,
    /// Not yet answered to the last byte.
    pub in_flight: u64,
    /// In flight at replicas that were lost, when those were heard of last; whether they were answered is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: u64,
    /// Entries kept in the ledger.
    pub entries_kept: u64,
    /// Entries that no longer fit; they are counted above all the same.
    pub entries_dropped: u64,
    /// Counts and times by route and status.
    pub routes: Vec<RouteTruth>,
    /// When requests came, and how many were in flight.
    #[serde(default)]
    pub arrivals: ArrivalsTruth,
    /// Where a stub is one of several: all of them that are known, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaTruth>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
