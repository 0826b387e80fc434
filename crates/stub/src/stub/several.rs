//! A stub as one of several: what it tells the others, what it hears of them, and changes that go to all.
//!
//! It must not know how they hear of each other.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use serde_json::Value;
use wire::{Mistakes, Truth};

use super::in_force::Change;
use super::{Background, Inner, Revision, Stub, with_hdr};
use crate::profile::Profile;
use crate::redis::RedisError;
use crate::replicas::{self, Heard, Replicas, SharedPage, SharedProfile, Word};

/// How often a change is tried while others change the profile too.
const ATTEMPTS_MAX: usize = 8;

/// Why a profile stays as it is.
#[derive(Debug)]
pub(crate) enum Unchanged {
    /// It would be wrong.
    Wrong(Mistakes),
    /// The others cannot be told.
    Untold(RedisError),
}

impl From<Mistakes> for Unchanged {
    fn from(wrong: Mistakes) -> Self {
        Self::Wrong(wrong)
    }
}

impl From<RedisError> for Unchanged {
    fn from(error: RedisError) -> Self {
        Self::Untold(error)
    }
}

impl Stub {
    /// The name of this stub among its replicas, if it is one of several.
    pub fn replica(&self) -> Option<&str> {
        self.several().map(Replicas::name)
    }

    /// The others, if they share their ledger and profile.
    pub(super) fn several(&self) -> Option<&Replicas> {
        self.0.replicas.as_ref().filter(|replicas| replicas.is_one_of_several())
    }

    /// What truly happened so far at all stubs that share a Redis server, this one among them; where this one is one of
    /// several, at those.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn truth_of_all(&self) -> Result<Truth, RedisError> {
        match &self.0.replicas {
            Some(replicas) => replicas.all(&self.0.ledger).await.map(with_hdr),
            None => Ok(self.truth()),
        }
    }

    /// A page of the ledger that replicas share; nothing where this one is none.
    pub(crate) async fn entries_of_all(
        &self,
        from: u64,
        limit: usize,
    ) -> Option<Result<SharedPage, RedisError>> {
        Some(self.several()?.entries(from, limit).await)
    }

    /// Tells the others what was done, for the last time.
    pub(crate) async fn close_books(&self) {
        if let Some(replicas) = &self.0.replicas {
            // A Redis that is away tells so itself, and nobody is left to try again.
            let _ = replicas.tell(&self.0.ledger, Word::Last).await;
        }
    }

    /// From now on the others are told, and heard, for as long as the stub is there.
    pub(super) fn keep_in_touch(&self) {
        let stub = Arc::downgrade(&self.0);
        let task = tokio::spawn(keep_in_touch(stub, self.0.clock));
        // It is called once, while the stub is made.
        let _ = self.0.in_touch.set(Background(task.abort_handle()));
    }

    /// Tells the others what was done, and takes the profile over that is in force for all.
    pub(super) async fn touch(&self) -> Result<(), RedisError> {
        let Some(replicas) = &self.0.replicas else { return Ok(()) };
        let Heard { revision, .. } = replicas.tell(&self.0.ledger, Word::GoesOn).await?;
        if replicas.is_one_of_several() && Revision(revision) > self.0.force.now().revision {
            let _changing = replicas.changing.lock().await;
            self.catch_up(replicas).await?;
        }
        Ok(())
    }

    /// Takes the profile over that is in force for all; its revision, 0 of none.
    async fn catch_up(&self, replicas: &Replicas) -> Result<u64, RedisError> {
        let Some(shared) = replicas.profile().await? else { return Ok(0) };
        let revision = shared.revision;
        if Revision(revision) > self.0.force.now().revision
            && let Err(wrong) = self.adopt(&shared)
        {
            tracing::warn!(%wrong, revision, "another replica's profile is wrong here; run the same version everywhere");
        }
        Ok(revision)
    }

    /// Changes the profile of all replicas, or of this stub if it is alone; the new one and its number, JSON.
    pub(crate) async fn changed_profile(&self, change: Change, body: &Value) -> Result<Bytes, Unchanged> {
        let Some(replicas) = self.several() else { return Ok(self.change(change, body)?.told()) };
        let _changing = replicas.changing.lock().await;
        for _ in 0..ATTEMPTS_MAX {
            let before = self.catch_up(replicas).await?;
            let now = self.0.force.now();
            let json = change.of(&now, body);
            Profile::from_json("profile", &json)?;
            let revision = now.revision.0.max(before) + 1;
            let faults_revision = if change.renews_faults(body) { revision } else { 0 };
            let next = SharedProfile { revision, faults_revision, json };
            if replicas.put_profile(before, &next).await? {
                return Ok(self.adopt(&next)?.told());
            }
        }
        Err(Unchanged::Untold(RedisError::Busy))
    }
}

async fn keep_in_touch(stub: Weak<Inner>, clock: wire::Clock) {
    while let Some(inner) = stub.upgrade() {
        // Redis tells of its outages itself, and what was missed is told the next time.
        let _ = Stub(inner).touch().await;
        clock.sleep(replicas::EVERY).await;
    }
}
