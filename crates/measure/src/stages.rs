//! Where the server says that the time of a success went, by entry and stage, for a whole step. All of it is bounded.
//! It must not know how a server says it. No rule of a diagnosis reads it: a target need not say anything.

use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, Decoder, Encoder};
use crate::histogram::{Count, bucket_of};
use crate::times::{Times, widened};
use crate::{NameId, TimesRecord};

/// Stages that are told apart in a step; times of further ones are counted alone.
pub const STAGES_MAX: usize = 16;

/// What the server said of a step's successes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagesRecord {
    /// The stages, in the order in which they were first named.
    pub names: Vec<String>,
    /// By entry, sorted; those whose answers said nothing are left out.
    pub entries: Vec<EntryStages>,
    /// Successes that said something that cannot be read; nothing of it is kept.
    pub unreadable: u64,
    /// Times of stages beyond the first [`STAGES_MAX`].
    pub left_out: u64,
}

/// What the server said of one entry's successes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryStages {
    /// The entry.
    pub name: NameId,
    /// Successes that said anything.
    pub answers: u64,
    /// The sum of their service times, exact.
    pub service_sum_ns: u64,
    /// By stage, in the order of the names; those that never came are left out.
    pub stages: Vec<StageRecord>,
}

/// One stage of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Its place among the names.
    pub stage: u16,
    /// Successes that named it; one that names it twice counts once, with the sum.
    pub count: u64,
    /// Its times in them.
    pub times: TimesRecord,
}

/// What is gathered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stages {
    names: Vec<String>,
    entries: Vec<Entry>,
    pub(crate) unreadable: u64,
    left_out: u64,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    answers: u64,
    service_sum_ns: u64,
    /// By stage.
    times: Vec<Times>,
}

impl Stages {
    /// Takes one success: its stages and their times, each stage once.
    pub(crate) fn record(&mut self, name: NameId, service_ns: u64, stages: &[(&str, u64)]) {
        let entry = self.entry(name);
        entry.answers += 1;
        entry.service_sum_ns += service_ns;
        for (stage, ns) in stages {
            match self.stage(stage) {
                None => self.left_out += 1,
                Some(at) => {
                    let times = self.times(name, at);
                    times.count += 1;
                    times.sum_ns += ns;
                    times.range_ns = Some(widened(times.range_ns, (*ns, *ns)));
                    times.histogram.add([(bucket_of(*ns), 1)]);
                }
            }
        }
    }

    /// Takes all of `other` and leaves it empty, its names kept.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        for (name, entry) in (0..).map(NameId).zip(&mut other.entries) {
            let Entry { answers, service_sum_ns, times } = std::mem::take(entry);
            if answers == 0 {
                continue;
            }
            let own = self.entry(name);
            own.answers += answers;
            own.service_sum_ns += service_sum_ns;
            for (stage, times) in other.names.iter().zip(times).filter(|(_, times)| times.count > 0) {
                match self.stage(stage) {
                    None => self.left_out += times.count,
                    Some(at) => self.times(name, at).merge(&times),
                }
            }
        }
        self.unreadable += std::mem::take(&mut other.unreadable);
        self.left_out += std::mem::take(&mut other.left_out);
    }

    /// What a record says; a stage or histogram that contradicts it is an error.
    pub(crate) fn of(record: &StagesRecord, decoder: &mut Decoder) -> Result<Self, CodecError> {
        let mut found = Self { unreadable: record.unreadable, left_out: record.left_out, ..Self::default() };
        for entry in &record.entries {
            let own = found.entry(entry.name);
            (own.answers, own.service_sum_ns) = (entry.answers, entry.service_sum_ns);
            for StageRecord { stage, count, times } in &entry.stages {
                let name = record.names.get(usize::from(*stage)).ok_or(CodecError::Layout)?;
                let counts = decoder.decode(&times.histogram)?;
                let at = found.stage(name).ok_or(CodecError::Layout)?;
                let own = found.times(entry.name, at);
                (own.count, own.sum_ns) = (*count, times.sum_ns);
                own.range_ns = Some((times.min_ns, times.max_ns));
                own.histogram.add(counts.iter().copied());
            }
        }
        Ok(found)
    }

    /// `None` where no answer said anything.
    pub(crate) fn record_of(&self) -> Option<StagesRecord> {
        let mut encoder = Encoder::new();
        let mut entries = vec![];
        for (name, entry) in (0..).map(NameId).zip(&self.entries).filter(|(_, entry)| entry.answers > 0) {
            let Entry { answers, service_sum_ns, times } = entry;
            let known = (0..).zip(times).filter(|(_, times)| times.count > 0);
            let stages = known.map(|(stage, times)| {
                let counts: Vec<Count> = times.histogram.counts().collect();
                let (min_ns, max_ns) = times.range_ns.unwrap_or_default();
                let histogram = encoder.encode(&counts);
                let record = TimesRecord { sum_ns: times.sum_ns, min_ns, max_ns, histogram };
                StageRecord { stage, count: times.count, times: record }
            });
            let stages = stages.collect();
            entries.push(EntryStages { name, answers: *answers, service_sum_ns: *service_sum_ns, stages });
        }
        let (unreadable, left_out) = (self.unreadable, self.left_out);
        let said = !entries.is_empty() || unreadable > 0;
        said.then(|| StagesRecord { names: self.names.clone(), entries, unreadable, left_out })
    }

    fn entry(&mut self, name: NameId) -> &mut Entry {
        let at = usize::from(name.0);
        if at >= self.entries.len() {
            self.entries.resize_with(at + 1, Entry::default);
        }
        &mut self.entries[at]
    }

    fn times(&mut self, name: NameId, stage: usize) -> &mut Times {
        let times = &mut self.entry(name).times;
        if stage >= times.len() {
            times.resize_with(stage + 1, Times::default);
        }
        &mut times[stage]
    }

    /// The stage's place; a new one gets the next, while there is room.
    fn stage(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.names.iter().position(|known| known == name) {
            return Some(at);
        }
        let room = self.names.len() < STAGES_MAX;
        room.then(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: NameId = NameId(1);

    #[test]
    fn merged_is_what_one_would_have_seen() {
        let (mut one, mut left, mut right, mut whole) =
            (Stages::default(), Stages::default(), Stages::default(), Stages::default());
        for at in 0..100u64 {
            let both = [("queue", at * 10), ("agent", at * 1_000)];
            let said = if at % 3 == 0 { &both[1..] } else { &both[..] };
            one.record(ASK, at * 2_000, said);
            if at % 7 < 3 { &mut left } else { &mut right }.record(ASK, at * 2_000, said);
        }
        (one.unreadable, right.unreadable) = (2, 2);
        // Names in the order of the one that saw all.
        whole.record(ASK, 0, &[("agent", 0), ("queue", 0)]);
        whole.merge(&mut left);
        whole.merge(&mut right);
        assert!(right.record_of().is_none(), "it is empty now");
        let (mut expected, found) = (one.record_of().expect("said"), whole.record_of().expect("said"));
        assert_eq!(expected.names, ["agent", "queue"]);
        let entry = &mut expected.entries[0];
        assert_eq!(
            (entry.answers + 1, entry.service_sum_ns),
            (found.entries[0].answers, found.entries[0].service_sum_ns)
        );
        let sums = |record: &StagesRecord| -> Vec<(u64, u64)> {
            record.entries[0].stages.iter().map(|stage| (stage.times.sum_ns, stage.times.max_ns)).collect()
        };
        assert_eq!(sums(&expected), sums(&found));
        assert_eq!((found.entries[0].stages[0].count, found.unreadable), (101, 2));
    }

    #[test]
    fn names_are_bounded_and_what_is_left_out_is_counted() {
        let mut stages = Stages::default();
        let names: Vec<String> = (0..STAGES_MAX + 4).map(|at| format!("s{at}")).collect();
        let said: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 5)).collect();
        stages.record(ASK, 100, &said);
        stages.record(ASK, 100, &said[..3]);
        let record = stages.record_of().expect("said");
        assert_eq!((record.names.len(), record.left_out), (STAGES_MAX, 4));
        assert!(Stages::default().record_of().is_none());
    }
}
