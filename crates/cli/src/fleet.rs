//! Leading a fleet: what the coordinator needs from the command line, and workers that it starts itself.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use harness::{HttpOptions, Lead, RunSecret, Sources, Target, close_journal};
use wire::Clock;

use crate::args::LoadArgs;
use crate::exit::Failure;
use crate::fleet_args::{SECRET_VARIABLE, bus};
use crate::load::drawn;
use crate::results::Results;

/// What workers handed in, before it stands in the run file.
pub(crate) const JOURNAL_FILE: &str = "fleet.journal";

/// Workers that this process started; they do not outlive it.
#[derive(Debug, Default)]
pub(crate) struct Started(Vec<Child>);

impl Drop for Started {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended by itself needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Notes in the journal, if there is one, that the run file is whole.
pub(crate) fn close(results: &Results) {
    let journal = OpenOptions::new().append(true).open(results.folder.join(JOURNAL_FILE));
    // Where it fails, a coordinator that resumes the run finds nothing that is missing.
    let _ = journal.and_then(|file| close_journal(&file));
}

/// How the fleet is led, and the workers that were started for it; `None` when the run has none.
pub(crate) fn lead(
    args: &LoadArgs,
    (target, options): (&Target, &HttpOptions),
    clock: Clock,
    results: Option<&Results>,
) -> Result<Option<(Lead, Started)>, Failure> {
    let fleet = &args.fleet;
    if !fleet.is_asked() {
        return Ok(None);
    }
    let mut meeting = fleet.meeting.clone();
    let (redis, redis_ca) = args.stub.redis();
    let (secret, is_drawn) = match (meeting.secret(), fleet.processes) {
        (Ok(secret), _) => (secret, false),
        // Nobody else needs to know it.
        (Err(_), Some(_)) if meeting.fleet_secret.is_none() => {
            ((0..4).map(|_| format!("{:016x}", drawn())).collect::<String>(), true)
        }
        (Err(failure), _) => return Err(failure),
    };
    if fleet.processes.is_some() {
        meeting.fleet = format!("{}-{:016x}", meeting.fleet, drawn());
    }
    let lead = Lead {
        bus: bus(redis.as_deref(), redis_ca.as_deref(), clock)?,
        fleet: meeting.fleet.clone(),
        secret: if is_drawn {
            RunSecret::drawn(secret.as_bytes())
        } else {
            RunSecret::new(secret.as_bytes())
        },
        expect_workers: usize::from(fleet.workers()),
        expect_workers_max_wait: fleet.wait_max(),
        tolerate_loss: fleet.tolerate_worker_loss,
        move_users: !fleet.keep_users_lost,
        journal: results.map(|results| results.create_file(JOURNAL_FILE)).transpose()?,
        sources: Sources {
            api_key: args.api_key(),
            signing_key: args.signing_text()?,
            http: options.clone(),
        },
    };
    let mut started = Started::default();
    for number in 0..fleet.processes.unwrap_or(0) {
        let program = std::env::current_exe().map_err(Failure::usage)?;
        let mut command = Command::new(program);
        command.args(["worker", "--fleet", &meeting.fleet, "--id", &format!("local-{number}")]);
        command.args(["--parent", &std::process::id().to_string()]);
        command.args(["--redis", redis.as_deref().unwrap_or_default()]);
        command.args(["--allow-target", &target.shown(), "--loglevel", "warn"]);
        if let Some(threads) = args.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        if let Some(path) = &redis_ca {
            command.arg("--redis-ca").arg(path);
        }
        command
            .env(SECRET_VARIABLE, &secret)
            // Ctrl-C at the terminal is for the coordinator, which tells them.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        started.0.push(command.spawn().map_err(Failure::usage)?);
    }
    Ok(Some((lead, started)))
}
