//! Outages that are planned: when Redis is away, and how.
//!
//! It must not know who asks Redis.

use std::sync::{PoisonError, RwLock};

use super::embedded::Condition;

/// From one time to another on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) condition: Condition,
}

/// The outages that are planned now.
#[derive(Debug, Default)]
pub(super) struct Outages(RwLock<Vec<Outage>>);

impl Outages {
    /// These, and no others.
    pub(super) fn plan(&self, outages: Vec<Outage>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = outages;
    }

    /// How Redis is, if it is to be away.
    pub(super) fn at(&self, now_ns: u64) -> Option<Condition> {
        let outages = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let now = outages.iter().find(|outage| (outage.from_ns..outage.to_ns).contains(&now_ns));
        now.map(|outage| outage.condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_holds_says_how() {
        let outages = Outages::default();
        let outage = |from_ns, to_ns, condition| Outage { from_ns, to_ns, condition };
        outages.plan(vec![outage(10, 20, Condition::Down), outage(15, u64::MAX, Condition::Frozen)]);
        for (now_ns, expected) in [
            (9, None),
            (10, Some(Condition::Down)),
            (19, Some(Condition::Down)),
            (20, Some(Condition::Frozen)),
        ] {
            assert_eq!(outages.at(now_ns), expected, "{now_ns}");
        }
        outages.plan(vec![]);
        assert_eq!(outages.at(15), None);
    }
}
