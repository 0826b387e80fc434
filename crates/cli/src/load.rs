//! What `run` and `baseline` share: from checked arguments to a run that has ended.

use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use harness::{HttpOptions, HttpTransport, Plan, RunHandle, StepPlan, Target, Workers, World, preflight};
use measure::{Run, RunKind};
use stub::{Profile, Settings};
use wire::{Clock, Seed};

use crate::args::LoadArgs;
use crate::embedded_stub::EmbeddedStub;
use crate::exit::Failure;
use crate::fleet::{close, lead};
use crate::host::{host, raise_descriptor_limit};
use crate::place::Place;
use crate::progress::Progress;
use crate::results::{Owner, Results};
use crate::runtime::runtime;
use crate::say::Stream;
use crate::tui;
use crate::typed::typed_command;
use crate::usage::{Reader, Source};
use crate::watch::follow;

/// A run that has ended, and where its files are.
pub(crate) struct Ended {
    pub(crate) run: Run,
    pub(crate) results: Option<Results>,
}

impl Ended {
    /// Says where the files are, if there are any.
    pub(crate) fn say_where(&self) {
        if let Some(results) = &self.results {
            Stream::Error.line(&format!("results in {}", results.folder.display()));
        }
    }
}

/// Follows a run to its end, and keeps its results.
pub(crate) type Follower<'a> = &'a dyn Fn(RunHandle, &[StepPlan], Option<&Results>) -> Result<Run, Failure>;

/// Carries the plan out, with progress on the terminal; everything has been checked but whether the world plays along.
pub(crate) fn carry_out(
    plan: Plan,
    place: Place,
    args: &LoadArgs,
    out: Option<&Path>,
) -> Result<Ended, Failure> {
    // The baseline keeps its plan: no key changes it.
    let is_keyed = plan.kind == RunKind::Run;
    let follower = |handle: RunHandle, steps: &[StepPlan], results: Option<&Results>| {
        if args.tui {
            return tui::follow(handle, steps, results);
        }
        let keyed = if is_keyed { steps } else { &[] };
        follow(handle, Progress::new(steps, args.only_summary, args.print_stats), keyed, results)
    };
    carry_out_with(plan, place, args, out, &follower)
}

/// The same, with whoever follows it.
pub(crate) fn carry_out_with(
    mut plan: Plan,
    place: Place,
    args: &LoadArgs,
    out: Option<&Path>,
    follower: Follower<'_>,
) -> Result<Ended, Failure> {
    if !matches!(place, Place::Server(..)) {
        plan.setup["stub"] = args.stub.describe();
    }
    if let Some(command) = typed_command() {
        plan.setup["command"] = command.into();
    }
    let (kind, owner) = (plan.kind, owner(args));
    let create = |at_ns| out.map(|out| Results::create(out, kind, at_ns, owner)).transpose();
    let clock = Clock::system();
    let started_unix_ns = match place {
        Place::Simulated(_) => sim::EPOCH_UNIX_NS,
        Place::Embedded(..) | Place::Server(..) => clock.unix_start_ns(),
    };
    raise_descriptor_limit();
    let results = create(started_unix_ns)?;
    let ended = match place {
        Place::Server(target, options) => {
            send(plan, clock, (target, options, Source::None), args, (results.as_ref(), follower))
        }
        Place::Embedded(stub, options) => {
            send_to_embedded(plan, clock, *stub, options, args, (results.as_ref(), follower))
        }
        Place::Simulated(stub) => {
            let handle = sim::start(plan, stub.0, stub.1).map_err(Failure::usage);
            handle.and_then(|handle| follow(handle, Progress::silent(), &[], results.as_ref()))
        }
    };
    match ended {
        Ok(run) => Ok(Ended { run, results }),
        Err(failure) => {
            results.inspect(Results::discard_if_empty);
            Err(failure)
        }
    }
}

/// Starts a stub, sends the load to it, and stops it.
fn send_to_embedded(
    plan: Plan,
    clock: Clock,
    (settings, profile): (Settings, Profile),
    options: HttpOptions,
    args: &LoadArgs,
    follow: (Option<&Results>, Follower<'_>),
) -> Result<Run, Failure> {
    let stub = EmbeddedStub::start(settings, profile, clock, plan.seed)?;
    let target = Target::parse(&stub.url())?;
    let ended = send(plan, clock, (target, options, Source::Embedded), args, follow);
    stub.stop();
    ended
}

/// Sends the load over sockets, in real time.
fn send(
    mut plan: Plan,
    clock: Clock,
    (target, options, source): (Target, HttpOptions, Source),
    args: &LoadArgs,
    (results, follower): (Option<&Results>, Follower<'_>),
) -> Result<Run, Failure> {
    reach(&target, clock)?;
    plan.target_url = Some(target.shown());
    let steps = plan.steps.clone();
    let source = match (args.target_pid, &args.target_metrics) {
        (Some(pid), _) => Source::Pid(pid),
        (None, Some(address)) => Source::Metrics(address.clone(), options.clone()),
        (None, None) => source,
    };
    let reader = Reader::start(source, clock)?;
    let fleet = lead(args, (&target, &options), clock, results)?;
    let transport = move || {
        HttpTransport::new(target.clone(), &options).unwrap_or_else(|error| panic!("was checked: {error}"))
    };
    let workers = Workers::Threads(args.threads.map_or_else(default_threads, usize::from));
    let world =
        World { clock, workers, transport, host: Some(host()), resources: Some(reader.probe()), lens: None };
    let (handle, _started) = match fleet {
        None => (RunHandle::start(plan, world), None),
        Some((lead, started)) => (RunHandle::start_fleet(plan, world, lead), Some(started)),
    };
    let run = follower(handle.map_err(Failure::usage)?, &steps, results)?;
    results.iter().for_each(|results| close(results));
    Ok(run)
}

/// Whom the files are given to.
pub(crate) fn owner(args: &LoadArgs) -> Owner {
    Owner { uid: args.results_uid.and_then(|uid| uid.0), gid: args.results_gid.and_then(|gid| gid.0) }
}

/// Whether the server can be reached at all.
pub(crate) fn reach(target: &Target, clock: Clock) -> Result<(), Failure> {
    let runtime = runtime()?;
    runtime.block_on(preflight(target, clock)).map_err(Failure::unreachable)
}

/// Half of the processors: the rest is for the server, if it is on this machine.
fn default_threads() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1)
}

/// The seed given, or one drawn by the system; the report shows it.
pub(crate) fn draw_seed(given: Option<u64>) -> Seed {
    // Below 2^53, so that every JSON reader keeps it exact.
    Seed(given.unwrap_or_else(|| drawn() >> 11))
}

/// A number that nobody can foresee.
pub(crate) fn drawn() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
