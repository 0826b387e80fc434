//! What load a step was asked for, and which times say what the server did to it.
//! It must not know how a schedule is computed, nor whether it was kept.

use serde::{Deserialize, Serialize};

use crate::units;

/// The load that a step was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadRecord {
    /// Users, each of whom waits for an answer before sending again.
    Closed {
        /// Users asked for.
        users: u32,
        /// Users started a second.
        spawn_rate_per_s: f64,
    },
    /// Arrivals that come when they are due, whatever became of those before.
    Open {
        /// What spaces them.
        process: Process,
        /// The rate, part after part; empty for a replay.
        stages: Vec<RateStage>,
        /// Arrivals in progress at most.
        in_flight_max: u32,
    },
}

/// What spaces arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Evenly, by the rate.
    Constant,
    /// At random: a Poisson process with the rate as its intensity.
    Poisson,
    /// As a file says.
    Replay,
}

/// A part of the load during which the rate goes from one value to another in a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateStage {
    /// Arrivals a second at its begin.
    pub from_per_s: f64,
    /// Arrivals a second at its end.
    pub to_per_s: f64,
    /// How long it lasts; `None`: to the end of the load.
    pub duration_s: Option<f64>,
}

/// Which of its two times a step shows and is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimesKind {
    /// From sending to the last byte of the answer.
    #[default]
    Service,
    /// From when it was due to the last byte of the answer.
    Response,
}

impl TimesKind {
    /// `service` or `response`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Response => "response",
        }
    }
}

impl LoadRecord {
    /// Users asked for; 0 of arrivals.
    pub fn users(&self) -> u32 {
        match self {
            Self::Closed { users, .. } => *users,
            Self::Open { .. } => 0,
        }
    }

    /// Users started a second; 0 of arrivals.
    pub fn spawn_rate_per_s(&self) -> f64 {
        match self {
            Self::Closed { spawn_rate_per_s, .. } => *spawn_rate_per_s,
            Self::Open { .. } => 0.0,
        }
    }

    /// Whether it is made of arrivals.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Which of the two times is shown: a closed user sends when the answer before has been read, so a server that
    /// stands still delays the sending, and nothing but the service time can be told; arrivals do not wait.
    pub fn times(&self) -> TimesKind {
        if self.is_open() { TimesKind::Response } else { TimesKind::Service }
    }

    /// In words: `20 users`, or `poisson arrivals, 0 to 100/s for 30 s, then 100/s`.
    pub fn words(&self) -> String {
        match self {
            Self::Closed { users, .. } => units::counted(u64::from(*users), "user"),
            Self::Open { process: Process::Replay, .. } => "replayed arrivals".to_owned(),
            Self::Open { process, stages, .. } => {
                let name = if *process == Process::Poisson { "poisson" } else { "constant" };
                let stages: Vec<String> = stages.iter().map(RateStage::words).collect();
                format!("{name} arrivals, {}", stages.join(", then "))
            }
        }
    }
}

impl RateStage {
    fn words(&self) -> String {
        let rate = match self.from_per_s == self.to_per_s {
            true => format!("{}/s", self.to_per_s),
            false => format!("{} to {}/s", self.from_per_s, self.to_per_s),
        };
        self.duration_s.map_or(rate.clone(), |duration_s| format!("{rate} for {duration_s} s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(load: &LoadRecord, words: &str, times: TimesKind) {
        assert_eq!((load.words().as_str(), load.times()), (words, times));
        let text = serde_json::to_string(load).expect("JSON");
        assert_eq!(serde_json::from_str::<LoadRecord>(&text).expect("the same"), *load);
    }

    #[test]
    fn loads_in_words_and_back_from_json() {
        let stage = |from_per_s, to_per_s, duration_s| RateStage { from_per_s, to_per_s, duration_s };
        let open = |process, stages| LoadRecord::Open { process, stages, in_flight_max: 10 };
        check(&LoadRecord::Closed { users: 1, spawn_rate_per_s: 1.0 }, "1 user", TimesKind::Service);
        check(
            &open(Process::Constant, vec![stage(2.5, 2.5, None)]),
            "constant arrivals, 2.5/s",
            TimesKind::Response,
        );
        let stages = vec![stage(0.0, 100.0, Some(30.0)), stage(100.0, 100.0, Some(0.5))];
        let words = "poisson arrivals, 0 to 100/s for 30 s, then 100/s for 0.5 s";
        check(&open(Process::Poisson, stages), words, TimesKind::Response);
        check(&open(Process::Replay, vec![]), "replayed arrivals", TimesKind::Response);
    }
}
