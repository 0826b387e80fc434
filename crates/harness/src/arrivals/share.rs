//! One worker's share of a step's arrivals. Every worker runs through the whole schedule and picks its own, so that no
//! thread has to wake another; a random share of a Poisson process is one itself.
//!
//! It must not know the present: what is due by when is asked.

use wire::{Seed, Stream};

use super::{Arrival, Arrivals, Schedule};

/// The arrivals of one worker.
#[derive(Debug)]
pub(crate) struct Share {
    schedule: Schedule,
    deal: Stream,
    worker: u64,
    workers: u64,
    begin_ns: u64,
    end_ns: u64,
    next: Option<Arrival>,
}

impl Share {
    /// The share of `worker` among `workers` of the step that is called so, from `begin_ns` to before `end_ns`.
    pub(crate) fn new(
        arrivals: &Arrivals,
        (seed, step): (Seed, &str),
        (worker, workers): (usize, usize),
        (begin_ns, end_ns): (u64, u64),
    ) -> Self {
        let mut share = Self {
            schedule: Schedule::new(arrivals, seed, step),
            deal: seed.stream(&format!("arrivals/worker/{step}"), 0),
            worker: worker as u64,
            workers: workers as u64,
            begin_ns,
            end_ns,
            next: None,
        };
        share.advance();
        share
    }

    /// When the next one is due; `None` when none is left.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.next.map(|arrival| self.due_ns(arrival))
    }

    /// The next one and when it is due, if it is by `now_ns`.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<(u32, u64)> {
        let arrival = self.next.filter(|arrival| self.due_ns(*arrival) <= now_ns)?;
        self.advance();
        Some((arrival.number, self.due_ns(arrival)))
    }

    /// Has no more, whatever the schedule says.
    pub(crate) fn end(&mut self) {
        self.next = None;
    }

    fn due_ns(&self, arrival: Arrival) -> u64 {
        self.begin_ns.saturating_add(arrival.due_us.saturating_mul(1_000))
    }

    fn advance(&mut self) {
        let (worker, workers) = (self.worker, self.workers);
        self.next = self.schedule.find(|_| workers == 1 || self.deal.below(workers) == worker);
        self.next = self.next.filter(|arrival| self.due_ns(*arrival) < self.end_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stage;
    use super::*;

    fn dealt(arrivals: &Arrivals, workers: usize) -> Vec<Vec<(u32, u64)>> {
        let share = |worker| {
            let mut share =
                Share::new(arrivals, (Seed(3), "s"), (worker, workers), (5_000_000_000, 65_000_000_000));
            let mut taken = vec![];
            while let Some(at_ns) = share.next_ns() {
                assert_eq!(share.take(at_ns - 1), None, "not before it is due");
                taken.push(share.take(at_ns).expect("due"));
            }
            taken
        };
        (0..workers).map(share).collect()
    }

    #[test]
    fn the_shares_together_are_the_schedule_whatever_their_number() {
        for arrivals in
            [Arrivals::Poisson(vec![Stage::steady(100.0)]), Arrivals::Constant(vec![Stage::steady(100.0)])]
        {
            let [whole] = dealt(&arrivals, 1).try_into().expect("one");
            assert!(whole.len().abs_diff(6_000) < 500 && whole[0].1 >= 5_000_000_000);
            for workers in 2..5 {
                let shares = dealt(&arrivals, workers);
                let fair = whole.len() / workers;
                assert!(shares.iter().all(|share| share.len().abs_diff(fair) < 300), "{workers} workers");
                let mut merged = shares.concat();
                merged.sort_unstable();
                assert_eq!(merged, whole, "{workers} workers");
            }
        }
    }
}
