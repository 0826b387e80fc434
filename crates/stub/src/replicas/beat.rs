//! What a replica tells, four times a second: entries that have closed since, then the truth that they add up to.
//!
//! It must not know who asks for it.

use wire::{LedgerEntry, Truth};

use super::{KEPT_US, PROFILE_KEPT_US, Replicas};
use crate::ledger::{Ledger, LedgerPage};
use crate::redis::RedisError;

/// Entries that are told at once; more go in several steps.
const ENTRIES_MAX: u64 = 1_000;
/// Steps at most, enough for the largest ledger.
const STEPS_MAX: usize = 8_192;

/// Whether more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The replica goes on.
    GoesOn,
    /// It is the last word.
    Last,
}

/// What was told, and what was heard in return.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The sums that were told.
    pub(crate) truth: Truth,
    /// The time of Redis.
    pub(crate) now_us: u64,
    /// The revision of the profile that is in force for all; 0 of none.
    pub(crate) revision: u64,
}

/// What Redis is known to have.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The number of the entry that it wants next.
    next: u64,
    /// Its time when it answered last: what is told from then on is whole until then.
    heard_us: u64,
    /// Those of the truth that it has.
    marks: Option<Marks>,
    /// The last word was said: what is still told says so too.
    is_closing: bool,
}

/// A part of what is told.
struct Step<'a> {
    /// The entry that Redis is thought to want next.
    from: u64,
    page: LedgerPage,
    truth: Option<&'a Truth>,
    /// In the last step: the time of Redis until which the truth is whole.
    whole_until_us: Option<u64>,
    is_last: bool,
}

/// What tells one truth of a replica from a later one.
type Marks = [u64; 4];

fn marks(truth: &Truth) -> Marks {
    [truth.received, truth.answered, truth.refused, truth.abandoned]
}

impl Replicas {
    /// Tells what `ledger` holds.
    ///
    /// # Errors
    /// When Redis could not be asked; the next time tells what was missed.
    pub(crate) async fn tell(&self, ledger: &Ledger, word: Word) -> Result<Heard, RedisError> {
        let mut told = self.told.lock().await;
        told.is_closing |= word == Word::Last;
        let whole_until_us = told.heard_us;
        let truth = ledger.truth();
        let until = if self.is_one_of_several { truth.entries_kept + truth.entries_dropped } else { 0 };
        for _ in 0..STEPS_MAX {
            let limit = until.saturating_sub(told.next).min(ENTRIES_MAX);
            let page = ledger.page(told.next, limit as usize);
            let mut step = Step { from: told.next, page, truth: None, whole_until_us: None, is_last: false };
            // The truth goes with the last of its entries.
            if step.page.next >= until {
                step.truth = (told.marks != Some(marks(&truth))).then_some(&truth);
                step.whole_until_us = Some(whole_until_us);
                step.is_last = told.is_closing;
            }
            let [now_us, wanted, revision, has_truth] = self.send(&step, ledger.entries_max()).await?;
            (told.next, told.heard_us) = (wanted, now_us);
            // Redis was emptied, or the answer to an earlier step was lost: it says where to go on.
            let was_taken = wanted == step.page.next;
            if was_taken && step.truth.is_some() {
                told.marks = Some(marks(&truth));
            } else if has_truth == 0 {
                told.marks = None;
            }
            if was_taken && step.whole_until_us.is_some() && told.marks.is_some() {
                return Ok(Heard { truth, now_us, revision });
            }
        }
        Err(RedisError::Busy)
    }

    /// Answers the time of Redis, the entry that it wants next, the revision in force, and whether it has a truth.
    async fn send(&self, step: &Step<'_>, entries_max: usize) -> Result<[u64; 4], RedisError> {
        let truth = step.truth.map(|truth| serde_json::to_string(truth).expect("a truth is JSON"));
        let whole_until = step.whole_until_us.map(|us| us.to_string());
        let mut call = self.beat.prepare_invoke();
        call.key(self.names()).key(self.record(&self.name));
        call.key(self.key("ledger")).key(self.key("marks")).key(self.key("profile"));
        call.arg(&*self.name).arg(KEPT_US).arg(PROFILE_KEPT_US);
        call.arg(whole_until.unwrap_or_default()).arg(u8::from(step.is_last));
        call.arg(self.clock.unix_start_ns()).arg(truth.unwrap_or_default());
        call.arg(entries_max).arg(step.from).arg(step.page.first);
        for entry in &step.page.entries {
            let entry = LedgerEntry { replica: Some(self.name.to_string()), ..entry.clone() };
            call.arg(serde_json::to_vec(&entry).expect("an entry is JSON"));
        }
        self.run(&call).await
    }
}
