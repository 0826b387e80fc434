//! The routes that no agent serves and that have a delay all the same.
//!
//! It must not know what they answer.

use std::sync::Arc;

use wire::{DelayAudit, stable_hash};

use super::Agents;
use super::audit::Watch;
use super::replica::wait_ns;
use crate::latency::LatencyModel;
use crate::ledger::Entry;
use crate::profile::Profile;

/// A route with a delay of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainRoute {
    Health,
    Whoami,
    Metrics,
}

impl PlainRoute {
    const ALL: [Self; 3] = [Self::Health, Self::Whoami, Self::Metrics];

    fn name(self) -> &'static str {
        match self {
            Self::Health => "GET /health",
            Self::Whoami => "GET /whoami",
            Self::Metrics => "GET /metrics",
        }
    }

    fn model(self, profile: &Profile) -> &LatencyModel {
        match self {
            Self::Health => &profile.health,
            Self::Whoami => &profile.whoami,
            Self::Metrics => &profile.metrics,
        }
    }
}

/// The delays of all of them.
#[derive(Default)]
pub(super) struct RouteWatches([Watch; 3]);

impl RouteWatches {
    /// Those of another profile: the same while all of these delays are.
    pub(super) fn renewed(self: &Arc<Self>, old: &Profile, new: &Profile) -> Arc<Self> {
        let same = PlainRoute::ALL.into_iter().all(|route| route.model(old) == route.model(new));
        if same { Arc::clone(self) } else { Arc::default() }
    }
}

impl Agents {
    /// The delay of a route that no agent serves.
    pub(crate) async fn route(&self, route: PlainRoute, entry: &mut Entry) {
        let key = stable_hash(&[entry.request_id.as_bytes(), b"\0route"].concat());
        let planned_ns = route.model(&self.profile).draw_ns(&mut self.seed.stream("delay", key));
        let watch = &self.routes.0[route as usize];
        watch.drew(key, planned_ns);
        let from_ns = self.clock.now_ns();
        wait_ns(&self.clock, from_ns, planned_ns).await;
        let took_ns = self.clock.now_ns() - from_ns;
        watch.passed(planned_ns, took_ns);
        entry.planned_ns = planned_ns;
        entry.delayed_ns = took_ns;
    }

    /// What is to be said of the routes that were asked for.
    pub(super) fn audited_routes(&self) -> Vec<DelayAudit> {
        let audit =
            |route: PlainRoute| self.routes.0[route as usize].audit(route.name(), route.model(&self.profile));
        PlainRoute::ALL.into_iter().map(audit).filter(|audit| audit.count > 0).collect()
    }
}
