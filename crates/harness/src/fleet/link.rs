//! What one side must get through to the other: numbered, kept until it is acknowledged, sent again when it is not, taken in
//! order and once. Both sides have one of each kind for the other.
//!
//! It must not know the bus or what is said.

use std::collections::VecDeque;

/// Kept until acknowledged.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    acknowledged: u64,
    kept: VecDeque<Kept<T>>,
    resend_after_ns: u64,
}

#[derive(Debug)]
struct Kept<T> {
    item: T,
    sent_ns: Option<u64>,
}

impl<T> Outbox<T> {
    /// What is not acknowledged within `resend_after_ns` is sent again.
    pub(crate) fn new(resend_after_ns: u64) -> Self {
        Self { acknowledged: 0, kept: VecDeque::new(), resend_after_ns }
    }

    /// The next one to be sent.
    pub(crate) fn put(&mut self, item: T) {
        self.kept.push_back(Kept { item, sent_ns: None });
    }

    /// The last one, if it was not sent yet: it may still be added to.
    pub(crate) fn last_unsent(&mut self) -> Option<&mut T> {
        self.kept.back_mut().filter(|kept| kept.sent_ns.is_none()).map(|kept| &mut kept.item)
    }

    /// The other side has all up to this number.
    pub(crate) fn acknowledge(&mut self, up_to: u64) {
        while self.acknowledged < up_to && self.kept.pop_front().is_some() {
            self.acknowledged += 1;
        }
    }

    /// How many are not acknowledged.
    pub(crate) fn waiting(&self) -> usize {
        self.kept.len()
    }

    /// Whether anything is to be sent.
    pub(crate) fn is_due(&self, now_ns: u64) -> bool {
        let late = self.kept.front().is_some_and(|kept| self.is_late(kept, now_ns));
        late || self.kept.back().is_some_and(|kept| kept.sent_ns.is_none())
    }

    /// What is to be sent now, with its number, from 1: what was never sent, or all from the first that was not
    /// acknowledged in time. They count as sent.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Vec<(u64, &T)> {
        let again = self.kept.front().is_some_and(|kept| self.is_late(kept, now_ns));
        let first = self.acknowledged + 1;
        let due = (first..).zip(&mut self.kept).filter(|(_, kept)| again || kept.sent_ns.is_none());
        due.map(|(number, kept)| {
            kept.sent_ns = Some(now_ns);
            (number, &kept.item)
        })
        .collect()
    }

    /// All is to be sent again: the other side, or the bus, may have lost it.
    pub(crate) fn renew(&mut self) {
        self.kept.iter_mut().for_each(|kept| kept.sent_ns = None);
    }

    fn is_late(&self, kept: &Kept<T>, now_ns: u64) -> bool {
        kept.sent_ns.is_some_and(|sent_ns| now_ns >= sent_ns + self.resend_after_ns)
    }
}

/// Takes in order and once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inbox {
    taken: u64,
}

impl Inbox {
    /// Whether this is the next one; then it is taken.
    pub(crate) fn takes(&mut self, number: u64) -> bool {
        let next = number == self.taken + 1;
        self.taken += u64::from(next);
        next
    }

    /// Up to which number all were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(outbox: &mut Outbox<char>, now_ns: u64) -> Vec<(u64, char)> {
        outbox.take_due(now_ns).into_iter().map(|(number, item)| (number, *item)).collect()
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again() {
        let mut outbox = Outbox::new(100);
        ['a', 'b', 'c'].into_iter().for_each(|item| outbox.put(item));
        assert!(outbox.is_due(0));
        assert_eq!(numbers(&mut outbox, 0), [(1, 'a'), (2, 'b'), (3, 'c')]);
        assert!(!outbox.is_due(99) && numbers(&mut outbox, 99).is_empty());
        outbox.acknowledge(1);
        outbox.put('d');
        assert_eq!(numbers(&mut outbox, 50), [(4, 'd')]);
        assert_eq!(numbers(&mut outbox, 100), [(2, 'b'), (3, 'c'), (4, 'd')]);
        outbox.acknowledge(9);
        assert_eq!((outbox.waiting(), outbox.is_due(1_000)), (0, false));
        outbox.put('e');
        assert_eq!(outbox.last_unsent(), Some(&mut 'e'));
        assert_eq!(numbers(&mut outbox, 200), [(5, 'e')]);
        assert_eq!(outbox.last_unsent(), None);
        outbox.renew();
        assert_eq!(numbers(&mut outbox, 201), [(5, 'e')]);
    }

    #[test]
    fn each_is_taken_once_and_in_order() {
        let mut inbox = Inbox::default();
        let taken: Vec<bool> = [1, 1, 3, 2, 3, 2].into_iter().map(|number| inbox.takes(number)).collect();
        assert_eq!(taken, [true, false, false, true, true, false]);
        assert_eq!(inbox.taken(), 3);
    }
}
