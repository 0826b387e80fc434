//! What `run` and `baseline` share: from checked arguments to a run that has ended.

use std::hash::{BuildHasher, Hasher};

use harness::{HttpOptions, HttpTransport, HttpVersion, Plan, RunHandle, Target, Workers, World, preflight};
use measure::Run;
use wire::{Clock, Seed};

use crate::args::{HttpChoice, LoadArgs};
use crate::embedded_stub::EmbeddedStub;
use crate::exit::Failure;
use crate::files::read_text;
use crate::host::{host, raise_descriptor_limit, resources};
use crate::progress::Progress;
use crate::results::{Owner, Results};
use crate::stub_args::suite_variables;
use crate::watch::follow;

/// Where the load goes.
pub(crate) enum Where {
    /// Nowhere: virtual time.
    Simulated,
    /// To a stub inside this process.
    Embedded,
    /// To a server.
    Server(String),
}

/// A run that has ended, and where its files are.
pub(crate) struct Ended {
    pub(crate) run: Run,
    pub(crate) results: Option<Results>,
}

/// Carries the plan out. Nothing is bound or sent before everything is checked.
pub(crate) fn carry_out(
    mut plan: Plan,
    place: Where,
    args: &LoadArgs,
    out: Option<&std::path::Path>,
) -> Result<Ended, Failure> {
    let kind = plan.kind;
    let owner = owner(args);
    let create = |at_ns| out.map(|out| Results::create(out, kind, at_ns, owner)).transpose();
    if let Where::Simulated = place {
        let (settings, profile) = args.stub.build(suite_variables(&args.api_key()))?;
        let results = create(sim::EPOCH_UNIX_NS)?;
        let run = sim::simulate(plan, settings, profile).map_err(Failure::usage)?.run;
        results.as_ref().map_or(Ok(()), |results| results.write(&run))?;
        return Ok(Ended { run, results });
    }
    let options = http_options(args)?;
    raise_descriptor_limit();
    let clock = Clock::system();
    let stub = match place {
        Where::Embedded => {
            let (settings, profile) = args.stub.build(suite_variables(&args.api_key()))?;
            Some(EmbeddedStub::start(settings, profile, clock, plan.seed)?)
        }
        _ => None,
    };
    let target = match (&stub, place) {
        (Some(stub), _) => Target::parse(&stub.url())?,
        (None, Where::Server(url)) => Target::parse(&url)?,
        (None, _) => unreachable!("a stub was started for every other place"),
    };
    // Shows mistakes in the certificates now; the workers make their own.
    HttpTransport::new(target.clone(), &options)?;
    let results = create(clock.unix_start_ns())?;
    plan.target_url = Some(target.shown());
    let ended = reach(&target, clock).and_then(|()| {
        let progress = Progress::new(&plan.steps, args.only_summary, args.print_stats);
        let transport = move || {
            HttpTransport::new(target.clone(), &options)
                .unwrap_or_else(|error| panic!("was checked: {error}"))
        };
        let workers = Workers::Threads(args.threads.unwrap_or_else(default_threads));
        let world = World { clock, workers, transport, host: Some(host()), resources: Some(resources) };
        let handle = RunHandle::start(plan, world).map_err(Failure::usage)?;
        follow(handle, progress, results.as_ref())
    });
    if let Some(stub) = stub {
        stub.stop();
    }
    match ended {
        Ok(run) => Ok(Ended { run, results }),
        Err(failure) => {
            results.inspect(Results::discard_if_empty);
            Err(failure)
        }
    }
}

/// Whom the files are given to.
pub(crate) fn owner(args: &LoadArgs) -> Owner {
    Owner { uid: args.results_uid.and_then(|uid| uid.0), gid: args.results_gid.and_then(|gid| gid.0) }
}

fn reach(target: &Target, clock: Clock) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::usage)?;
    runtime.block_on(preflight(target, clock)).map_err(Failure::unreachable)
}

fn http_options(args: &LoadArgs) -> Result<HttpOptions, Failure> {
    let version = match args.http {
        HttpChoice::Auto => HttpVersion::Negotiated,
        HttpChoice::Http1 => HttpVersion::Http1,
        HttpChoice::Http2 => HttpVersion::Http2,
    };
    let pem = args.cacert.as_deref().map(read_text).transpose()?;
    let root_certificates_pem = pem.map(|file| file.text.into_bytes());
    Ok(HttpOptions { version, insecure: args.insecure, root_certificates_pem })
}

/// Half of the processors: the rest is for the server, if it is on this machine.
fn default_threads() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1)
}

/// The seed given, or one drawn by the system; the report shows it.
pub(crate) fn draw_seed(given: Option<u64>) -> Seed {
    // Below 2^53, so that every JSON reader keeps it exact.
    let drawn = || std::collections::hash_map::RandomState::new().build_hasher().finish() >> 11;
    Seed(given.unwrap_or_else(drawn))
}
