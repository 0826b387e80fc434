//! The join: each request of the harness with the ledger's entry of the same id, as both come in.
//!
//! What is paired is forgotten at once, so that memory holds only what one side has seen and the other has not yet. It
//! must not know where either side comes from.

use std::collections::HashMap;

use measure::{EntryName, Outcome, RequestId, Sample};
use wire::LedgerEntry;

/// A request's run, user and number.
type Key = (u32, u32, u32);

/// What one side has seen and the other has not.
#[derive(Clone, Debug)]
enum Half {
    Harness(Sample),
    Ledger { route: String, status: Option<u16>, marked: bool, service_ns: u64, arrived_ns: u64 },
}

/// Counts of a join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Entries of the ledger.
    pub(crate) entries: u64,
    /// Requests of the harness's journal.
    pub(crate) samples: u64,
    /// Requests that both have.
    pub(crate) pairs: u64,
    /// Entries and requests without their other half, seen twice or of an id that the harness never gave.
    pub(crate) unpaired: u64,
    /// Pairs whose route and entry name differ.
    pub(crate) misnamed: u64,
    /// Pairs whose status differs, where no fault on the connection explains it.
    pub(crate) misstated: u64,
    /// Requests of the journal that failed.
    pub(crate) failures: u64,
    /// The most that the two sides' service times of one request differ by.
    pub(crate) service_apart_ns: u64,
    /// The most that sending and arriving of one request differ by.
    pub(crate) sent_apart_ns: u64,
}

/// Joins as it goes.
#[derive(Debug)]
pub(crate) struct Joiner {
    names: Vec<String>,
    waiting: HashMap<Key, Half>,
    joined: Joined,
}

impl Joiner {
    /// For a step with these entries.
    pub(crate) fn new(names: &[EntryName]) -> Self {
        // The route's pattern is the path without its query.
        let route = |entry: &EntryName| {
            let path = entry.path.split('?').next().unwrap_or_default();
            format!("{} {path}", entry.method)
        };
        Self { names: names.iter().map(route).collect(), waiting: HashMap::new(), joined: Joined::default() }
    }

    /// A request of the harness.
    pub(crate) fn sample(&mut self, sample: &Sample) {
        self.joined.samples += 1;
        self.joined.failures += u64::from(sample.outcome == Outcome::Failure);
        let RequestId { run, user, number } = sample.request_id;
        self.meet((run, user, number), Half::Harness(*sample));
    }

    /// An entry of the ledger.
    pub(crate) fn entry(&mut self, entry: &LedgerEntry) {
        self.joined.entries += 1;
        let half = Half::Ledger {
            route: entry.route.clone(),
            status: entry.status,
            marked: !entry.faults.is_empty(),
            service_ns: entry.written_ns.saturating_sub(entry.arrived_ns),
            arrived_ns: entry.arrived_ns,
        };
        match key(&entry.request_id) {
            Some(key) => self.meet(key, half),
            None => self.joined.unpaired += 1,
        }
    }

    fn meet(&mut self, key: Key, half: Half) {
        match (self.waiting.remove(&key), half) {
            (None, half) => drop(self.waiting.insert(key, half)),
            (Some(Half::Harness(sample)), Half::Ledger { route, status, marked, service_ns, arrived_ns })
            | (Some(Half::Ledger { route, status, marked, service_ns, arrived_ns }), Half::Harness(sample)) =>
            {
                let joined = &mut self.joined;
                joined.pairs += 1;
                let name = self.names.get(usize::from(sample.name.0));
                joined.misnamed += u64::from(name != Some(&route));
                // A fault may leave the harness without an answer to what the server has answered.
                let same =
                    status == Some(sample.status) || (sample.status == 0 && (marked || status.is_none()));
                joined.misstated += u64::from(!same);
                if sample.status != 0 {
                    let apart_ns = sample.service_ns().abs_diff(service_ns);
                    joined.service_apart_ns = joined.service_apart_ns.max(apart_ns);
                    let apart_ns = sample.sent_ns.abs_diff(arrived_ns);
                    joined.sent_apart_ns = joined.sent_apart_ns.max(apart_ns);
                }
            }
            // The same id twice on one side: one of them has no other half.
            (Some(_), half) => {
                self.joined.unpaired += 1;
                self.waiting.insert(key, half);
            }
        }
    }

    /// What came of it.
    pub(crate) fn finish(self) -> Joined {
        Joined { unpaired: self.joined.unpaired + self.waiting.len() as u64, ..self.joined }
    }
}

impl Joined {
    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.samples += other.samples;
        self.pairs += other.pairs;
        self.unpaired += other.unpaired;
        self.misnamed += other.misnamed;
        self.misstated += other.misstated;
        self.failures += other.failures;
        self.service_apart_ns = self.service_apart_ns.max(other.service_apart_ns);
        self.sent_apart_ns = self.sent_apart_ns.max(other.sent_apart_ns);
    }
}

/// Reads an id of the harness.
fn key(id: &str) -> Option<Key> {
    let mut parts = id.split('-');
    let run = u32::from_str_radix(parts.next()?, 16).ok()?;
    let (user, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((run, user, number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::testing::{entry, sample};

    fn names() -> Vec<EntryName> {
        vec![EntryName { method: "POST".into(), name: "/ask".into(), path: "/ask".into() }]
    }

    type Change = fn(&mut Vec<Sample>, &mut Vec<LedgerEntry>);

    fn joined(change: Change) -> Joined {
        let mut samples: Vec<_> = (0..10).map(sample).collect();
        let mut entries: Vec<_> = (0..10).map(entry).collect();
        change(&mut samples, &mut entries);
        let mut joiner = Joiner::new(&names());
        // In halves, so that either side comes first for some.
        let (first, second) = samples.split_at(samples.len() / 2);
        first.iter().for_each(|sample| joiner.sample(sample));
        entries.iter().for_each(|entry| joiner.entry(entry));
        second.iter().for_each(|sample| joiner.sample(sample));
        joiner.finish()
    }

    #[test]
    fn what_is_the_same_on_both_sides_is_paired_and_forgotten() {
        let whole = joined(|_, _| {});
        assert_eq!(whole, Joined { entries: 10, samples: 10, pairs: 10, ..Joined::default() });
    }

    #[test]
    fn each_mistake_is_seen_as_what_it_is() {
        type Seen = fn(&Joined) -> u64;
        let cases: [(Change, Seen); 9] = [
            (|samples, _| samples.truncate(9), |joined| joined.unpaired),
            (|_, entries| drop(entries.remove(3)), |joined| joined.unpaired),
            (|samples, _| samples.push(samples[9]), |joined| joined.unpaired),
            (|_, entries| entries.push(entries[2].clone()), |joined| joined.unpaired),
            (|_, entries| entries[0].request_id = "stub-1".into(), |joined| joined.unpaired - 1),
            (|_, entries| entries[0].route = "GET /health".into(), |joined| joined.misnamed),
            (|_, entries| entries[0].status = Some(500), |joined| joined.misstated),
            (|samples, _| samples[4].sent_ns += 1, |joined| joined.sent_apart_ns),
            (|samples, _| samples[4].done_ns += 1, |joined| joined.service_apart_ns),
        ];
        for (place, (change, seen)) in cases.into_iter().enumerate() {
            let found = joined(change);
            assert_eq!(seen(&found), 1, "case {place}: {found:?}");
        }
    }

    #[test]
    fn a_fault_explains_a_missing_answer_and_nothing_else_does() {
        let silent = joined(|samples, _| samples[0].status = 0);
        assert_eq!(silent.misstated, 1);
        let struck = joined(|samples, entries| {
            samples[0].status = 0;
            entries[0].faults.push("reset".into());
        });
        assert_eq!(struck.misstated, 0);
        let left = joined(|samples, entries| {
            samples[0].status = 0;
            entries[0].status = None;
        });
        assert_eq!(left.misstated, 0);
    }
}
