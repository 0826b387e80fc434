//! What a profile puts in force, whole: agents and faults. It can be changed while requests are served.
//!
//! Who arrives takes what is in force then, and keeps it to the end. This must not know requests.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use wire::Mistakes;

use super::Stub;
use crate::agents::Agents;
use crate::answer;
use crate::fault::{Faults, Struck};
use crate::profile::{Profile, merged};
use crate::replicas::SharedProfile;

/// The number of a profile in force: the one that the stub began with is 0, and each change adds 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// How a profile is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// By what is other.
    Patch,
    /// As a whole.
    Replace,
}

impl Change {
    /// What comes out of what is in force.
    pub(super) fn of(self, now: &InForce, body: &Value) -> Value {
        match self {
            Self::Patch => merged(Value::Object(now.agents.written().clone()), body),
            Self::Replace => body.clone(),
        }
    }

    /// Whether faults count their times anew.
    pub(super) fn renews_faults(self, body: &Value) -> bool {
        self == Self::Replace || body.get("fault").is_some()
    }
}

/// A profile in force.
pub(super) struct InForce {
    pub(super) revision: Revision,
    pub(super) agents: Agents,
    /// They stay the same ones, clocks and counts and all, while their list does.
    pub(super) faults: Arc<Faults>,
}

/// A profile that is to be in force next.
struct Next {
    json: Value,
    revision: Revision,
    renews_faults: bool,
}

impl InForce {
    /// As an operator is told of it: its number and the profile; JSON.
    pub(super) fn told(&self) -> Bytes {
        answer::json(&serde_json::json!({"revision": self.revision, "profile": self.agents.written()}))
    }
}

/// What holds for one request, from its arrival on.
pub(super) struct Terms {
    pub(super) force: Arc<InForce>,
    pub(super) struck: Struck,
}

/// The profile in force now.
pub(super) struct Force {
    now: RwLock<Arc<InForce>>,
    /// Held by who changes it, so that no change is lost.
    changing: Mutex<()>,
}

impl Force {
    pub(super) fn new(agents: Agents, faults: Faults) -> Self {
        let first = InForce { revision: Revision(0), agents, faults: Arc::new(faults) };
        Self { now: RwLock::new(Arc::new(first)), changing: Mutex::default() }
    }

    pub(super) fn now(&self) -> Arc<InForce> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts in force what `change` makes of what was, or nothing at all.
    fn change(
        &self,
        change: impl FnOnce(&InForce) -> Result<InForce, Mistakes>,
    ) -> Result<Arc<InForce>, Mistakes> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(change(&self.now())?);
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::clone(&next);
        Ok(next)
    }
}

impl Stub {
    /// Changes the profile in force by a merge patch (RFC 7396) of what `GET /_stub/profile` shows, whole or not at
    /// all. Who arrives from now on finds the new one; who is being served ends in the old one. Agents that stay as
    /// they were keep slots, queues and connections, and so does the answer cache; faults count their times anew if
    /// `fault` is in the patch. Replicas of this stub are not told.
    ///
    /// # Errors
    /// All that is wrong with what would come out, as for a file.
    pub fn patch_profile(&self, patch: &Value) -> Result<Revision, Mistakes> {
        self.change(Change::Patch, patch).map(|force| force.revision)
    }

    /// Puts this profile in force in place of the one that was; faults count their times anew.
    ///
    /// # Errors
    /// All that is wrong with it, as for a file.
    pub fn replace_profile(&self, profile: &Value) -> Result<Revision, Mistakes> {
        self.change(Change::Replace, profile).map(|force| force.revision)
    }

    pub(super) fn change(&self, change: Change, body: &Value) -> Result<Arc<InForce>, Mistakes> {
        self.put_in_force(|now| Next {
            json: change.of(now, body),
            revision: Revision(now.revision.0 + 1),
            renews_faults: change.renews_faults(body),
        })
    }

    /// Puts in force what is in force for all.
    pub(super) fn adopt(&self, shared: &SharedProfile) -> Result<Arc<InForce>, Mistakes> {
        self.put_in_force(|now| Next {
            json: shared.json.clone(),
            revision: Revision(shared.revision),
            renews_faults: Revision(shared.faults_revision) > now.revision,
        })
    }

    fn put_in_force(&self, next: impl FnOnce(&InForce) -> Next) -> Result<Arc<InForce>, Mistakes> {
        let inner = &self.0;
        let next = inner.force.change(|now| {
            let Next { json, revision, renews_faults } = next(now);
            let profile = Profile::from_json("profile", &json)?;
            let profile = profile.within(inner.deadline);
            let faults = match renews_faults {
                true => Arc::new(Faults::new(&profile.faults, inner.clock, inner.seed)),
                false => Arc::clone(&now.faults),
            };
            if renews_faults {
                inner.redis.play(faults.outages());
            }
            let agents = now.agents.renewed(profile, &inner.redis);
            Ok(InForce { revision, agents, faults })
        })?;
        self.hear(&next);
        tracing::info!(revision = next.revision.0, "another profile is in force");
        Ok(next)
    }
}
