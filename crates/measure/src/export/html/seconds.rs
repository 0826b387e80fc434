//! A step over time: its seconds, decoded, put together where there are too many to draw.
//! It must not know how anything is drawn.

use crate::file::CellReader;
use crate::histogram::{Histogram, Quantile};
use crate::times::{quantiles_ns, widened};
use crate::{IntervalRecord, Outcome, RunError, StepRun};

/// Points that are drawn of a step at most.
const POINTS_MAX: usize = 1_000;
/// What is drawn of the successes.
const QUANTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// A step over time.
#[derive(Debug)]
pub(super) struct Seconds {
    /// Seconds that a point stands for.
    pub(super) per_point: usize,
    /// In order.
    pub(super) points: Vec<Point>,
}

/// One second, or a few.
#[derive(Debug, Default)]
pub(super) struct Point {
    /// Its end, since the step's start.
    pub(super) end_ns: u64,
    /// How long it is.
    pub(super) duration_ns: u64,
    /// Users at its end.
    pub(super) users: u32,
    /// Requests in flight at its end.
    pub(super) in_flight: u32,
    /// Requests that ended, by outcome.
    pub(super) counts: [u64; Outcome::ALL.len()],
    /// P50, P95 and P99 of its successes; `None` without any.
    pub(super) quantiles_ns: Option<[u64; QUANTILES.len()]>,
    /// The most that the generator sent late; `None` when it sent nothing.
    pub(super) late_ns_max: Option<u64>,
    /// The generator's process, where it could be read.
    pub(super) generator: Option<Usage>,
    /// The target's process, where it could be read.
    pub(super) target: Option<Usage>,
}

/// What a process used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Processor time.
    pub(super) cpu_ns: u64,
    /// In this time.
    pub(super) span_ns: u64,
    /// Resident memory at the end, if it is known.
    pub(super) memory_bytes: Option<u64>,
}

impl Point {
    /// All requests that ended.
    pub(super) fn requests(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Requests of an outcome.
    pub(super) fn of(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize]
    }
}

impl Seconds {
    /// Decodes a step; times are those that it shows.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when the step contradicts itself.
    pub(super) fn of(step: &StepRun) -> Result<Self, RunError> {
        let per_point = step.intervals.len().div_ceil(POINTS_MAX).max(1);
        let mut reader = CellReader::new(step);
        let mut begin_ns = 0;
        let mut points = Vec::with_capacity(step.intervals.len().div_ceil(per_point));
        for (at, group) in step.intervals.chunks(per_point).enumerate() {
            points.push(point(&mut reader, step, (at * per_point, begin_ns), group)?);
            begin_ns = group.last().map_or(begin_ns, |last| last.end_ns);
        }
        Ok(Self { per_point, points })
    }

    /// Whether anything is known of a process.
    pub(super) fn knows_usage(&self) -> bool {
        self.points.iter().any(|point| point.generator.is_some() || point.target.is_some())
    }
}

fn point(
    reader: &mut CellReader<'_>,
    step: &StepRun,
    (first, begin_ns): (usize, u64),
    group: &[IntervalRecord],
) -> Result<Point, RunError> {
    let shown = step.load.times();
    let (mut histogram, mut range) = (Histogram::default(), None);
    let mut point = Point::default();
    let mut second_ns = begin_ns;
    for (at, interval) in group.iter().enumerate() {
        for cell in &interval.cells {
            point.counts[cell.outcome as usize] += cell.count;
            if cell.outcome == Outcome::Success {
                let times = cell.times(shown);
                range = Some(widened(range, (times.min_ns, times.max_ns)));
                histogram.add(reader.cell(first + at, cell, times)?.iter().copied());
            }
        }
        let late_ns = interval.lateness.as_ref().map(|late| late.max_ns);
        point.late_ns_max = point.late_ns_max.max(late_ns);
        let span_ns = interval.end_ns.saturating_sub(second_ns);
        second_ns = interval.end_ns;
        (point.end_ns, point.users, point.in_flight) = (interval.end_ns, interval.users, interval.in_flight);
        let generator_span_ns = interval.generator.as_ref().map_or(span_ns, |generator| generator.span_ns);
        let generator = interval.generator.as_ref().and_then(|generator| generator.process);
        for (usage, process) in [(&mut point.generator, generator), (&mut point.target, interval.target)] {
            let Some(process) = process else { continue };
            let usage = usage.get_or_insert_default();
            usage.cpu_ns = usage.cpu_ns.saturating_add(process.cpu_ns);
            usage.span_ns = usage.span_ns.saturating_add(generator_span_ns);
            usage.memory_bytes = process.memory_bytes.or(usage.memory_bytes);
        }
    }
    point.duration_ns = point.end_ns.saturating_sub(begin_ns);
    let found = range.and_then(|range| quantiles_ns(&histogram, range, &QUANTILES));
    point.quantiles_ns = found.and_then(|found| found.try_into().ok());
    Ok(point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Summary;
    use crate::testing::{sample, step_of};

    /// However long the step: few points, and no request lost or added.
    #[test]
    fn a_point_holds_all_of_its_seconds() {
        for (seconds, per_point) in [(1u64, 1), (999, 1), (1_001, 2), (2_500, 3)] {
            let at = |second: u64| {
                let outcome = Outcome::ALL[(second % 3) as usize];
                sample(0, outcome, second * 1_000_000_000, (second + 1) * 1_000)
            };
            let step = step_of("s", 5, &(0..seconds).map(at).collect::<Vec<_>>());
            let found = Seconds::of(&step).unwrap();
            assert!(found.points.len() <= POINTS_MAX, "{}", found.points.len());
            assert_eq!(found.per_point, per_point);
            let summary = Summary::of(&step).unwrap();
            for outcome in Outcome::ALL {
                let sum: u64 = found.points.iter().map(|point| point.of(outcome)).sum();
                assert_eq!(sum, summary.total.of(outcome).count);
            }
            let greatest = found.points.iter().filter_map(|point| Some(point.quantiles_ns?[2])).max();
            assert_eq!(greatest, summary.total.success().max_ns());
            let sum_ns: u64 = found.points.iter().map(|point| point.duration_ns).sum();
            assert_eq!(Some(sum_ns), step.intervals.last().map(|last| last.end_ns));
        }
    }
}
