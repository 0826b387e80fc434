//! The shapes in which latency can move with time, held against each other: whichever explains most is said.
//! It must not know how they are worded.

use super::joint::{Part, joint_peak};
use super::pauses::Pause;
use super::scan::{Peak, Series, limit};
use super::scores::{Bin, Group, Scored};

/// The chance that a run in which nothing changes shows one of these shapes, of each.
const ALARM: f64 = 1.5e-4;
/// Onsets of a drift, as shares of the run.
const ONSETS: [f64; 4] = [0.0, 0.2, 0.4, 0.6];
/// Times in which a cold start fades by a factor e, s.
const FADES_S: [f64; 6] = [1.5, 3.0, 6.0, 12.0, 25.0, 50.0];
/// A shape that explains so much less than the best is not worth a word, in standard deviations and as a share.
const NEAR: (f64, f64) = (0.7, 0.04);
/// A fading explains so much more than a level time before it is taken for one, in standard deviations.
const FADES_BETTER: f64 = 0.3;
/// A change by less than this share is none that anybody would act on.
const RATIO_MIN: f64 = 0.003;
/// Nor one by less than this, in ns, or by less than the generator's own timers are late.
const CHANGE_NS_MIN: f64 = 20_000.0;
/// A fading from a second in mid-run on is taken for one so many standard deviations beyond the limit of a spell.
const RESTART_BEYOND: f64 = 1.0;
/// Windows are read from three kinds of scores.
const SCORES: [Score; 3] = [Score::Level, Score::Tail, Score::Floor];

/// A shape that the scores of a group follow.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// The group's label.
    pub(super) label: String,
    /// In standard deviations.
    pub(super) z: f64,
    /// What chance alone hardly ever reaches.
    pub(super) limit: f64,
    /// By what factor it changes the group's times: over the steady time of a step, at the start, in the window.
    pub(super) ratio: f64,
    /// The same in ns, of the group's greatest entry; of a drift over all the run.
    pub(super) change_ns: f64,
    /// Another shape explains more, though not much more.
    pub(super) is_second: bool,
}

/// What kind of shape, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Grows from this second of the run's clock on.
    Drift { onset_s: f64 },
    /// Greater in a step from a bin on, and fading by a factor e in so many seconds.
    Fade { step: usize, from: usize, fade_s: f64 },
    /// Greater in a window of a step.
    Spell { step: usize, peak: Peak, spread: Spread },
}

/// What of a bin is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Score {
    /// All times.
    Level,
    /// The longest above all.
    Tail,
    /// The least.
    Floor,
}

impl Score {
    /// The sum of scores, and how many.
    fn of(self, bin: &Bin) -> (f64, f64) {
        match self {
            Self::Level => (bin.level, bin.count),
            Self::Tail => (bin.tail, bin.count),
            Self::Floor => bin.floor,
        }
    }

    /// By what factor, and by how many ns, a group's times change with scores that are greater by so much, between the bins
    /// that are within and those without.
    fn change(self, group: &Group, effect: f64, within: impl Fn(usize) -> bool) -> (f64, f64) {
        if self != Self::Floor {
            let ratio = libm::exp((effect * group.log_spread).min(20.0));
            return (ratio, (ratio - 1.0) * group.median_ns as f64);
        }
        let middle = |wanted: bool| {
            let bins =
                group.begun.iter().enumerate().filter(|(at, bin)| within(*at) == wanted && bin.least_ns > 0);
            let mut leasts: Vec<u64> = bins.map(|(_, bin)| bin.least_ns).collect();
            leasts.sort_unstable();
            leasts.get(leasts.len() / 2).map(|ns| *ns as f64)
        };
        let Some((inside, outside)) = middle(true).zip(middle(false)) else { return (1.0, 0.0) };
        (1.0 + (inside - outside) / group.median_ns.max(1) as f64, inside - outside)
    }
}

/// How a slow time is spread over the requests in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// All are slower.
    All,
    /// Some are much slower, the others as ever.
    Some,
    /// It cannot be told.
    Unclear,
}

/// The shapes of all groups, those that explain most first.
pub(super) fn shapes(steps: &[Scored<'_>], pauses: &[Pause]) -> Vec<Shape> {
    let mut labels: Vec<&str> =
        steps.iter().flat_map(|step| step.groups.iter().map(|group| group.label.as_str())).collect();
    labels.sort_unstable();
    labels.dedup();
    let looks = labels.len() as f64;
    let mut found: Vec<Shape> =
        labels.iter().flat_map(|label| of_group(steps, pauses, label, looks)).collect();
    found.sort_by(|a, b| b.z.total_cmp(&a.z));
    let Some(best) = found.first().cloned() else { return found };
    let late_ns = steps.iter().map(late_ns).fold(CHANGE_NS_MIN, f64::max);
    found.retain(|shape| shape.ratio > 1.0 + RATIO_MIN && shape.change_ns > late_ns);
    let near = |shape: &Shape| shape.z >= best.z - NEAR.0.max(best.z * NEAR.1);
    found.retain(near);
    // Of each kind once: the group that shows it best.
    let mut kept: Vec<Shape> = vec![];
    for mut shape in found {
        if kept.iter().all(|other| std::mem::discriminant(&other.kind) != std::mem::discriminant(&shape.kind))
        {
            shape.is_second = !kept.is_empty();
            kept.push(shape);
        }
    }
    kept
}

/// How late the generator's timers are in most seconds, in ns.
fn late_ns(step: &Scored<'_>) -> f64 {
    let of = |second: &crate::diagnosis::Second<'_>| {
        second.record.cells.iter().map(|cell| cell.late_max_ns).max().unwrap_or(0)
    };
    let mut lates: Vec<u64> = step.step.seconds.iter().take(step.bins * step.bin_s).map(of).collect();
    lates.sort_unstable();
    lates.get(lates.len() / 2).map_or(0.0, |ns| *ns as f64)
}

fn of_group(steps: &[Scored<'_>], pauses: &[Pause], label: &str, labels: f64) -> Vec<Shape> {
    let with: Vec<(usize, &Scored<'_>, &Group)> = steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| Some((at, step, step.groups.iter().find(|group| group.label == label)?)))
        .collect();
    let base = Shape {
        kind: Kind::Drift { onset_s: 0.0 },
        label: label.to_owned(),
        z: 0.0,
        limit: 0.0,
        ratio: 1.0,
        change_ns: 0.0,
        is_second: false,
    };
    let mut found = vec![spell(&with, pauses, &base, labels), long_spell(&with, pauses, &base, labels)];
    for score in [Score::Level, Score::Floor] {
        found.push(drift(&with, pauses, &base, 2.0 * labels, score));
        found.push(fade(&with, pauses, &base, 2.0 * labels, score));
    }
    found.into_iter().flatten().filter(|shape| shape.z > shape.limit).collect()
}

type With<'a, 'b> = [(usize, &'b Scored<'a>, &'b Group)];

fn series(at: usize, group: &Group, pauses: &[Pause], of: Score, strata: &[u32]) -> Series {
    let gone: Vec<usize> = pauses
        .iter()
        .filter(|pause| pause.step == at)
        .flat_map(|pause| pause.from.saturating_sub(1)..=pause.end)
        .collect();
    let bins = group.begun.iter().enumerate();
    let bins = bins.map(|(at, bin)| if gone.contains(&at) { (0.0, 0.0) } else { of.of(bin) });
    let series = Series::of(bins, strata);
    if of == Score::Tail { series.exponential() } else { series }
}

fn drift(with: &With<'_, '_>, pauses: &[Pause], base: &Shape, looks: f64, score: Score) -> Option<Shape> {
    let all: Vec<(Series, &Scored<'_>, &Group)> = with
        .iter()
        .map(|(at, step, group)| (series(*at, group, pauses, score, &step.strata), *step, *group))
        .collect();
    let first_s = with.first()?.1.start_s;
    let last = with.last()?.1;
    let end_s = last.start_s + (last.bins * last.bin_s) as f64;
    let longest = with.iter().max_by_key(|(_, step, _)| (step.bins - step.steady) * step.bin_s)?;
    let longest_s = ((longest.1.bins - longest.1.steady) * longest.1.bin_s) as f64;
    let mut best: Option<Shape> = None;
    for onset in ONSETS {
        let onset_s = first_s + onset * (end_s - first_s);
        let (mut sum, mut variance, mut spread, mut weight) = (0.0, 0.0, 0.0, 0.0);
        for (series, step, group) in &all {
            let at_s = |bin: usize| step.start_s + (bin as f64 + 0.5) * step.bin_s as f64;
            let shape = |bin: usize| (bin >= step.steady).then(|| (at_s(bin) - onset_s).max(0.0));
            let (more, varies) = series.along(shape);
            (sum, variance) = (sum + more, variance + varies);
            (spread, weight) = (spread + group.log_spread * varies, weight + varies);
        }
        if variance <= 0.0 {
            continue;
        }
        let (z, slope) = (sum / variance.sqrt(), sum / variance * spread / weight);
        if best.as_ref().is_none_or(|best| z > best.z) {
            // It may be inflated: the slope is then a little too small, never too great.
            let (ratio, change_ns) = match score {
                Score::Floor => {
                    let (steady, bins) = (longest.1.steady, longest.1.bins);
                    // The second half of the longest step is later than the first by half of it.
                    let (ratio, ns) = score.change(longest.2, 0.0, |bin| 2 * bin > steady + bins);
                    (1.0 + 2.0 * (ratio - 1.0), 2.0 * ns)
                }
                _ => {
                    let ratio = libm::exp((slope * longest_s * (1.0 - onset)).min(20.0));
                    (ratio, (ratio - 1.0) * longest.2.median_ns as f64)
                }
            };
            let change_ns = change_ns * (end_s - onset_s) / longest_s.max(1.0);
            let limit = limit(ALARM, looks * ONSETS.len() as f64);
            best = Some(Shape { kind: Kind::Drift { onset_s }, z, limit, ratio, change_ns, ..base.clone() });
        }
    }
    best
}

fn fade(with: &With<'_, '_>, pauses: &[Pause], base: &Shape, looks: f64, score: Score) -> Option<Shape> {
    let (at, step, group) = with.first().filter(|(at, ..)| *at == 0)?;
    let alike = vec![0; step.bins];
    let series = series(*at, group, pauses, score, &alike);
    let (z, effect, fade_s) = fading(&series, step.bin_s, 0)?;
    let (ratio, change_ns) = score.change(group, effect, |bin| ((bin * step.bin_s) as f64) < fade_s.max(2.0));
    let limit = limit(ALARM, looks * FADES_S.len() as f64);
    Some(Shape {
        kind: Kind::Fade { step: *at, from: 0, fade_s },
        z,
        limit,
        ratio,
        change_ns,
        ..base.clone()
    })
}

/// How well scores go along with a fading from a bin on, how great it is at its begin, and the time in which it fades.
fn fading(series: &Series, bin_s: usize, from: usize) -> Option<(f64, f64, f64)> {
    let each = FADES_S.into_iter().filter_map(|fade_s| {
        let since = |bin: usize| libm::exp(-(((bin - from) * bin_s) as f64 + 0.3) / fade_s);
        let shape = |bin: usize| Some(if bin < from { 0.0 } else { since(bin) });
        let (score, variance) = series.along(shape);
        let z = score / variance.sqrt();
        (variance > 0.0).then(|| (z, z / variance.sqrt(), fade_s))
    });
    each.max_by(|a, b| a.0.total_cmp(&b.0))
}

fn spell(with: &With<'_, '_>, pauses: &[Pause], base: &Shape, labels: f64) -> Option<Shape> {
    let bins: usize = with.iter().map(|(_, step, _)| step.bins).sum();
    // Windows overlap: about so many of them are as good as independent.
    let limit = limit(ALARM, 4.0 * bins as f64 * labels);
    let mut best: Option<Shape> = None;
    for (at, step, group) in with {
        for score in SCORES {
            let series = series(*at, group, pauses, score, &step.strata);
            let Some(peak) = series.peak(2, 0.8, if score == Score::Floor { 2.0 } else { 6.0 }) else {
                continue;
            };
            if best.as_ref().is_none_or(|best| peak.z > best.z) {
                let fading = fading(&series, step.bin_s, peak.from).filter(|(z, ..)| {
                    score != Score::Tail
                        && *z > peak.z + FADES_BETTER
                        && ((*at == 0 && peak.from <= 1) || *z > limit + RESTART_BEYOND)
                });
                let within = |bin: usize| (peak.from..peak.until).contains(&bin);
                let (ratio, change_ns) = score.change(group, peak.effect, within);
                let (kind, z) = match fading {
                    Some((z, _, fade_s)) => (Kind::Fade { step: *at, from: peak.from, fade_s }, z),
                    None => (Kind::Spell { step: *at, peak, spread: spread(group, peak) }, peak.z),
                };
                best = Some(Shape { kind, z, limit, ratio, change_ns, ..base.clone() });
            }
        }
    }
    best
}

/// A spell that goes on over the end of a step; the step that holds most of it is named.
fn long_spell(with: &With<'_, '_>, pauses: &[Pause], base: &Shape, labels: f64) -> Option<Shape> {
    let bins: usize = with.iter().map(|(_, step, _)| step.bins).sum();
    let limit = limit(ALARM, 2.0 * bins as f64 * labels);
    let each = [Score::Level, Score::Floor].into_iter().filter_map(|score| {
        let all: Vec<Series> =
            with.iter().map(|(at, step, group)| series(*at, group, pauses, score, &step.strata)).collect();
        let (whole, Part { step: place, from, until }) = joint_peak(&all, 0.8)?;
        let (at, _, group) = with[place];
        let peak = Peak { from, until, ..whole };
        let (ratio, change_ns) = score.change(group, peak.effect, |bin| (from..until).contains(&bin));
        let kind = Kind::Spell { step: at, peak, spread: spread(group, peak) };
        Some(Shape { kind, z: peak.z, limit, ratio, change_ns, ..base.clone() })
    });
    each.max_by(|a, b| a.z.total_cmp(&b.z))
}

/// Whether all are slower in a window, or some: by how many of the quickest quarter are left.
fn spread(group: &Group, peak: Peak) -> Spread {
    let sum = |bins: &[Bin], of: fn(&Bin) -> f64| bins.iter().map(of).sum::<f64>();
    let window = &group.begun[peak.from..peak.until];
    let (count, quick) = (sum(window, |bin| bin.count), sum(window, |bin| bin.quick));
    let rest = sum(&group.begun, |bin| bin.count) - count;
    let usual = (sum(&group.begun, |bin| bin.quick) - quick) / rest.max(1.0);
    let level = sum(window, |bin| bin.level) / count.max(1.0);
    let others = (sum(&group.begun, |bin| bin.level) - level * count) / rest.max(1.0);
    let effect = (level - others).max(0.0);
    if usual <= 0.02 || count < 6.0 {
        return Spread::Unclear;
    }
    let quick = quick / count;
    // Were all shifted alike, the quick ones would become as few as a shifted normal law has; were some of them made the
    // slowest, each of those scores about 1.8.
    let all = super::scores::normal_above(-(super::scores::normal_quantile(usual) - effect));
    let some = usual * (1.0 - (effect / 1.8).min(1.0));
    let chance = (usual * (1.0 - usual) / count).sqrt();
    match quick {
        _ if some - all < chance => Spread::Unclear,
        quick if (quick - all) > (some - quick) => Spread::Some,
        _ => Spread::All,
    }
}
