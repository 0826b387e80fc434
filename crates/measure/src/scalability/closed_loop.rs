//! Users who think and ask, and a target whose speed depends on how many ask at once: who is met there.
//!
//! N users think for Z and are then served together at the rate of the law. How many are in service then has the product form
//! p(n) ∝ (N choose n) · Π R(k) / Z, k = 1 … n, whatever the times are distributed like (Baskett, Chandy, Muntz,
//! Palacios: Open, closed, and mixed networks of queues, J. ACM 22, 1975), and who arrives meets what a loop of
//! N − 1 users holds (Lavenberg, Reiser: Stationary state probabilities at arrival instants, J. Appl. Prob. 17, 1980).
//! It must not know what was measured.

use super::Law;

/// Beyond so many users the loop is counted in strides.
const USERS_MAX: u32 = 200_000;

/// What who arrives meets: the mean number of others, m, and the mean of m (m + 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Met {
    pub(crate) others: f64,
    pub(crate) pairs: f64,
}

/// What one of `users` users meets who thinks for `think_s` between its requests.
pub(crate) fn met(law: &Law, users: u32, think_s: f64) -> Met {
    let others = users.saturating_sub(1).min(USERS_MAX);
    let all = f64::from(others);
    if think_s <= 0.0 {
        return Met { others: all, pairs: all * (all + 1.0) };
    }
    // Relative to the greatest term so far, so that nothing overflows.
    let (mut term, mut sum, mut mean, mut pairs) = (1.0f64, 1.0f64, 0.0f64, 0.0f64);
    for n in 1..=others {
        let n = f64::from(n);
        term *= (all - n + 1.0) * law.time_s(n) / (n * think_s);
        if term > 1e100 {
            let scale = 1.0 / term;
            (sum, mean, pairs, term) = (sum * scale, mean * scale, pairs * scale, 1.0);
        }
        sum += term;
        mean += term * n;
        pairs += term * n * (n + 1.0);
    }
    Met { others: mean / sum, pairs: pairs / sum }
}

/// The mean time of an answer, in s, that one of `users` users gets.
pub(crate) fn time_s(law: &Law, users: u32, think_s: f64) -> f64 {
    let met = met(law, users, think_s);
    (1.0 + law.contention * met.others + law.coherency * met.pairs) / law.rate_per_s
}

/// Answers a second that `users` users get.
pub(crate) fn rate_per_s(law: &Law, users: u32, think_s: f64) -> f64 {
    f64::from(users) / (time_s(law, users, think_s) + think_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: Law = Law { rate_per_s: 100.0, contention: 0.03, coherency: 0.0005 };

    #[test]
    fn without_thinking_it_is_the_law() {
        for users in [1, 2, 10, 44, 300] {
            let found = rate_per_s(&LAW, users, 0.0);
            assert!((found / LAW.at(f64::from(users)) - 1.0).abs() < 1e-12, "{users}: {found}");
        }
    }

    /// One server, first come first served: contention 1. The repairman's formula, summed up by hand.
    #[test]
    fn one_slot_is_the_machine_repairman() {
        let law = Law { rate_per_s: 10.0, contention: 1.0, coherency: 0.0 };
        for (users, think_s) in [(1, 1.0), (3, 0.5), (20, 1.0), (400, 20.0)] {
            // Utilisation 1 − p(0), with p(n) ∝ N! / (N − n)! (S / Z)ⁿ.
            let (mut term, mut sum) = (1.0f64, 1.0f64);
            for n in 0..users {
                term *= f64::from(users - n) * 0.1 / think_s;
                sum += term;
            }
            let expected = (1.0 - 1.0 / sum) * 10.0;
            let found = rate_per_s(&law, users, think_s);
            assert!((found / expected - 1.0).abs() < 1e-9, "{users} users, {think_s} s: {found}, {expected}");
        }
    }

    /// No interference: each other user is met with probability R / (R + Z).
    #[test]
    fn who_does_not_interfere_is_met_by_chance() {
        let law = Law { rate_per_s: 10.0, contention: 0.0, coherency: 0.0 };
        let Met { others, pairs } = met(&law, 51, 0.3);
        let (mean, variance) = (50.0 * 0.25, 50.0 * 0.25 * 0.75);
        assert!((others - mean).abs() < 1e-9 && (pairs - (variance + mean * mean + mean)).abs() < 1e-7);
    }
}
