//! The load of a step: closed users, or open arrivals. It must not know how either is carried out.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use measure::LoadRecord;
use wire::Mistakes;

use crate::Arrivals;

/// Users at most: it keeps the records bounded.
const USERS_MAX: u32 = 1_000_000;
/// Arrivals in progress at most, unless a plan says.
pub const IN_FLIGHT_MAX: u32 = 10_000;

/// What loads the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Load {
    /// Users that are started at a rate and stay until the time is over; each waits for its answer.
    Closed {
        /// Users.
        users: u32,
        /// Users started a second.
        spawn_rate_per_s: f64,
    },
    /// Arrivals that come when they are due. Each is one task of a class that is chosen by weight, then of a task of
    /// it; `on_start` and wait times do not apply.
    Open {
        /// When they are due.
        arrivals: Arrivals,
        /// Arrivals in progress at most, over all workers; one that finds so many is dropped and counted.
        in_flight_max: u32,
    },
}

impl Load {
    /// Users, 0 of arrivals.
    pub fn users(&self) -> u32 {
        match self {
            Self::Closed { users, .. } => *users,
            Self::Open { .. } => 0,
        }
    }

    /// How long it lasts of itself; `None` when it does not end.
    pub fn lasts(&self) -> Option<Duration> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { arrivals, .. } => arrivals.lasts(),
        }
    }

    /// Whether it is made of arrivals.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// What the run file says of it.
    pub fn record(&self) -> LoadRecord {
        match self {
            Self::Closed { users, spawn_rate_per_s } => {
                LoadRecord::Closed { users: *users, spawn_rate_per_s: *spawn_rate_per_s }
            }
            Self::Open { arrivals, in_flight_max } => LoadRecord::Open {
                process: arrivals.process(),
                stages: arrivals.record(),
                in_flight_max: *in_flight_max,
            },
        }
    }

    /// The load of a running step with another number of users, or another rate at which they come and go.
    ///
    /// # Errors
    /// When a number is out of range, or the load is made of arrivals.
    pub fn edited(&self, users: u32, spawn_rate_per_s: f64) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        if self.is_open() {
            let remedy = "stop it and start another with the other rate";
            mistakes.push("edit", "a load of arrivals follows its schedule and cannot be edited", remedy);
        }
        let load = Self::Closed { users, spawn_rate_per_s };
        load.check("edit", &mut mistakes);
        mistakes.or(load)
    }

    /// The same load in a fraction of the time: stages shortened, users started faster.
    pub(crate) fn quick(self, factor: u32) -> Self {
        match self {
            Self::Closed { users, spawn_rate_per_s } => {
                Self::Closed { users, spawn_rate_per_s: spawn_rate_per_s * f64::from(factor) }
            }
            Self::Open { arrivals, in_flight_max } => {
                Self::Open { arrivals: arrivals.shortened(factor), in_flight_max }
            }
        }
    }

    /// Appends what is wrong with it; `place` is what messages call it.
    pub(crate) fn check(&self, place: &str, mistakes: &mut Mistakes) {
        match self {
            Self::Closed { users, spawn_rate_per_s } => {
                if !(1..=USERS_MAX).contains(users) {
                    let problem = format!("users = {users} is out of range");
                    mistakes.push(place, problem, "give 1 to 1000000 users");
                }
                if !(1e-3..=1e6).contains(spawn_rate_per_s) {
                    let problem = format!("spawn rate = {spawn_rate_per_s} is out of range");
                    mistakes.push(place, problem, "give 0.001 to 1000000 users a second");
                }
            }
            Self::Open { arrivals, in_flight_max } => {
                if !(1..=USERS_MAX).contains(in_flight_max) {
                    let problem = format!("in_flight_max = {in_flight_max} is out of range");
                    mistakes.push(place, problem, "give 1 to 1000000");
                }
                arrivals.check(place, mistakes);
            }
        }
    }
}
