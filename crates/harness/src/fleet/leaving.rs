//! A worker that takes its leave: its users go to the others at once, and what it has in hand still counts.
//!
//! It must not know why it leaves.

use measure::LossRecord;

use super::journal::Line;
use super::member::Standing;
use super::state::{Loss, State};

impl State {
    /// A worker says that it will send nothing new.
    pub(super) fn leaves(&mut self, at: usize) {
        let now_ns = self.clock.now_ns();
        let member = &mut self.members[at];
        let works = member.part.is_some_and(|part| !part.finished);
        let was =
            std::mem::replace(&mut member.standing, if works { Standing::Leaving } else { Standing::Left });
        if !works || was != Standing::Prepared {
            // Others have its users already, or it had none.
            return;
        }
        let users_moved = self.move_users(at);
        self.note(Loss { member: at, at_ns: now_ns, users_moved, silent_ns: 0, left: true });
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
        }
    }
}
