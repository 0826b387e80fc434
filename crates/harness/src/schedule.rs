//! When users start and which class each is: pure functions of numbers.

/// When user `number` (from 0) starts, in nanoseconds since the step's start: evenly spaced.
pub(crate) fn spawn_at_ns(number: u32, spawn_rate_per_s: f64) -> u64 {
    (f64::from(number) * 1e9 / spawn_rate_per_s) as u64
}

/// Users on their way from one number to another: one comes or goes at a time, evenly spaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ramp {
    from_ns: u64,
    /// Changes since then.
    changes: u32,
    last_ns: Option<u64>,
    present: u32,
    users: u32,
    rate_per_s: f64,
}

/// What a ramp does to the users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// One comes.
    Comes,
    /// The newest goes.
    Goes,
}

impl Ramp {
    /// From none to `users`, the first of whom comes at once.
    pub(crate) fn new(now_ns: u64, users: u32, rate_per_s: f64) -> Self {
        Self { from_ns: now_ns, changes: 0, last_ns: None, present: 0, users, rate_per_s }
    }

    /// Goes on to another number at another rate; the new rate holds for the next change already.
    pub(crate) fn turn(&mut self, now_ns: u64, users: u32, rate_per_s: f64) {
        let after_last = self.last_ns.filter(|last| last + spawn_at_ns(1, rate_per_s) > now_ns);
        (self.from_ns, self.changes) = after_last.map_or((now_ns, 0), |last_ns| (last_ns, 1));
        (self.users, self.rate_per_s) = (users, rate_per_s);
    }

    /// When the next one comes or goes; `None` when all is as asked for.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        (!self.is_there()).then(|| self.from_ns + spawn_at_ns(self.changes, self.rate_per_s))
    }

    /// The next change, if it is due: it is taken to be done.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<Change> {
        let at_ns = self.next_ns().filter(|at_ns| *at_ns <= now_ns)?;
        self.changes += 1;
        self.last_ns = Some(at_ns);
        if self.present < self.users {
            self.present += 1;
            return Some(Change::Comes);
        }
        self.present -= 1;
        Some(Change::Goes)
    }

    /// Whether as many are there as were asked for.
    pub(crate) fn is_there(&self) -> bool {
        self.present == self.users
    }

    /// Users asked for, and how many come or go a second.
    pub(crate) fn asked(&self) -> (u32, f64) {
        (self.users, self.rate_per_s)
    }
}

/// Deals users onto classes so that the shares are as near to the weights as whole users allow, at every count.
#[derive(Clone, Debug)]
pub(crate) struct Dealer {
    weights: Vec<u32>,
    counts: Vec<u32>,
}

impl Dealer {
    /// `weights` must not be empty.
    pub(crate) fn new(weights: Vec<u32>) -> Self {
        Self { counts: vec![0; weights.len()], weights }
    }

    /// The class of the next user: the one that is furthest behind its share; of equals the first.
    pub(crate) fn deal(&mut self) -> usize {
        let total: u64 = self.weights.iter().map(|w| u64::from(*w)).sum();
        let next = 1 + self.counts.iter().map(|c| u64::from(*c)).sum::<u64>();
        // behind = weight · next / total − count, times total to stay whole
        let behind = |i: usize| {
            i128::from(self.weights[i]) * i128::from(next) - i128::from(self.counts[i]) * i128::from(total)
        };
        let class = (0..self.weights.len()).rev().max_by_key(|i| behind(*i)).unwrap_or(0);
        self.counts[class] += 1;
        class
    }

    /// A user of this class has gone.
    pub(crate) fn take_back(&mut self, class: usize) {
        self.counts[class] -= 1;
    }
}

/// Users of each class among the first `users`.
pub(crate) fn class_counts(weights: Vec<u32>, users: u32) -> Vec<u32> {
    let mut dealer = Dealer::new(weights);
    for _ in 0..users {
        dealer.deal();
    }
    dealer.counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_spaced_evenly() {
        let at: Vec<u64> = (0..4).map(|n| spawn_at_ns(n, 2.0)).collect();
        assert_eq!(at, [0, 500_000_000, 1_000_000_000, 1_500_000_000]);
    }

    /// All changes up to `until_ns`: when each was due and what it was.
    fn changes(ramp: &mut Ramp, until_ns: u64) -> Vec<(u64, Change)> {
        std::iter::from_fn(|| {
            let at_ns = ramp.next_ns()?;
            ramp.take(until_ns).map(|change| (at_ns, change))
        })
        .collect()
    }

    #[test]
    fn an_edit_turns_the_ramp() {
        use Change::{Comes, Goes};
        let mut ramp = Ramp::new(0, 10, 1.0);
        assert_eq!(changes(&mut ramp, 2_500), [(0, Comes)]);
        // Quicker: the rate holds from the last change on.
        ramp.turn(2_500, 3, 1e6);
        assert_eq!(changes(&mut ramp, 9_000), [(2_500, Comes), (3_500, Comes)]);
        assert!(ramp.is_there() && ramp.next_ns().is_none());
        // Down again, at once when the last change is long ago; then slower.
        ramp.turn(1_000_000, 0, 1e6);
        assert_eq!(changes(&mut ramp, 1_000_500), [(1_000_000, Goes)]);
        ramp.turn(1_000_600, 1, 1e5);
        assert_eq!(changes(&mut ramp, 1_010_000), [(1_010_000, Goes)]);
        // The same number again is no change; edits cannot hurry the rate.
        ramp.turn(1_010_001, 1, 1.0);
        ramp.turn(1_010_002, 2, 1.0);
        ramp.turn(1_010_003, 2, 1.0);
        assert_eq!(ramp.next_ns(), Some(1_001_010_000));
        assert_eq!(ramp.asked(), (2, 1.0));
    }

    #[test]
    fn shares_stay_right_when_the_newest_go() {
        let weights = vec![60, 30, 10];
        let mut dealer = Dealer::new(weights.clone());
        let mut dealt: Vec<usize> = (0..30).map(|_| dealer.deal()).collect();
        dealt.drain(7..).rev().for_each(|class| dealer.take_back(class));
        assert_eq!(dealer.counts, class_counts(weights.clone(), 7));
        dealt.extend((7..12).map(|_| dealer.deal()));
        assert_eq!(dealer.counts, class_counts(weights, 12));
    }

    #[test]
    fn shares_follow_the_weights_at_every_count() {
        let weights = vec![60, 30, 10, 5, 5];
        for (users, expected) in
            [(1, [1, 0, 0, 0, 0]), (5, [3, 1, 1, 0, 0]), (10, [6, 3, 1, 0, 0]), (110, [60, 30, 10, 5, 5])]
        {
            assert_eq!(class_counts(weights.clone(), users), expected, "{users} users");
        }
        for users in 1..500u32 {
            let counts = class_counts(weights.clone(), users);
            for (weight, count) in weights.iter().zip(&counts) {
                let ideal = f64::from(users * weight) / 110.0;
                assert!((f64::from(*count) - ideal).abs() < 1.5, "{users}: {counts:?}");
            }
        }
    }
}
