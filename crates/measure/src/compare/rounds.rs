//! Several pairs of runs, A B A B …, for a machine that drifts: each round is a pair, and the rounds are compared.
//!
//! A round's two runs lie next to each other in time, so that what drifts slowly is nearly the same in both. The change
//! is the mean of the rounds' changes, its error is what the rounds say of each other (paired t, rounds − 1 degrees of
//! freedom; Box, Hunter, Hunter: Statistics for Experimenters, 2nd ed., 2005, 3.2), but never less than what chance does
//! within a run. It must not know how the runs were made.

use serde::Serialize;

use crate::compare::decide::{Decision, Evidence, decide, evidence};
use crate::compare::estimate::Estimate;
use crate::compare::{RunLabel, judged_path, series};
use crate::{Run, RunError};

/// The fewest rounds that tell how rounds differ.
pub const ROUNDS_MIN: u32 = 3;

/// The format of repeated comparisons as JSON.
pub const ROUNDS_FORMAT: &str = "weaver-bench.rounds/1";

/// What all rounds come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rounds {
    /// [`ROUNDS_FORMAT`].
    pub format: &'static str,
    /// Changes of times by less than this ratio are the same.
    pub margin: f64,
    /// Of all rounds together.
    pub decision: Decision,
    /// Each round by itself.
    pub rounds: Vec<Round>,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// Its first run.
    pub a: RunLabel,
    /// Its second run.
    pub b: RunLabel,
    /// What they say by themselves.
    pub decision: Decision,
}

/// A run with the name that it is shown by.
pub type Named<'a> = (&'a Run, &'a str);

/// Compares rounds; `margin` is the least ratio that matters, such as 0.05.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn rounds(pairs: &[(Named<'_>, Named<'_>)], margin: f64) -> Result<Rounds, RunError> {
    let path = pairs.first().map_or_else(String::new, |((a, _), _)| judged_path(a));
    let evidence = pairs.iter().map(|((a, _), (b, _))| Ok(evidence(&series(a, b)?, &path)));
    let evidence: Vec<Evidence> = evidence.collect::<Result<_, RunError>>()?;
    let round = |(((a, name_a), (b, name_b)), evidence): (&(Named<'_>, Named<'_>), &Evidence)| Round {
        a: RunLabel::of(a, name_a),
        b: RunLabel::of(b, name_b),
        decision: decide(evidence, &path, margin),
    };
    Ok(Rounds {
        format: ROUNDS_FORMAT,
        margin,
        decision: decide(&together(&evidence), &path, margin),
        rounds: pairs.iter().zip(&evidence).map(round).collect(),
    })
}

fn together(rounds: &[Evidence]) -> Evidence {
    let side = |side: usize| {
        rounds.iter().fold((0.0, 0.0), |sum, r| (sum.0 + r.counts[side].0, sum.1 + r.counts[side].1))
    };
    let requests = |side: usize| rounds.iter().map(|round| round.requests[side]).sum();
    Evidence {
        time: mean(&rounds.iter().map(|round| round.time).collect::<Vec<_>>()),
        answered: mean(&rounds.iter().map(|round| round.answered).collect::<Vec<_>>()),
        counts: [side(0), side(1)],
        requests: [requests(0), requests(1)],
    }
}

/// The mean of the rounds; `None` if one of them tells nothing, or they are too few.
fn mean(rounds: &[Option<Estimate>]) -> Option<Estimate> {
    let rounds: Vec<Estimate> = rounds.iter().copied().collect::<Option<_>>()?;
    if rounds.len() < ROUNDS_MIN as usize {
        return None;
    }
    let count = rounds.len() as f64;
    let mean = |of: fn(&Estimate) -> f64| rounds.iter().map(of).sum::<f64>() / count;
    let value = mean(|round| round.value);
    let squares: f64 = rounds.iter().map(|round| (round.value - value) * (round.value - value)).sum();
    let between = squares / (count - 1.0) / count;
    let within = mean(|round| round.error * round.error) / count;
    Some(Estimate {
        scale: rounds[0].scale,
        value,
        error: between.max(within).sqrt(),
        freedom: count - 1.0,
        effect_size: mean(|round| round.effect_size),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use crate::compare::Verdict;
    use crate::testing::{Draw, run_of, sample, step_of};

    /// A minute of `/ask`, ten a second, around a median of `median_ms`.
    fn run(draw: &mut Draw, median_ms: f64) -> Run {
        let mut one = |at: u64| {
            let normal = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
            let ns = median_ms * 1e6 * libm::exp(0.3 * normal);
            sample(0, Outcome::Success, at * 100_000_000, ns as u64)
        };
        run_of(vec![step_of("one", 1, &(0..600).map(&mut one).collect::<Vec<_>>())])
    }

    /// The verdict over rounds of these changes, on a machine that gets slower by a tenth a round.
    fn check(changes: &[f64], expected: Verdict) {
        let mut draw = Draw(17);
        let mut level = 100.0;
        let mut round = |change: &f64| {
            level *= 1.1;
            (run(&mut draw, level), run(&mut draw, level * change))
        };
        let runs: Vec<(Run, Run)> = changes.iter().map(&mut round).collect();
        let pairs: Vec<_> = runs.iter().map(|(a, b)| ((a, "a"), (b, "b"))).collect();
        let found = rounds(&pairs, 0.05).expect("whole runs");
        assert_eq!(found.decision.verdict, expected, "{changes:?}: {:?}", found.decision);
        assert_eq!(found.rounds.len(), changes.len());
    }

    #[test]
    fn rounds_tell_what_a_drift_would_hide() {
        check(&[1.1; 6], Verdict::Worse);
        check(&[0.9; 6], Verdict::Better);
        check(&[1.0; 8], Verdict::Same);
        // Each round by itself is clear, but they do not agree.
        check(&[1.2, 0.8, 1.3, 0.75], Verdict::CannotTell);
        check(&[1.1; 2], Verdict::CannotTell);
    }
}
