//! Whether a limit starves those who ask: it lets through the less, the more is asked.
//!
//! A bucket that keeps what it is given lets through as much as its rate, however much is asked; one that throws fractions
//! away gives back only to who waits. It must not know which limit it is.

/// One second of the entries that were ever refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) second: u64,
    pub(super) asked: u64,
    pub(super) refused: u64,
}

/// Seconds in which something was refused that a comparison needs.
const SECONDS_MIN: usize = 12;
/// Standard errors below nought at which less is let through where more is asked.
const SLOPE_MIN: f64 = -4.0;
/// A limit that lets nothing through for so many seconds, asked so often each, has no rate at all.
const NOTHING_S: usize = 5;
const ASKED_MIN: u64 = 3;

/// Whether the refusals of these steps are those of a bucket that starves.
pub(super) fn is_starved(steps: &[Vec<Moment>]) -> bool {
    steps.iter().any(|step| ends_with_nothing(step)) || lets_through_less(steps)
}

/// Something at first, then nothing until the end.
fn ends_with_nothing(step: &[Moment]) -> bool {
    let asked: Vec<&Moment> = step.iter().filter(|moment| moment.asked > 0).collect();
    let nothing = asked.iter().rev().take_while(|moment| moment.refused == moment.asked);
    let seconds = nothing.filter(|moment| moment.asked >= ASKED_MIN).count();
    let began = asked.first().is_some_and(|moment| moment.refused < moment.asked);
    began && seconds >= NOTHING_S
}

/// The slope of what was let through on what was asked, over the seconds with refusals, below nought by more than chance
/// (Draper and Smith, *Applied Regression Analysis*, 3rd edition, 1.4).
fn lets_through_less(steps: &[Vec<Moment>]) -> bool {
    let hungry = steps.iter().flatten().filter(|moment| moment.refused > 0 && moment.asked >= ASKED_MIN);
    let pairs: Vec<(f64, f64)> =
        hungry.map(|moment| (moment.asked as f64, (moment.asked - moment.refused) as f64)).collect();
    if pairs.len() < SECONDS_MIN {
        return false;
    }
    let count = pairs.len() as f64;
    let mean_x = pairs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = pairs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in &pairs {
        xx += (x - mean_x) * (x - mean_x);
        xy += (x - mean_x) * (y - mean_y);
        yy += (y - mean_y) * (y - mean_y);
    }
    if xx <= 0.0 {
        return false;
    }
    let slope = xy / xx;
    let residual = ((yy - slope * xy) / (count - 2.0)).max(1e-9);
    slope / libm::sqrt(residual / xx) < SLOPE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(seconds: impl Iterator<Item = (u64, u64)>) -> Vec<Moment> {
        (0..).zip(seconds).map(|(second, (asked, refused))| Moment { second, asked, refused }).collect()
    }

    #[test]
    fn buckets_that_keep_fractions_do_not_starve() {
        let asked = |at: u64| 20 + at * 7 % 13;
        // Ten a second whatever is asked; everything for a time, then nothing from the first request on.
        let fair = step((0..60).map(|at| (asked(at), asked(at) - 10 - at % 2)));
        let storm = step((0..60).map(|at| (asked(at), if (20..40).contains(&at) { asked(at) } else { 0 })));
        let shut = step((0..60).map(|at| (asked(at), asked(at))));
        for moments in [fair, storm, shut, vec![]] {
            assert!(!is_starved(&[moments]));
        }
    }

    #[test]
    fn buckets_that_throw_them_away_do() {
        let asked = |at: u64| 20 + at * 7 % 13;
        let less = step((0..60).map(|at| (asked(at), asked(at) - (33 - asked(at)))));
        let nothing = step((0..60).map(|at| (asked(at), if at < 2 { 0 } else { asked(at) })));
        for moments in [less, nothing] {
            assert!(is_starved(&[moments]));
        }
    }
}
