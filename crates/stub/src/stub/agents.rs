//! Agents that take tasks from the mesh: the stub's own, and those of whoever holds the stub in process.
//!
//! It must not know who asks.

use std::future::Future;
use std::sync::{Arc, Weak};

use super::{Inner, Stub};
use crate::json::{Form, Json, parse};
use crate::mesh::{RedisMesh, TaskEvent};

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

    /// From the first message on, each agent of the profile takes the tasks that bear its name from the mesh of this
    /// process.
    pub(super) fn listen(&self) {
        self.0.listening.call_once(|| {
            for (agent, name) in self.0.agents.names().enumerate() {
                let stub = Arc::downgrade(&self.0);
                self.0.mesh.attach(name, move |task| take(stub.clone(), agent, task));
            }
        });
    }

    /// From now on each agent takes them from the mesh over Redis, stages of workflows among them.
    pub(super) fn listen_over(&self, mesh: &RedisMesh) {
        let names: Vec<_> = self.0.agents.names().map(str::to_owned).collect();
        let stub = Arc::downgrade(&self.0);
        mesh.serve(&names, move |agent, task| take(stub.clone(), agent, task));
    }
}

/// Nothing once the stub is gone.
async fn take(stub: Weak<Inner>, agent: usize, task: TaskEvent) -> Option<Json> {
    stub.upgrade()?.agents.take(agent, task).await
}
