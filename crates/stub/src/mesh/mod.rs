//! The event mesh: tasks go out on a channel of their capability, agents take them, and answers find their way back.
//!
//! It must not know what tasks mean, nor who may send them.

mod door;
mod event;
mod memory;
mod redis;
#[cfg(test)]
mod redis_tests;
mod stage;
mod waiting;

use std::time::Duration;

pub(crate) use door::Door;
pub(crate) use event::{Task, TaskEvent};
pub(crate) use memory::MemoryMesh;
pub(crate) use redis::{Figures, RedisMesh};

use crate::json::Json;

/// The mesh that the stub is part of.
pub(crate) enum Mesh {
    /// Within this process.
    Memory(MemoryMesh),
    /// Over Redis, with whoever else is on its channels.
    Redis(RedisMesh),
}

/// Why a task has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RouteError {
    /// None came in time.
    Timeout,
    /// It could not be sent, with what the client is told.
    Failed(String),
    /// The mesh could not be reached for the first time, with the reason for the log.
    Unavailable(&'static str),
}

impl Mesh {
    /// Publishes a task and waits for its answer: the object that an agent gives as its data.
    pub(crate) async fn ask(&self, task: &Task, limit: Duration) -> Result<Json, RouteError> {
        match self {
            Self::Memory(mesh) => mesh.ask(task, limit).await,
            Self::Redis(mesh) => mesh.ask(task, limit).await,
        }
    }
}
