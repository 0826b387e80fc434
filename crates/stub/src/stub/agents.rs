//! Agents that take tasks from the mesh: the stub's own, and those of whoever holds the stub in process.
//!
//! It must not know who asks.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, PoisonError, Weak};

use super::in_force::InForce;
use super::{Inner, Stub};
use crate::json::{Form, Json, parse};
use crate::mesh::{RedisMesh, TaskEvent};

/// Names that listen to the mesh, over all profiles that there were.
const LISTENING_MAX: usize = 10_000;

impl Stub {
    /// Lets an agent of the caller's take the tasks of `capability` in this process, `*` for all of them: it is given
    /// a task's data as JSON, and gives the JSON object that answers it, or nothing. It works within the current
    /// runtime.
    pub fn attach_agent<F, W>(&self, capability: &str, work: W)
    where
        F: Future<Output = Option<String>> + Send + 'static,
        W: Fn(String) -> F + Send + 'static,
    {
        self.0.mesh.attach(capability, move |task| {
            let working = task.data.write(Form::Event).ok().map(&work);
            async move {
                let answer = working?.await?;
                parse(answer.as_bytes()).ok()
            }
        });
    }

    /// From the first message on, each agent of the profile in force takes the tasks that bear its name from the mesh
    /// of this process.
    pub(super) fn listen(&self) {
        let mut listening = self.0.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.is_none() {
            *listening = Some(BTreeSet::new());
            drop(listening);
            self.hear(&self.0.force.now());
        }
    }

    /// Once there is somebody who listens, the agents of another profile do so too.
    pub(super) fn hear(&self, force: &InForce) {
        let mut listening = self.0.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listening) = &mut *listening else { return };
        for name in force.agents.names().iter() {
            // Agents that are gone take no more tasks, and a name listens but once.
            if listening.len() < LISTENING_MAX && listening.insert(name.clone()) {
                let (stub, agent) = (Arc::downgrade(&self.0), Arc::from(name.as_str()));
                self.0.mesh.attach(name, move |task| take(stub.clone(), Arc::clone(&agent), task));
            }
        }
    }

    /// From now on each agent takes them from the mesh over Redis, stages of workflows among them.
    pub(super) fn listen_over(&self, mesh: &RedisMesh) {
        let names = Arc::clone(self.0.force.now().agents.names());
        let stub = Arc::downgrade(&self.0);
        let heard = Arc::clone(&names);
        mesh.serve(&names, move |agent, task| take(stub.clone(), heard[agent].as_str().into(), task));
    }
}

/// Nothing once the stub or the agent is gone.
async fn take(stub: Weak<Inner>, agent: Arc<str>, task: TaskEvent) -> Option<Json> {
    let force = stub.upgrade()?.force.now();
    let agent = force.agents.names().iter().position(|name| **name == *agent)?;
    force.agents.take(agent, task).await
}
