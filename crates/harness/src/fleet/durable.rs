//! What the coordinator knows, where it survives it.
//!
//! It must not know what the lines are for.

use super::journal::{Journal, Line};
use super::state::State;

impl State {
    /// Keeps what follows in this journal.
    pub(super) fn take_journal(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Keeps a line in the journal, if there is one.
    pub(super) fn keep(&mut self, line: &Line) {
        if let Some(journal) = &mut self.journal {
            journal.put(line);
        }
    }

    /// Whether all that was kept so far survives, or never will.
    pub(super) fn is_durable(&self) -> bool {
        let safe = |journal: &Journal| {
            journal.has_failed() || !(journal.is_behind() || journal.is_busy() || self.batch.is_some())
        };
        self.journal.as_ref().is_none_or(safe)
    }
}
