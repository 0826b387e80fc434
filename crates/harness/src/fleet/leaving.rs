//! A worker that takes its leave: its users go to the others at once, and what it has in hand still counts.
//!
//! It must not know why it leaves.

use measure::LossRecord;

use super::journal::Line;
use super::member::Standing;
use super::message::{Order, Report};
use super::state::{Loss, State};
use crate::open::Taken;

impl State {
    /// A worker says that it will send nothing new.
    pub(super) fn leaves(&mut self, at: usize, its_ns: u64) {
        let now_ns = self.clock.now_ns();
        let member = &mut self.members[at];
        let stopped_ns = its_ns.saturating_add_signed(-member.offset_ns);
        let works = member.part.is_some_and(|part| !part.finished);
        let was =
            std::mem::replace(&mut member.standing, if works { Standing::Leaving } else { Standing::Left });
        if !works || was != Standing::Prepared {
            // Others have its users already, or it had none.
            return;
        }
        self.give_up(at, (now_ns, stopped_ns), 0, true);
    }

    /// Gives what a worker did to the others, its arrivals from `from_ns` on, and notes it.
    pub(super) fn give_up(&mut self, at: usize, (at_ns, from_ns): (u64, u64), silent_ns: u64, left: bool) {
        let users_moved = self.move_users(at);
        let arrivals_moved = self.move_seats(at, from_ns);
        self.note(Loss { member: at, at_ns, users_moved, silent_ns, left, arrivals_moved });
    }

    /// Whether a worker ends its part unasked: it stood still for so long that it takes itself for lost, and was not missed.
    pub(super) fn gives_up(&self, at: usize, report: &Report) -> bool {
        let member = &self.members[at];
        let works = member.standing == Standing::Prepared && member.part.is_some_and(|part| !part.finished);
        let Report::Finished { step, .. } = report else { return false };
        works && self.stage.as_ref().is_some_and(|stage| !stage.stopping && stage.index == *step)
    }

    /// Such a worker is as one that was lost and has come back.
    pub(super) fn gave_up(&mut self, at: usize) {
        let now_ns = self.clock.now_ns();
        self.members[at].rejoined += 1;
        self.give_up(at, (now_ns, now_ns), 0, false);
    }

    /// Gives the arrivals of a worker that is gone to the others, from a moment on; whether it had any and others were there.
    pub(super) fn move_seats(&mut self, from: usize, from_ns: u64) -> bool {
        let others: Vec<usize> = self.at_work().filter(|at| *at != from).collect();
        let Some(stage) = &mut self.stage else { return false };
        if stage.stopping || !stage.moves || !stage.begun || others.is_empty() {
            return false;
        }
        let its = stage.seats.iter_mut().enumerate().filter(|(_, (home, _))| *home == from);
        let mut moved = false;
        for ((seat, place), to) in its.zip(others.iter().cycle()) {
            *place = (*to, place.1 + 1);
            let member = &mut self.members[*to];
            let taken = Taken { seat, generation: place.1, from_ns: member.its_ns(from_ns) };
            member.outbox.put(Order::Take { seats: vec![taken] });
            moved = true;
        }
        moved
    }

    /// Notes that a worker was lost in the step that runs, once.
    pub(super) fn note(&mut self, loss: Loss) {
        let worker = self.members[loss.member].worker;
        let Some(stage) = &mut self.stage else { return };
        if !stage.losses.iter().any(|known| known.member == loss.member) {
            stage.losses.push(loss.clone());
            self.keep(&Line::loss(worker, &loss));
        }
    }

    /// What was lost in a step that is over.
    pub(super) fn loss_record(&self, loss: &Loss, tolerated: bool) -> LossRecord {
        let member = &self.members[loss.member];
        let whole = member.part.is_some_and(|part| part.finished);
        LossRecord {
            worker: member.beat.id.clone(),
            pid: member.beat.pid,
            at_ns: loss.at_ns,
            // One that came back has handed in all that it had.
            requests_max: if whole { 0 } else { member.in_hand_max() },
            requests_likely: if whole { 0 } else { member.in_hand_likely(loss.silent_ns) },
            users_moved: loss.users_moved,
            tolerated,
            left: loss.left,
            arrivals_moved: loss.arrivals_moved,
        }
    }
}
