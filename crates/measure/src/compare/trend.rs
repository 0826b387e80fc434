//! Many runs of one plan in order of time: where did the typical time of the judged requests change for good?
//!
//! The figure of a run is the same mean of logarithms as the deciding test's, over the strata that all runs have, with
//! one set of weights. Each way to cut the runs in two is tested by Student's t of the two parts; the best cut is a change
//! point if its chance, times the number of cuts, is at most 5 % (the likelihood-ratio test for a shift, bounded
//! after Bonferroni; Worsley: J. Amer. Statist. Assoc. 74, 1979). Then both parts are searched again (binary segmentation;
//! Vostrikova: Soviet Math. Doklady 24, 1981). So a series without a change gets a change point in at most 5 of 100 cases.
//! It must not know where runs are kept.

use serde::Serialize;

use crate::compare::chance::two_sided_p;
use crate::compare::decide::RESOLUTION;
use crate::compare::judged_path;
use crate::compare::series::{EntrySeries, StepSeries};
use crate::{Run, RunError, units};

/// The chance of a change point in a series without a change.
pub const FALSE_ALARM: f64 = 0.05;
/// A part has as many runs at least.
const PART_MIN: usize = 2;
/// With fewer runs there is no telling.
pub const RUNS_MIN: usize = 5;

/// The format of a trend as JSON.
pub const TREND_FORMAT: &str = "weaver-bench.trend/1";

/// Runs in order of time, and where they changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// [`TREND_FORMAT`].
    pub format: &'static str,
    /// The figure is of the entries whose path begins so.
    pub judged_path: String,
    /// The runs, oldest first.
    pub runs: Vec<TrendRun>,
    /// The change points, oldest first.
    pub changes: Vec<ChangePoint>,
}

/// One run of a trend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrendRun {
    /// What the caller calls it.
    pub name: String,
    /// Its start, `20261123_094548`.
    pub started: String,
    /// The typical time of the judged requests: the weighted geometric mean, ms.
    pub typical_ms: f64,
}

/// From one run on, another level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangePoint {
    /// The first run of the new level: its place in [`Trend::runs`].
    pub first: usize,
    /// The level before it, back to the change point before, ms.
    pub before_ms: f64,
    /// The level from it on, to the next change point, ms.
    pub after_ms: f64,
    /// After ÷ before − 1.
    pub change: f64,
    /// The chance of a cut as clear as this without a change.
    pub p: f64,
}

/// The trend of runs with their names; the caller has made sure that they can be compared.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn trend(runs: &[(&Run, &str)]) -> Result<Trend, RunError> {
    let mut runs = runs.to_vec();
    runs.sort_by_key(|(run, _)| run.started_unix_ns);
    let path = runs.last().map_or_else(String::new, |(run, _)| judged_path(run));
    let decoded = |(run, _): &(&Run, &str)| {
        let step = |step| Ok((name_of(step), StepSeries::of(step)?));
        run.steps.iter().map(step).collect::<Result<Vec<_>, RunError>>()
    };
    let decoded: Vec<Steps> = runs.iter().map(decoded).collect::<Result<_, _>>()?;
    let levels = levels(&decoded, &path);
    let mut changes = vec![];
    if levels.len() >= RUNS_MIN {
        search(&levels, 0, levels.len(), &mut changes);
    }
    changes.sort_by_key(|(first, _)| *first);
    let ms = |log: f64| units::ms(libm::exp(log) as u64);
    let run = |((run, name), level): (&(&Run, &str), &Level)| TrendRun {
        name: (*name).to_owned(),
        started: units::file_stamp(run.started_unix_ns),
        typical_ms: ms(level.log),
    };
    let firsts: Vec<usize> = changes.iter().map(|(first, _)| *first).collect();
    let point = |at: usize| {
        let (first, p) = changes[at];
        let begin = if at == 0 { 0 } else { firsts[at - 1] };
        let end = firsts.get(at + 1).copied().unwrap_or(levels.len());
        let (before, after) = (mean(&levels[begin..first]), mean(&levels[first..end]));
        let change = libm::expm1(after - before);
        ChangePoint { first, before_ms: ms(before), after_ms: ms(after), change, p }
    };
    Ok(Trend {
        format: TREND_FORMAT,
        judged_path: path,
        runs: runs.iter().zip(&levels).map(run).collect(),
        changes: (0..changes.len()).map(point).collect(),
    })
}

/// The steps of a run, with their names.
type Steps = Vec<(String, StepSeries)>;

fn name_of(step: &crate::StepRun) -> String {
    step.name.clone()
}

/// The figure of one run, and what chance does to it within the run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Level {
    log: f64,
    variance: f64,
}

/// The figures over the strata that all runs have.
fn levels(runs: &[Steps], path: &str) -> Vec<Level> {
    let mut levels = vec![Level::default(); runs.len()];
    let Some(newest) = runs.last() else { return levels };
    let mut weights = 0.0;
    for (step, series) in newest {
        for entry in series.entries.iter().filter(|series| series.entry.path.starts_with(path)) {
            let same = |run: &Steps| -> Option<[f64; 3]> {
                let (_, series) = run.iter().find(|(name, _)| name == step)?;
                moments(series.entry(&entry.entry)?)
            };
            let Some(moments) = runs.iter().map(same).collect::<Option<Vec<_>>>() else { continue };
            let weight: f64 = moments.iter().map(|[count, ..]| count).sum();
            weights += weight;
            for (level, [count, mean, deviation]) in levels.iter_mut().zip(moments) {
                level.log += weight * mean;
                level.variance += weight * weight * deviation * deviation / count;
            }
        }
    }
    let normed =
        |level: Level| Level { log: level.log / weights, variance: level.variance / weights / weights };
    if weights > 0.0 { levels.into_iter().map(normed).collect() } else { vec![] }
}

/// Count, mean and deviation of a stratum's logarithms, if it has two at least.
fn moments(series: &EntrySeries) -> Option<[f64; 3]> {
    let (mean, deviation) = series.log_moments();
    (series.success.count >= 2).then_some([series.success.count as f64, mean, deviation])
}

fn mean(levels: &[Level]) -> f64 {
    levels.iter().map(|level| level.log).sum::<f64>() / levels.len() as f64
}

/// The change points of a part, with their chances.
fn search(levels: &[Level], begin: usize, end: usize, found: &mut Vec<(usize, f64)>) {
    let part = &levels[begin..end];
    let cuts = PART_MIN..=part.len().saturating_sub(PART_MIN);
    let count = cuts.clone().count();
    let best = cuts.map(|cut| (cut, cut_p(part, cut))).min_by(|a, b| a.1.total_cmp(&b.1));
    let Some((cut, p)) = best else { return };
    let p = (p * count as f64).min(1.0);
    if p <= FALSE_ALARM {
        found.push((begin + cut, p));
        search(levels, begin, begin + cut, found);
        search(levels, begin + cut, end, found);
    }
}

/// The chance of two parts this different, by Student's t with a common variance, which is never less than what chance
/// does within the runs.
fn cut_p(part: &[Level], cut: usize) -> f64 {
    let (before, after) = part.split_at(cut);
    let (mean_before, mean_after) = (mean(before), mean(after));
    let squares = |levels: &[Level], mean: f64| -> f64 {
        levels.iter().map(|level| (level.log - mean) * (level.log - mean)).sum()
    };
    let freedom = (part.len() - 2) as f64;
    let between = (squares(before, mean_before) + squares(after, mean_after)) / freedom;
    let within = part.iter().map(|level| level.variance).sum::<f64>() / part.len() as f64;
    let variance = between.max(within).max(RESOLUTION * RESOLUTION);
    let error = (variance * (1.0 / before.len() as f64 + 1.0 / after.len() as f64)).sqrt();
    two_sided_p((mean_after - mean_before) / error, freedom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    const SERIES: u64 = 400;

    /// Levels around 0 with a deviation of 1 %, plus `shift` from `first` on.
    fn levels(draw: &mut Draw, count: usize, first: usize, shift: f64) -> Vec<Level> {
        let mut level = |at: usize| {
            let normal = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
            Level { log: 0.01 * normal + if at >= first { shift } else { 0.0 }, variance: 1e-6 }
        };
        (0..count).map(&mut level).collect()
    }

    fn found(levels: &[Level]) -> Vec<usize> {
        let mut found = vec![];
        search(levels, 0, levels.len(), &mut found);
        found.sort_by_key(|(first, _)| *first);
        found.into_iter().map(|(first, _)| first).collect()
    }

    #[test]
    fn a_series_without_a_change_seldom_gets_one() {
        for count in [RUNS_MIN, 12, 40] {
            let mut draw = Draw(count as u64);
            let alarms = (0..SERIES).filter(|_| !found(&levels(&mut draw, count, count, 0.0)).is_empty());
            let share = alarms.count() as f64 / SERIES as f64;
            assert!(share <= FALSE_ALARM + 0.02, "{count} runs: {share}");
            assert!(share > 0.0, "{count} runs: a test that never errs is no test at 5 %");
        }
    }

    #[test]
    fn a_change_is_found_where_it_is() {
        for (count, first, shift, share_min) in
            [(12, 6, 0.05, 0.95), (40, 30, -0.03, 0.95), (9, 7, 0.08, 0.9)]
        {
            let mut draw = Draw(7 + count as u64);
            let near = |at: &usize| at.abs_diff(first) <= 1;
            let hits =
                (0..SERIES).filter(|_| found(&levels(&mut draw, count, first, shift)).iter().any(near));
            let share = hits.count() as f64 / SERIES as f64;
            assert!(share >= share_min, "{count} runs, {shift} from {first} on: found in {share}");
        }
    }

    #[test]
    fn two_changes_are_found_both() {
        let mut draw = Draw(3);
        let mut levels = levels(&mut draw, 24, 8, 0.1);
        levels[16..].iter_mut().for_each(|level| level.log -= 0.2);
        assert_eq!(found(&levels), [8, 16]);
    }
}
