//! The load of `run`: users, or arrivals with the flags that say when they come.
//! It must not know what is sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use harness::{Arrivals, IN_FLIGHT_MAX, Load, Stage, read_replay};
use wire::Mistakes;

use crate::files::read_text;

/// Users, or arrivals.
#[derive(Debug, Args)]
pub(crate) struct ArrivalArgs {
    /// Users at the peak; each waits for its answer.
    #[arg(short = 'u', long, default_value_t = 1)]
    users: u32,
    /// Users started a second.
    #[arg(short = 'r', long, default_value_t = 1.0)]
    spawn_rate: f64,
    /// Tasks that all users begin together, on_start aside, before they go and the run ends: dealt out evenly, so that the
    /// requests are the same whatever the number of workers. A run time ends it sooner.
    #[arg(short = 'i', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["arrivals", "replay"])]
    pub(crate) iterations: Option<u64>,
    /// Arrivals instead of users: they come when they are due, whatever became of those before. Evenly spaced, or at
    /// random as from very many people (a Poisson process). Each is one task of a class, chosen by weight.
    #[arg(long, value_enum, conflicts_with_all = ["users", "spawn_rate"], help_heading = "Arrivals")]
    arrivals: Option<Process>,
    /// Arrivals a second: a number, or part after part such as 0-100/30s,100/60s: from 0 to 100 in 30 s, then 100 for
    /// 60 s.
    #[arg(long, value_name = "RATE", requires = "arrivals", help_heading = "Arrivals")]
    rate: Option<String>,
    /// Arrivals at the times that stand in FILE: a line each, seconds like 0.25 or a duration like 250ms.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arrivals", "users", "spawn_rate"], help_heading = "Arrivals")]
    replay: Option<PathBuf>,
    /// Arrivals in progress at most; one that finds so many is dropped and counted. By default 10000.
    #[arg(long, value_name = "N", help_heading = "Arrivals")]
    in_flight_max: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Process {
    /// Evenly spaced.
    Constant,
    /// At random.
    Poisson,
}

impl ArrivalArgs {
    /// The load; what is wrong with it is appended. Ranges are checked with the step.
    pub(crate) fn load(&self, mistakes: &mut Mistakes) -> Load {
        let in_flight_max = self.in_flight_max.unwrap_or(IN_FLIGHT_MAX);
        let arrivals = match (self.arrivals, &self.replay) {
            (None, None) => {
                if self.in_flight_max.is_some() {
                    mistakes.push("--in-flight-max", "without arrivals", "give --arrivals or --replay too");
                }
                return Load::Closed { users: self.users, spawn_rate_per_s: self.spawn_rate };
            }
            (Some(process), _) => self.stages(mistakes).map(|stages| match process {
                Process::Constant => Arrivals::Constant(stages),
                Process::Poisson => Arrivals::Poisson(stages),
            }),
            (None, Some(file)) => {
                replay(file).map(Arrivals::Replay).map_err(|found| mistakes.append(found)).ok()
            }
        };
        // Whatever is missing has left a mistake.
        let arrivals = arrivals.unwrap_or(Arrivals::Replay([0].into()));
        Load::Open { arrivals, in_flight_max }
    }

    fn stages(&self, mistakes: &mut Mistakes) -> Option<Vec<Stage>> {
        let remedy = "give --rate 100, or parts like --rate 0-100/30s,100/60s";
        let list = self.rate.as_deref().map_or_else(|| Err("is missing".to_owned()), Stage::list);
        list.map_err(|problem| mistakes.push("--rate", problem, remedy)).ok()
    }
}

/// The arrivals of a file, whole microseconds.
pub(crate) fn replay(path: &Path) -> Result<Arc<[u64]>, Mistakes> {
    let file = read_text(path)?;
    read_replay(&file.name, &file.text)
}
