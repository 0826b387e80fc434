//! `worker`: sends what a coordinator elsewhere orders, and hands in what came back.

use harness::{Errand, HttpTransport, Served, Station, Target, Workers, serve_until};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};
use wire::Clock;

use crate::exit::{Exit, Failure, both};
use crate::fleet_args::{WorkerArgs, bus};
use crate::host::{host, raise_descriptor_limit};
use crate::load::drawn;
use crate::log::start_log;
use crate::runtime::runtime;
use crate::say::Stream;
use crate::usage::{Reader, Source};

pub(crate) fn worker(args: &WorkerArgs) -> Result<Exit, Failure> {
    if let Some(parent) = args.parent {
        end_with(parent)?;
    }
    let clock = Clock::system();
    let meeting =
        both(bus(args.redis.as_deref(), args.redis_ca.as_deref(), clock), args.meeting.run_secret());
    let ((bus, secret), allowed) = both(meeting, args.allowed())?;
    start_log(&args.log)?;
    raise_descriptor_limit();
    let reader = Reader::start(Source::None, clock)?;
    let (host, pid) = (host().name, std::process::id());
    let id = args.id.clone().unwrap_or_else(|| format!("{host}-{pid}"));
    Stream::Error.line(&format!("worker {id} waits for a coordinator"));
    let station = Station {
        bus,
        fleet: args.meeting.fleet.clone(),
        secret,
        clock,
        id,
        incarnation: drawn(),
        host,
        pid,
        workers: Workers::Threads(usize::from(args.threads)),
        resources: Some(reader.probe()),
        allowed,
    };
    let make = |errand: &Errand| {
        let url = errand.target_url.as_deref().ok_or("the plan names no server")?;
        let target = Target::parse(url).map_err(|mistakes| mistakes.to_string())?;
        let options = errand.http().clone();
        // Shows mistakes in the certificates now; the threads make their own.
        HttpTransport::new(target.clone(), &options).map_err(|mistakes| mistakes.to_string())?;
        Ok(move || {
            HttpTransport::new(target.clone(), &options)
                .unwrap_or_else(|error| panic!("was checked: {error}"))
        })
    };
    let served = LocalSet::new().block_on(&runtime()?, async {
        let (told, leave) = mpsc::channel(2);
        let signals = signals(told)?;
        spawn_local(signals);
        Ok::<_, std::io::Error>(serve_until(station, make, leave).await)
    });
    match served.map_err(Failure::usage)? {
        Served::Whole(words) => {
            Stream::Error.line(&words);
            Ok(Exit::PASSED)
        }
        Served::Refused(words) => Err(Failure::usage(format!("this worker refused the run: {words}"))),
        Served::Orphaned(words) => Err(Failure::unreachable(words)),
    }
}

/// Passes Ctrl-C and SIGTERM on.
fn signals(told: mpsc::Sender<()>) -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        loop {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            Stream::Error.line("leaving: waiting for answers; once more to give them up");
            // Who was told twice needs no third time.
            let _ = told.try_send(());
        }
    })
}

/// Has the system tell it to leave when the process that started it dies.
fn end_with(parent: i32) -> Result<(), Failure> {
    set_pdeathsig(Signal::SIGTERM).map_err(Failure::usage)?;
    if getppid().as_raw() == parent {
        return Ok(());
    }
    Err(Failure::unreachable("the coordinator that started this worker is gone"))
}
