//! Beside the test that decides: every figure of every entry and step, each with its interval, corrected for being many.
//!
//! Times and rates change by a ratio, whose logarithm is estimated; the share of failures by a difference. A percentile's
//! logarithm moves by (share at or below it) ÷ (density of the logarithms there), the density being the slope of the
//! sample's own quantiles over the 95 % interval of independent requests (Woodruff: J. Amer. Statist. Assoc. 47, 1952;
//! Francisco, Fuller: Annals of Statistics 19, 1991). It must not know how anything is shown.

use serde::Serialize;

use crate::compare::chance::{NORMAL_975, shares_error};
use crate::compare::decide::{Pair, RESOLUTION, shares_p};
use crate::compare::estimate::{Change, Estimate, Scale, Verdict};
use crate::compare::figure::Figure;
use crate::compare::series::{EntrySeries, StepSeries, Value};
use crate::compare::stratified::{STEP_BATCHES_MIN, Side, Spread, Stratum, spread};
use crate::times::Times;
use crate::{Quantile, units};

/// All cells together say "better" or "worse" without a cause in this share of comparisons (Holm: A simple sequentially
/// rejective multiple test procedure, Scand. J. Statist. 6, 1979).
const FAMILY_LEVEL: f64 = 0.05;
/// Shares of failures that differ by less are the same.
pub(crate) const FAILURES_MARGIN: f64 = 0.01;

/// One figure of one entry in one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The step.
    pub step: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The entry.
    pub name: String,
    /// The figure.
    pub figure: Figure,
    /// Its value in A; `None` where there are too few successes for one.
    pub a: Option<f64>,
    /// Its value in B.
    pub b: Option<f64>,
    /// The change; `None` where nothing can be told. Its effect size is in standard deviations: of a time's logarithm,
    /// of the requests of a second, of a failure's arcsine (Cohen: Statistical Power Analysis, 2nd ed., 1988, 6.2).
    pub change: Option<Change>,
    /// What that comes to, corrected for all the cells.
    pub verdict: Verdict,
    /// Requests that each of two such runs would need to tell a change as small as the margin.
    pub requests_needed: Option<u64>,
}

/// A cell before it is known how many there are.
struct Raw {
    cell: Cell,
    requests: u64,
    estimate: Option<(Estimate, f64)>,
}

/// All cells of all steps; `margin` is the least ratio that matters.
pub(crate) fn cells(names: &[String], steps: &[Pair], margin: f64) -> Vec<Cell> {
    let mut raw = vec![];
    for (step, (a, b)) in names.iter().zip(steps) {
        for entry in &a.entries {
            let Some(other) = b.entry(&entry.entry).filter(|other| entry.ended + other.ended > 0) else {
                continue;
            };
            raw.extend(Figure::ALL.map(|figure| cell(step, figure, (a, entry), (b, other))));
        }
    }
    let found = holm(&raw.iter().map(|raw| raw.estimate.as_ref().map(|(_, p)| *p)).collect::<Vec<_>>());
    let tested = raw.iter().filter(|raw| raw.estimate.is_some()).count().max(1);
    raw.into_iter().zip(found).map(|(raw, found)| raw.judged(found, tested, margin)).collect()
}

/// Which hypotheses fall at the family's level, from the least chance up, each at its level among those that are left.
fn holm(chances: &[Option<f64>]) -> Vec<bool> {
    let mut order: Vec<(f64, usize)> =
        chances.iter().enumerate().filter_map(|(at, p)| Some(((*p)?, at))).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = vec![false; chances.len()];
    for (rank, (p, at)) in order.iter().enumerate() {
        if *p > FAMILY_LEVEL / (order.len() - rank) as f64 {
            break;
        }
        found[*at] = true;
    }
    found
}

impl Raw {
    fn judged(self, found: bool, tested: usize, margin: f64) -> Cell {
        let Self { mut cell, requests, estimate } = self;
        let Some((estimate, p)) = estimate else { return cell };
        let margin = match estimate.scale {
            Scale::Ratio => libm::log1p(margin),
            Scale::Difference => FAILURES_MARGIN,
        };
        let level = FAMILY_LEVEL / tested as f64;
        cell.verdict = match (found, (estimate.value > 0.0) == cell.figure.more_is_better()) {
            (true, true) => Verdict::Better,
            (true, false) => Verdict::Worse,
            (false, _) if estimate.within(margin) => Verdict::Same,
            (false, _) => Verdict::CannotTell,
        };
        let times = estimate.detectable(level) / margin;
        cell.requests_needed = Some((requests as f64 * times * times).ceil() as u64);
        cell.change = Some(Change { p, ..estimate.shown(level) });
        cell
    }
}

fn cell(step: &str, figure: Figure, a: (&StepSeries, &EntrySeries), b: (&StepSeries, &EntrySeries)) -> Raw {
    let (long, enough) = (
        a.0.seconds.min(b.0.seconds) >= STEP_BATCHES_MIN,
        a.1.success.count.min(b.1.success.count) >= figure.needs(),
    );
    let cell = Cell {
        step: step.to_owned(),
        method: a.1.entry.method.clone(),
        name: a.1.entry.name.clone(),
        figure,
        a: value(figure, a),
        b: value(figure, b),
        change: None,
        verdict: Verdict::CannotTell,
        requests_needed: None,
    };
    let estimate = (long && enough).then(|| match (figure, figure.quantile()) {
        (_, Some(quantile)) => percentile(quantile, a.1, b.1),
        (Figure::Rps, _) => rate(a, b),
        (Figure::FailureRatio, _) => failures(a.1, b.1),
        _ => mean(a.1, b.1),
    });
    let estimate = estimate.flatten();
    let requests = match figure {
        Figure::Rps | Figure::FailureRatio => a.1.ended.min(b.1.ended),
        _ => a.1.success.count.min(b.1.success.count),
    };
    Raw { cell, requests, estimate }
}

fn value(figure: Figure, (step, entry): (&StepSeries, &EntrySeries)) -> Option<f64> {
    if entry.success.count < figure.needs() {
        return None;
    }
    match (figure, figure.quantile()) {
        (_, Some(quantile)) => entry.success.quantile_ns(quantile).map(units::ms),
        (Figure::Rps, _) => Some(units::per_s(entry.ended, step.elapsed_ns)),
        (Figure::FailureRatio, _) => (entry.ended > 0).then(|| units::ratio(entry.failures, entry.ended)),
        _ => entry.success.mean_ns().map(units::ms),
    }
}

fn sides_spread(a: Side, b: Side) -> Option<Spread> {
    spread(&[Stratum { step: 0, weight: 1.0, a, b }])
}

/// The deviation of the logarithms of both together.
fn log_deviation(a: &EntrySeries, b: &EntrySeries) -> f64 {
    libm::hypot(a.log_moments().1, b.log_moments().1) / std::f64::consts::SQRT_2
}

fn with_p(estimate: Estimate) -> (Estimate, f64) {
    (estimate, estimate.p())
}

fn mean(a: &EntrySeries, b: &EntrySeries) -> Option<(Estimate, f64)> {
    let side = |series: &EntrySeries| {
        let side = series.side(Value::Time);
        Side { slope: 1.0 / side.mean().max(1.0), ..side }
    };
    let (side_a, side_b) = (side(a), side(b));
    let value = libm::log(side_b.mean().max(1.0) / side_a.mean().max(1.0));
    // Never surer than independent requests would make it.
    let alone = |series: &EntrySeries, side: &Side| {
        let square =
            |(ns, count): (u64, u64)| (ns as f64 - side.mean()) * (ns as f64 - side.mean()) * count as f64;
        series.success.histogram.iter().map(square).sum::<f64>().sqrt() * side.slope / side.all.count
    };
    let error_min = libm::hypot(alone(a, &side_a), alone(b, &side_b)).max(RESOLUTION);
    let estimate = Estimate::new(Scale::Ratio, value, sides_spread(side_a, side_b)?, error_min);
    Some(with_p(estimate.with_effect(log_deviation(a, b))))
}

fn percentile(quantile: Quantile, a: &EntrySeries, b: &EntrySeries) -> Option<(Estimate, f64)> {
    let (at_a, at_b) = (a.success.quantile_ns(quantile)?, b.success.quantile_ns(quantile)?);
    let side = |series: &EntrySeries, at_ns: u64| {
        let slope = log_slope(&series.success, quantile)?;
        Some(Side { slope, ..series.side(Value::AtMost(bucket_end_ns(&series.success, at_ns))) })
    };
    let (side_a, side_b) = (side(a, at_a)?, side(b, at_b)?);
    // Never surer than independent requests would make it, and a percentile is known to a whole bucket.
    let share = quantile.ratio();
    let alone = |side: &Side| side.slope * (share * (1.0 - share) / side.all.count).sqrt();
    let error_min = libm::hypot(alone(&side_a), alone(&side_b)).max(2.0 * RESOLUTION);
    let value = libm::log((at_b.max(1) as f64) / (at_a.max(1) as f64));
    let estimate = Estimate::new(Scale::Ratio, value, sides_spread(side_a, side_b)?, error_min);
    let estimate = estimate.with_effect(log_deviation(a, b));
    Some((estimate, estimate.p().max(crossing_p(quantile, a, b)?)))
}

/// The chance of as different shares below the percentile of both runs together (the median test, for any percentile;
/// Mood: Introduction to the Theory of Statistics, 1950, 16.3): it needs no density, which few requests do not show.
fn crossing_p(quantile: Quantile, a: &EntrySeries, b: &EntrySeries) -> Option<f64> {
    let mut both = a.success.clone();
    both.merge(&b.success);
    let value = Value::AtMost(bucket_end_ns(&both, both.quantile_ns(quantile)?));
    let (side_a, side_b) = (a.side(value), b.side(value));
    let counts = |side: &Side| (side.all.sum, side.all.count);
    let alone = shares_p(counts(&side_a), counts(&side_b));
    let difference = side_b.mean() - side_a.mean();
    let estimate = Estimate::new(Scale::Difference, difference, sides_spread(side_a, side_b)?, 0.0);
    Some(estimate.p().max(alone))
}

/// The end of the bucket that holds the percentile, which the exact greatest time may have cut.
fn bucket_end_ns(times: &Times, at_ns: u64) -> u64 {
    times.histogram.iter().map(|(end_ns, _)| end_ns).find(|end_ns| *end_ns >= at_ns).unwrap_or(u64::MAX)
}

/// By how much a percentile's logarithm moves a share; `None` when the sample ends too close to it.
fn log_slope(times: &Times, quantile: Quantile) -> Option<f64> {
    let (count, share) = (times.count as f64, quantile.ratio());
    let reach = NORMAL_975 * (share * (1.0 - share) / count).sqrt();
    let rank = |share: f64| (share * count).ceil().max(1.0) as u64;
    let log_at = |rank| times.at_rank_ns(rank).map(|ns| libm::log(ns.max(1) as f64));
    let (low, high) = (rank(share - reach), rank(share + reach).min(times.count));
    let shares = (high - low) as f64 / count;
    // One bucket at least: where many times are the same, the percentile is known to that.
    (shares > 0.0).then_some(())?;
    Some((log_at(high)? - log_at(low)?) / shares)
}

fn rate(a: (&StepSeries, &EntrySeries), b: (&StepSeries, &EntrySeries)) -> Option<(Estimate, f64)> {
    // Both runs have the seconds of the shorter one in common.
    let seconds = a.0.seconds.min(b.0.seconds);
    let side = |series: &EntrySeries| {
        let mut side = series.side(Value::Ended);
        side.seconds.truncate(seconds);
        let side = Side::of(side.seconds);
        let mean = side.mean();
        (mean > 0.0).then_some(Side { slope: 1.0 / mean, ..side })
    };
    let per_s = |(step, entry): (&StepSeries, &EntrySeries)| units::per_s(entry.ended, step.elapsed_ns);
    let (side_a, side_b) = (side(a.1)?, side(b.1)?);
    let deviation = |side: &Side| {
        let square = |s: &crate::compare::stratified::Second| (s.sum - side.mean()) * (s.sum - side.mean());
        (side.seconds.iter().map(square).sum::<f64>() / side.all.count).sqrt() * side.slope
    };
    let effect = libm::hypot(deviation(&side_a), deviation(&side_b)) / std::f64::consts::SQRT_2;
    let (rate_a, rate_b) = (per_s(a), per_s(b));
    let value = if rate_a > 0.0 && rate_b > 0.0 { libm::log(rate_b / rate_a) } else { return None };
    let estimate = Estimate::new(Scale::Ratio, value, sides_spread(side_a, side_b)?, 0.0);
    Some(with_p(estimate.with_effect(effect)))
}

fn failures(a: &EntrySeries, b: &EntrySeries) -> Option<(Estimate, f64)> {
    if a.ended.min(b.ended) == 0 {
        return None;
    }
    let (side_a, side_b) = (a.side(Value::Failure), b.side(Value::Failure));
    let value = side_b.mean() - side_a.mean();
    let counts = |side: &Side| (side.all.sum, side.all.count);
    let (counts_a, counts_b) = (counts(&side_a), counts(&side_b));
    let arcs = [side_a.mean(), side_b.mean()].map(|share| 2.0 * libm::asin(share.sqrt()));
    let spread = sides_spread(side_a, side_b)?;
    let estimate = Estimate::new(Scale::Difference, value, spread, shares_error(counts_a, counts_b));
    let estimate = Estimate { effect_size: arcs[1] - arcs[0], ..estimate };
    // Few failures follow no normal law: the chance for independent requests must be small as well.
    Some((estimate, estimate.p().max(shares_p(counts_a, counts_b))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::testing::{Draw, run_of, sample, step_of};
    use crate::{Outcome, Run};

    const PAIRS: u64 = 10;

    /// `/ask` and `/health` in two steps, exponential times; `/ask` times `factor`, this share of it failing, and every
    /// `skip`-th left out.
    fn run(draw: &mut Draw, factor: f64, failing: f64, skip: u64) -> Run {
        let mut step = |name: &str, count: u64| {
            let mut one = |at: u64| {
                let outcome = if draw.unit() < failing { Outcome::Failure } else { Outcome::Success };
                let name = u16::try_from(at % 2).expect("0 or 1");
                let ns = 1e7 * (0.2 + draw.exponential()) * if name == 0 { factor } else { 1.0 };
                let sent_ns = (at as f64 + draw.unit()) * 5e7;
                sample(name, if name == 0 { outcome } else { Outcome::Success }, sent_ns as u64, ns as u64)
            };
            let kept = (0..count).filter(|at| skip == 0 || at % 2 == 1 || at % (2 * skip) != 0);
            step_of(name, 1, &kept.map(&mut one).collect::<Vec<_>>())
        };
        run_of(vec![step("one", 1_200), step("two", 400)])
    }

    /// What is said of a figure of `/ask` in the long step, pair by pair, and how often anything else has changed.
    fn said(figure: Figure, factor: f64, failing: f64, skip: u64) -> (Vec<Verdict>, f64) {
        let mut draw = Draw(figure as u64 + 11);
        let (mut said, mut alarms) = (vec![], 0.0);
        for _ in 0..PAIRS {
            let (a, b) = (run(&mut draw, 1.0, 0.0, 0), run(&mut draw, factor, failing, skip));
            let comparison = compare((&a, "a"), (&b, "b"), 0.05).expect("whole runs");
            let changed = |cell: &&Cell| matches!(cell.verdict, Verdict::Better | Verdict::Worse);
            let health = comparison.cells.iter().filter(|cell| cell.name == "/health").filter(changed);
            alarms += f64::from(u32::from(health.count() > 0));
            let cell = comparison.cells.iter().find(|cell| cell.figure == figure && cell.name == "/ask");
            said.push(cell.expect("is there").verdict);
        }
        (said, alarms / PAIRS as f64)
    }

    #[test]
    fn each_figure_shows_its_own_change() {
        let check = |figure, (factor, failing, skip): (f64, f64, u64), expected: Verdict, share_min: f64| {
            let (said, alarms) = said(figure, factor, failing, skip);
            let share = said.iter().filter(|verdict| **verdict == expected).count() as f64 / PAIRS as f64;
            assert!(share >= share_min, "{figure:?} × {factor}: {expected:?} in {share}");
            assert!(alarms <= 0.2, "{figure:?}: `/health` has changed in {alarms}");
        };
        let none = (1.0, 0.0, 0);
        for figure in Figure::ALL {
            let expected = match figure {
                Figure::FailureRatio | Figure::Rps => Verdict::Same,
                _ => Verdict::CannotTell,
            };
            check(figure, none, expected, 0.85);
        }
        check(Figure::P50, (2.0, 0.0, 0), Verdict::Worse, 0.9);
        check(Figure::P95, (0.5, 0.0, 0), Verdict::Better, 0.9);
        check(Figure::Mean, (2.0, 0.0, 0), Verdict::Worse, 0.9);
        // 12 of 1,200 requests are beyond it: too few to be sure of, among so many figures.
        check(Figure::P99, (6.0, 0.0, 0), Verdict::Worse, 0.3);
        check(Figure::FailureRatio, (1.0, 0.1, 0), Verdict::Worse, 0.9);
        check(Figure::Rps, (1.0, 0.0, 3), Verdict::Worse, 0.9);
    }

    #[test]
    fn many_tests_are_corrected() {
        let check = |chances: &[f64], expected: &[bool]| {
            let chances: Vec<Option<f64>> = chances.iter().map(|p| (*p >= 0.0).then_some(*p)).collect();
            assert_eq!(holm(&chances), expected, "{chances:?}");
        };
        check(&[], &[]);
        check(&[0.04], &[true]);
        check(&[0.04, 0.04], &[false, false]);
        check(&[0.04, 0.02], &[true, true]);
        check(&[0.03, -1.0, 0.001, 0.03], &[false, false, true, false]);
        check(&[0.012, 0.026, 0.016, 0.04], &[true, false, true, false]);
    }
}
