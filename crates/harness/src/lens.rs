//! What looks at each finished request before it is recorded. It must not know how requests are sent.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use measure::Sample;

/// Sees every finished request, on the worker's thread, before it is recorded.
pub trait Lens: Debug + Send + Sync {
    /// May change what is recorded; false: it is recorded nowhere.
    fn see(&self, sample: &mut Sample) -> bool;
}

/// Keeps the requests themselves, for whoever joins them with a server's ledger. `Sample::name` counts among
/// `StepRun::names`.
#[derive(Debug)]
pub struct Journal {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    samples: Vec<Sample>,
    dropped: u64,
}

impl Journal {
    /// A journal that holds `most` requests until they are drained; further ones are only counted.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// Takes out what it holds, in the order in which requests ended; also while the run goes on.
    pub fn drain(&self) -> Vec<Sample> {
        std::mem::take(&mut self.lock().samples)
    }

    /// Requests that found it full, since it was made.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lens for Journal {
    fn see(&self, sample: &mut Sample) -> bool {
        let mut kept = self.lock();
        if kept.samples.len() < self.most {
            kept.samples.push(*sample);
        } else {
            kept.dropped += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use measure::{NameId, Outcome, RequestId};

    use super::*;

    #[test]
    fn a_full_journal_counts_what_it_drops() {
        let journal = Journal::new(2);
        let see = |number| {
            let mut sample = Sample {
                request_id: RequestId { run: 1, user: 2, number },
                name: NameId(0),
                intended_ns: 0,
                ready_ns: 0,
                sent_ns: 0,
                done_ns: 1,
                outcome: Outcome::Success,
                status: 200,
                body_bytes: 0,
            };
            assert!(journal.see(&mut sample));
        };
        (0..3).for_each(see);
        let numbers = || journal.drain().iter().map(|sample| sample.request_id.number).collect::<Vec<_>>();
        assert_eq!((numbers(), journal.dropped()), (vec![0, 1], 1));
        see(3);
        assert_eq!((numbers(), journal.dropped()), (vec![3], 1));
    }
}
