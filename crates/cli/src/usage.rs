//! Reads what the generator and its target use, on a thread of its own: nothing that is measured waits for it.
//! It must not know what is concluded.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness::{Call, HttpOptions, HttpTransport, Probe, Target, Transport, Usage};
use nix::sys::resource::{UsageWho, getrusage};
use tokio::sync::oneshot;
use wire::Clock;

use crate::exit::Failure;
use crate::runtime::runtime;
use crate::{proc, prometheus};

/// How often it is read.
const EVERY: Duration = Duration::from_millis(250);
/// How long the target may take to tell.
const PATIENCE: Duration = Duration::from_secs(2);
/// The embedded stub's thread.
pub(crate) const STUB_THREAD: &str = "stub";

/// A page of Prometheus text.
#[derive(Clone, Debug)]
pub(crate) struct MetricsAddress {
    server: Target,
    path: String,
}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (server, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/metrics" } else { path };
        let mistake = |mistakes: wire::Mistakes| {
            let texts =
                mistakes.0.into_iter().map(|mistake| format!("{}; {}", mistake.problem, mistake.remedy));
            texts.collect::<Vec<_>>().join("; ")
        };
        let server = Target::parse(&format!("{scheme}://{server}")).map_err(mistake)?;
        Ok(Self { server, path: path.to_owned() })
    }
}

/// Where the target's figures come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Nobody told.
    None,
    /// The embedded stub's thread.
    Embedded,
    /// A process of this machine.
    Pid(u32),
    /// Prometheus text.
    Metrics(MetricsAddress, HttpOptions),
}

impl Source {
    fn words(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Embedded => Some("the embedded stub's thread".to_owned()),
            Self::Pid(pid) => Some(format!("process {pid}")),
            Self::Metrics(address, _) => Some(format!("{}{}", address.server.shown(), address.path)),
        }
    }
}

/// Reads until it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    latest: Arc<Mutex<Usage>>,
    source: Option<String>,
    _stop: oneshot::Sender<()>,
}

impl Reader {
    /// Starts to read; the first figures are there when this returns.
    pub(crate) fn start(source: Source, clock: Clock) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let words = source.words();
        let latest = Arc::new(Mutex::new(read(clock, &source, None)));
        let (stop, stopped) = oneshot::channel();
        let shared = latest.clone();
        let job = move || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = keep(clock, source, &shared) => {}
                }
            });
        };
        std::thread::Builder::new().name("usage".into()).spawn(job).map_err(Failure::usage)?;
        Ok(Self { latest, source: words, _stop: stop })
    }

    /// What the harness asks.
    pub(crate) fn probe(&self) -> Probe {
        let latest = self.latest.clone();
        Probe {
            usage: Arc::new(move || latest.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            wall_ns: Clock::wall_unix_ns,
            target_source: self.source.clone(),
        }
    }
}

/// Reads again and again.
async fn keep(clock: Clock, source: Source, latest: &Mutex<Usage>) {
    let transport = match &source {
        Source::Metrics(address, options) => HttpTransport::new(address.server.clone(), options)
            .ok()
            .map(|transport| (transport, &address.path)),
        _ => None,
    };
    loop {
        let told = match &transport {
            Some((transport, path)) => ask(clock, transport, path).await,
            None => None,
        };
        let usage = read(clock, &source, told);
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = usage;
        clock.sleep(EVERY).await;
    }
}

async fn ask(clock: Clock, transport: &HttpTransport, path: &str) -> Option<measure::ProcessRecord> {
    let call = Call { path: path.to_owned(), ..Call::default() };
    let reply = clock.timeout(PATIENCE, transport.send(call)).await.ok()?.ok()?;
    prometheus::process(std::str::from_utf8(&reply.body).ok().filter(|_| reply.status == 200)?)
}

fn read(clock: Clock, source: &Source, told: Option<measure::ProcessRecord>) -> Usage {
    let threads = proc::threads();
    let target = match source {
        Source::None => None,
        Source::Embedded => threads
            .iter()
            .find(|(_, thread)| thread.name == STUB_THREAD)
            .map(|(_, thread)| measure::ProcessRecord { cpu_ns: thread.cpu_ns, ..Default::default() }),
        Source::Pid(pid) => proc::process(&pid.to_string()),
        Source::Metrics(..) => told,
    };
    let whole = getrusage(UsageWho::RUSAGE_SELF).ok();
    let memory_bytes_max = whole.map_or(0, |usage| usage.max_rss().unsigned_abs() * 1024);
    Usage { at_ns: clock.now_ns(), process: proc::process("self"), memory_bytes_max, threads, target }
}
