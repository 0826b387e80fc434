//! Taking a run over: what the journal tells and what workers still hand in become the run as far as it went.
//!
//! It must not know where the journal stands, nor what becomes of the run afterwards.

use std::time::Duration;

use measure::{AbsenceRecord, Run, StepRun};
use wire::{Clock, Mistakes};

use super::bus::{Bus, MemoryBus};
use super::coordinator::{Fleet, Lead};
use super::errand::Sources;
use super::journal::Line;
use super::member::Standing;
use super::message::Order;
use super::past::Replay;
use super::resume::Unfinished;
use super::seal::RunSecret;
use super::state::{Loss, State};

/// Workers that are heard hand in what they have within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run that was taken over.
#[derive(Debug)]
pub(crate) struct TakenOver {
    pub(crate) fleet: Fleet,
    /// With all steps that had begun.
    pub(crate) run: Run,
    /// Since when nobody led it, in words.
    pub(crate) gone: String,
}

impl Unfinished {
    /// Takes the run over; inside a `LocalSet`. The step that ran is ended. `kept` is the run file as far as it was written,
    /// `meeting` where workers are heard and by which secret; `None` when nobody can be. The clock counts from when the run
    /// began.
    ///
    /// # Errors
    /// When the journal is damaged.
    pub(crate) async fn take_over(
        &mut self,
        kept: Option<Run>,
        meeting: Option<(Bus, RunSecret)>,
        clock: Clock,
    ) -> Result<TakenOver, Mistakes> {
        let (bus, secret) =
            meeting.unwrap_or_else(|| (Bus::Memory(MemoryBus::default()), RunSecret::drawn(b"nobody")));
        let absence = AbsenceRecord {
            from_ns: self.quiet_unix_ns.saturating_sub(self.started_unix_ns()).min(clock.now_ns()),
            until_ns: clock.now_ns(),
        };
        let state = State::new(clock, self.head.run, secret.clone(), None, None);
        let mut replay = Replay::new(state, self.head.tolerate_loss);
        let (reign, _) = self.replay(&mut replay)?;
        replay.wake();
        replay.state.reign = reign;
        replay.state.take_journal(self.journal(reign)?);
        let mut run =
            kept.filter(|run| run.seed == self.head.file.seed).unwrap_or_else(|| self.head.file.clone());
        let errand = self.errand(&secret);
        let lead = Lead {
            bus,
            fleet: self.head.fleet.clone(),
            secret,
            expect_workers: 0,
            expect_workers_max_wait: None,
            tolerate_loss: self.head.tolerate_loss,
            move_users: self.head.move_users,
            journal: None,
            sources: Sources::default(),
        };
        let known = run.steps.len();
        let (fleet, steps) = collected(lead, replay, absence).await;
        run.steps.extend(steps.into_iter().skip(known));
        // Who comes from now on may take part in what is left.
        fleet.state.borrow_mut().errand = errand;
        let seconds = |at_ns: u64| at_ns / 1_000_000_000;
        let (from_s, until_s) = (seconds(absence.from_ns), seconds(absence.until_ns));
        let gone = format!("the coordinator was gone from second {from_s} to {until_s} of the run");
        Ok(TakenOver { fleet, run, gone })
    }
}

/// Tells workers to give up what they do, and takes what they hand in; the fleet, and all steps of the journal.
async fn collected(lead: Lead, replay: Replay, absence: AbsenceRecord) -> (Fleet, Vec<StepRun>) {
    let Replay { state, course, mut steps, tolerate_loss } = replay;
    let clock = state.clock;
    let fleet = Fleet::take_over(lead, state);
    let Some(mut course) = course else { return (fleet, steps) };
    fleet.state.borrow_mut().order_all(|_| Order::Abandon);
    fleet.kick.notify_one();
    let all = async {
        loop {
            let changed = fleet.changed.notified();
            course.advance(&mut fleet.state.borrow_mut());
            if fleet.state.borrow().awaited().next().is_none() {
                return;
            }
            changed.await;
        }
    };
    // Who speaks and hands in nothing is given up in the end.
    let _ = clock.timeout(PATIENCE, all).await;
    let mut state = fleet.state.borrow_mut();
    let late: Vec<usize> = state.awaited().collect();
    for at in late {
        state.members[at].standing = Standing::Lost;
        let at_ns = clock.now_ns();
        state.note(Loss {
            member: at,
            at_ns,
            users_moved: 0,
            silent_ns: 0,
            left: false,
            arrivals_moved: false,
        });
    }
    let index = state.stage.as_ref().map(|stage| stage.index);
    if let Some(mut step) = course.end(&mut state, tolerate_loss) {
        (step.absence, step.cut) = (Some(absence), true);
        steps.push(step);
    }
    index.iter().for_each(|index| state.keep(&Line::Ended { index: *index, absence: Some(absence) }));
    drop(state);
    (fleet, steps)
}
