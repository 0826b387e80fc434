//! What a world must have so that something can go wrong in it. It must not know what goes wrong.

use std::time::Duration;

use super::world::World;

/// What a world needs before it can have something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A cache of answers.
    Cache,
    /// Redis.
    Redis,
    /// Users who wait only so long.
    Timeout,
}

impl Need {
    /// Sees to it.
    pub fn prepare(self, world: &mut World) {
        match self {
            Self::Nothing => {}
            Self::Cache => world.cache(),
            Self::Redis => world.redis = world.redis.or(Some(false)),
            Self::Timeout => world.timeout = Some(Duration::from_secs(20)),
        }
    }
}
