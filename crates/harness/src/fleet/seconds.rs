//! The seconds of a step as workers hand them in: kept until all have, then added up in order.
//!
//! It must not know time, the bus, or why a worker is no longer waited for.

use std::collections::{BTreeMap, BTreeSet};

use measure::{GeneratorRecord, Packer, Parcel, ProcessRecord, Recorder};

use super::message::Second;
use crate::threads::Gauges;

/// Seconds that are kept beyond the one that is waited for; later ones are added to the last.
const AHEAD_MAX: u64 = 600;
/// Threads that a merged record names at most.
const THREADS_MAX: usize = 300;

/// What is kept of a second.
#[derive(Debug, Default)]
struct Kept {
    parcels: Vec<Parcel>,
    from: BTreeSet<usize>,
    gauges: Gauges,
    generators: Vec<(usize, GeneratorRecord)>,
}

/// The seconds of a step.
#[derive(Debug)]
pub(crate) struct Seconds {
    names: usize,
    next: u64,
    kept: BTreeMap<u64, Kept>,
    merged: Recorder,
    packer: Packer,
    damaged: u64,
}

impl Seconds {
    /// Of a step with so many entries; `merged` is an empty recorder of it.
    pub(crate) fn new(names: usize, merged: Recorder) -> Self {
        Self { names, next: 0, kept: BTreeMap::new(), merged, packer: Packer::default(), damaged: 0 }
    }

    /// Entries of the step.
    pub(crate) fn names(&self) -> usize {
        self.names
    }

    /// Takes a worker's second; one that is late counts with the next that is not complete.
    pub(crate) fn put(&mut self, worker: usize, second: Second) {
        let at = second.second.clamp(self.next, self.next + AHEAD_MAX);
        let kept = self.kept.entry(at).or_default();
        kept.parcels.push(second.parcel);
        kept.from.insert(worker);
        kept.generators.extend(second.generator.map(|generator| (worker, generator)));
        if second.second == at {
            kept.gauges.users += second.users;
            kept.gauges.in_flight += second.in_flight;
        }
    }

    /// Whether all of these have handed in the second that is next.
    pub(crate) fn is_complete(&self, mut workers: impl Iterator<Item = usize>) -> bool {
        let from = self.kept.get(&self.next).map(|kept| &kept.from);
        workers.all(|worker| from.is_some_and(|from| from.contains(&worker)))
    }

    /// Ends the second that is next, and gives what it held; `name` is what a worker is called.
    pub(crate) fn take(
        &mut self,
        name: impl Fn(usize) -> String,
    ) -> (Gauges, &mut Recorder, Option<GeneratorRecord>) {
        let kept = self.kept.remove(&self.next).unwrap_or_default();
        self.next += 1;
        self.add(&kept.parcels);
        let generator = merged(&kept.generators, name);
        (kept.gauges, &mut self.merged, generator)
    }

    /// All that is left.
    pub(crate) fn finish(mut self) -> Recorder {
        for kept in std::mem::take(&mut self.kept).into_values() {
            self.add(&kept.parcels);
        }
        self.merged
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Parcels that could not be taken in.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged
    }

    fn add(&mut self, parcels: &[Parcel]) {
        for parcel in parcels {
            let taken = self.packer.unpack(parcel, &mut self.merged, self.names);
            self.damaged += u64::from(taken.is_err());
        }
    }
}

/// One record of several processes: sums of what they used, and the worst of how they fared; `None` without any.
fn merged(records: &[(usize, GeneratorRecord)], name: impl Fn(usize) -> String) -> Option<GeneratorRecord> {
    let (_, first) = records.first()?;
    let mut whole =
        GeneratorRecord { process: first.process.map(|_| ProcessRecord::default()), ..Default::default() };
    for (worker, record) in records {
        whole.span_ns = whole.span_ns.max(record.span_ns);
        whole.loop_lag_ns_max = whole.loop_lag_ns_max.max(record.loop_lag_ns_max);
        if record.clock_jump_ns.unsigned_abs() > whole.clock_jump_ns.unsigned_abs() {
            whole.clock_jump_ns = record.clock_jump_ns;
        }
        if let (Some(sum), Some(more)) = (&mut whole.process, record.process) {
            let add = |sum: Option<u64>, more: Option<u64>| Some(sum.unwrap_or(0) + more?);
            let add32 = |sum: Option<u32>, more: Option<u32>| Some(sum.unwrap_or(0) + more?);
            sum.cpu_ns += more.cpu_ns;
            sum.memory_bytes = add(sum.memory_bytes, more.memory_bytes);
            sum.descriptors = add32(sum.descriptors, more.descriptors);
            sum.sockets = add32(sum.sockets, more.sockets);
        }
        let named = record.threads.iter().map(|thread| measure::ThreadRecord {
            name: format!("{}/{}", name(*worker), thread.name),
            ..thread.clone()
        });
        whole.threads.extend(named);
    }
    whole.threads.sort_by(|a, b| b.cpu_ns.cmp(&a.cpu_ns).then_with(|| a.name.cmp(&b.name)));
    whole.threads.truncate(THREADS_MAX);
    Some(whole)
}

#[cfg(test)]
mod tests {
    use measure::{NameId, Outcome, RequestId, Sample};

    use super::*;

    fn second(second: u64, requests: u64) -> Second {
        let mut recorder = Recorder::new(1);
        for number in 0..requests {
            let sample = Sample {
                request_id: RequestId { run: 0, user: 0, number: number as u32 },
                name: NameId(0),
                intended_ns: 0,
                ready_ns: 0,
                sent_ns: 0,
                done_ns: 1_000 + number,
                outcome: Outcome::Success,
                status: 200,
                body_bytes: 1,
            };
            recorder.record(&sample, None);
        }
        let parcel = Packer::default().pack(&mut recorder);
        Second { step: 0, resets: 0, second, users: 1, in_flight: 2, parcel, counts: vec![], generator: None }
    }

    /// Requests of the second that is next.
    fn taken(seconds: &mut Seconds) -> (u32, u64) {
        let (gauges, recorder, _) = seconds.take(|worker| worker.to_string());
        let parcel = Packer::default().pack(recorder);
        (gauges.users, parcel.ended())
    }

    #[test]
    fn a_second_is_whole_when_all_have_handed_it_in() {
        let mut seconds = Seconds::new(1, Recorder::new(1));
        seconds.put(0, second(0, 5));
        assert!(!seconds.is_complete([0, 1].into_iter()));
        assert!(seconds.is_complete([0].into_iter()), "one who is lost is not waited for");
        seconds.put(0, second(1, 7));
        seconds.put(1, second(0, 3));
        assert!(seconds.is_complete([0, 1].into_iter()));
        assert_eq!(taken(&mut seconds), (2, 8));
        // The other's second comes too late for its own place.
        assert_eq!(taken(&mut seconds), (1, 7));
        seconds.put(1, second(1, 2));
        seconds.put(0, second(2, 1));
        assert_eq!(taken(&mut seconds), (1, 3));
        seconds.put(1, second(9, 4));
        assert_eq!(Packer::default().pack(&mut seconds.finish()).ended(), 4);
    }

    #[test]
    fn a_damaged_parcel_is_counted() {
        let mut seconds = Seconds::new(1, Recorder::new(1));
        let mut bent = second(0, 5);
        bent.parcel.cells[0].count = 6;
        seconds.put(0, bent);
        assert_eq!(taken(&mut seconds).1, 0);
        assert_eq!(seconds.damaged(), 1);
    }
}
