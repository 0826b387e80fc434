//! When users start and which class each is: pure functions of numbers.

/// When user `number` (from 0) starts, in nanoseconds since the step's start: evenly spaced.
pub(crate) fn spawn_at_ns(number: u32, spawn_rate_per_s: f64) -> u64 {
    (f64::from(number) * 1e9 / spawn_rate_per_s) as u64
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
