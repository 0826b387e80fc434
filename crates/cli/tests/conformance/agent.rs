//! The agent that stood in when messages were recorded: it hears all tasks on Redis, and answers what it is given.
//!
//! It must not know the server, only the channels between them.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

use redis::{Client, Commands};
use serde::Deserialize;
use serde_json::Value;

const TASKS: &str = "tasks:*";
const RESULTS: &str = "a2a_results";

/// What an agent heard: the channel and the event.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Heard {
    channel: String,
    event: Value,
}

/// An agent that works until its Redis is gone.
#[derive(Debug)]
pub(crate) struct Agent(Arc<Mutex<Vec<Heard>>>);

impl Agent {
    /// It listens when this returns.
    pub(crate) fn start(url: &str) -> Self {
        let client = Client::open(url).expect("a URL");
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let (ready, listens) = channel();
        let log = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut ear = client.get_connection().expect("Redis is there");
            let mut mouth = client.get_connection().expect("Redis is there");
            let mut tasks = ear.as_pubsub();
            tasks.psubscribe(TASKS).expect("it can listen");
            ready.send(()).expect("the test waits");
            // Ends with Redis.
            while let Ok(message) = tasks.get_message() {
                let event: String = message.get_payload().expect("an event is text");
                let answer = result(&event);
                let (channel, event) = (message.get_channel_name().to_owned(), json(&event));
                log.lock().unwrap_or_else(PoisonError::into_inner).push(Heard { channel, event });
                if let Some(answer) = answer {
                    let _: Result<u64, _> = mouth.publish(RESULTS, answer);
                }
            }
        });
        listens.recv().expect("the agent listens");
        Self(heard)
    }

    /// What it has heard until now.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The event that answers a task; none to one that wants silence. The task's data go back letter by letter.
fn result(task: &str) -> Option<String> {
    let (_, rest) = task.split_once(r#""data":"#).expect("a task has data");
    let (data, _) = rest.rsplit_once(r#","metadata":{"event_id":"#).expect("a task has metadata");
    let event = json(task);
    let workflow = &event["metadata"]["workflow_id"];
    (event["data"]["mode"] != "silent").then(|| {
        format!(
            r#"{{"event_type":"A2AResult","data":{{"translated":"Hola","echo":{data}}},"metadata":{{"event_id":{workflow},"timestamp":"2026-11-23T00:00:00Z","source_agent":"stand-in","workflow_id":{workflow},"priority":"normal","metadata":{{}}}},"access_policy":{{"min_level":"public","allowed_roles":[],"denied_roles":[]}}}}"#
        )
    })
}

fn json(event: &str) -> Value {
    serde_json::from_str(event).expect("an event is JSON")
}

/// What the agent of the recording heard, if that was written down: some of its events.
pub(crate) fn recorded(recording: &str) -> Vec<Heard> {
    #[derive(Deserialize)]
    struct Recorded {
        #[serde(default)]
        redis_events_seen_by_agent: Vec<Heard>,
    }
    let recorded: Recorded = serde_json::from_str(recording).expect("a recording");
    recorded.redis_events_seen_by_agent
}

/// What was heard then and not now.
pub(crate) fn differences(recorded: &[Heard], heard: &[Heard]) -> Vec<String> {
    let id = |one: &Heard| one.event["metadata"]["event_id"].clone();
    let mut found = vec![];
    for then in recorded {
        match heard.iter().find(|now| id(now) == id(then)) {
            Some(now) if now.channel == then.channel && now.event == then.event => {}
            now => found.push(format!("the agent heard {now:?} instead of {then:?}")),
        }
    }
    found
}
