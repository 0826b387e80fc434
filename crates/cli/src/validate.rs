//! `validate`: the proof that the harness's numbers are right, carried out and shown.
//!
//! What is claimed and whether it holds is `sim::proof`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{HttpTransport, Target};
use sim::proof::{Claim, Options, Progress, Proof, ProofError, Server, Verdict, prove, settings};
use stub::Profile;
use tokio::signal::unix::{SignalKind, signal};
use wire::{Clock, Seed};

use crate::args::{DEFAULT_API_KEY, LogArgs};
use crate::embedded_stub::EmbeddedStub;
use crate::exit::{Exit, Failure, both};
use crate::host::raise_descriptor_limit;
use crate::load::{draw_seed, reach};
use crate::log::start_log;
use crate::place::http_options;
use crate::results::{Owner, Results};
use crate::runtime::runtime;
use crate::say::Stream;
use crate::validate_args::{GroupChoice, ValidateArgs};

/// The artefact.
const TRUTH_FILE: &str = "truth.json";

pub(crate) fn validate(args: &ValidateArgs) -> Result<Exit, Failure> {
    let (place, ()) = both(place(args), start_log(&quieter(&args.log)))?;
    let clock = Clock::system();
    let owner =
        Owner { uid: args.results_uid.and_then(|uid| uid.0), gid: args.results_gid.and_then(|gid| gid.0) };
    raise_descriptor_limit();
    let seed = draw_seed(args.seed);
    let results = Results::create_named(&args.out, "validate", clock.unix_start_ns(), owner)?;
    let said = |place: &str| Stream::Error.line(&format!("proving {place}, seed {}", seed.0));
    let stop = stop_on_signals()?;
    let proven = match place {
        Place::Virtual => {
            said("in virtual time");
            prove(None, &options(args, seed), &show_progress, &stop).map_err(|error| failure(&error))
        }
        Place::Server(server) => {
            said(&format!("against {}", server.target.shown()));
            prove_against(Server { clock, ..*server }, args, seed, &stop)
        }
        Place::Embedded(options) => EmbeddedStub::start(settings(), Profile::default(), clock, seed)
            .and_then(|stub| {
                said("against a stub in this process, over sockets");
                let target = Target::parse(&stub.url())?;
                let (token, api_key) = (None, DEFAULT_API_KEY.to_owned());
                let server = Server { target, options, token, api_key, clock };
                let proven = prove_against(server, args, seed, &stop);
                stub.stop();
                proven
            }),
    };
    let proof = proven.inspect_err(|_| results.discard_if_empty())?;
    let text = format!("{:#}\n", proof.json());
    results.put(TRUTH_FILE, text.as_bytes())?;
    Stream::Out.put(&table(&proof));
    Stream::Error.line(&format!("truth in {}", results.folder.join(TRUTH_FILE).display()));
    Ok(exit(&proof))
}

/// A stub in this process would tell of every trial's profile.
fn quieter(log: &LogArgs) -> LogArgs {
    let loglevel = if log.loglevel == "info" { "warn" } else { &*log.loglevel };
    LogArgs { loglevel: loglevel.to_owned(), logfile: log.logfile.clone(), log_format: log.log_format }
}

/// Where the proof is carried out, checked: nothing is bound or sent here.
enum Place {
    Virtual,
    Embedded(harness::HttpOptions),
    Server(Box<Server>),
}

fn place(args: &ValidateArgs) -> Result<Place, Failure> {
    if args.simulate {
        return Ok(Place::Virtual);
    }
    let options = http_options(args.http, args.insecure, args.cacert.as_deref());
    let Some(host) = &args.host else { return options.map(Place::Embedded) };
    let (target, options) = both(Target::parse(host).map_err(Failure::from), options)?;
    // Shows mistakes in the certificates now; the workers make their own.
    HttpTransport::new(target.clone(), &options)?;
    let token = args.operator_token.clone().filter(|token| !token.is_empty());
    let key = Some(args.api_key.clone()).filter(|key| !key.is_empty());
    let api_key = key.unwrap_or_else(|| DEFAULT_API_KEY.to_owned());
    Ok(Place::Server(Box::new(Server { target, options, token, api_key, clock: Clock::system() })))
}

fn options(args: &ValidateArgs, seed: Seed) -> Options {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    Options {
        seed,
        requests: args.requests,
        groups: GroupChoice::groups(&args.only),
        only: args.trial.clone(),
        threads: args.threads.map_or_else(processors, usize::from),
        glass: None,
    }
}

/// The profile that is in force is put back, whatever becomes of the proof.
fn prove_against(
    server: Server,
    args: &ValidateArgs,
    seed: Seed,
    stop: &AtomicBool,
) -> Result<Proof, Failure> {
    reach(&server.target, server.clock)?;
    let before = server.profile().map_err(|error| failure(&error))?;
    let proven = prove(Some(server.clone()), &options(args, seed), &show_progress, stop);
    let restored = server.put_in_force(&before);
    if let Err(error) = &restored {
        Stream::Error.line(&format!("the stub keeps the profile of the last trial: {error}"));
    }
    let proof = proven.map_err(|error| failure(&error))?;
    restored.map(|()| proof).map_err(|error| failure(&error))
}

fn failure(error: &ProofError) -> Failure {
    match error {
        ProofError::Server(_) | ProofError::Aborted => Failure::unreachable(error),
        ProofError::Mistakes(_) | ProofError::Run(_) | ProofError::System(_) | ProofError::Nothing => {
            Failure::usage(error)
        }
    }
}

/// Set by Ctrl-C or SIGTERM: the trial that runs is the last one.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (runtime, told) = (runtime()?, stop.clone());
    let guard = runtime.enter();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt()).map_err(Failure::usage)?,
        signal(SignalKind::terminate()).map_err(Failure::usage)?,
    );
    drop(guard);
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        told.store(true, Ordering::Relaxed);
        Stream::Error.line("stopping after this trial");
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map_err(Failure::usage)?;
    Ok(stop)
}

fn show_progress(progress: Progress<'_>) {
    Stream::Error.line(&format!("[{:>2}/{}] {}", progress.done, progress.of, progress.name));
}

/// Several at once: a run that cannot be judged counts before a claim that failed.
fn exit(proof: &Proof) -> Exit {
    match (proof.count(Verdict::NotJudged), proof.count(Verdict::Failed)) {
        (0, 0) => Exit::PASSED,
        (0, _) => Exit(1),
        _ => Exit(4),
    }
}

/// A line a claim: claim, truth, measured, error, allowed, verdict, note.
fn table(proof: &Proof) -> String {
    let heads = ["claim", "truth", "measured", "error", "allowed", "verdict", "note"].map(str::to_owned);
    let row = |claim: &Claim| {
        [
            format!("{}: {}", claim.group.word(), claim.name),
            claim.truth.to_string(),
            claim.measured.to_string(),
            claim.error.to_string(),
            claim.allowed.to_string(),
            claim.verdict.word().to_owned(),
            claim.note.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heads).chain(proof.claims.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cell = |(column, text): (usize, &String)| {
            let width = widths[column];
            // Words to the left, numbers to the right.
            if (1..=3).contains(&column) { format!("{text:>width$}") } else { format!("{text:<width$}") }
        };
        let cells: Vec<_> = row.iter().enumerate().map(cell).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    let count = |verdict| proof.count(verdict);
    let (passed, failed) = (count(Verdict::Passed), count(Verdict::Failed));
    text.push_str(&format!(
        "\n{} claims over {} requests, seed {}: {passed} passed, {failed} failed",
        proof.claims.len(),
        proof.requests,
        proof.seed.0
    ));
    match count(Verdict::NotJudged) {
        0 => text.push('\n'),
        n => text.push_str(&format!(
            ", {n} not judged: the machine was too busy; end what else runs on it and try again\n"
        )),
    }
    text
}
