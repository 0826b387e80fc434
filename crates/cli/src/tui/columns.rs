//! The columns of the table of entries: what each shows, how it sorts, and which fit. It must not know where figures come
//! from.

use std::cmp::Ordering;

use super::picture::Entry;
use super::text;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Requests,
    Failures,
    Throttled,
    Rps,
    P50,
    P95,
    P99,
    NowP50,
    NowP95,
    NowP99,
}

use Column::{Failures, Name, NowP50, NowP95, NowP99, P50, P95, P99, Requests, Rps, Throttled};

/// All of them, as they are shown from the left; the first nine have numbers.
pub(super) const COLUMNS: [Column; 11] =
    [Name, Requests, Failures, Throttled, Rps, P50, P95, P99, NowP50, NowP95, NowP99];
/// How many are shown where the screen is narrow.
const NARROW: usize = 8;
/// From here on all are shown.
const WIDE_CELLS: u16 = 110;
/// Cells that the name keeps, whatever else there is: figures of nobody knows what tell nothing.
const NAME_CELLS: usize = 16;

/// Those that fit in so many cells.
pub(super) fn fitting(width: u16) -> &'static [Column] {
    let most = if width < WIDE_CELLS { NARROW } else { COLUMNS.len() };
    let cells = |count: &usize| COLUMNS[..*count].iter().map(|column| column.cells()).sum::<usize>();
    let fits = (1..=most).rev().find(|count| cells(count) + NAME_CELLS <= usize::from(width));
    &COLUMNS[..fits.unwrap_or(1)]
}

impl Column {
    /// Its head, with the number that sorts by it.
    pub(super) fn head(self) -> &'static str {
        match self {
            Name => "1 name",
            Requests => "2 reqs",
            Failures => "3 fail",
            Throttled => "4 throt",
            Rps => "5 rps",
            P50 => "6 p50",
            P95 => "7 p95",
            P99 => "8 p99",
            NowP50 => "9 now50",
            NowP95 => "now95",
            NowP99 => "now99",
        }
    }

    /// Cells that it takes, with those between it and the one before; the name takes what is left.
    pub(super) fn cells(self) -> usize {
        match self {
            Name => 0,
            Throttled | NowP50 => 9,
            _ => 8,
        }
    }

    /// What it shows of an entry, the name aside.
    pub(super) fn shown(self, entry: &Entry) -> String {
        match self {
            Name => String::new(),
            Requests => text::count(entry.requests),
            Failures => text::count(entry.failures),
            Throttled => text::count(entry.throttled),
            Rps => text::rate(entry.rps),
            P50 | P95 | P99 | NowP50 | NowP95 | NowP99 => text::ms(self.value(entry)),
        }
    }

    /// What it sorts by, the name aside.
    fn value(self, entry: &Entry) -> Option<f64> {
        match self {
            Name => None,
            Requests => Some(entry.requests as f64),
            Failures => Some(entry.failures as f64),
            Throttled => Some(entry.throttled as f64),
            Rps => Some(entry.rps),
            P50 => entry.times_ms[0],
            P95 => entry.times_ms[1],
            P99 => entry.times_ms[2],
            NowP50 => entry.now_ms[0],
            NowP95 => entry.now_ms[1],
            NowP99 => entry.now_ms[2],
        }
    }

    /// Which of two entries comes first, smallest first; equals go by name.
    fn order(self, a: &Entry, b: &Entry) -> Ordering {
        let value = |entry| self.value(entry).unwrap_or(f64::NEG_INFINITY);
        value(a).total_cmp(&value(b)).then_with(|| a.name.cmp(&b.name))
    }
}

/// By what the table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sorting {
    pub(super) by: Column,
    pub(super) descending: bool,
}

impl Sorting {
    /// By the column of this number; a second time the other way round. Names begin at A, figures with the largest.
    pub(super) fn by(self, column: usize) -> Self {
        match COLUMNS.get(column) {
            None => self,
            Some(by) if *by == self.by => Self { descending: !self.descending, ..self },
            Some(by) => Self { by: *by, descending: *by != Name },
        }
    }

    /// By the column beside, among the first `count`.
    pub(super) fn beside(self, by: i32, count: usize) -> Self {
        let at = COLUMNS.iter().position(|column| *column == self.by).unwrap_or(0).min(count - 1);
        let next = at.saturating_add_signed(by as isize).min(count - 1);
        if next == at { self } else { self.by(next) }
    }

    /// The entries in this order.
    pub(super) fn sort(self, entries: &mut [Entry]) {
        entries.sort_by(|a, b| {
            let order = self.by.order(a, b);
            if self.descending { order.reverse() } else { order }
        });
    }
}

impl Default for Sorting {
    fn default() -> Self {
        Self { by: Name, descending: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_keeps_its_room() {
        for (width, count) in
            [(0, 1), (20, 1), (24, 2), (40, 3), (41, 4), (80, NARROW), (109, NARROW), (110, 11)]
        {
            assert_eq!(fitting(width).len(), count, "{width}");
        }
    }

    #[test]
    fn entries_are_sorted() {
        let entry = |name: &str, requests, p95_ms| Entry {
            name: name.to_owned(),
            requests,
            times_ms: [None, p95_ms, None],
            ..Entry::default()
        };
        let start = Sorting::default();
        for (sorting, expected) in [
            (start, "abc"),
            (start.by(0), "cba"),
            (start.by(1), "bca"),
            (start.by(1).by(1), "acb"),
            (start.by(6), "acb"),
            (start.by(6).by(6), "bca"),
            (start.beside(1, 8), "bca"),
            (start.beside(-1, 8), "abc"),
            (start.by(7).beside(1, 8).by(7), "abc"),
            (start.by(99), "abc"),
        ] {
            let mut entries = [entry("b", 9, None), entry("c", 5, Some(1.0)), entry("a", 2, Some(20.0))];
            sorting.sort(&mut entries);
            let found: String = entries.iter().map(|entry| entry.name.as_str()).collect();
            assert_eq!(found, expected, "{sorting:?}");
        }
    }
}
