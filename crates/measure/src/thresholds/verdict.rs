//! What became of a threshold in a step, in values and in words. It must not know how seconds are followed.

use super::Threshold;
use super::track::{Steady, ThresholdTracker};
use crate::{RunError, StepRun};

/// What was found about a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdOutcome {
    /// It held wherever it could be judged.
    Held,
    /// It was broken.
    Broken,
    /// Nowhere was there enough to judge it.
    NotJudged,
}

impl ThresholdOutcome {
    /// `held`, `broken` or `not judged`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::NotJudged => "not judged",
        }
    }
}

/// How its windows fared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ThresholdWindows {
    /// Windows that could be judged.
    pub judged: u64,
    /// Those of them in which it was broken.
    pub broken: u64,
    /// Windows with too little in them.
    pub not_judged: u64,
    /// The first in which it was broken: begin and end, seconds since the step's start.
    pub first_broken_s: Option<(f64, f64)>,
}

/// A threshold, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdVerdict {
    /// What had to hold.
    pub threshold: Threshold,
    /// Whether it did.
    pub outcome: ThresholdOutcome,
    /// The figure, of windows the worst, in the figure's unit; `None` where nothing could be judged.
    pub value: Option<f64>,
    /// How its windows fared; `None` of a whole step.
    pub windows: Option<ThresholdWindows>,
    /// Why what could not be judged could not.
    pub why: Option<String>,
}

impl ThresholdVerdict {
    /// Whether it was broken.
    pub fn is_broken(&self) -> bool {
        self.outcome == ThresholdOutcome::Broken
    }

    /// The value with its unit, or `–`.
    pub fn value_words(&self) -> String {
        let unit = self.threshold.figure.unit();
        self.value.map_or_else(|| "–".to_owned(), |value| unit.shown(value))
    }

    /// What was found: `broken in 2 of 4 windows, first from 30 to 60 s, at worst 950 ms`.
    pub fn words(&self) -> String {
        let (word, value) = (self.outcome.word(), self.value_words());
        let why = self.why.as_deref().unwrap_or_default();
        match (self.outcome, &self.windows) {
            (ThresholdOutcome::NotJudged, _) => format!("{word}: {why}"),
            (_, None) => format!("{word}: {value}"),
            (outcome, Some(windows)) => {
                let mut words = match (outcome, windows.first_broken_s) {
                    (ThresholdOutcome::Broken, Some((from, to))) => {
                        let (broken, judged) = (windows.broken, windows.judged);
                        format!("{word} in {broken} of {judged} windows, first from {from} to {to} s")
                    }
                    _ => format!("{word} in {} windows", windows.judged),
                };
                words.push_str(&format!(", at worst {value}"));
                if windows.not_judged > 0 {
                    words.push_str(&format!("; {} more not judged: {why}", windows.not_judged));
                }
                words
            }
        }
    }
}

/// Judges all thresholds of a step.
///
/// # Errors
/// [`RunError::Damaged`] when the step contradicts itself.
pub fn judge_thresholds(step: &StepRun) -> Result<Vec<ThresholdVerdict>, RunError> {
    let since = |ns: u64| Some(ns.saturating_sub(step.phases.started_ns));
    let steady = Steady { from_ns: since(step.phases.steady_ns), until_ns: since(step.phases.wind_down_ns) };
    let judge = |rule: &Threshold| {
        let mut tracker = ThresholdTracker::new(rule.clone(), step.load.times());
        for interval in &step.intervals {
            tracker.take(interval, steady).map_err(|problem| RunError::damaged(step, problem))?;
        }
        Ok(tracker.finish(steady))
    };
    step.thresholds.iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asks, sample, step_of};
    use crate::{Comparison, NameId, Outcome, Over, Sample, ThresholdFigure};

    const MS: u64 = 1_000_000;

    fn rule(figure: &str, comparison: Comparison, bound: f64) -> Threshold {
        Threshold {
            figure: ThresholdFigure::named(figure).expect(figure),
            comparison,
            bound,
            over: Over::All,
            entries: vec![],
            window_s: None,
            abort_after_s: None,
            gate: true,
        }
    }

    fn found(samples: &[Sample], rule: &Threshold) -> (ThresholdOutcome, String) {
        let mut step = step_of("s", 5, samples);
        step.thresholds = vec![rule.clone()];
        let verdict = judge_thresholds(&step).expect("whole").pop().expect("one");
        (verdict.outcome, verdict.words())
    }

    /// Ten requests a second for four seconds: the first two fast, the others slow; each tenth fails.
    fn mixed() -> Vec<Sample> {
        let one = |at: u64| {
            let outcome = if at % 10 == 9 { Outcome::Failure } else { Outcome::Success };
            sample((at % 2) as u16, outcome, at * 100 * MS, if at < 20 { 10 } else { 50 } * MS)
        };
        (0..40).map(one).collect()
    }

    #[test]
    fn whole_steps() {
        let check = |figure, comparison, bound, words: &str| {
            assert_eq!(found(&mixed(), &rule(figure, comparison, bound)).1, words, "{figure}");
        };
        check("p50", Comparison::Below, 20.0, "held: 10.002 ms");
        check("p95", Comparison::Below, 20.0, "not judged: 36 of 59 successes");
        check("max", Comparison::AtMost, 50.0, "held: 50 ms");
        check("max", Comparison::Below, 50.0, "broken: 50 ms");
        check("min", Comparison::Above, 9.0, "held: 10 ms");
        check("mean", Comparison::Below, 29.0, "broken: 30 ms");
        check("failure_ratio", Comparison::AtMost, 0.1, "held: 10 %");
        check("failure_ratio", Comparison::Below, 0.1, "broken: 10 %");
        check("throttled_ratio", Comparison::Below, 0.1, "held: 0 %");
        check("failures", Comparison::Below, 4.0, "broken: 4");
        assert_eq!(
            found(&[], &rule("failure_ratio", Comparison::Below, 0.1)).1,
            "not judged: no request ended"
        );
        assert_eq!(found(&[], &rule("mean", Comparison::Below, 0.1)).1, "not judged: no request succeeded");
        assert_eq!(found(&[], &rule("rps", Comparison::Above, 0.1)).1, "broken: 0/s");
    }

    #[test]
    fn windows_are_judged_each_for_itself() {
        let check = |figure, window_s, bound, words: &str| {
            let rule = Threshold { window_s: Some(window_s), ..rule(figure, Comparison::Below, bound) };
            assert_eq!(found(&mixed(), &rule).1, words, "{figure} every {window_s}");
        };
        check("max", 1, 20.0, "broken in 2 of 4 windows, first from 2 to 3 s, at worst 50 ms");
        check("max", 2, 60.0, "held in 2 windows, at worst 50 ms");
        check("failures", 3, 3.0, "broken in 1 of 2 windows, first from 0 to 3 s, at worst 3");
        check("p50", 2, 20.0, "broken in 1 of 2 windows, first from 2 to 3.95 s, at worst 50 ms");
        check("p99", 2, 20.0, "not judged: 18 of 299 successes");
        let rps = Threshold { window_s: Some(3), ..rule("rps", Comparison::AtLeast, 9.0) };
        assert_eq!(found(&mixed(), &rps).1, "held in 1 windows, at worst 9/s");
    }

    #[test]
    fn only_the_named_entries_count() {
        let over = Over::Name("/health".to_owned());
        let named = |entries: Vec<NameId>| Threshold {
            over: over.clone(),
            entries,
            ..rule("failures", Comparison::Below, 1.0)
        };
        assert_eq!(found(&mixed(), &named(vec![NameId(1)])).0, ThresholdOutcome::Broken);
        assert_eq!(found(&mixed(), &named(vec![NameId(0)])).0, ThresholdOutcome::Held);
        assert_eq!(found(&asks(9, MS, MS), &named(vec![])).0, ThresholdOutcome::Held, "nobody is meant");
    }

    /// After how many seconds the run is stopped.
    fn aborts_after(window_s: Option<u32>, after_s: f64, figure: &str, bound: f64) -> Option<usize> {
        let abort_after_s = Some(after_s);
        let rule = Threshold { window_s, abort_after_s, ..rule(figure, Comparison::Below, bound) };
        let step = step_of("s", 5, &mixed());
        let mut tracker = ThresholdTracker::new(rule, step.load.times());
        let stops = |(at, interval)| {
            tracker.second(interval, Some(0)).expect("whole");
            tracker.abort().map(|_| at + 1)
        };
        step.intervals.iter().enumerate().find_map(stops)
    }

    #[test]
    fn broken_for_long_enough() {
        assert_eq!(aborts_after(Some(1), 0.0, "max", 20.0), Some(3));
        assert_eq!(aborts_after(Some(1), 1.0, "max", 20.0), Some(3));
        assert_eq!(aborts_after(Some(1), 1.5, "max", 20.0), None);
        assert_eq!(aborts_after(Some(2), 1.0, "failures", 2.0), Some(2));
        assert_eq!(aborts_after(None, 0.0, "failures", 3.0), Some(3));
        assert_eq!(aborts_after(None, 0.0, "p95", 3.0), None, "too few to know");
    }
}
