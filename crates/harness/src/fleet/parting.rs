//! How a worker ends before its coordinator says so: because it was told to, or because nobody is there to tell it anything.
//! Either way its users stop, and all that they did is handed in.
//!
//! It must not know who told it.

use super::errand::Errand;
use super::job::ANSWERS_NS;
use super::message::Report;
use super::post::Post;
use super::worker::{Served, Worker};
use crate::Transport;

/// Answers in flight are waited for so long by one who was told to leave.
const PATIENCE_NS: u64 = 10_000_000_000;
/// What was given up is there after so long.
const GIVEN_UP_NS: u64 = 3_000_000_000;
/// And acknowledged after so long.
const ACKNOWLEDGED_NS: u64 = 10_000_000_000;

/// A worker on its way out.
#[derive(Debug)]
pub(super) struct Parting {
    /// Nobody leads it any more: nobody acknowledges anything.
    alone: bool,
    /// When it ends, whatever is missing.
    until_ns: u64,
}

impl<M, F, T> Worker<M, F>
where
    M: Fn(&Errand) -> Result<F, String>,
    F: Fn() -> T + Clone + Send + 'static,
    T: Transport,
{
    /// It was told to leave; the second time it waits for no answer.
    pub(super) async fn leave(&mut self, now_ns: u64) {
        if self.parting.is_some() {
            if let Some(job) = &mut self.job {
                job.leave(now_ns).await;
            }
            return;
        }
        if self.run == 0 {
            self.ended = Some(Served::Whole("left before there was anything to do".to_owned()));
            return;
        }
        if let Some(job) = &mut self.job {
            job.leave(now_ns + PATIENCE_NS).await;
        }
        self.outbox.put(Report::Leaving { at_ns: now_ns });
        self.parting = Some(Parting { alone: false, until_ns: now_ns + PATIENCE_NS + ACKNOWLEDGED_NS });
    }

    /// Nobody leads it any more.
    pub(super) async fn orphan(&mut self, now_ns: u64) {
        if let Some(job) = &mut self.job {
            job.leave(now_ns + ANSWERS_NS).await;
        }
        self.parting = Some(Parting { alone: true, until_ns: now_ns + ANSWERS_NS + GIVEN_UP_NS });
    }

    /// Goes on with it, and ends when all has been handed in.
    pub(super) async fn part(&mut self, post: &Post, now_ns: u64) {
        let Some(parting) = &mut self.parting else { return };
        let waiting = self.outbox.waiting();
        let done = self.job.is_none() && (parting.alone || waiting == 0);
        if self.ended.is_some() || !(done || now_ns >= parting.until_ns) {
            return;
        }
        self.ended = Some(if !parting.alone {
            let missing = if waiting == 0 {
                String::new()
            } else {
                format!("; {waiting} reports were not acknowledged")
            };
            Served::Whole(format!("left the run{missing}"))
        } else if let Some((_, why)) = post.away() {
            Served::Orphaned(format!("{why}; {waiting} reports could not be handed over"))
        } else {
            // Whoever resumes the run finds them on the bus.
            self.outbox.renew();
            Served::Orphaned(format!(
                "nothing is heard of the coordinator; {waiting} reports wait for one that resumes the run"
            ))
        });
    }
}
