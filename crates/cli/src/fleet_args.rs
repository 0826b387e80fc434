//! Arguments of runs that several processes carry out, and of their workers. Names are Locust's where Locust has one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use harness::{Allowed, Bus, BusTarget, RedisBus, RunSecret};
use wire::{Clock, Mistakes};

use crate::args::{LogArgs, RunArgs, duration, target_host};
use crate::exit::Failure;
use crate::files::read_text;

/// Environment variable that holds the run secret.
pub(crate) const SECRET_VARIABLE: &str = "WEAVER_FLEET_SECRET";

/// Where Locust's workers find their master.
const LOCUST_PORT: u16 = 5557;
/// Where Redis is.
const REDIS_PORT: u16 = 6379;

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
    /// How long they are waited for, such as 60 or 2m; for ever when not given, or 0.
    #[arg(long, value_parser = duration, value_name = "TIME", help_heading = "Fleet")]
    pub(crate) expect_workers_max_wait: Option<Duration>,
    /// Starts N workers on this machine, and leads them; -1 starts one a processor.
    #[arg(long, value_name = "N", value_parser = processes, allow_hyphen_values = true, conflicts_with = "master", help_heading = "Fleet")]
    pub(crate) processes: Option<u16>,
    /// Is a worker, as `weaver-bench worker` is: a coordinator elsewhere brings the load. It may be sent against --host, by
    /// default against this machine only.
    #[arg(long, conflicts_with_all = ["master", "processes", "simulate", "resume"], help_heading = "Fleet")]
    pub(crate) worker: bool,
    /// Where a worker meets its coordinator: the host of Redis, as a name, an address or a whole redis:// URL.
    #[arg(long, value_name = "HOST", requires = "worker", help_heading = "Fleet")]
    pub(crate) master_host: Option<String>,
    /// Port of Redis there; 6379 when not given. 5557 is the port of Locust's own protocol, which is not spoken here.
    #[arg(long, value_name = "PORT", requires = "worker", help_heading = "Fleet")]
    pub(crate) master_port: Option<u16>,
    /// Goes on with the run of this results folder, whose coordinator died: the step that ran ends with what is known, what
    /// is missing is bounded, and the steps that are left follow. Wants the run's --redis and its secret; all else is in
    /// the folder.
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
    /// The coordinator that started it, with which it ends.
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) parent: Option<i32>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// How many local workers: a number, or one a processor.
fn processes(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(-1) => Ok(std::thread::available_parallelism().map_or(1, |cpus| cpus.get().min(1_000) as u16)),
        Ok(number @ 1..=1_000) => Ok(number as u16),
        Ok(_) | Err(_) => Err("give 1 to 1000, or -1 for one a processor".to_owned()),
    }
}

/// What `worker` is told by the words of `run --worker`.
pub(crate) fn worker_args(args: RunArgs) -> Result<WorkerArgs, Failure> {
    let allow_target = target_host(args.host.as_deref()).into_iter().collect();
    let load = args.load;
    let (redis, redis_ca) = load.stub.redis();
    Ok(WorkerArgs {
        redis: load.fleet.master_url()?.or(redis),
        redis_ca,
        meeting: load.fleet.meeting,
        id: None,
        threads: load.threads.unwrap_or(1),
        allow_target,
        parent: None,
        log: load.log,
    })
}

impl FleetArgs {
    /// How long workers are waited for; `None` for ever.
    pub(crate) fn wait_max(&self) -> Option<Duration> {
        self.expect_workers_max_wait.filter(|time| !time.is_zero())
    }

    /// The address of Redis as Locust's flags give it.
    pub(crate) fn master_url(&self) -> Result<Option<String>, Mistakes> {
        let mut mistakes = Mistakes::default();
        let (host, port) = (self.master_host.as_deref().unwrap_or("127.0.0.1"), self.master_port);
        if port == Some(LOCUST_PORT) {
            let problem =
                "5557 is the port of Locust's own protocol; workers and coordinator meet over Redis here";
            mistakes.push(
                "--master-port",
                problem,
                "leave it out for Redis's own 6379, or give Redis's port",
            );
        }
        if host.contains("://") && port.is_some() {
            let problem = format!("{host} is a whole address already");
            mistakes.push("--master-port", problem, "write the port into the address");
        }
        let url = match (host.contains("://"), self.master_host.is_some() || port.is_some()) {
            (true, _) => Some(host.to_owned()),
            (false, true) => {
                let host = if host.contains(':') {
                    format!("[{}]", host.trim_matches(['[', ']']))
                } else {
                    host.to_owned()
                };
                Some(format!("redis://{host}:{}", port.unwrap_or(REDIS_PORT)))
            }
            (false, false) => None,
        };
        mistakes.or(url)
    }

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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn parsed(args: &str) -> Result<FleetArgs, String> {
        let words = ["weaver-bench", "run"].into_iter().chain(args.split_whitespace());
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Run(args) => Ok(args.load.fleet),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn locusts_words_say_where_redis_is() {
        for (args, expected) in [
            ("--worker", Ok(None)),
            ("--worker --master-host redis", Ok(Some("redis://redis:6379"))),
            ("--worker --master-host 10.0.0.7 --master-port 6400", Ok(Some("redis://10.0.0.7:6400"))),
            ("--worker --master-port 6400", Ok(Some("redis://127.0.0.1:6400"))),
            ("--worker --master-host ::1", Ok(Some("redis://[::1]:6379"))),
            ("--worker --master-host rediss://u:p@redis:1/2", Ok(Some("rediss://u:p@redis:1/2"))),
            ("--worker --master-host h --master-port 5557", Err("Locust's own protocol")),
            ("--worker --master-host redis://h --master-port 1", Err("whole address already")),
            ("--master-host h", Err("--worker")),
            ("--worker --master", Err("cannot be used with")),
            ("--worker --processes 2", Err("cannot be used with")),
        ] {
            let found = parsed(args).and_then(|fleet| fleet.master_url().map_err(|found| found.to_string()));
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected, "{args}"),
                (Err(text), Err(part)) => assert!(text.contains(part), "{args}: {text}"),
                (found, expected) => panic!("{args}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn processes_are_as_many_as_asked_for_or_one_a_processor() {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        for (text, expected) in [
            ("1", Some(1)),
            ("1000", Some(1_000)),
            ("-1", Some(cpus)),
            ("0", None),
            ("-2", None),
            ("1001", None),
            ("x", None),
        ] {
            let found = parsed(&format!("--processes {text}")).ok().map(|fleet| usize::from(fleet.workers()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn workers_are_waited_for_as_with_locust() {
        for (args, workers, wait_s) in [
            ("--master", 1, None),
            ("--master --expect-workers 3 --expect-workers-max-wait 60", 3, Some(60)),
            ("--master --expect-workers-max-wait 0", 1, None),
            ("--master --expect-workers-max-wait 2m", 1, Some(120)),
        ] {
            let fleet = parsed(args).unwrap_or_else(|text| panic!("{args}: {text}"));
            assert_eq!(
                (fleet.workers(), fleet.wait_max().map(|time| time.as_secs())),
                (workers, wait_s),
                "{args}"
            );
        }
    }
}
