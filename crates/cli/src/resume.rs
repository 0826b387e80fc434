//! `--resume FOLDER`: goes on with a run whose coordinator died, with what its journal, the bus and its workers know.

use std::fs::OpenOptions;
use std::path::Path;

use harness::{Bus, HttpTransport, RunHandle, RunSecret, Unfinished, Workers, World};
use measure::Run;
use wire::{Clock, Mistakes};

use crate::args::LoadArgs;
use crate::exit::{Exit, Failure, both};
use crate::files::read_text;
use crate::fleet::{JOURNAL_FILE, close};
use crate::fleet_args::bus;
use crate::host::host;
use crate::load::owner;
use crate::log::start_log;
use crate::progress::Progress;
use crate::report::show;
use crate::results::{RUN_FILE, Results};
use crate::say::Stream;
use crate::usage::{Reader, Source};
use crate::watch::follow;

/// Goes on with the run of a results folder; of one that has ended it only says so. The exit code is the run's.
pub(crate) fn resume(folder: &Path, args: &LoadArgs) -> Result<Exit, Failure> {
    let path = folder.join(JOURNAL_FILE);
    let kept = kept(folder)?;
    if !path.exists() {
        return kept.map_or_else(|| Err(no_run(folder)), |run| ended(&run));
    }
    let file = OpenOptions::new().read(true).append(true).open(&path);
    let file = file.map_err(|error| {
        Failure::usage(format!("{}: cannot be opened: {error}; give it to this user", path.display()))
    })?;
    let mut unfinished = Unfinished::open(file, &path.display().to_string())?;
    if let Some(run) = kept.as_ref().filter(|_| unfinished.is_over()) {
        return ended(run);
    }
    let clock = Clock::since(unfinished.started_unix_ns());
    let meeting = meeting(&unfinished, args, clock)?;
    let steps = meeting
        .as_ref()
        .map_or_else(|| Ok(vec![]), |(_, secret)| unfinished.plan(secret).map(|plan| plan.steps))?;
    let notes = unfinished.check()?;
    start_log(&args.log)?;
    notes.iter().for_each(|note| Stream::Error.line(note));
    Stream::Error.line(&format!("resuming the run in {}", folder.display()));
    let results = Results { folder: folder.to_owned(), owner: owner(args) };
    let reader = Reader::start(Source::None, clock)?;
    let world = World {
        clock,
        workers: Workers::Threads(1),
        transport: || -> HttpTransport { unreachable!("workers send") },
        host: Some(host()),
        resources: Some(reader.probe()),
        lens: None,
    };
    let handle = RunHandle::resume(unfinished, kept, meeting, world).map_err(Failure::usage)?;
    let progress = match steps.is_empty() {
        true => Progress::silent(),
        false => Progress::new(&steps, args.only_summary, args.print_stats),
    };
    let run = follow(handle, progress, &[], Some(&results))?;
    close(&results);
    let exit = show(&run, Stream::Out)?;
    Stream::Error.line(&format!("results in {}", folder.display()));
    Ok(exit)
}

/// The run file, as far as it was written.
fn kept(folder: &Path) -> Result<Option<Run>, Failure> {
    let path = folder.join(RUN_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let file = read_text(&path)?;
    let run = Run::from_json(&file.text);
    run.map(Some).map_err(|error| Failure::usage(format!("{}: {error}", file.name)))
}

fn ended(run: &Run) -> Result<Exit, Failure> {
    let exit = show(run, Stream::Out)?;
    Stream::Error.line("the run has ended: there is nothing to resume");
    Ok(exit)
}

fn no_run(folder: &Path) -> Failure {
    let mut mistakes = Mistakes::default();
    let problem = format!("{} holds neither {JOURNAL_FILE} nor {RUN_FILE}", folder.display());
    mistakes.push("--resume", problem, "give the results folder of a run with --master or --processes");
    mistakes.into()
}

/// Where the run's workers are heard; `None` when nobody can speak to them any more.
fn meeting(
    unfinished: &Unfinished,
    args: &LoadArgs,
    clock: Clock,
) -> Result<Option<(Bus, RunSecret)>, Failure> {
    if unfinished.is_cut_off() {
        Stream::Error.line("the secret of its workers died with the coordinator: only the journal counts");
        return Ok(None);
    }
    let (redis, redis_ca) = args.stub.redis();
    let bus = bus(redis.as_deref(), redis_ca.as_deref(), clock);
    let (bus, secret) = both(bus, args.fleet.meeting.run_secret())?;
    if !unfinished.knows(&secret) {
        let mut mistakes = Mistakes::default();
        let remedy = "give the one that the run began with: --fleet-secret FILE or WEAVER_FLEET_SECRET";
        mistakes.push("--fleet-secret", "this is not the run secret of its workers", remedy);
        return Err(mistakes.into());
    }
    Ok(Some((bus, secret)))
}
