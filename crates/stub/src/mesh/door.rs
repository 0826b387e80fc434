//! The embedded Redis in front of the mesh of one process: whether a task gets out, and whether its answer is heard.
//!
//! It must not know what is published.

use std::sync::OnceLock;

use super::RouteError;
use crate::quirk::{Quirk, Repairs};
use crate::redis::Embedded;

/// What a task has to pass.
pub(crate) struct Door {
    redis: Embedded,
    recovers: bool,
    /// Whether the router that the first task made hears answers. Made during an outage it never will, as in the real
    /// server.
    hears: OnceLock<bool>,
}

impl Door {
    pub(crate) fn new(redis: Embedded, repairs: Repairs) -> Self {
        Self { redis, recovers: repairs.has(Quirk::DeafRouter), hears: OnceLock::new() }
    }

    /// Whether an answer will be heard, once the task is out.
    pub(super) async fn pass(&self) -> Result<bool, RouteError> {
        let outcome = self.redis.ask().await;
        let is_first = self.hears.set(outcome.is_ok()).is_ok();
        match outcome {
            Ok(()) => Ok(self.recovers || *self.hears.get().unwrap_or(&true)),
            Err(_) if is_first && !self.recovers => {
                Err(RouteError::Unavailable("the router could not reach Redis when it was made"))
            }
            Err(error) => Err(RouteError::Failed(format!("Failed to route message: {error}"))),
        }
    }
}
