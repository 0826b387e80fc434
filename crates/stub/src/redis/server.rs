//! One Redis, asked over one connection that all callers share: made when first needed, made again after a loss.
//!
//! It must not know what the commands mean. Whoever drops a command leaves nothing behind.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, ScriptInvocation};
use tokio::sync::Semaphore;
use wire::Clock;

use super::breaker::{Breaker, Pass};
use super::dial::Dialler;
use super::embedded::Condition;
use super::error::RedisError;
use super::link::Link;
use super::outage::{Outage, Outages};
use super::target::Target;
use super::temper::Temper;

/// Commands in hand at once; more are refused.
const COMMANDS_MAX: usize = 4_096;

/// A Redis server. Cloning it is cheap, and all clones share the connection.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    dialler: Dialler,
    temper: Temper,
    clock: Clock,
    reachable_at_start: AtomicBool,
    outages: Outages,
    room: Semaphore,
    state: Mutex<State>,
    counts: Counts,
}

#[derive(Default)]
struct State {
    line: Line,
    breaker: Breaker,
    /// Redis was out of reach when last asked, and that was said.
    outage: bool,
}

type Dial = BoxFuture<'static, Result<Arc<Link>, RedisError>>;

/// The connection. One that is being made belongs to those who wait for it: when the last of them is gone, so is it.
#[derive(Default)]
enum Line {
    #[default]
    Down,
    Dialling(WeakShared<Dial>),
    Up(Arc<Link>),
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    commands: AtomicU64,
    errors: AtomicU64,
}

/// What was done, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections made.
    pub connections_created: u64,
    /// Commands, pipelines and scripts that were answered.
    pub commands_executed: u64,
    /// Those that failed, answers that are errors included.
    pub errors: u64,
    /// Commands in hand now.
    pub commands_in_hand: u64,
    /// Whether there is a connection now.
    pub is_connected: bool,
}

impl Server {
    /// The Redis at `target`; it is not asked before the first command.
    pub fn new(target: Target, temper: Temper, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            dialler: Dialler::new(target),
            temper,
            clock,
            reachable_at_start: AtomicBool::new(false),
            outages: Outages::default(),
            room: Semaphore::new(COMMANDS_MAX),
            state: Mutex::default(),
            counts: Counts::default(),
        }))
    }

    /// The Redis at `target`, tried once.
    pub async fn connect(target: Target, temper: Temper, clock: Clock) -> Self {
        let server = Self::new(target, temper, clock);
        let pinged = server.run::<()>(&redis::cmd("PING")).await;
        server.0.reachable_at_start.store(pinged.is_ok(), Relaxed);
        server
    }

    /// Whether Redis answered when the stub started.
    pub fn reachable_at_start(&self) -> bool {
        self.0.reachable_at_start.load(Relaxed)
    }

    /// Where it is.
    pub fn target(&self) -> &Target {
        self.0.dialler.target()
    }

    /// One command.
    ///
    /// # Errors
    /// As [`RedisError`] says.
    pub async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.with(async |mut connection| command.query_async(&mut connection).await).await
    }

    /// Several commands in one go.
    ///
    /// # Errors
    /// As [`RedisError`] says.
    pub async fn run_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, RedisError> {
        self.with(async |mut connection| commands.query_async(&mut connection).await).await
    }

    /// A script; it is sent whole only if Redis does not know it yet.
    ///
    /// # Errors
    /// As [`RedisError`] says.
    pub async fn run_script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        self.with(async |mut connection| script.invoke_async(&mut connection).await).await
    }

    /// Anything over the connection, within the limits.
    async fn with<T, F, W>(&self, work: F) -> Result<T, RedisError>
    where
        F: FnOnce(MultiplexedConnection) -> W,
        W: Future<Output = RedisResult<T>>,
    {
        let inner = &*self.0;
        let Ok(_room) = inner.room.try_acquire() else { return Err(RedisError::Busy) };
        let began_ns = inner.clock.now_ns();
        let (mut hand, up) = inner.admit(began_ns)?;
        if let Some(condition) = inner.outages.at(began_ns) {
            return hand.end(Err(inner.away(condition).await));
        }
        let link = match up {
            Some(link) => link,
            None => match inner.clock.timeout(inner.temper.longest(), self.dialled()).await {
                Ok(Ok(link)) => link,
                Ok(Err(error)) => return hand.end(Err(error)),
                Err(_) => return hand.end(Err(RedisError::TimedOut)),
            },
        };
        let connection = hand.link.insert(link).connection();
        let spent = Duration::from_nanos(inner.clock.now_ns() - began_ns);
        let outcome = inner.clock.timeout(inner.temper.limit(spent), work(connection)).await;
        hand.end(match outcome {
            Ok(answer) => answer.map_err(|error| RedisError::of(&error)),
            Err(_) => Err(RedisError::TimedOut),
        })
    }

    /// The connection that is there by now, or the one that is being made, or a new one.
    fn dialled(&self) -> Shared<Dial> {
        let mut state = self.0.state();
        if let Line::Up(link) = &state.line {
            return futures_util::future::ready(Ok(Arc::clone(link))).boxed().shared();
        }
        if let Line::Dialling(dial) = &state.line
            && let Some(dial) = dial.upgrade()
        {
            return dial;
        }
        let inner = Arc::clone(&self.0);
        let dial = async move { inner.dial().await }.boxed().shared();
        state.line = dial.downgrade().map_or(Line::Down, Line::Dialling);
        dial
    }

    /// These outages are planned, and no others: commands fail as if Redis were away. What is heard goes on.
    pub(crate) fn play(&self, outages: Vec<Outage>) {
        self.0.outages.plan(outages);
    }

    /// What was done so far.
    pub fn figures(&self) -> Figures {
        let inner = &*self.0;
        let is_connected = matches!(inner.state().line, Line::Up(_));
        Figures {
            connections_created: inner.counts.connections.load(Relaxed),
            commands_executed: inner.counts.commands.load(Relaxed),
            errors: inner.counts.errors.load(Relaxed),
            commands_in_hand: (COMMANDS_MAX - inner.room.available_permits()) as u64,
            is_connected,
        }
    }

    pub(super) fn dialler(&self) -> &Dialler {
        &self.0.dialler
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for one command, and the connection if there is one that can be used.
    fn admit(&self, now_ns: u64) -> Result<(Hand<'_>, Option<Arc<Link>>), RedisError> {
        let mut state = self.state();
        let pass = match self.temper {
            Temper::Patient => Pass::Usual,
            Temper::Brisk => state.breaker.admit(now_ns).ok_or(RedisError::Resting)?,
        };
        let up = match &state.line {
            Line::Up(link) if link.is_usable(now_ns, self.temper.longest()) => Some(Arc::clone(link)),
            Line::Up(_) => {
                state.line = Line::Down;
                None
            }
            Line::Down | Line::Dialling(_) => None,
        };
        Ok((Hand { inner: self, pass: Some(pass), link: None }, up))
    }

    /// What a command comes to in a planned outage, after as long as it takes.
    async fn away(&self, condition: Condition) -> RedisError {
        if condition == Condition::Frozen {
            self.clock.sleep(self.temper.longest()).await;
            return RedisError::TimedOut;
        }
        let text = format!("Error 111 connecting to {:?}. Connection refused.", self.dialler.target());
        RedisError::Refused { text }
    }

    async fn dial(&self) -> Result<Arc<Link>, RedisError> {
        let limit = self.temper.longest();
        let made = self.clock.timeout(limit, self.dialler.dial(None)).await;
        let made = made.unwrap_or(Err(RedisError::TimedOut)).map(|wire| Arc::new(Link::new(wire)));
        let mut state = self.state();
        state.line = match &made {
            Ok(link) => Line::Up(Arc::clone(link)),
            Err(_) => Line::Down,
        };
        self.counts.connections.fetch_add(u64::from(made.is_ok()), Relaxed);
        made
    }

    /// Takes note of an outcome that says how Redis is. The connection is given up if it failed; commands that are
    /// still in hand on it keep it until they end by themselves.
    fn note(&self, failed: Option<&RedisError>, link: Option<&Arc<Link>>) {
        let mut state = self.state();
        let Some(error) = failed else {
            state.breaker.answered();
            if std::mem::take(&mut state.outage) {
                tracing::info!(redis = ?self.dialler.target(), "redis answers again");
            }
            return;
        };
        state.breaker.failed(self.clock.now_ns());
        if let (Line::Up(current), Some(link)) = (&state.line, link)
            && Arc::ptr_eq(current, link)
        {
            state.line = Line::Down;
        }
        if !std::mem::replace(&mut state.outage, true) {
            let redis = self.dialler.target();
            tracing::warn!(?redis, %error, "redis is out of reach; it is tried again, see that it runs");
        }
    }
}

/// A command in hand. Dropped before its end, it was abandoned.
struct Hand<'a> {
    inner: &'a Inner,
    pass: Option<Pass>,
    link: Option<Arc<Link>>,
}

impl Hand<'_> {
    fn end<T>(mut self, outcome: Result<T, RedisError>) -> Result<T, RedisError> {
        self.pass = None;
        let counts = &self.inner.counts;
        let error = outcome.as_ref().err();
        let outage = error.filter(|error| error.is_outage());
        (if outage.is_some() { &counts.errors } else { &counts.commands }).fetch_add(1, Relaxed);
        if error.is_some() && outage.is_none() {
            counts.errors.fetch_add(1, Relaxed);
        }
        if let (Some(link), None) = (&self.link, outage) {
            link.answered();
        }
        self.inner.note(outage, self.link.as_ref());
        outcome
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let Some(pass) = self.pass else { return };
        let now_ns = self.inner.clock.now_ns();
        if let Some(link) = &self.link {
            link.abandon(now_ns);
        }
        self.inner.state().breaker.abandoned(pass, now_ns);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.target())
    }
}
