//! The shape of the stub's audit of itself, as it stands in the answer of `/_stub/audit`.

use serde::{Deserialize, Serialize};

/// Whether the stub kept its promises, so that a bad run is not blamed on the client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// All agents and routes are.
    pub ok: bool,
    /// Every reason against it, with the name of its agent or route.
    pub reasons: Vec<String>,
    /// Agents, in the profile's order.
    pub agents: Vec<DelayAudit>,
    /// Routes that have a delay of their own and were asked for.
    pub routes: Vec<DelayAudit>,
}

/// The delays of one agent or route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DelayAudit {
    /// The agent's name, or method and path of the route.
    pub name: String,
    /// Delays that passed, all in all.
    pub count: u64,
    /// The newest of them, which are judged.
    pub judged: u64,
    /// How much longer than planned they truly took: the median, by nearest rank.
    pub lateness_ns_p50: u64,
    /// The same for the 99th percentile.
    pub lateness_ns_p99: u64,
    /// Kolmogorov and Smirnov's distance between the distribution that is configured and the delays that truly passed.
    /// It holds the lateness, and what load, batches or faults made of the delays: it is shown and not judged.
    pub distance: Option<f64>,
    /// The distance between the distribution that is configured and the delays that were drawn from it, each request
    /// and stage once.
    pub distance_drawn: Option<f64>,
    /// The probability of a distance that is at least as great as `distance_drawn` if all is right. `None` where the
    /// model is fixed, or nothing was drawn.
    pub p_value: Option<f64>,
    /// Why the distribution is not judged, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<String>,
    /// Nothing speaks against it.
    pub ok: bool,
    /// What does.
    pub reasons: Vec<String>,
}
