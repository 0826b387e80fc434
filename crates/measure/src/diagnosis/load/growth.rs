//! Whether one path's answers take longer under more load, beyond chance and beyond what time itself does.
//!
//! Within each name, so that the mix does not matter, the mean logarithm of the times is regressed on the square of the load:
//! little happens at half of what a target can bear, and much beyond. Its error is summed up over blocks of neighbouring
//! seconds, which may resemble each other (Liang, Zeger: Longitudinal data analysis using generalized linear models,
//! Biometrika 73, 1986), and is never less than that of independent requests. It must not know what a growth is called.

use std::collections::{BTreeMap, BTreeSet};

use super::series::{Row, Series};
use crate::tails::student_within;

/// Under less than this share of the greatest load, squared, a second counts as one under little load.
const LITTLE: f64 = 0.5;
/// Beyond this share, squared, as one under the greatest.
const TOP: f64 = 0.9;
/// Fewer successes, or blocks, under little load tell nothing.
const LITTLE_SUCCESSES_MIN: f64 = 20.0;
const LITTLE_BLOCKS_MIN: usize = 4;
/// Blocks of a run, about, and their length at most, in s.
const BLOCKS: f64 = 60.0;
const BLOCK_S_MAX: f64 = 10.0;
/// One healthy path of so many is called grown by chance, with load or with time.
const CHANCE: f64 = 2e-4;
/// Growth by less is not worth a word.
const RATIO_MIN: f64 = 1.005;
/// The load alone is named when it explains more by so much, as twice the logarithm of the ratio of likelihoods.
const TOLD_APART: f64 = 16.0;
/// From so many errors on the times move within steps, too: with time, not with load alone.
const TREND_ERRORS_MIN: f64 = 4.0;

/// How times grow from next to no load to the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Growth {
    /// The typical time under the greatest load as a multiple of that under none.
    pub(super) ratio: f64,
    /// Its logarithm in standard errors; that of the growth with time where that is more and may be it.
    pub(super) errors: f64,
    /// The mean time under the greatest load, in s.
    pub(super) time_s: f64,
    /// What the same requests took under the least load, name by name, in s.
    pub(super) idle_s: f64,
    /// Whether times grow with time as well, under one load.
    pub(super) has_trend: bool,
    /// Whether the time that passed explains them as well as the load, as in a plan whose load only ever grows.
    pub(super) is_time_too: bool,
    /// The chance of as much without any.
    pub(super) chance: f64,
}

impl Growth {
    /// Whether there is one.
    pub(super) fn is_certain(&self) -> bool {
        self.ratio >= RATIO_MIN && self.chance < CHANCE
    }
}

/// The growth of a path's times; `None` where the load hardly varies or too little was asked under little of it.
pub(super) fn growth(series: &Series) -> Option<Growth> {
    let rows = &series.rows;
    let length_s = rows.last()?.at_s - rows.first()?.at_s;
    let block_s = (length_s / BLOCKS).clamp(1.0, BLOCK_S_MAX);
    let little: Vec<&Row> = rows.iter().filter(|row| square(row) < LITTLE).collect();
    let blocks: BTreeSet<Block> = little.iter().map(|row| block(row, block_s)).collect();
    let little_successes: f64 = little.iter().map(|row| row.count).sum();
    if little_successes < LITTLE_SUCCESSES_MIN || blocks.len() < LITTLE_BLOCKS_MIN {
        return None;
    }
    let weights = weights(rows);
    let steady = |row: &Row| if row.is_steady { weights[&row.kind] } else { 0.0 };
    // The trend within steps: who is in which step does not matter, only when.
    let trend = regress(rows, block_s, steady, |row| (row.kind, row.step), |row| row.at_s, |row| row.log);
    let trend = trend.filter(|found| found.errors() > TREND_ERRORS_MIN);
    let trend_per_s = trend.map_or(0.0, |found| found.slope);
    let whole = |row: &Row| (row.kind, 0);
    let weight = |row: &Row| weights[&row.kind];
    let mut found = regress(rows, block_s, weight, whole, square, |row| row.log - trend_per_s * row.at_s)?;
    if let Some(trend) = trend {
        // What is not known of the trend counts as much as the load goes with time.
        let with_time = regress(rows, block_s, weight, whole, square, |row| row.at_s)?;
        found.error = found.error.hypot(trend.error * with_time.slope);
    }
    let by_time = regress(rows, block_s, weight, whole, |row| row.at_s, |row| row.log)?;
    let is_time_too = trend.is_none() && is_time_too(found.errors(), by_time.errors());
    let ratio = libm::exp(found.slope);
    let errors = if is_time_too { found.errors().max(by_time.errors()) } else { found.errors() };
    let freedom = blocks.len() as u32 - 1;
    let time_s = mean_s(rows, |row| square(row) > TOP)?;
    Some(Growth {
        ratio,
        errors,
        is_time_too,
        has_trend: trend_per_s > 0.0,
        time_s,
        idle_s: idle_s(rows).unwrap_or(time_s / ratio).min(time_s),
        chance: if errors > 0.0 { 1.0 - student_within(errors, freedom) } else { 1.0 },
    })
}

/// Whether time explains as well as load, or better, by how many standard errors each does. Which of the two it is only a
/// trend within steps can tell: what limits a target seldom follows any given curve of the load.
fn is_time_too(load: f64, time: f64) -> bool {
    load * load.abs() - time * time.abs() < TOLD_APART
}

/// Their mean time; `None` without any.
fn mean_s(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Option<f64> {
    let (sum_s, count) = rows
        .iter()
        .filter(|row| wanted(row))
        .fold((0.0, 0.0), |(sum_s, count), row| (sum_s + row.sum_s, count + row.count));
    (count > 0.0).then(|| sum_s / count)
}

/// What the requests under the greatest load would take if each took what its name takes under the least.
fn idle_s(rows: &[Row]) -> Option<f64> {
    let mut counts: BTreeMap<u16, f64> = BTreeMap::new();
    for row in rows.iter().filter(|row| square(row) > TOP) {
        *counts.entry(row.kind).or_default() += row.count;
    }
    let idle = |name: u16| -> Option<f64> {
        let mut loads: Vec<&Row> = rows.iter().filter(|row| row.kind == name).collect();
        loads.sort_by(|a, b| a.load.total_cmp(&b.load));
        // The least loads that hold enough of it.
        let mut held = (0.0, 0.0);
        for row in loads {
            if held.1 >= LITTLE_SUCCESSES_MIN {
                break;
            }
            held = (held.0 + row.sum_s, held.1 + row.count);
        }
        (held.1 > 0.0).then(|| held.0 / held.1)
    };
    let (mut sum_s, mut all) = (0.0, 0.0);
    for (name, count) in counts {
        sum_s += idle(name)? * count;
        all += count;
    }
    (all > 0.0).then(|| sum_s / all)
}

fn square(row: &Row) -> f64 {
    row.load * row.load
}

/// A step, and a stretch of its time.
type Block = (usize, bool, u64);

/// The stretch that a second belongs to: while users come, neighbours differ by their load, and each stands alone.
fn block(row: &Row, block_s: f64) -> Block {
    let length_s = if row.is_steady { block_s } else { 1.0 };
    (row.step, row.is_steady, (row.at_s / length_s) as u64)
}

/// One over the variance of a single request's logarithm, by name: from how neighbouring seconds' means differ, so that
/// neither load nor time counts (von Neumann: Annals of Mathematical Statistics 12, 1941).
fn weights(rows: &[Row]) -> BTreeMap<u16, f64> {
    let mut last: BTreeMap<u16, &Row> = BTreeMap::new();
    let mut sums: BTreeMap<u16, (f64, f64)> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.kind).or_default();
        if let Some(before) = last.insert(row.kind, row) {
            let square = (row.log - before.log).powi(2) / (1.0 / row.count + 1.0 / before.count);
            *sum = (sum.0 + square, sum.1 + 1.0);
        }
    }
    // Fixed times have no variance: a thousandth of the time is as good as none.
    let weight =
        |(square, pairs): (f64, f64)| if pairs > 0.0 { 1.0 / (square / pairs).max(1e-6) } else { 0.0 };
    sums.into_iter().map(|(name, sum)| (name, weight(sum))).collect()
}

/// A slope and its standard error.
#[derive(Clone, Copy, Debug)]
struct Slope {
    slope: f64,
    error: f64,
}

impl Slope {
    fn errors(&self) -> f64 {
        if self.error > 0.0 { self.slope / self.error } else { 0.0 }
    }
}

/// Regresses `y` on `x` within groups; a request weighs `weight`, one over its variance.
fn regress(
    rows: &[Row],
    block_s: f64,
    weight: impl Fn(&Row) -> f64,
    group: impl Fn(&Row) -> (u16, usize),
    x: impl Fn(&Row) -> f64,
    y: impl Fn(&Row) -> f64,
) -> Option<Slope> {
    let mut means: BTreeMap<(u16, usize), [f64; 3]> = BTreeMap::new();
    for row in rows {
        let w = weight(row) * row.count;
        let mean = means.entry(group(row)).or_default();
        *mean = [mean[0] + w, mean[1] + w * x(row), mean[2] + w * y(row)];
    }
    let off = |row: &Row| {
        let [w, sum_x, sum_y] = means[&group(row)];
        if w > 0.0 { (x(row) - sum_x / w, y(row) - sum_y / w) } else { (0.0, 0.0) }
    };
    let (mut squares, mut products) = (0.0, 0.0);
    for row in rows {
        let ((dx, dy), w) = (off(row), weight(row) * row.count);
        squares += w * dx * dx;
        products += w * dx * dy;
    }
    if squares <= 1e-9 {
        return None;
    }
    let slope = products / squares;
    let mut blocks: BTreeMap<Block, f64> = BTreeMap::new();
    for row in rows {
        let (dx, dy) = off(row);
        let score = weight(row) * row.count * dx * (dy - slope * dx);
        *blocks.entry(block(row, block_s)).or_default() += score;
    }
    let scores: f64 = blocks.values().map(|score| score * score).sum();
    // Independent requests have a variance of squares; blocks cannot say less.
    Some(Slope { slope, error: scores.max(squares).sqrt() / squares })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    /// Ten steps of 30 s from one user to 100, whose times grow to `ratio` with the load and by `trend_per_s` with time.
    fn grown(ratio: f64, trend_per_s: f64, seed: u64) -> Option<Growth> {
        let mut draw = Draw(seed);
        let mut rows = vec![];
        for second in 0..300u32 {
            let step = (second / 30) as usize;
            let load = (step + 1) as f64 / 10.0;
            let count = (load * 40.0).round();
            let noise = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
            let at_s = f64::from(second);
            let log = -2.0 + libm::log(ratio) * load * load + trend_per_s * at_s + 0.5 * noise / count.sqrt();
            let sum_s = count * libm::exp(log);
            rows.push(Row { step, at_s, is_steady: true, kind: 0, load, count, log, sum_s });
        }
        growth(&Series { path: "/ask".to_owned(), rows })
    }

    #[test]
    fn growth_is_found_and_chance_is_not() {
        let found = (0..300).filter(|seed| grown(1.0, 0.0, *seed).expect("a range of loads").is_certain());
        assert_eq!(found.count(), 0, "none of 300 that do not grow");
        for seed in 0..50 {
            let found = grown(1.25, 0.0, seed).expect("a range of loads");
            assert!(found.is_certain() && (found.ratio - 1.25).abs() < 0.1, "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn what_time_does_is_told_apart() {
        let found = grown(1.0, 0.006, 1).expect("a range of loads");
        assert!(found.has_trend && !found.is_certain(), "{found:?}");
    }

    #[test]
    fn time_is_named_where_it_explains_as_much() {
        let check = |load, time, expected| assert_eq!(is_time_too(load, time), expected, "{load} {time}");
        check(9.0, 6.0, false);
        check(6.0, 9.0, true);
        check(6.0, 5.5, true);
        check(5.0, -5.0, false);
    }

    #[test]
    fn one_load_tells_nothing() {
        let row = |second| Row {
            step: 0,
            at_s: f64::from(second),
            is_steady: true,
            kind: 0,
            load: 1.0,
            count: 10.0,
            log: -2.0,
            sum_s: 1.0,
        };
        let rows = (0..60).map(row).collect();
        assert_eq!(growth(&Series { path: "/ask".to_owned(), rows }), None);
    }
}
