//! What somebody has set: order, scrolling, help; and notes. Pure: acts in, state out. It must not know keys or terminals.

use std::collections::VecDeque;

use super::columns::Sorting;
use super::keys::Act;

/// Notes that are kept; more than any screen shows.
const NOTES_MAX: usize = 50;

/// What is shown, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) sorting: Sorting,
    /// Entries above the first one that is shown.
    pub(super) above: usize,
    pub(super) help: bool,
    /// The newest first.
    pub(super) notes: VecDeque<String>,
}

/// How many entries there are, how many are seen at once, and how many columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) entries: usize,
    pub(super) seen: usize,
    pub(super) columns: usize,
}

impl State {
    /// Adds a note, and lets the oldest go.
    pub(super) fn note(&mut self, text: String) {
        self.notes.push_front(text);
        self.notes.truncate(NOTES_MAX);
    }

    /// Does what concerns the screen alone.
    pub(super) fn act(&mut self, act: Act, room: Room) {
        let by = |rows: i64| i64::try_from(self.above).unwrap_or(i64::MAX).saturating_add(rows);
        let page = i64::try_from(room.seen.max(1)).unwrap_or(i64::MAX);
        let above = match act {
            Act::Rows(rows) => by(i64::from(rows)),
            Act::Pages(pages) => by(i64::from(pages).saturating_mul(page)),
            Act::End { last } => {
                if last {
                    i64::MAX
                } else {
                    0
                }
            }
            Act::Sort(column) => {
                if column < room.columns {
                    self.sorting = self.sorting.by(column);
                }
                0
            }
            Act::SortBeside(columns) => {
                self.sorting = self.sorting.beside(columns, room.columns);
                0
            }
            Act::Help => {
                self.help = !self.help;
                by(0)
            }
            Act::Close => {
                self.help = false;
                by(0)
            }
            Act::Users(_) | Act::Stop => by(0),
        };
        self.above = usize::try_from(above.max(0)).unwrap_or(usize::MAX);
        self.fit(room);
    }

    /// Scrolls back as far as there would be nothing to see.
    pub(super) fn fit(&mut self, room: Room) {
        self.above = self.above.min(room.entries.saturating_sub(room.seen));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::columns::Column;

    #[test]
    fn scrolling_stays_among_the_entries() {
        let room = Room { entries: 30, seen: 10, columns: 8 };
        let few = Room { entries: 3, ..room };
        let last = Act::End { last: true };
        for (acts, room, above) in [
            (&[Act::Rows(1)][..], room, 1),
            (&[Act::Rows(-1)], room, 0),
            (&[Act::Pages(1), Act::Rows(-1)], room, 9),
            (&[Act::Pages(1), Act::Pages(1), Act::Pages(1), Act::Rows(-1)], room, 19),
            (&[last], room, 20),
            (&[last, Act::End { last: false }], room, 0),
            (&[last, Act::Help], room, 20),
            (&[last, Act::Sort(1)], room, 0),
            (&[last], few, 0),
        ] {
            let mut state = State::default();
            acts.iter().for_each(|act| state.act(*act, room));
            assert_eq!(state.above, above, "{acts:?}");
        }
    }

    #[test]
    fn columns_that_are_not_shown_do_not_sort() {
        let mut state = State::default();
        let room = Room { entries: 3, seen: 3, columns: 8 };
        state.act(Act::Sort(8), room);
        assert_eq!(state.sorting, Sorting::default());
        state.act(Act::Sort(7), room);
        assert_eq!(state.sorting, Sorting { by: Column::P99, descending: true });
    }

    #[test]
    fn notes_are_bounded() {
        let mut state = State::default();
        (0..NOTES_MAX + 5).for_each(|at| state.note(at.to_string()));
        assert_eq!((state.notes.len(), state.notes[0].as_str()), (NOTES_MAX, "54"));
    }
}
