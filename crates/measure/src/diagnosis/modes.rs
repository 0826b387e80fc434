//! Answers out of a cache: a quick mode of one entry's times, set apart from the slow ones.
//! It must not know when they came.
//!
//! Where a split is set in vain nothing goes wrong: ranks within two parts are as fair as ranks within one.

/// An answer out of a cache takes at most so long at the median …
const QUICK_NS_MAX: u64 = 10_000_000;
/// … and is at least this share of all.
const QUICK_SHARE_MIN: f64 = 0.1;
/// Beyond the quick mode, times within this factor …
const EDGE: f64 = 1.5;
/// … are at most this share of the most that any such span holds within it.
const DENSITY_MAX: f64 = 0.08;
/// The slowest takes at least so many times what the quick mode's slowest takes.
const FAR: f64 = 3.0;

/// The time above which answers did not come out of a cache; `None` where no such mode is seen. `counts` are times with
/// how many, ascending.
pub(super) fn split_ns(counts: &[(u64, u64)]) -> Option<u64> {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let longest = counts.last()?.0 as f64;
    let mut before = vec![0];
    before.extend(counts.iter().scan(0, |sum, (_, count)| {
        *sum += count;
        Some(*sum)
    }));
    // How many are above place `at` and within the factor of it.
    let (mut end, mut most, mut best) = (0, 0, None::<(f64, u64)>);
    for (at, (ns, _)) in counts.iter().enumerate() {
        let (quick, limit) = (before[at + 1], *ns as f64 * EDGE);
        while end < counts.len() && counts[end].0 as f64 <= limit {
            end += 1;
        }
        most = most.max(before[end] - before[at]);
        let edge = (before[end] - quick) as f64 / most as f64;
        let median = counts[before.partition_point(|sum| *sum < quick.div_ceil(2)).saturating_sub(1)].0;
        let is_quick = median <= QUICK_NS_MAX && quick as f64 >= QUICK_SHARE_MIN * total as f64;
        let is_edge = edge <= DENSITY_MAX && longest >= FAR * *ns as f64;
        if is_quick && is_edge && best.is_none_or(|(least, _)| edge < least) {
            best = Some((edge, *ns));
        }
    }
    best.map(|(_, ns)| ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u64 = 1_000;

    fn check(counts: &[(u64, u64)], expected_us: Option<u64>) {
        let counts: Vec<_> = counts.iter().map(|(us, count)| (us * US, *count)).collect();
        assert_eq!(split_ns(&counts), expected_us.map(|us| us * US), "{counts:?}");
    }

    #[test]
    fn a_cache_is_quick_and_far_from_the_rest() {
        check(&[], None);
        check(&[(100, 50)], None);
        check(&[(100, 50), (200, 50)], None);
        check(&[(100, 50), (450, 1)], Some(100));
        check(&[(100, 50), (120, 60), (450, 50), (2_000, 1)], Some(120));
        check(&[(100, 5), (450, 95)], None);
        check(&[(100_000, 50), (450_000, 50)], None);
        check(&[(100, 50), (120, 60), (160, 20), (200, 20), (300, 20), (450, 50)], None);
    }
}
