//! The profile that an operator put in force, where all replicas find it.
//!
//! It must not know what a profile is.

use serde_json::Value;

use super::{PROFILE_KEPT_US, Replicas};
use crate::redis::RedisError;

/// A profile that is in force for all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SharedProfile {
    /// Counts the changes.
    pub(crate) revision: u64,
    /// That in which faults last began to count their times anew.
    pub(crate) faults_revision: u64,
    /// As it is written.
    pub(crate) json: Value,
}

impl Replicas {
    /// The profile that an operator put in force, if one did.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub(crate) async fn profile(&self) -> Result<Option<SharedProfile>, RedisError> {
        let mut asked = redis::cmd("HMGET");
        asked.arg(self.key("profile")).arg(&["revision", "faults", "json"]);
        let told: (Option<u64>, Option<u64>, Option<Vec<u8>>) = self.within(self.server.run(&asked)).await?;
        let (Some(revision), faults_revision, Some(json)) = told else { return Ok(None) };
        let json = serde_json::from_slice(&json)
            .map_err(|error| RedisError::Answer(format!("the shared profile is no JSON: {error}")))?;
        Ok(Some(SharedProfile { revision, faults_revision: faults_revision.unwrap_or(0), json }))
    }

    /// Puts this one in force for all, unless that of `before` is no longer the one in force.
    ///
    /// # Errors
    /// When Redis could not be asked; it may be in force all the same.
    pub(crate) async fn put_profile(&self, before: u64, profile: &SharedProfile) -> Result<bool, RedisError> {
        let mut call = self.change.prepare_invoke();
        call.key(self.key("profile")).arg(before).arg(profile.revision).arg(profile.json.to_string());
        call.arg(u8::from(profile.faults_revision == profile.revision)).arg(PROFILE_KEPT_US);
        Ok(self.run::<u64>(&call).await? == 1)
    }
}
