//! What is counted for a whole step beside times: statuses, errors, requests cut off. All of it is bounded.
//! It must not know of histograms.

use std::collections::BTreeMap;

use crate::{CutOff, ErrorRecord, NameId, Parcel, StatusCount};

/// Distinct errors that are told apart in a step; further ones count under [`OTHER_ERRORS`].
pub const ERRORS_MAX: usize = 1_000;

/// The text that stands for errors beyond [`ERRORS_MAX`].
pub const OTHER_ERRORS: &str = "other errors";

/// Distinct texts of refusals that are told apart in a step: limits are few, and what they say is short.
const REFUSALS_MAX: usize = 50;

/// The text that stands for refusals beyond [`REFUSALS_MAX`].
const OTHER_REFUSALS: &str = "other refusals";

/// The text of a refusal that came without one.
const NO_REASON: &str = "refused without a reason";

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
    refusals: BTreeMap<String, Seen>,
    cut_off: u64,
}

/// Statuses, errors and requests cut off, by entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    entries: Vec<Entry>,
    errors_distinct: usize,
    refusals_distinct: usize,
}

impl Tally {
    pub(crate) fn new(names: usize) -> Self {
        Self { entries: vec![Entry::default(); names], errors_distinct: 0, refusals_distinct: 0 }
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
        self.add_error(name, text.unwrap_or(NO_TEXT), Seen::once(at_ns));
    }

    pub(crate) fn refusal(&mut self, name: NameId, text: Option<&str>, at_ns: u64) {
        self.add_refusal(name, text.unwrap_or(NO_REASON), Seen::once(at_ns));
    }

    fn add_error(&mut self, name: NameId, text: &str, seen: Seen) {
        let has_room = self.errors_distinct < ERRORS_MAX;
        let is_new = add(&mut self.entry(name).errors, text, seen, has_room, OTHER_ERRORS);
        self.errors_distinct += usize::from(is_new);
    }

    fn add_refusal(&mut self, name: NameId, text: &str, seen: Seen) {
        let has_room = self.refusals_distinct < REFUSALS_MAX;
        let is_new = add(&mut self.entry(name).refusals, text, seen, has_room, OTHER_REFUSALS);
        self.refusals_distinct += usize::from(is_new);
    }

    /// Adds what another one's records say.
    pub(crate) fn take_in(&mut self, parcel: &Parcel) {
        for record in &parcel.statuses {
            self.status(record.name, record.status, record.count);
        }
        let seen = |record: &ErrorRecord| Seen {
            occurrences: record.occurrences,
            first_ns: record.first_ns,
            last_ns: record.last_ns,
        };
        for record in &parcel.errors {
            self.add_error(record.name, &record.error, seen(record));
        }
        for record in &parcel.refusals {
            self.add_refusal(record.name, &record.error, seen(record));
        }
        for record in &parcel.cut_off {
            self.entry(record.name).cut_off += record.count;
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
            for (text, seen) in std::mem::take(&mut entry.refusals) {
                self.add_refusal(name, &text, seen);
            }
            let cut_off = std::mem::take(&mut entry.cut_off);
            if cut_off > 0 {
                self.entry(name).cut_off += cut_off;
            }
        }
        (other.errors_distinct, other.refusals_distinct) = (0, 0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.statuses.is_empty() && entry.cut_off == 0)
    }

    /// Statuses, errors, refusals and requests cut off, sorted.
    pub(crate) fn into_records(self) -> (Vec<StatusCount>, Vec<ErrorRecord>, Vec<ErrorRecord>, Vec<CutOff>) {
        let (mut statuses, mut errors) = (Vec::new(), Vec::new());
        let (mut refusals, mut cut_off) = (Vec::new(), Vec::new());
        for (name, mut entry) in (0..).map(NameId).zip(self.entries) {
            entry.statuses.sort_unstable();
            statuses.extend(entry.statuses.into_iter().map(|(status, count)| StatusCount {
                name,
                status,
                count,
            }));
            let record = |(error, seen): (String, Seen)| ErrorRecord {
                name,
                error,
                occurrences: seen.occurrences,
                first_ns: seen.first_ns,
                last_ns: seen.last_ns,
            };
            errors.extend(entry.errors.into_iter().map(record));
            refusals.extend(entry.refusals.into_iter().map(record));
            if entry.cut_off > 0 {
                cut_off.push(CutOff { name, count: entry.cut_off });
            }
        }
        (statuses, errors, refusals, cut_off)
    }
}

/// Adds what was seen of a text, or of `other` where there is no room for it; whether it is one more text.
fn add(texts: &mut BTreeMap<String, Seen>, text: &str, seen: Seen, has_room: bool, other: &str) -> bool {
    let text = shortened(text);
    let key = if has_room || texts.contains_key(text) { text } else { other };
    if let Some(held) = texts.get_mut(key) {
        held.occurrences += seen.occurrences;
        held.first_ns = held.first_ns.min(seen.first_ns);
        held.last_ns = held.last_ns.max(seen.last_ns);
        return false;
    }
    texts.insert(key.to_owned(), seen);
    key != other
}

impl Seen {
    fn once(at_ns: u64) -> Self {
        Self { occurrences: 1, first_ns: at_ns, last_ns: at_ns }
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
        let (_, errors, _, _) = whole.into_records();
        assert_eq!(errors.len(), ERRORS_MAX + 1);
        let others = errors.iter().find(|record| record.error == OTHER_ERRORS).unwrap();
        assert_eq!(others.occurrences, ERRORS_MAX as u64 + 10);
        assert_eq!((others.first_ns, others.last_ns), (0, ERRORS_MAX as u64 + 4));
        assert_eq!(errors.iter().map(|record| record.occurrences).sum::<u64>(), 2 * (ERRORS_MAX as u64 + 5));
    }

    #[test]
    fn refusals_are_bounded_and_no_errors() {
        let (mut whole, mut part) = (Tally::new(2), Tally::new(2));
        for tally in [&mut whole, &mut part] {
            for number in 0..REFUSALS_MAX as u64 + 5 {
                tally.refusal(ASK, Some(&format!("wait {number} s")), number);
            }
        }
        part.refusal(ASK, None, 99);
        whole.merge(&mut part);
        let (_, errors, refusals, _) = whole.into_records();
        assert_eq!((errors.len(), refusals.len()), (0, REFUSALS_MAX + 1));
        assert_eq!(
            refusals.iter().map(|record| record.occurrences).sum::<u64>(),
            2 * (REFUSALS_MAX as u64 + 5) + 1
        );
        let others = refusals.iter().find(|record| record.error == OTHER_REFUSALS).unwrap();
        assert_eq!((others.occurrences, others.last_ns), (11, 99));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut tally = Tally::new(2);
        tally.error(ASK, Some(&"ä".repeat(ERROR_BYTES_MAX)), 1);
        tally.error(ASK, None, 2);
        let (_, errors, _, _) = tally.into_records();
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
        let (statuses, _, _, cut_off) = tally.into_records();
        let seen: Vec<_> =
            statuses.iter().map(|record| (record.name.0, record.status, record.count)).collect();
        assert_eq!(seen, [(0, 200, 1), (1, 200, 1), (1, 500, 2)]);
        assert_eq!(cut_off, [CutOff { name: ASK, count: 1 }]);
    }
}
