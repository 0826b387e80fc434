//! 95 % intervals of what is shown of a step: means and percentiles of every entry, of all, and of what is judged.
//!
//! Means: see [`crate::interval`]. Percentiles: the interval of the share of requests at or below the percentile, turned
//! into times by the histogram (Woodruff: Confidence intervals for medians and other position measures, J. Amer. Statist.
//! Assoc. 47, 1952), never narrower than for independent requests. It must not know of targets.

use crate::confidence::samples_needed;
use crate::file::CellReader;
use crate::histogram::{Count, Quantile, bucket_max_ns};
use crate::interval::{Second, half_width};
use crate::times::Times;
use crate::{Outcome, RunError, StepRun, Summary};

/// The percentiles that carry an interval.
const SHOWN: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// A last second shorter than this share of a second counts with the one before.
const LAST_NS_MIN: u64 = 500_000_000;

/// The normal law's 97.5 % quantile.
const NORMAL_975: f64 = 1.959_964;

/// Holds the true value in 95 of 100 runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval95 {
    /// Its lower end.
    pub low_ns: u64,
    /// Its upper end.
    pub high_ns: u64,
}

/// The intervals of one row; `None` where seconds or requests are too few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    /// Of the mean.
    pub mean: Option<Interval95>,
    /// Of the median.
    pub p50: Option<Interval95>,
    /// Of the 95th percentile.
    pub p95: Option<Interval95>,
    /// Of the 99th percentile.
    pub p99: Option<Interval95>,
}

/// The intervals of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepIntervals {
    /// Of each row of the summary, in its order.
    pub rows: Vec<Intervals>,
    /// Of all entries together.
    pub total: Intervals,
    /// Of the entries that are judged, if any are.
    pub judged: Option<Intervals>,
}

/// The shown times of successes, second by second.
struct Series {
    times: Times,
    quantiles_ns: Vec<u64>,
    /// By second: how many, their sum, and how many at or below each percentile.
    seconds: Vec<(u64, u64, [u64; SHOWN.len()])>,
}

/// Works them out; paths that begin with `judged_path` are judged.
///
/// # Errors
/// [`RunError::Damaged`] when the step contradicts itself.
pub fn intervals(
    step: &StepRun,
    summary: &Summary,
    judged_path: Option<&str>,
) -> Result<StepIntervals, RunError> {
    let mut rows: Vec<Series> = summary.rows.iter().map(|row| Series::of(row.success().clone())).collect();
    let mut total = Series::of(summary.total.success().clone());
    let mut judged = judged_path.map(|path| Series::of(summary.successes_of(path)));
    let row_of = |name: &crate::EntryName| {
        summary.rows.iter().position(|row| row.name == name.name && row.method == name.method)
    };
    let row_of: Vec<Option<usize>> = step.names.iter().map(row_of).collect();
    let mut reader = CellReader::new(step);
    let mut begin_ns = 0;
    for (at, interval) in step.intervals.iter().enumerate() {
        let is_short = at + 1 == step.intervals.len() && interval.end_ns - begin_ns < LAST_NS_MIN;
        begin_ns = interval.end_ns;
        if !is_short || at == 0 {
            rows.iter_mut().chain([&mut total]).chain(&mut judged).for_each(Series::begin);
        }
        for cell in interval.cells.iter().filter(|cell| cell.outcome == Outcome::Success) {
            let path = &reader.entry(cell.name)?.path;
            let times = cell.times(summary.total.shown);
            let counts = reader.cell(at, cell, times)?;
            let is_judged = judged_path.is_some_and(|judged| path.starts_with(judged));
            let row = row_of[usize::from(cell.name.0)].and_then(|row| rows.get_mut(row));
            let series = row.into_iter().chain([&mut total]).chain(judged.as_mut().filter(|_| is_judged));
            series.for_each(|series| series.add(times.sum_ns, counts));
        }
    }
    Ok(StepIntervals {
        rows: rows.iter().map(Series::intervals).collect(),
        total: total.intervals(),
        judged: judged.as_ref().map(Series::intervals),
    })
}

impl Series {
    fn of(times: Times) -> Self {
        Self { quantiles_ns: times.quantiles_ns(&SHOWN).unwrap_or_default(), times, seconds: vec![] }
    }

    fn begin(&mut self) {
        self.seconds.push((0, 0, [0; SHOWN.len()]));
    }

    fn add(&mut self, sum_ns: u64, counts: &[Count]) {
        let Some((held, held_ns, below)) = self.seconds.last_mut() else { return };
        *held_ns += sum_ns;
        for &(bucket, count) in counts {
            *held += count;
            for (below, limit_ns) in below.iter_mut().zip(&self.quantiles_ns) {
                // The percentile is a bucket's upper end, or the exact greatest time within it.
                if bucket_max_ns(bucket) <= *limit_ns || *limit_ns == self.times.max_ns().unwrap_or(0) {
                    *below += count;
                }
            }
        }
    }

    fn intervals(&self) -> Intervals {
        let quantile = |at: usize| self.quantile(at, SHOWN[at]);
        Intervals { mean: self.mean(), p50: quantile(0), p95: quantile(1), p99: quantile(2) }
    }

    fn mean(&self) -> Option<Interval95> {
        let second = |&(count, ns, _): &(u64, u64, _)| Second { part: ns as f64, whole: count as f64 };
        let width = half_width(&self.seconds.iter().map(second).collect::<Vec<_>>())?;
        let mean_ns = self.times.mean_ns()? as f64;
        Some(Interval95 { low_ns: (mean_ns - width).max(0.0) as u64, high_ns: (mean_ns + width) as u64 })
    }

    /// Withheld where a percentile's upper bound would be, or when an end lies beyond what was measured.
    fn quantile(&self, at: usize, quantile: Quantile) -> Option<Interval95> {
        let count = self.times.count;
        if count < samples_needed(quantile) {
            return None;
        }
        let second = |(count, _, below): &(u64, u64, [u64; SHOWN.len()])| Second {
            part: below[at] as f64,
            whole: *count as f64,
        };
        let width = half_width(&self.seconds.iter().map(second).collect::<Vec<_>>())?;
        let share = quantile.ratio();
        let width = width.max(NORMAL_975 * (share * (1.0 - share) / count as f64).sqrt());
        let rank = |share: f64| (share * count as f64).ceil() as u64;
        let high_ns = self.times.at_rank_ns(rank(share + width))?;
        Some(Interval95 { low_ns: self.times.at_rank_ns(rank((share - width).max(0.0)).max(1))?, high_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draw, asks, sample, step_of};

    const MS: u64 = 1_000_000;

    #[test]
    fn a_percentile_at_the_top_or_of_few_is_withheld() {
        for (count, every_ms, given) in [
            (40, 1_000, [true, true, false, false]),
            (350, 100, [true, true, true, false]),
            (4_000, 10, [true, true, true, true]),
            (400, 10, [false; 4]),
        ] {
            let step = step_of("s", 1, &asks(count, every_ms * MS, 5 * MS));
            let found = intervals(&step, &Summary::of(&step).unwrap(), Some("/ask")).unwrap();
            let total = found.total;
            let seen = [total.mean, total.p50, total.p95, total.p99].map(|interval| interval.is_some());
            assert_eq!(seen, given, "{count}");
            assert_eq!((found.rows.len(), found.judged), (2, Some(total)));
            assert_eq!(found.rows[0], total, "/ask alone was sent");
        }
    }

    /// The waits of a queue: the truth of the percentiles is known, W > t with probability ρ e^(−(1 − ρ) t / S).
    #[test]
    fn intervals_of_a_queues_percentiles_hold_the_truth() {
        let (rho, service_s, seconds, runs) = (0.5, 0.01, 100, 80);
        let truth = |share: f64| -libm::log((1.0 - share) / rho) * service_s / (1.0 - rho) * 1e9;
        let (mut held, mut given) = ([0; 3], [0; 3]);
        for seed in 0..runs {
            let mut draw = Draw(seed);
            let (mut wait, mut at) = (0.0f64, -20.0);
            let mut samples = vec![];
            while at < f64::from(seconds) {
                let gap = draw.exponential() * service_s / rho;
                wait = (wait + draw.exponential() * service_s - gap).max(0.0);
                at += gap;
                if at >= 0.0 {
                    samples.push(sample(0, Outcome::Success, (at * 1e9) as u64, (wait * 1e9) as u64));
                }
            }
            let step = step_of("s", 1, &samples);
            let found = intervals(&step, &Summary::of(&step).unwrap(), None).unwrap().total;
            for (at, (interval, share)) in
                [(found.p50, 0.5), (found.p95, 0.95), (found.p99, 0.99)].iter().enumerate()
            {
                given[at] += u32::from(interval.is_some());
                let holds =
                    |i: &Interval95| (i.low_ns as f64..=i.high_ns as f64 * 1.001).contains(&truth(*share));
                held[at] += u32::from(interval.as_ref().is_some_and(holds));
            }
        }
        for (held, given) in held.into_iter().zip(given) {
            assert!(given >= 40 && held * 100 >= given * 86, "{held} of {given}");
        }
    }
}
