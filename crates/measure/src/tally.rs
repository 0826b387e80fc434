//! What is counted for a whole step beside times: statuses, errors, requests cut off. All of it is bounded.
//! It must not know of histograms.

use std::collections::BTreeMap;

use crate::{CutOff, ErrorRecord, NameId, StatusCount};

/// Distinct errors that are told apart in a step; further ones count under [`OTHER_ERRORS`].
pub const ERRORS_MAX: usize = 1_000;

/// The text that stands for errors beyond [`ERRORS_MAX`].
pub const OTHER_ERRORS: &str = "other errors";

/// Bytes of an error's text that are kept.
const ERROR_BYTES_MAX: usize = 1_024;

/// The text of a failure that came without one.
const NO_TEXT: &str = "failure without a text";

#[derive(Clone, Copy, Debug)]
struct Seen {
    occurrences: u64,
    first_ns: u64,
    last_ns: u64,
}

/// Everything that is counted about one entry, times aside.
#[derive(Clone, Debug, Default)]
struct Entry {
    /// Few, so a list beats a map.
    statuses: Vec<(u16, u64)>,
    errors: BTreeMap<String, Seen>,
    cut_off: u64,
}

/// Statuses, errors and requests cut off, by entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    entries: Vec<Entry>,
    errors_distinct: usize,
}

impl Tally {
    pub(crate) fn new(names: usize) -> Self {
        Self { entries: vec![Entry::default(); names], errors_distinct: 0 }
    }

    fn entry(&mut self, name: NameId) -> &mut Entry {
        let at = usize::from(name.0);
        if at >= self.entries.len() {
            self.entries.resize_with(at + 1, Entry::default);
        }
        &mut self.entries[at]
    }

    pub(crate) fn status(&mut self, name: NameId, status: u16, count: u64) {
        let statuses = &mut self.entry(name).statuses;
        match statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, held)) => *held += count,
            None => statuses.push((status, count)),
        }
    }

    pub(crate) fn cut_off(&mut self, name: NameId) {
        self.entry(name).cut_off += 1;
    }

    pub(crate) fn error(&mut self, name: NameId, text: Option<&str>, at_ns: u64) {
        let text = shortened(text.unwrap_or(NO_TEXT));
        self.add_error(name, text, Seen { occurrences: 1, first_ns: at_ns, last_ns: at_ns });
    }

    fn add_error(&mut self, name: NameId, text: &str, seen: Seen) {
        let has_room = self.errors_distinct < ERRORS_MAX;
        let errors = &mut self.entry(name).errors;
        let key = if has_room || errors.contains_key(text) { text } else { OTHER_ERRORS };
        if let Some(held) = errors.get_mut(key) {
            held.occurrences += seen.occurrences;
            held.first_ns = held.first_ns.min(seen.first_ns);
            held.last_ns = held.last_ns.max(seen.last_ns);
            return;
        }
        errors.insert(key.to_owned(), seen);
        if key != OTHER_ERRORS {
            self.errors_distinct += 1;
        }
    }

    /// Takes all of `other` and leaves it empty.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        for (name, entry) in (0..).map(NameId).zip(&mut other.entries) {
            for (status, count) in entry.statuses.drain(..) {
                self.status(name, status, count);
            }
            for (text, seen) in std::mem::take(&mut entry.errors) {
                self.add_error(name, &text, seen);
            }
            let cut_off = std::mem::take(&mut entry.cut_off);
            if cut_off > 0 {
                self.entry(name).cut_off += cut_off;
            }
        }
        other.errors_distinct = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.statuses.is_empty() && entry.cut_off == 0)
    }

    /// All three lists, sorted.
    pub(crate) fn into_records(self) -> (Vec<StatusCount>, Vec<ErrorRecord>, Vec<CutOff>) {
        let (mut statuses, mut errors, mut cut_off) = (Vec::new(), Vec::new(), Vec::new());
        for (name, mut entry) in (0..).map(NameId).zip(self.entries) {
            entry.statuses.sort_unstable();
            statuses.extend(entry.statuses.into_iter().map(|(status, count)| StatusCount {
                name,
                status,
                count,
            }));
            errors.extend(entry.errors.into_iter().map(|(error, seen)| ErrorRecord {
                name,
                error,
                occurrences: seen.occurrences,
                first_ns: seen.first_ns,
                last_ns: seen.last_ns,
            }));
            if entry.cut_off > 0 {
                cut_off.push(CutOff { name, count: entry.cut_off });
            }
        }
        (statuses, errors, cut_off)
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(ERROR_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: NameId = NameId(1);

    #[test]
    fn distinct_errors_are_bounded_and_none_is_lost() {
        let (mut whole, mut part) = (Tally::new(2), Tally::new(2));
        for (tally, prefix) in [(&mut whole, "a"), (&mut part, "b")] {
            for number in 0..ERRORS_MAX as u64 + 5 {
                tally.error(ASK, Some(&format!("{prefix}{number}")), number);
            }
        }
        whole.merge(&mut part);
        assert!(part.into_records().1.is_empty());
        let (_, errors, _) = whole.into_records();
        assert_eq!(errors.len(), ERRORS_MAX + 1);
        let others = errors.iter().find(|record| record.error == OTHER_ERRORS).unwrap();
        assert_eq!(others.occurrences, ERRORS_MAX as u64 + 10);
        assert_eq!((others.first_ns, others.last_ns), (0, ERRORS_MAX as u64 + 4));
        assert_eq!(errors.iter().map(|record| record.occurrences).sum::<u64>(), 2 * (ERRORS_MAX as u64 + 5));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut tally = Tally::new(2);
        tally.error(ASK, Some(&"ä".repeat(ERROR_BYTES_MAX)), 1);
        tally.error(ASK, None, 2);
        let (_, errors, _) = tally.into_records();
        assert_eq!(errors[0].error, NO_TEXT);
        assert_eq!(errors[1].error.len(), ERROR_BYTES_MAX);
    }

    #[test]
    fn records_are_sorted_whatever_the_order() {
        let mut tally = Tally::new(0);
        for (name, status) in [(1, 500), (0, 200), (1, 200), (1, 500)] {
            tally.status(NameId(name), status, 1);
        }
        tally.cut_off(ASK);
        let (statuses, _, cut_off) = tally.into_records();
        let seen: Vec<_> =
            statuses.iter().map(|record| (record.name.0, record.status, record.count)).collect();
        assert_eq!(seen, [(0, 200, 1), (1, 200, 1), (1, 500, 2)]);
        assert_eq!(cut_off, [CutOff { name: ASK, count: 1 }]);
    }
}
