//! The mesh within one process: channels with bounded queues, and the answers that are waited for.
//!
//! It must not know what tasks mean. A subscriber that is too slow misses messages, as one of Redis would; they are
//! counted.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use wire::Clock;

use super::RouteError;
use super::door::Door;
use super::event::{RESULTS, Task, TaskEvent, result_event};
use crate::json::Json;

/// Messages that may wait for a subscriber.
const QUEUE_MAX: usize = 4_096;
/// Answers that may be waited for.
const WAITING_MAX: usize = 65_536;
/// Tasks that one attached agent may work on.
const AT_WORK_MAX: usize = 1_024;

/// The mesh of this process. Cloning it is cheap, and all clones are the same mesh.
#[derive(Clone)]
pub(crate) struct MemoryMesh(Arc<Inner>);

struct Inner {
    clock: Clock,
    /// In front of it, where the mesh stands for one over Redis.
    door: Option<Door>,
    subscribers: Mutex<Vec<Subscriber>>,
    waiting: Mutex<HashMap<String, (u64, oneshot::Sender<Json>)>>,
    tickets: AtomicU64,
    missed: AtomicU64,
}

struct Subscriber {
    channel: String,
    queue: mpsc::Sender<Arc<str>>,
}

/// A subscriber's end of a channel.
pub(crate) struct Subscription(mpsc::Receiver<Arc<str>>);

impl Subscription {
    /// The next message; none once the mesh is gone.
    pub(crate) async fn next(&mut self) -> Option<Arc<str>> {
        self.0.recv().await
    }
}

impl MemoryMesh {
    #[cfg(test)]
    pub(crate) fn new(clock: Clock) -> Self {
        Self::behind(None, clock)
    }

    /// A mesh that an outage of the embedded Redis cuts off.
    pub(crate) fn behind(door: Option<Door>, clock: Clock) -> Self {
        let (subscribers, waiting) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner {
            clock,
            door,
            subscribers,
            waiting,
            tickets: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }))
    }

    /// Everything that is published on `channel` from now on; `tasks:*` stands for all that begin so.
    pub(crate) fn subscribe(&self, channel: &str) -> Subscription {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        lock(&self.0.subscribers).push(Subscriber { channel: channel.to_owned(), queue });
        Subscription(messages)
    }

    /// Hands a message to all who listen; an answer also goes to whoever waits for it.
    pub(crate) fn publish(&self, channel: &str, message: &str) {
        if channel == RESULTS
            && let Some(result) = TaskEvent::read(message.as_bytes())
            && let Some((_, waiting)) = lock(&self.0.waiting).remove(&result.workflow_id)
        {
            // Whoever gave up in this moment needs no answer.
            let _ = waiting.send(result.data);
        }
        let message: Arc<str> = message.into();
        lock(&self.0.subscribers).retain(|subscriber| {
            if !subscriber.takes(channel) {
                return !subscriber.queue.is_closed();
            }
            match subscriber.queue.try_send(message.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.0.missed.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
    }

    /// Messages that a subscriber missed because its queue was full.
    pub(crate) fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    /// An agent that takes the tasks of `capability`: `work` gives the object that answers one, or nothing. It works
    /// within the current runtime, for as long as the mesh is there.
    pub(crate) fn attach<F, W>(&self, capability: &str, work: W)
    where
        F: Future<Output = Option<Json>> + Send + 'static,
        W: Fn(TaskEvent) -> F + Send + 'static,
    {
        let mut tasks = self.subscribe(&format!("tasks:{}", capability.replace(':', "_")));
        // The agent must not keep the mesh alive that it listens to.
        let mesh = Arc::downgrade(&self.0);
        let places = Arc::new(Semaphore::new(AT_WORK_MAX));
        tokio::spawn(async move {
            while let Some(message) = tasks.next().await {
                let Some(task) = TaskEvent::read(message.as_bytes()) else { continue };
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (id, mesh, working) = (task.workflow_id.clone(), mesh.clone(), work(task));
                tokio::spawn(async move {
                    let answer = working.await.and_then(|data| result_event(&id, &data).ok());
                    if let (Some(event), Some(mesh)) = (answer, mesh.upgrade()) {
                        Self(mesh).publish(RESULTS, &event);
                    }
                    drop(place);
                });
            }
        });
    }

    /// Publishes a task and waits for its answer. Of two that wait under one name the later one gets it.
    pub(crate) async fn ask(&self, task: &Task, limit: Duration) -> Result<Json, RouteError> {
        let hears = match &self.0.door {
            Some(door) => door.pass().await?,
            None => true,
        };
        let (give, take) = oneshot::channel();
        let ticket = self.0.tickets.fetch_add(1, Ordering::Relaxed);
        {
            let mut waiting = lock(&self.0.waiting);
            if waiting.len() >= WAITING_MAX {
                return Err(RouteError::Failed(format!(
                    "Failed to route message: {WAITING_MAX} messages wait for an answer already"
                )));
            }
            waiting.insert(task.workflow_id.clone(), (ticket, give));
        }
        let _waiting = Waiting { mesh: self, id: &task.workflow_id, ticket };
        self.publish(&task.channel, &task.event);
        if limit.is_zero() {
            return Err(RouteError::Timeout);
        }
        let answer = async {
            match take.await {
                Ok(answer) if hears => answer,
                // A deaf router, or another message took the name over.
                _ => std::future::pending().await,
            }
        };
        self.0.clock.timeout(limit, answer).await.map_err(|_| RouteError::Timeout)
    }
}

impl Subscriber {
    fn takes(&self, channel: &str) -> bool {
        match self.channel.strip_suffix('*') {
            Some(begin) => channel.starts_with(begin),
            None => channel == self.channel,
        }
    }
}

/// A place among those who wait, given back however the wait ends.
struct Waiting<'a> {
    mesh: &'a MemoryMesh,
    id: &'a str,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.mesh.0.waiting);
        if waiting.get(self.id).is_some_and(|(ticket, _)| *ticket == self.ticket) {
            waiting.remove(self.id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn task(channel: &str, id: &str) -> Task {
        let event = format!(r#"{{"data":{{"n":1}},"metadata":{{"workflow_id":"{id}"}}}}"#);
        Task { channel: channel.to_owned(), workflow_id: id.to_owned(), event }
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_answers_its_own_tasks_only() {
        let mesh = MemoryMesh::new(Clock::at(0));
        mesh.attach("a:b", |task| async move { Some(task.data) });
        mesh.attach("silent", |_| async { None });
        let limit = Duration::from_millis(5);
        let data = parse(br#"{"n":1}"#).expect("JSON");
        for (channel, expected) in [
            ("tasks:a_b", Ok(data)),
            ("tasks:silent", Err(RouteError::Timeout)),
            ("tasks:other", Err(RouteError::Timeout)),
        ] {
            assert_eq!(mesh.ask(&task(channel, "w"), limit).await, expected, "{channel}");
            assert!(lock(&mesh.0.waiting).is_empty());
        }
        assert_eq!(mesh.ask(&task("tasks:a_b", "w"), Duration::ZERO).await, Err(RouteError::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_with_one_name_the_later_gets_the_answer() {
        let clock = Clock::at(0);
        let mesh = MemoryMesh::new(clock);
        mesh.attach("late", move |task| async move {
            clock.sleep(Duration::from_millis(1)).await;
            Some(task.data)
        });
        let (first, second) = (task("tasks:other", "w"), task("tasks:late", "w"));
        let limit = Duration::from_millis(5);
        let (first, second) = tokio::join!(biased; mesh.ask(&first, limit), mesh.ask(&second, limit));
        assert_eq!(first, Err(RouteError::Timeout));
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_listen_misses_and_is_counted() {
        let mesh = MemoryMesh::new(Clock::at(0));
        let (mut all, other) = (mesh.subscribe("tasks:*"), mesh.subscribe("tasks:x"));
        drop(other);
        for n in 0..=QUEUE_MAX {
            mesh.publish("tasks:x", &n.to_string());
        }
        assert_eq!(mesh.missed(), 1);
        assert_eq!(lock(&mesh.0.subscribers).len(), 1, "the closed one is forgotten");
        assert_eq!(all.next().await.as_deref(), Some("0"));
    }
}
