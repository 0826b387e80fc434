//! The figures that faults move, as one run shows them: counts and times of the requests under `/ask`, or all others.
//!
//! It must not know faults or worlds.

use measure::{Conclusion, Outcome, Quantile, Run, StepConclusion, StepRun};

/// What a fault moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Successes of `/ask`, a second.
    Accepted,
    /// The same in the last step alone, under the greatest load.
    AcceptedLast,
    /// Mean time of these, in milliseconds.
    Mean,
    /// Their 95th percentile, each step's by its count.
    P95,
    /// Their 99th percentile.
    P99,
    /// The longest of them.
    Longest,
    /// Their mean in the first ten seconds of the first step.
    MeanFirst,
    /// Their mean in the last third of each step.
    MeanLast,
    /// The mean of all other successes.
    MeanOthers,
    /// No figure: the strength is the severity's number.
    None,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::AcceptedLast,
        Self::Mean,
        Self::P95,
        Self::P99,
        Self::Longest,
        Self::MeanFirst,
        Self::MeanLast,
        Self::MeanOthers,
        Self::None,
    ];

    /// Its name in the matrix.
    pub fn words(self) -> &'static str {
        match self {
            Self::Accepted => "successes/s",
            Self::AcceptedLast => "successes/s, greatest load",
            Self::Mean => "mean",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Longest => "longest",
            Self::MeanFirst => "mean, first 10 s",
            Self::MeanLast => "mean, last third",
            Self::MeanOthers => "mean of other paths",
            Self::None => "none",
        }
    }

    /// Of a run.
    pub fn of(self, run: &Run, conclusion: &Conclusion) -> f64 {
        let ask = |path: &str| path.starts_with("/ask");
        match self {
            Self::Accepted => per_second(&conclusion.steps),
            Self::AcceptedLast => per_second(conclusion.steps.last().map_or(&[], std::slice::from_ref)),
            Self::Mean => mean_ms(&run.steps, ask, |_, _| true),
            Self::MeanOthers => mean_ms(&run.steps, |path| !ask(path), |_, _| true),
            Self::MeanFirst => mean_ms(&run.steps[..1], ask, |end_ns, _| end_ns <= 10_000_000_000),
            Self::MeanLast => mean_ms(&run.steps, ask, |end_ns, last_ns| end_ns > last_ns / 3 * 2),
            Self::P95 => quantile_ms(conclusion, Quantile::P95),
            Self::P99 => quantile_ms(conclusion, Quantile::P99),
            Self::Longest => {
                let longest = |step: &StepConclusion| step.summary.successes_of("/ask").max_ns().unwrap_or(0);
                conclusion.steps.iter().map(longest).max().unwrap_or(0) as f64 / 1e6
            }
            Self::None => 0.0,
        }
    }
}

fn per_second(steps: &[StepConclusion]) -> f64 {
    let count: u64 = steps.iter().map(|step| step.summary.successes_of("/ask").count).sum();
    let ns: u64 = steps.iter().map(|step| step.summary.elapsed_ns).sum();
    count as f64 / (ns as f64 / 1e9).max(1e-9)
}

fn quantile_ms(conclusion: &Conclusion, quantile: Quantile) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for step in &conclusion.steps {
        let times = step.summary.successes_of("/ask");
        if let Some(ns) = times.quantile_ns(quantile) {
            sum += ns as f64 / 1e6 * times.count as f64;
            count += times.count as f64;
        }
    }
    sum / f64::max(count, 1.0)
}

/// The mean of successes under these paths in these seconds, given each one's end and the step's last.
fn mean_ms(steps: &[StepRun], wanted: impl Fn(&str) -> bool, within: impl Fn(u64, u64) -> bool) -> f64 {
    let (mut sum_ns, mut count) = (0, 0);
    for step in steps {
        let last_ns = step.intervals.last().map_or(0, |last| last.end_ns);
        for second in step.intervals.iter().filter(|second| within(second.end_ns, last_ns)) {
            for cell in &second.cells {
                let path = &step.names[usize::from(cell.name.0)].path;
                if cell.outcome == Outcome::Success && wanted(path) {
                    (sum_ns, count) = (sum_ns + cell.service.sum_ns, count + cell.count);
                }
            }
        }
    }
    sum_ns as f64 / 1e6 / f64::max(count as f64, 1.0)
}
