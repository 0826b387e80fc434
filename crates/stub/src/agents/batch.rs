//! Batching: works are gathered for a while, then done together in one slot, and all end at once.
//!
//! A batch belongs to nobody: a task of its own carries it, so that whoever leaves takes only its own place along, and
//! a batch that all have left ends with the last of them. It must not know what the works are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use super::replica::{Finished, Place, Replica, Work};
use crate::latency::capped_ns;
use crate::profile::BatchingPlan;
use crate::refusal::Refusal;

/// Gathers the works of one replica.
pub(super) struct Batcher {
    plan: BatchingPlan,
    /// The batch that still takes works; it has one at least.
    open: Mutex<Option<Arc<Batch>>>,
    seats: AtomicU64,
    batches: AtomicU64,
    works: AtomicU64,
}

/// Works that are done together. Whoever locks both locks the batcher's `open` before `members`.
struct Batch {
    closes_ns: u64,
    members: Mutex<Vec<Member>>,
    is_full: Notify,
    is_empty: Notify,
}

struct Member {
    seat: u64,
    work: Work,
    /// Held until the batch begins.
    place: Option<Place>,
    done: oneshot::Sender<Finished>,
}

/// A member's hold on its batch, given up when dropped.
struct Seat<'a> {
    batcher: &'a Batcher,
    batch: Arc<Batch>,
    seat: u64,
}

/// What operators see of batching.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct BatchStatus {
    batches: u64,
    works: u64,
    gathering: usize,
}

impl Batcher {
    pub(super) fn new(plan: BatchingPlan) -> Self {
        let zero = || AtomicU64::new(0);
        Self { plan, open: Mutex::default(), seats: zero(), batches: zero(), works: zero() }
    }

    /// Joins a batch and waits for its end.
    pub(super) async fn work(&self, replica: &Arc<Replica>, work: Work) -> Result<Finished, Refusal> {
        let room = waiting_max(replica.plan.queue_max, replica.slots.available_permits(), self.plan.size);
        let place = replica.place(room)?;
        let (done, finished) = oneshot::channel();
        let _seat = self.join(replica, Member { seat: 0, work, place: Some(place), done });
        finished.await.map_err(|_| Refusal::Crash("the batch broke off"))
    }

    fn join(&self, replica: &Arc<Replica>, mut member: Member) -> Seat<'_> {
        let seat = self.seats.fetch_add(1, Ordering::Relaxed);
        member.seat = seat;
        let mut open = lock(&self.open);
        let batch = Arc::clone(open.get_or_insert_with(|| {
            let batch = Arc::new(Batch {
                closes_ns: replica.clock.now_ns().saturating_add(self.plan.window_ns),
                members: Mutex::default(),
                is_full: Notify::new(),
                is_empty: Notify::new(),
            });
            tokio::spawn(carry(Arc::clone(replica), Arc::clone(&batch)));
            batch
        }));
        let mut members = lock(&batch.members);
        members.push(member);
        if members.len() >= self.plan.size as usize {
            *open = None;
            batch.is_full.notify_one();
        }
        drop(members);
        Seat { batcher: self, batch, seat }
    }

    /// The batch takes no more works.
    fn close(&self, batch: &Arc<Batch>) {
        let mut open = lock(&self.open);
        open.take_if(|open| Arc::ptr_eq(open, batch));
    }

    /// Gathers, waits for a slot, works, and tells all members.
    async fn run(&self, replica: &Replica, batch: &Arc<Batch>) {
        tokio::select! {
            biased;
            () = batch.is_full.notified() => {}
            () = replica.clock.sleep_until(batch.closes_ns) => {}
        }
        self.close(batch);
        let _slot = replica.slots.acquire().await.expect("the semaphore is never closed");
        let Some((together, work)) = batch.begin(self.plan.per_item) else { return };
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.works.fetch_add(u64::from(together), Ordering::Relaxed);
        let finished = Finished { batch: Some(together), ..replica.perform(work).await };
        for member in lock(&batch.members).drain(..) {
            // Who has just left no longer wants to know.
            let _ = member.done.send(finished);
        }
    }

    pub(super) fn status(&self) -> BatchStatus {
        let open = lock(&self.open);
        BatchStatus {
            batches: self.batches.load(Ordering::Relaxed),
            works: self.works.load(Ordering::Relaxed),
            gathering: open.as_ref().map_or(0, |batch| lock(&batch.members).len()),
        }
    }
}

/// Carries a batch to its end, or until all have left it: then its slot, its connection and its timer go with it.
async fn carry(replica: Arc<Replica>, batch: Arc<Batch>) {
    let Some(batcher) = replica.batcher() else { return };
    tokio::select! {
        biased;
        () = batch.is_empty.notified() => {}
        () = batcher.run(&replica, &batch) => {}
    }
}

impl Batch {
    /// Who is here now is done together: how many, and the work that all of them are. Its delay is the greatest that
    /// was drawn for one of them, × (1 + per item × (members − 1)); its connection is that of the first.
    fn begin(&self, per_item: f64) -> Option<(u32, Work)> {
        let mut members = lock(&self.members);
        members.iter_mut().for_each(|member| member.place = None);
        let first = members.first()?.work;
        let greatest_ns = members.iter().map(|member| member.work.drawn_ns).max()?;
        let together = members.len() as u32;
        Some((together, Work { drawn_ns: amortised_ns(greatest_ns, together, per_item), ..first }))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut open = lock(&self.batcher.open);
        let mut members = lock(&self.batch.members);
        let before = members.len();
        members.retain(|member| member.seat != self.seat);
        // A batch that has ended is empty too, and nobody cares any more.
        if members.len() < before && members.is_empty() {
            open.take_if(|open| Arc::ptr_eq(open, &self.batch));
            self.batch.is_empty.notify_one();
        }
    }
}

/// So many may wait: the queue, and as many as the free slots could take at once.
fn waiting_max(queue_max: u32, free_slots: usize, size: u32) -> u32 {
    let free_slots = u32::try_from(free_slots).unwrap_or(u32::MAX);
    queue_max.saturating_add(free_slots.saturating_mul(size))
}

fn amortised_ns(drawn_ns: u64, together: u32, per_item: f64) -> u64 {
    if together == 1 {
        return drawn_ns;
    }
    capped_ns(drawn_ns as f64 * (1.0 + per_item * f64::from(together - 1)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_costs_less_than_its_works() {
        for (drawn_ns, together, per_item, expected_ns) in [
            (10_001_000, 1, 0.2, 10_001_000),
            (10_001_000, 3, 0.33, 16_602_000),
            (10_000_000, 8, 0.2, 24_000_000),
            (10_000_000, 8, 0.0, 10_000_000),
            (10_000_000, 3, 1.0, 30_000_000),
            (u64::MAX, 2, 1.0, crate::latency::DELAY_NS_MAX),
        ] {
            assert_eq!(amortised_ns(drawn_ns, together, per_item), expected_ns, "{drawn_ns} × {together}");
        }
    }

    #[test]
    fn free_slots_make_room_beyond_the_queue() {
        for (queue_max, free_slots, size, expected) in [
            (0, 0, 8, 0),
            (5, 0, 8, 5),
            (0, 2, 8, 16),
            (5, 1, 1, 6),
            (1_000_000, 1_000_000, 10_000, u32::MAX),
        ] {
            assert_eq!(waiting_max(queue_max, free_slots, size), expected);
        }
    }
}
