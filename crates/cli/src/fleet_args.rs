//! Arguments of runs that several processes carry out, and of their workers. Names are Locust's where Locust has one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use harness::{Allowed, Bus, BusTarget, RedisBus, RunSecret};
use wire::{Clock, Mistakes};

use crate::args::{LogArgs, duration};
use crate::exit::Failure;
use crate::files::read_text;

/// Environment variable that holds the run secret.
pub(crate) const SECRET_VARIABLE: &str = "WEAVER_FLEET_SECRET";

/// Where coordinator and workers meet.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeetingArgs {
    /// Tells several fleets on one Redis apart.
    #[arg(long = "fleet", value_name = "NAME", default_value = "default", help_heading = "Fleet")]
    pub(crate) fleet: String,
    /// File with the run secret, which coordinator and workers share; by default the variable WEAVER_FLEET_SECRET holds it.
    #[arg(long = "fleet-secret", value_name = "FILE", help_heading = "Fleet")]
    pub(crate) fleet_secret: Option<PathBuf>,
}

/// How `run` and `baseline` lead workers.
#[derive(Clone, Debug, Args)]
pub(crate) struct FleetArgs {
    /// Leads workers in other processes instead of sending itself.
    #[arg(long, help_heading = "Fleet")]
    pub(crate) master: bool,
    /// Workers that the run begins with.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Fleet")]
    pub(crate) expect_workers: u16,
    /// How long they are waited for; for ever when not given.
    #[arg(long, value_parser = duration, value_name = "TIME", help_heading = "Fleet")]
    pub(crate) expect_workers_max_wait: Option<Duration>,
    /// Starts N workers on this machine, and leads them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000), conflicts_with = "master", help_heading = "Fleet")]
    pub(crate) processes: Option<u16>,
    /// Ends the run of this results folder, whose coordinator died: its workers hand in what they have, and what is missing
    /// is bounded. Wants the run's --redis and its secret; all else is in the folder.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["master", "processes"], help_heading = "Fleet")]
    pub(crate) resume: Option<PathBuf>,
    /// A run that loses a worker is valid, with a note.
    #[arg(long, help_heading = "Fleet")]
    pub(crate) tolerate_worker_loss: bool,
    /// Users of a lost worker are not given to the others.
    #[arg(long, help_heading = "Fleet")]
    pub(crate) keep_users_lost: bool,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}

/// `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Redis over which coordinator and workers talk: redis://USER:PASSWORD@HOST:PORT/DATABASE, of which HOST is enough, or
    /// rediss:// for TLS; by default the variable WEAVER_FLEET_REDIS.
    #[arg(long, value_name = "URL", env = "WEAVER_FLEET_REDIS", hide_env_values = true)]
    pub(crate) redis: Option<String>,
    /// File with the root certificates that Redis is trusted by, PEM; by default the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) redis_ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
    /// What it is called; by default its machine's name and its process.
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// Threads that users live on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Servers that it lets itself be sent against, as URL, HOST:PORT or HOST; may be repeated. By default this machine.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    pub(crate) allow_target: Vec<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

impl FleetArgs {
    /// Whether workers carry the run out.
    pub(crate) fn is_asked(&self) -> bool {
        self.master || self.processes.is_some()
    }

    /// Workers that are waited for.
    pub(crate) fn workers(&self) -> u16 {
        self.processes.unwrap_or(self.expect_workers)
    }
}

/// The bus over the Redis at `url`.
pub(crate) fn bus(url: Option<&str>, ca: Option<&Path>, clock: Clock) -> Result<Bus, Failure> {
    let url = url.filter(|url| !url.is_empty()).ok_or_else(|| {
        Failure::usage(
            "--redis: coordinator and workers talk over Redis; give its address, such as redis://127.0.0.1:6379",
        )
    })?;
    let pem = ca.map(read_text).transpose()?;
    let target = BusTarget::parse(url, pem.map(|file| file.text.into_bytes()))?;
    Ok(Bus::Redis(Box::new(RedisBus::new(target, clock))))
}

impl MeetingArgs {
    /// The run secret's text.
    pub(crate) fn secret(&self) -> Result<String, Failure> {
        #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
        let variable = || std::env::var(SECRET_VARIABLE).ok();
        let text = match &self.fleet_secret {
            Some(path) => Some(read_text(path)?.text),
            None => variable(),
        };
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            let mut mistakes = Mistakes::default();
            let remedy =
                "give the same text to all with --fleet-secret FILE or the variable WEAVER_FLEET_SECRET";
            mistakes.push(
                "--fleet-secret",
                "there is no run secret, so nobody could tell workers from strangers",
                remedy,
            );
            mistakes.into()
        })
    }

    /// The run secret.
    pub(crate) fn run_secret(&self) -> Result<RunSecret, Failure> {
        Ok(RunSecret::new(self.secret()?.as_bytes()))
    }
}

impl WorkerArgs {
    /// Servers that it lets itself be sent against.
    pub(crate) fn allowed(&self) -> Result<Allowed, Failure> {
        Allowed::parse(&self.allow_target).map_err(|words| Failure::usage(format!("--allow-target: {words}")))
    }
}
