//! The mesh over Redis: tasks and answers are published on its channels, and heard over one connection each.
//!
//! It must not know what tasks mean. Whoever stops waiting is forgotten at once; tasks that are too many are dropped
//! and counted.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use wire::Seed;

use super::RouteError;
use super::event::{RESULTS, Task, TaskEvent, result_event};
use super::stage::{Heard, claim_key, results_channel, stage_event, tasks_channel};
use super::waiting::{WAITING_MAX, Waiter, Waiting};
use crate::json::Json;
use crate::quirk::{Quirk, Repairs};
use crate::redis::{Ear, OnMessage, RedisError, Server, until};

/// Tasks that the agents of this process may have in hand.
const IN_HAND_MAX: usize = 16_384;
/// How long a task stays claimed.
const CLAIM_S: u64 = 60;
/// How long a stage stays claimed once it is answered: whoever hears of it so late does not do it again.
const ANSWERED_CLAIM_S: u64 = 5;

/// The mesh of all who share a Redis. Cloning it is cheap, and all clones are the same mesh.
#[derive(Clone)]
pub(crate) struct RedisMesh(Arc<Inner>);

struct Inner {
    server: Server,
    repaired: bool,
    instance: Box<str>,
    waiting: Arc<Waiting>,
    router: OnceCell<Router>,
    agents: Mutex<Vec<Ear>>,
    counts: Arc<Counts>,
}

/// What hears the answers.
enum Router {
    /// Made while Redis was out of reach, it never hears any, as in the real server.
    Deaf,
    Hears(Ear),
}

#[derive(Default)]
struct Counts {
    stages: AtomicU64,
    failed: AtomicU64,
    outage: AtomicBool,
    taken: AtomicU64,
    dropped: AtomicU64,
}

/// What was done over the mesh since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// Stages that were answered, or still may be.
    pub(crate) stages: u64,
    /// Stages that were not.
    pub(crate) stages_failed: u64,
    /// Tasks that agents of this process took.
    pub(crate) tasks_taken: u64,
    /// Tasks that they dropped, because too many were in hand.
    pub(crate) tasks_dropped: u64,
    /// Answers that are waited for now.
    pub(crate) waiting: u64,
}

impl RedisMesh {
    /// The mesh in `server`; nothing is asked or heard before it is used. The instance is drawn like that of
    /// [`crate::replicas::Replicas`]: seed and start tell it from others.
    pub(crate) fn new(server: Server, seed: Seed, repairs: Repairs) -> Self {
        let start_ns = server.clock().unix_start_ns();
        let instance = format!("{:016x}", seed.stream("mesh", start_ns).next_u64());
        Self(Arc::new(Inner {
            server,
            repaired: repairs.has(Quirk::DeafRouter),
            instance: instance.into(),
            waiting: Arc::default(),
            router: OnceCell::new(),
            agents: Mutex::default(),
            counts: Arc::default(),
        }))
    }

    /// Publishes a task and waits for its answer.
    pub(crate) async fn ask(&self, task: &Task, limit: Duration) -> Result<Json, RouteError> {
        let inner = &*self.0;
        if let Router::Hears(ear) = inner.router().await? {
            inner.ready(ear, limit).await?;
        }
        let waiter = inner.wait_for(&task.workflow_id)?;
        inner.publish(&task.channel, &task.event).await?;
        if limit.is_zero() {
            return Err(RouteError::Timeout);
        }
        let answer = inner.server.clock().timeout(limit, waiter.answer()).await;
        answer.map_err(|_| RouteError::Timeout)
    }

    /// Lets `agent`, of this process or another, work on a stage, and waits for what it gives. `data` is a JSON object.
    /// It fails as soon as it is known that no answer will come.
    pub(crate) async fn stage(&self, agent: &str, data: &str, limit: Duration) -> Result<Json, RouteError> {
        let inner = &*self.0;
        let number = inner.counts.stages.fetch_add(1, Relaxed);
        let id = format!("{}-{number}", inner.instance);
        let event = stage_event(agent, &id, data, &results_channel(&inner.instance));
        let channel = tasks_channel(agent);
        let worked = inner.server.clock().timeout(limit, inner.staged(&channel, &id, &event)).await;
        let outcome = worked.unwrap_or(Err(RouteError::Timeout));
        let counts = &inner.counts;
        match &outcome {
            Ok(_) => {
                if counts.outage.load(Relaxed) && counts.outage.swap(false, Relaxed) {
                    tracing::info!("stages go over the mesh again");
                }
            }
            Err(error) => {
                counts.failed.fetch_add(1, Relaxed);
                if !counts.outage.swap(true, Relaxed) {
                    tracing::warn!(
                        agent,
                        ?error,
                        "a stage failed on the mesh; such stages run in this process"
                    );
                }
            }
        }
        outcome
    }

    /// Lets `work` do the tasks of these capabilities, from now on for as long as the mesh is there: it is given the
    /// position of the capability and the task, and gives the object that answers it, or nothing. Of several
    /// replicas one does it.
    pub(crate) fn serve<W, F>(&self, capabilities: &[String], work: W)
    where
        W: Fn(usize, TaskEvent) -> F + Send + Sync + 'static,
        F: Future<Output = Option<Json>> + Send + 'static,
    {
        self.serve_some(capabilities, IN_HAND_MAX, work);
    }

    /// The same with at most so many tasks in hand.
    pub(super) fn serve_some<W, F>(&self, capabilities: &[String], in_hand_max: usize, work: W)
    where
        W: Fn(usize, TaskEvent) -> F + Send + Sync + 'static,
        F: Future<Output = Option<Json>> + Send + 'static,
    {
        let channels: Vec<_> = capabilities.iter().map(|capability| tasks_channel(capability)).collect();
        let hands =
            Arc::new(Hands { server: self.0.server.clone(), counts: Arc::clone(&self.0.counts), work });
        let places = Arc::new(Semaphore::new(in_hand_max));
        let names: Vec<_> = channels.iter().map(|channel| channel.as_bytes().to_vec()).collect();
        let on_message: OnMessage = Arc::new(move |channel, event| {
            let Some(position) = names.iter().position(|name| name == channel) else { return };
            match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    drop(tokio::spawn(Arc::clone(&hands).take(position, channel.into(), event, place)))
                }
                Err(_) => {
                    hands.counts.dropped.fetch_add(1, Relaxed);
                    drop(tokio::spawn(Arc::clone(&hands).decline(event)));
                }
            }
        });
        let ear = Ear::open_some_time(&self.0.server, &channels, on_message);
        self.0.agents.lock().unwrap_or_else(PoisonError::into_inner).push(ear);
    }

    /// Waits until agents of this process hear their tasks.
    pub(crate) async fn until_serving(&self) {
        let ears: Vec<_> = {
            let agents = self.0.agents.lock().unwrap_or_else(PoisonError::into_inner);
            agents.iter().map(Ear::watch).collect()
        };
        for ear in ears {
            until(ear, true).await;
        }
    }

    /// What was done so far.
    pub(crate) fn figures(&self) -> Figures {
        let counts = &self.0.counts;
        let failed = counts.failed.load(Relaxed);
        Figures {
            stages: counts.stages.load(Relaxed).saturating_sub(failed),
            stages_failed: failed,
            tasks_taken: counts.taken.load(Relaxed),
            tasks_dropped: counts.dropped.load(Relaxed),
            waiting: self.0.waiting.len() as u64,
        }
    }
}

impl Inner {
    /// What hears the answers, made by the first who asks. As in the real server, that one alone learns if it fails.
    async fn router(&self) -> Result<&Router, RouteError> {
        let mut failed = false;
        let router = self.router.get_or_init(async || {
            let waiting = Arc::clone(&self.waiting);
            let on_message: OnMessage = Arc::new(move |_, event| {
                if let Some(heard) = Heard::read(&event) {
                    waiting.give(&heard.task.workflow_id, heard.task.data);
                }
            });
            let channels = [RESULTS.to_owned(), results_channel(&self.instance)];
            match Ear::open(&self.server, &channels, Arc::clone(&on_message)).await {
                Ok(ear) => Router::Hears(ear),
                Err(_) if self.repaired => {
                    Router::Hears(Ear::open_some_time(&self.server, &channels, on_message))
                }
                Err(error) => {
                    tracing::warn!(%error, "the a2a router found no redis and stays deaf; start redis first");
                    failed = true;
                    Router::Deaf
                }
            }
        });
        let router = router.await;
        if failed { Err(RouteError::Unavailable("the router found no redis")) } else { Ok(router) }
    }

    /// Waits until answers are heard, unless Redis is out of reach.
    async fn ready(&self, ear: &Ear, limit: Duration) -> Result<(), RouteError> {
        if ear.hears() {
            return Ok(());
        }
        self.server.run::<()>(&redis::cmd("PING")).await.map_err(|error| failed(&error))?;
        let hears = self.server.clock().timeout(limit, ear.until(true)).await;
        hears.map_err(|_| RouteError::Timeout)
    }

    fn wait_for<'a>(&'a self, name: &'a str) -> Result<Waiter<'a>, RouteError> {
        self.waiting.wait_for(name).ok_or_else(|| {
            let text = format!("Failed to route message: {WAITING_MAX} messages wait for an answer already");
            RouteError::Failed(text)
        })
    }

    /// Publishes, and says how many heard it.
    async fn publish(&self, channel: &str, event: &str) -> Result<u64, RouteError> {
        let publish = publish(channel, event);
        self.server.run(&publish).await.map_err(|error| failed(&error))
    }

    async fn staged(&self, channel: &str, id: &str, event: &str) -> Result<Json, RouteError> {
        let Router::Hears(ear) = self.router().await? else {
            return Err(RouteError::Unavailable("the router is deaf"));
        };
        if !ear.hears() {
            return Err(RouteError::Unavailable("answers are not heard"));
        }
        let waiter = self.wait_for(id)?;
        if self.publish(channel, event).await? == 0 {
            return Err(RouteError::Failed(format!("nobody listens on {channel}")));
        }
        tokio::select! {
            biased;
            answer = waiter.answer() => Ok(answer),
            () = ear.until(false) => Err(RouteError::Unavailable("redis was lost")),
        }
    }
}

fn publish(channel: &str, event: &str) -> redis::Cmd {
    let mut publish = redis::cmd("PUBLISH");
    publish.arg(channel).arg(event);
    publish
}

fn failed(error: &RedisError) -> RouteError {
    RouteError::Failed(format!("Failed to route message: {error}"))
}

/// What takes tasks and does them.
struct Hands<W> {
    server: Server,
    counts: Arc<Counts>,
    work: W,
}

impl<W, F> Hands<W>
where
    W: Fn(usize, TaskEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Option<Json>> + Send + 'static,
{
    async fn take(
        self: Arc<Self>,
        position: usize,
        channel: Box<[u8]>,
        event: Vec<u8>,
        _place: OwnedSemaphorePermit,
    ) {
        let Some(heard) = Heard::read(&event) else { return };
        let id = heard.task.workflow_id.clone();
        let claim = claim_key(&channel, &event, &id);
        match self.claims(&claim).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => return self.decline(event).await,
        }
        self.counts.taken.fetch_add(1, Relaxed);
        let answer = (self.work)(position, heard.task).await;
        if let Some(answer) = answer.and_then(|data| result_event(&id, &data).ok()) {
            let mut commands = redis::pipe();
            // A task of a client's may come again as it was; a stage has a name of its own.
            if heard.reply_to != RESULTS {
                commands.cmd("EXPIRE").arg(&claim).arg(ANSWERED_CLAIM_S).ignore();
            }
            commands.add_command(publish(&heard.reply_to, &answer)).ignore();
            // Whoever waits has a limit of its own, and Redis tells of its outages itself.
            let _ = self.server.run_all::<()>(&commands).await;
        }
    }

    /// Tells who asked for a stage that it was not done, so that nobody waits for it: an answer without anything in it.
    /// Other tasks have agents elsewhere, who may answer.
    async fn decline(self: Arc<Self>, event: Vec<u8>) {
        let Some(heard) = Heard::read(&event).filter(|heard| heard.reply_to != RESULTS) else { return };
        let nothing = result_event(&heard.task.workflow_id, &Json::Object(vec![]));
        if let Ok(nothing) = nothing {
            // If that fails too, whoever waits has a limit of its own.
            let _ = self.server.run::<()>(&publish(&heard.reply_to, &nothing)).await;
        }
    }

    /// Whether the task is ours.
    async fn claims(&self, key: &str) -> Result<bool, RedisError> {
        let mut claim = redis::cmd("SET");
        claim.arg(key).arg("").arg("NX").arg("EX").arg(CLAIM_S);
        Ok(self.server.run::<Option<String>>(&claim).await?.is_some())
    }
}
