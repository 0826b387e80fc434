//! What a key means. It must not know what is done about it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::dial::turn_of;

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// So many users more, or less.
    Users(i32),
    /// Stop; once more: cut off.
    Stop,
    /// So many rows down, or up.
    Rows(i32),
    /// So many screens of rows down, or up.
    Pages(i32),
    /// To the first row, or the last.
    End { last: bool },
    /// Sort by the column of this number, or the other way round if it is by that already.
    Sort(usize),
    /// Sort by the column so many to the right, or to the left.
    SortBeside(i32),
    /// Show what keys there are, or hide it.
    Help,
    /// Hide it.
    Close,
}

/// What is meant by a key; nothing by most.
pub(super) fn act_of(key: KeyEvent) -> Option<Act> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let held = key.modifiers.difference(KeyModifiers::SHIFT);
    if held == KeyModifiers::CONTROL {
        return (key.code == KeyCode::Char('c')).then_some(Act::Stop);
    }
    if !held.is_empty() {
        return None;
    }
    Some(match key.code {
        KeyCode::Char('q') => Act::Stop,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Act::Help,
        KeyCode::Esc => Act::Close,
        KeyCode::Down | KeyCode::Char('j') => Act::Rows(1),
        KeyCode::Up | KeyCode::Char('k') => Act::Rows(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Act::Pages(1),
        KeyCode::PageUp => Act::Pages(-1),
        KeyCode::Home => Act::End { last: false },
        KeyCode::End => Act::End { last: true },
        KeyCode::Right => Act::SortBeside(1),
        KeyCode::Left => Act::SortBeside(-1),
        KeyCode::Char(digit @ '1'..='9') => Act::Sort(digit as usize - '1' as usize),
        KeyCode::Char(key) => return turn_of(key).map(Act::Users),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean() {
        let plain = KeyModifiers::NONE;
        for (code, modifiers, expected) in [
            (KeyCode::Char('w'), plain, Some(Act::Users(1))),
            (KeyCode::Char('W'), KeyModifiers::SHIFT, Some(Act::Users(10))),
            (KeyCode::Char('s'), plain, Some(Act::Users(-1))),
            (KeyCode::Char('S'), KeyModifiers::SHIFT, Some(Act::Users(-10))),
            (KeyCode::Char('w'), KeyModifiers::CONTROL, None),
            (KeyCode::Char('w'), KeyModifiers::ALT, None),
            (KeyCode::Char('q'), plain, Some(Act::Stop)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Act::Stop)),
            (KeyCode::Char('c'), plain, None),
            (KeyCode::Char('?'), KeyModifiers::SHIFT, Some(Act::Help)),
            (KeyCode::Esc, plain, Some(Act::Close)),
            (KeyCode::Down, plain, Some(Act::Rows(1))),
            (KeyCode::Up, plain, Some(Act::Rows(-1))),
            (KeyCode::PageDown, plain, Some(Act::Pages(1))),
            (KeyCode::PageUp, plain, Some(Act::Pages(-1))),
            (KeyCode::End, plain, Some(Act::End { last: true })),
            (KeyCode::Char('1'), plain, Some(Act::Sort(0))),
            (KeyCode::Char('9'), plain, Some(Act::Sort(8))),
            (KeyCode::Char('0'), plain, None),
            (KeyCode::Right, plain, Some(Act::SortBeside(1))),
            (KeyCode::Tab, plain, None),
        ] {
            assert_eq!(act_of(KeyEvent::new(code, modifiers)), expected, "{code:?} {modifiers:?}");
        }
        let released = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::new(KeyCode::Char('w'), plain) };
        assert_eq!(act_of(released), None);
    }
}
