//! `serve`: the stub on a port, until SIGTERM or SIGINT.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use measure::ProcessRecord;
use stub::{ProcessUse, Stub, name_of_variable};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use wire::{Clock, Mistakes};

use crate::args::ServeArgs;
use crate::dotenv;
use crate::exit::{Exit, Failure, both};
use crate::files::read_text;
use crate::host::raise_descriptor_limit;
use crate::load::draw_seed;
use crate::log::start_log;
use crate::proc::process;
use crate::say::Stream;

pub(crate) fn serve(args: &ServeArgs) -> Result<Exit, Failure> {
    let mut mistakes = Mistakes::default();
    let settings = args.stub.build(variables(args, &mut mistakes));
    let around = both(mistakes.or(()).map_err(Failure::from), start_log(&args.log));
    let ((settings, profile), _) = both(settings, around)?;
    raise_descriptor_limit();
    let seed = draw_seed(args.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::usage)?;
    runtime.block_on(async {
        let address = SocketAddr::new(args.host, args.port);
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::usage(format!(
                "{address}: cannot listen: {error}; stop what holds it, or give another --port"
            ))
        })?;
        let bound = listener.local_addr().map_err(Failure::usage)?;
        let stop = asked_to_stop()?;
        let connected = Stub::connect(settings, profile, Clock::system(), seed).await;
        let stub = connected
            .map_err(|error| Failure::usage(format!("Redis: {}; {}", error.problem, error.remedy)))?;
        let replica = stub.replica().map(|name| format!(", replica {name}")).unwrap_or_default();
        Stream::Error.line(&format!("stub of Weaver AI on http://{bound}, seed {}{replica}", seed.0));
        stub.read_process_by(used);
        stub::serve(listener, stub.clone(), stop).await.map_err(Failure::usage)?;
        let truth = stub.truth();
        Stream::Error.line(&format!(
            "stopped: {} received, {} answered, {} refused, {} abandoned",
            truth.received, truth.answered, truth.refused, truth.abandoned
        ));
        Ok(Exit::PASSED)
    })
}

/// Read in the current folder, below the environment, as the real server does.
const DOTENV: &str = ".env";
const DOTENV_BYTES_MAX: u64 = 1 << 20;
/// Where the real server has its rules, seen from the current folder.
const POLICIES: &str = "weaver_ai/policies";
const POLICIES_VARIABLE: &str = "WEAVER_STUB_POLICIES";
/// A PEM, or the path of a file with one.
const CARD_KEY_VARIABLE: &str = "WEAVER_A2A_SIGNING_PUBLIC_KEY_PEM";

/// What this process uses, for the stub's metrics page.
fn used() -> Option<ProcessUse> {
    let ProcessRecord { cpu_ns, memory_bytes, descriptors, .. } = process("self")?;
    Some(ProcessUse { cpu_ns, memory_bytes, descriptors })
}

/// The variables that the stub is set by: the environment's, below them those of `.env`, above
/// them what the flags of `serve` alone stand for.
fn variables(args: &ServeArgs, mistakes: &mut Mistakes) -> BTreeMap<String, String> {
    let environment = environment(mistakes);
    let mut variables = dotenv(&environment, mistakes);
    variables.extend(environment.into_iter().map(|(name, value)| (name_of_variable(name), value)));
    if let Some(folder) = &args.policies {
        if !folder.is_dir() {
            let problem = format!("`{}` is no folder", folder.display());
            mistakes.push("--policies", problem, "give the folder of guardrails.yaml and roles.yaml");
        }
        variables.insert(POLICIES_VARIABLE.to_owned(), folder.display().to_string());
    } else if Path::new(POLICIES).is_dir() {
        variables.entry(POLICIES_VARIABLE.to_owned()).or_insert_with(|| POLICIES.to_owned());
    }
    if let Some(key) = variables.get_mut(CARD_KEY_VARIABLE)
        && (key.starts_with('/') || key.starts_with("./"))
        && Path::new(key).exists()
    {
        match read_text(Path::new(key)) {
            Ok(file) => *key = file.text,
            Err(found) => mistakes.append(found),
        }
    }
    variables
}

/// The environment. What is not UTF-8 is none of the stub's, unless its name says that it is.
fn environment(mistakes: &mut Mistakes) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                variables.insert(name, value);
            }
            (Ok(name), Err(_)) if name_of_variable(name.clone()).starts_with("WEAVER_") => {
                mistakes.push(name, "its value is not UTF-8", "give one that is");
            }
            _ => {}
        }
    }
    variables
}

/// Those of the `.env` file that count: the real server takes its own, with their prefix, and the stub REDIS_URL,
/// which without a repair has no effect.
fn dotenv(environment: &BTreeMap<String, String>, mistakes: &mut Mistakes) -> BTreeMap<String, String> {
    let path = Path::new(DOTENV);
    match path.metadata() {
        Ok(found) if found.is_file() && found.len() <= DOTENV_BYTES_MAX => {}
        Ok(found) if found.is_file() => {
            mistakes.push(
                DOTENV,
                format!("{} bytes long", found.len()),
                "a file of variables has at most 1 MiB",
            );
            return BTreeMap::new();
        }
        _ => return BTreeMap::new(),
    }
    let file = match read_text(path) {
        Ok(file) => file,
        Err(found) => {
            mistakes.append(found);
            return BTreeMap::new();
        }
    };
    let found = dotenv::parse(&file.text, environment);
    for line in found.wrong_lines {
        Stream::Error.line(&format!("{DOTENV}:{line}: is no NAME=value and is skipped"));
    }
    let named = found.variables.into_iter().map(|(name, value)| (name_of_variable(name), value));
    named.filter(|(name, _)| name.starts_with("WEAVER_") || name == "REDIS_URL").collect()
}

/// Resolves at SIGTERM or SIGINT; the handlers are in place when this returns.
fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::usage)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::usage)?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Stream::Error.line("stopping: requests in flight are answered");
    })
}
