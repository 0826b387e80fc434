//! A step as scores: how slow each success was among its like, so that names and mixes, quick or slow, can be added up.
//!
//! A success's score is the normal score of its rank among the successes of the same entry (van der Waerden; Hájek, Šidák,
//! Sen: Theory of Rank Tests, 2nd ed., 1999, 4.1): while nothing changes, the scores of any seconds are a random draw of all
//! of them, however times are spread. Where an entry's times fall into two far apart modes, as with a cache, ranks are taken
//! within each mode, and being in the slower one is a score of its own. It must not know what is looked for.

use std::collections::BTreeMap;

use super::floors::{Law, Least};
use crate::diagnosis::modes::split_ns;
use crate::diagnosis::{Cell, ObservedStep};
use crate::histogram::Histogram;
use crate::{LoadRecord, Outcome};

/// Seconds beyond which several share a bin.
const BINS_MAX: usize = 1_500;
/// Entries with fewer successes have no ranks worth the name.
const SUCCESSES_MIN: u64 = 10;
/// Logarithms that deviate by less are equal times.
const FLAT: f64 = 0.000_8;
/// Groups with fewer successes are not looked at by themselves.
const GROUP_MIN: f64 = 40.0;
/// Groups by themselves; those with the most successes.
const GROUPS_MAX: usize = 6;

/// What began or ended in one bin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bin {
    /// Successes.
    pub(super) count: f64,
    /// Sum of their scores within their modes.
    pub(super) level: f64,
    /// Sum of their tail scores, −ln(1 − rank) − 1 (Savage).
    pub(super) tail: f64,
    /// Sum over those of entries with two modes: 1 − share of the slow mode for a slow one, less the share for a quick one.
    pub(super) slow: f64,
    /// The variance of `slow`.
    pub(super) slow_variance: f64,
    /// Those of entries with two modes, and the slow ones among them.
    pub(super) cached: (f64, f64),
    /// Those among the quickest quarter.
    pub(super) quick: f64,
    /// Sum of the scores of the entries' least times, and how many entries have one.
    pub(super) floor: (f64, f64),
    /// The least time of the entry with the most successes, in ns; 0 without any.
    pub(super) least_ns: u64,
}

/// Entries that are judged together: those of a path, or all.
#[derive(Debug)]
pub(super) struct Group {
    /// The path, or `all entries`.
    pub(super) label: String,
    /// Its entries, by number.
    pub(super) names: Vec<usize>,
    /// By when requests were sent.
    pub(super) begun: Vec<Bin>,
    /// By when answers ended.
    pub(super) ended: Vec<Bin>,
    /// The standard deviation of the logarithms of times within entries and modes.
    pub(super) log_spread: f64,
    /// Median time in ns, of its entry with the most successes.
    pub(super) median_ns: u64,
}

/// A step.
#[derive(Debug)]
pub(super) struct Scored<'a> {
    /// The step itself.
    pub(super) step: &'a ObservedStep<'a>,
    /// Seconds in a bin.
    pub(super) bin_s: usize,
    /// Its start since the run's clock began, s.
    pub(super) start_s: f64,
    /// Bins of the load; the wind-down is not among them.
    pub(super) bins: usize,
    /// The first bin of the steady part.
    pub(super) steady: usize,
    /// How great the load was that was offered in each bin: equal numbers are alike.
    pub(super) strata: Vec<u32>,
    /// Of each path, and of all.
    pub(super) groups: Vec<Group>,
}

/// How an entry's times are scored.
struct Scale {
    scores: BTreeMap<u64, Score>,
    slow_share: Option<f64>,
    log_squares: f64,
    count: f64,
    median_ns: u64,
    law: Law,
}

#[derive(Clone, Copy)]
struct Score {
    level: f64,
    tail: f64,
    is_slow: bool,
    is_quick: bool,
}

/// The normal law's quantile, to 4.5e-4 (Hastings; Abramowitz, Stegun: Handbook of Mathematical Functions, 26.2.23).
pub(super) fn normal_quantile(share: f64) -> f64 {
    let tail = share.min(1.0 - share).max(1e-300);
    let t = (-2.0 * libm::log(tail)).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let z = t - above / below;
    if share < 0.5 { -z } else { z }
}

/// The chance that a normal variable is above `z`.
pub(super) fn normal_above(z: f64) -> f64 {
    libm::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

fn successes<'a>(step: &'a ObservedStep<'a>) -> impl Iterator<Item = (usize, &'a Cell)> {
    let seconds = step.seconds.iter().enumerate();
    let cells = seconds.flat_map(|(at, second)| second.cells.iter().map(move |cell| (at, cell)));
    cells.filter(|(_, cell)| cell.outcome == Outcome::Success)
}

impl<'a> Scored<'a> {
    pub(super) fn of(step: &'a ObservedStep<'a>) -> Self {
        let phases = &step.record.phases;
        let seconds = step.seconds.len();
        let bin_s = seconds.div_ceil(BINS_MAX).max(1);
        let load_s = phases.wind_down_ns.saturating_sub(phases.started_ns) as f64 / 1e9;
        let bins = ((load_s / bin_s as f64 + 0.05) as usize).min(seconds.div_ceil(bin_s));
        let ramp_s = phases.steady_ns.saturating_sub(phases.started_ns) as f64 / 1e9;
        let mut scored = Self {
            step,
            bin_s,
            start_s: phases.started_ns as f64 / 1e9,
            bins,
            steady: ((ramp_s / bin_s as f64).ceil() as usize).min(bins),
            strata: vec![],
            groups: vec![],
        };
        scored.fill();
        scored.strata = scored.strata();
        scored
    }

    /// The seconds that bins `from..until` are of, first and last.
    pub(super) fn seconds(&self, from: usize, until: usize) -> (u64, u64) {
        let (from, until) = (from * self.bin_s, until * self.bin_s);
        (from as u64, until.saturating_sub(1).max(from) as u64)
    }

    fn fill(&mut self) {
        let names = &self.step.record.names;
        let mut whole: Vec<Histogram> = names.iter().map(|_| Histogram::default()).collect();
        for cell in successes(self.step).map(|(_, cell)| cell) {
            whole[usize::from(cell.name.0)].merge(&cell.service.histogram);
        }
        let scales: Vec<Option<Scale>> = whole.iter().map(Scale::of).collect();
        let mut paths: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, entry) in names.iter().enumerate().filter(|(at, _)| scales[*at].is_some()) {
            paths.entry(&entry.path).or_default().push(at);
        }
        let count = |group: &Vec<usize>| -> f64 { group.iter().map(|at| whole[*at].total() as f64).sum() };
        let mut chosen: Vec<(String, Vec<usize>)> = paths
            .into_iter()
            .filter(|(_, group)| count(group) >= GROUP_MIN)
            .map(|(path, group)| (path.to_owned(), group))
            .collect();
        chosen.sort_by(|a, b| count(&b.1).total_cmp(&count(&a.1)));
        chosen.truncate(GROUPS_MAX);
        if chosen.len() > 1 {
            let all = (0..names.len()).filter(|at| scales[*at].is_some()).collect();
            chosen.push(("all entries".to_owned(), all));
        }
        self.groups = chosen.into_iter().map(|(label, names)| self.group(label, names, &scales)).collect();
    }

    fn group(&self, label: String, names: Vec<usize>, scales: &[Option<Scale>]) -> Group {
        let (mut begun, mut ended) = (vec![Bin::default(); self.bins], vec![Bin::default(); self.bins]);
        let mut leasts: BTreeMap<usize, Vec<Least>> = BTreeMap::new();
        let bin_ns = self.bin_s as u64 * 1_000_000_000;
        for (at, cell) in successes(self.step) {
            let name = usize::from(cell.name.0);
            let Some(scale) = scales[name].as_ref().filter(|_| names.contains(&name)) else { continue };
            let second = &self.step.seconds[at];
            let middle_ns = second.begin_ns.midpoint(second.record.end_ns);
            let leasts = leasts.entry(name).or_insert_with(|| vec![Least::default(); self.bins]);
            for (ns, count) in cell.service.histogram.iter() {
                let Some(score) = scale.scores.get(&ns) else { continue };
                let sent = (middle_ns.saturating_sub(ns) / bin_ns) as usize;
                leasts.get_mut(sent).into_iter().for_each(|least| least.take(ns, count));
                let bins = [begun.get_mut(sent), ended.get_mut(at / self.bin_s)];
                bins.into_iter().flatten().for_each(|bin| bin.add(*score, scale.slow_share, count as f64));
            }
        }
        let most =
            names.iter().copied().max_by_key(|at| scales[*at].as_ref().map_or(0, |scale| scale.count as u64));
        for (name, leasts) in &leasts {
            let law = scales[*name].as_ref().map(|scale| &scale.law);
            for ((bin, least), law) in begun.iter_mut().zip(leasts).zip(std::iter::repeat(law)) {
                let Some(law) = law.filter(|_| least.count > 0.0) else { continue };
                bin.floor = (bin.floor.0 + law.score(*least), bin.floor.1 + 1.0);
                bin.least_ns = if most == Some(*name) { least.ns } else { bin.least_ns };
            }
        }
        let of = |of: fn(&Scale) -> f64| -> f64 { names.iter().flat_map(|at| &scales[*at]).map(of).sum() };
        let log_spread = (of(|scale| scale.log_squares) / of(|scale| scale.count).max(1.0)).sqrt();
        let median_ns = most.and_then(|at| scales[at].as_ref()).map_or(0, |scale| scale.median_ns);
        Group { label, names, begun, ended, log_spread, median_ns }
    }

    /// Loads are alike when they are within a third of each other: users, or the rate of arrivals that was planned.
    fn strata(&self) -> Vec<u32> {
        let alike = |load: f64| (libm::log(load.max(0.0) + 1.0) / libm::log(1.35)).round() as u32;
        let users = |bin: usize| {
            let last = (bin * self.bin_s + self.bin_s).min(self.step.seconds.len()) - 1;
            f64::from(self.step.seconds[last].record.users)
        };
        let stages = match &self.step.record.load {
            LoadRecord::Open { stages, .. } if !stages.is_empty() => Some(stages),
            LoadRecord::Open { .. } => return self.replayed(alike),
            LoadRecord::Closed { .. } => None,
        };
        let planned = |at_s: f64| {
            let mut begin_s = 0.0;
            for stage in stages.into_iter().flatten() {
                let long_s = stage.duration_s.unwrap_or(f64::INFINITY);
                if at_s < begin_s + long_s {
                    let into = if long_s.is_finite() { (at_s - begin_s) / long_s } else { 0.0 };
                    return stage.from_per_s + (stage.to_per_s - stage.from_per_s) * into;
                }
                begin_s += long_s;
            }
            stages.and_then(|stages| stages.last()).map_or(0.0, |last| last.to_per_s)
        };
        let middle_s = |bin: usize| (bin as f64 + 0.5) * self.bin_s as f64;
        let load = |bin| if stages.is_some() { planned(middle_s(bin)) } else { users(bin) };
        (0..self.bins).map(|bin| alike(load(bin))).collect()
    }

    /// A replay tells no rate: that of the ten bins around.
    fn replayed(&self, alike: impl Fn(f64) -> u32) -> Vec<u32> {
        let Some(all) = self.groups.last() else { return vec![0; self.bins] };
        let rate = |bin: usize| {
            let around = &all.begun[bin.saturating_sub(5)..(bin + 6).min(self.bins)];
            around.iter().map(|bin| bin.count).sum::<f64>() / around.len() as f64 / self.bin_s as f64
        };
        (0..self.bins).map(|bin| alike(rate(bin))).collect()
    }
}

impl Bin {
    fn add(&mut self, score: Score, slow_share: Option<f64>, count: f64) {
        self.count += count;
        self.level += count * score.level;
        self.tail += count * score.tail;
        self.quick += if score.is_quick { count } else { 0.0 };
        if let Some(share) = slow_share {
            self.slow += count * (f64::from(u8::from(score.is_slow)) - share);
            self.slow_variance += count * share * (1.0 - share);
            self.cached.0 += count;
            self.cached.1 += if score.is_slow { count } else { 0.0 };
        }
    }
}

impl Scale {
    fn of(times: &Histogram) -> Option<Self> {
        let total = times.total();
        if total < SUCCESSES_MIN {
            return None;
        }
        let counts: Vec<(u64, u64)> = times.iter().collect();
        let split = split_ns(&counts);
        let quick = counts.partition_point(|(ns, _)| split.is_none_or(|split| *ns <= split));
        let mut scale = Self {
            scores: BTreeMap::new(),
            slow_share: None,
            log_squares: 0.0,
            count: total as f64,
            median_ns: times.at_rank_ns(total.div_ceil(2)).unwrap_or(0),
            law: Law::of(times),
        };
        scale.mode(&counts[..quick], false);
        scale.mode(&counts[quick..], true);
        let slow: u64 = counts[quick..].iter().map(|(_, count)| count).sum();
        scale.slow_share = split.map(|_| slow as f64 / total as f64);
        Some(scale)
    }

    /// Scores the times of one mode by their ranks within it.
    fn mode(&mut self, counts: &[(u64, u64)], is_slow: bool) {
        let total = counts.iter().map(|(_, count)| count).sum::<u64>() as f64;
        let logs = moments(counts.iter().map(|(ns, count)| (*count as f64, libm::log((*ns).max(1) as f64))));
        self.log_squares += if logs.1.is_finite() { logs.1 * logs.1 * total } else { 0.0 };
        // Times that are all but equal have ranks of no meaning.
        let is_flat = logs.1 < FLAT || logs.1.is_infinite();
        let mut below = 0.0;
        let ranks: Vec<(u64, f64, f64)> = counts
            .iter()
            .map(|(ns, count)| {
                let rank = (below + *count as f64 / 2.0) / total;
                below += *count as f64;
                (*ns, *count as f64, rank)
            })
            .collect();
        let of = |of: fn(f64) -> f64| moments(ranks.iter().map(|(_, count, rank)| (*count, of(*rank))));
        let tail = |rank: f64| -libm::log(1.0 - rank) - 1.0;
        let (levels, tails) = (of(normal_quantile), of(tail));
        for (ns, _, rank) in ranks {
            let score = |value: f64, (mean, deviation): (f64, f64)| {
                if is_flat { 0.0 } else { (value - mean) / deviation }
            };
            let (level, tail) = (score(normal_quantile(rank), levels), score(tail(rank), tails));
            self.scores.insert(ns, Score { level, tail, is_slow, is_quick: rank < 0.25 });
        }
    }
}

/// Mean and standard deviation of weighted values; the deviation of equal ones is infinite, so that they score nothing.
fn moments(values: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let total: f64 = values.clone().map(|(count, _)| count).sum();
    let mean = values.clone().map(|(count, value)| count * value).sum::<f64>() / total;
    let square = values.map(|(count, value)| count * (value - mean).powi(2)).sum::<f64>() / total;
    (mean, if square > 1e-12 { square.sqrt() } else { f64::INFINITY })
}
