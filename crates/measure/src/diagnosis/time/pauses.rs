//! Pauses: times in which answers wait, to end all at once. One is a freeze; several at equal distances are stalls.
//!
//! What a pause shows at its end, in one second: answers that are slow for their kind, a jump of the requests in flight, and
//! seconds without any answer before. Each has a chance of its own in a run without pauses; they are put together after Fisher
//! (Statistical Methods for Research Workers, 14th ed., 1970, 21.1), and distances are found by folding the seconds at each
//! possible period. It must not know of slow times without an end all at once.

use super::scores::{Bin, Group, Scored, normal_above};
use super::together::surprises;
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};

/// The chance that a run without pauses shows one, of each of the two kinds.
const ALARM: f64 = 3e-4;
/// Periods that are looked for: at least so many seconds, and so many pauses in a run.
const PERIOD_S_MIN: f64 = 2.0;
const PAUSES_MIN: usize = 3;
/// What one second can say at most when seconds are folded, so that one pause is no period.
const SAYS_MAX: f64 = 10.0;
/// Pauses that are listed.
const LISTED_MAX: usize = 5;

/// A second in which a pause may have ended.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Seconds since the run's clock began.
    at_s: f64,
    step: usize,
    bin: usize,
    /// Surprise of the latencies, and of the jump of the requests in flight: −ln of their chances.
    slow: f64,
    jump: f64,
    /// Surprise of the silence before, and its seconds.
    silence: f64,
    silent: usize,
    /// Answers that ended in it, and their mean score.
    count: f64,
    score: f64,
}

/// A pause that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pause {
    /// The step, by number.
    pub(super) step: usize,
    /// The first bin without answers, or that of the end.
    pub(super) from: usize,
    /// The bin of its end.
    pub(super) end: usize,
}

/// Pauses at equal distances.
#[derive(Clone, Copy, Debug)]
struct Period {
    every_s: f64,
    first_s: f64,
    pauses: usize,
}

/// What is said of pauses, and where they were.
pub(super) fn pauses(observed: &Observed<'_>, steps: &[Scored<'_>]) -> (Vec<Finding>, Vec<Pause>) {
    let groups = groups(steps);
    let mut found: Vec<(Second, f64)> = vec![];
    let mut period: Option<(f64, Period, Vec<Second>)> = None;
    for label in &groups {
        let seconds = seconds(steps, label);
        let looks = (seconds.len() * groups.len()) as f64;
        for second in &seconds {
            let chance = second.chance();
            let known =
                |(other, _): &&mut (Second, f64)| (other.step, other.bin) == (second.step, second.bin);
            if chance * looks < ALARM && second.is_release() {
                match found.iter_mut().find(known) {
                    Some(other) if other.1 > chance => *other = (*second, chance),
                    Some(_) => {}
                    None => found.push((*second, chance)),
                }
            }
        }
        for part in parts(&seconds) {
            if let Some((surprise, best)) = fold(part, 2 * groups.len())
                && period.as_ref().is_none_or(|(most, ..)| surprise > *most)
            {
                period = Some((surprise, best, part.to_vec()));
            }
        }
    }
    found.sort_by(|a, b| a.0.at_s.total_cmp(&b.0.at_s));
    let lone: Vec<Second> = found.into_iter().map(|(second, _)| second).collect();
    let mut gone: Vec<Pause> = lone.iter().map(Second::pause).collect();
    let finding = match (period, lone.len()) {
        (Some((_, period, seconds)), _) => {
            let ends: Vec<Second> = seconds.into_iter().filter(|second| period.has(second.at_s)).collect();
            gone.extend(ends.iter().map(Second::pause));
            stalls(observed, steps, period, &ends)
        }
        (None, 0) => return (vec![], vec![]),
        (None, 1..PAUSES_MIN) => freeze(observed, steps, &lone),
        (None, pauses) => {
            let mut gaps: Vec<f64> = lone.windows(2).map(|pair| pair[1].at_s - pair[0].at_s).collect();
            gaps.sort_by(f64::total_cmp);
            let every_s = gaps[gaps.len() / 2];
            stalls(observed, steps, Period { every_s, first_s: lone[0].at_s, pauses }, &lone)
        }
    };
    (vec![finding], gone)
}

/// The labels of all groups of all steps.
fn groups(steps: &[Scored<'_>]) -> Vec<String> {
    let mut labels: Vec<String> =
        steps.iter().flat_map(|step| step.groups.iter().map(|group| group.label.clone())).collect();
    labels.sort();
    labels.dedup();
    labels
}

/// All of a run, and those of the step with the most answers: under little load a pause often strikes nobody.
fn parts(seconds: &[Second]) -> impl Iterator<Item = &[Second]> {
    let steps = || seconds.chunk_by(|a, b| a.step == b.step);
    let answers = |part: &&[Second]| part.iter().map(|second| second.count).sum::<f64>();
    let most = steps().max_by(|a, b| answers(a).total_cmp(&answers(b)));
    std::iter::once(seconds).chain(most.filter(|_| steps().count() > 1))
}

/// All seconds of a group, step after step.
fn seconds(steps: &[Scored<'_>], label: &str) -> Vec<Second> {
    let mut all = vec![];
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.bin_s == 1) {
        if let Some(group) = step.groups.iter().find(|group| group.label == label) {
            all.extend(of_step(at, step, group));
        }
    }
    all
}

fn of_step(at: usize, step: &Scored<'_>, group: &Group) -> Vec<Second> {
    let z = |bin: &Bin| if bin.count > 0.0 { bin.level / bin.count.sqrt() } else { 0.0 };
    let zs: Vec<f64> = group.ended.iter().map(z).collect();
    let jumps = if step.bin_s == 1 { surprises(step) } else { vec![0.0; step.bins] };
    let misses = misses(group);
    let mut silent = 0;
    let mut silent_expected = 0.0;
    let mut seconds = vec![];
    for (bin, held) in group.ended.iter().enumerate() {
        let jump = jumps[bin];
        let mut second = Second { at_s: step.start_s + bin as f64, step: at, bin, jump, ..Second::default() };
        if held.count == 0.0 {
            silent += 1;
            silent_expected += expected(step, group, bin);
            seconds.push(Second { jump: 0.0, ..second });
            continue;
        }
        (second.silence, second.silent) = (silent_expected, silent);
        (silent, silent_expected) = (0, 0.0);
        // Against the seconds around, so that a slow time is no pause.
        let z = (zs[bin] - around(&zs, bin).max(0.0)) / if held.count < 3.0 { 1.2 } else { 1.0 };
        second.slow = -libm::log(normal_above(z).max(1e-300));
        (second.count, second.score) = (held.count, held.level / held.count);
        // Held answers out of a cache are no quick ones any more.
        let (missed, usual) = (held.cached.1, held.cached.0 * misses[bin].max(0.02));
        let surprise = if missed > usual { missed * libm::log(missed / usual) - missed + usual } else { 0.0 };
        if surprise > second.slow {
            (second.slow, second.score) = (surprise, missed / held.count);
        }
        seconds.push(second);
    }
    seconds
}

/// The share of misses among the answers of entries with a cache, in the seconds around each and in all: the greater.
fn misses(group: &Group) -> Vec<f64> {
    let share = |bins: &mut dyn Iterator<Item = &Bin>| {
        let (all, missed) = bins.fold((0.0, 0.0), |sum, bin| (sum.0 + bin.cached.0, sum.1 + bin.cached.1));
        (missed + 0.5) / (all + 1.0)
    };
    let whole = share(&mut group.ended.iter());
    let around = |at: usize| {
        let near = at.saturating_sub(6)..(at + 7).min(group.ended.len());
        share(
            &mut group.ended[near.clone()]
                .iter()
                .zip(near)
                .filter(|(_, other)| *other != at)
                .map(|pair| pair.0),
        )
    };
    (0..group.ended.len()).map(|at| whole.max(around(at))).collect()
}

/// The median of up to eight seconds around.
fn around(zs: &[f64], at: usize) -> f64 {
    let near = (at.saturating_sub(4)..(at + 5).min(zs.len())).filter(|other| other.abs_diff(at) > 0);
    let mut values: Vec<f64> = near.map(|other| zs[other]).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Answers that a second of the same load has: the median.
fn expected(step: &Scored<'_>, group: &Group, bin: usize) -> f64 {
    let alike = (0..step.bins).filter(|other| step.strata[*other] == step.strata[bin] && *other != bin);
    let mut counts: Vec<f64> = alike.map(|other| group.ended[other].count).collect();
    counts.sort_by(f64::total_cmp);
    counts.get(counts.len() * 2 / 5).copied().unwrap_or(0.0)
}

impl Second {
    /// The chance that a second without a pause says as much (Fisher: twice the sum of three surprises is χ² with 6).
    fn chance(&self) -> f64 {
        let sum = self.slow + self.jump + self.silence;
        libm::exp(-sum) * (1.0 + sum + sum * sum / 2.0)
    }

    /// Slow answers that end at once: a jump or a silence tells it from a slow time.
    fn is_release(&self) -> bool {
        self.count >= 2.0 && self.score > 0.5 && self.slow > 4.0 && (self.jump > 4.0 || self.silence > 9.0)
    }

    fn pause(&self) -> Pause {
        Pause { step: self.step, from: self.bin.saturating_sub(self.silent.max(1)), end: self.bin }
    }

    /// What it says of a pause that ends in it.
    fn says(&self) -> f64 {
        (self.slow + self.jump).min(SAYS_MAX)
    }
}

impl Period {
    fn has(&self, at_s: f64) -> bool {
        let turns = (at_s - self.first_s) / self.every_s;
        let off_s = (turns - turns.round()).abs() * self.every_s;
        off_s < 1.5 && at_s > self.first_s - 1.5
    }
}

/// The period at which the seconds say most, with −ln of its chance; `None` where that is no surprise.
fn fold(seconds: &[Second], groups: usize) -> Option<(f64, Period)> {
    let (first, last) = (seconds.first()?.at_s, seconds.last()?.at_s);
    let span = last - first + 1.0;
    let mut says: Vec<Option<f64>> = vec![None; span.ceil() as usize + 1];
    for second in seconds {
        says[(second.at_s - first) as usize] = Some(second.says());
    }
    // Half of the seconds say 2 or less where nothing happens; what all say beyond that is no pause's.
    let (mut best, mut looks): (Option<(f64, Period)>, f64) = (None, 0.0);
    let mut every = PERIOD_S_MIN;
    while every <= span / PAUSES_MIN as f64 {
        for half in 0..(2.0 * every).ceil() as usize {
            looks += 1.0;
            let start = half as f64 / 2.0 + 0.25;
            let turns = ((span - start) / every) as usize;
            let at = |turn: usize| (start + turn as f64 * every) as usize;
            let held: Vec<f64> = (0..=turns).filter_map(|turn| *says.get(at(turn))?).collect();
            if held.len() < PAUSES_MIN || !speaks(&held) {
                continue;
            }
            let surprise = surprise(held.iter().sum(), held.len());
            if best.is_none_or(|(most, _)| surprise > most) {
                let pauses = held.len();
                best = Some((surprise, Period { every_s: every, first_s: first + start, pauses }));
            }
        }
        every += (every * every / span / 3.0).max(0.005);
    }
    let (surprise, period) = best?;
    (surprise - libm::log(looks * groups as f64) > -libm::log(ALARM)).then_some((surprise, period))
}

/// Most of the pauses are to be seen, not a few of them.
fn speaks(held: &[f64]) -> bool {
    let mut sorted = held.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (weak, middle) = (sorted[if held.len() < 4 { 0 } else { held.len() / 4 }], sorted[held.len() / 2]);
    weak > if held.len() < 6 { 2.5 } else { 1.2 } && middle > 2.5
}

/// −ln of the chance that so many seconds say `sum` or more: each says two exponential surprises at most, a gamma law.
fn surprise(sum: f64, seconds: usize) -> f64 {
    let (mut term, mut total) = (0.0f64, 0.0f64);
    // ln Σ sum^i / i!, i < 2 n, scaled by its greatest term.
    let count = 2 * seconds;
    let logs: Vec<f64> =
        (0..count).map(|i| i as f64 * libm::log(sum.max(1e-9)) - libm::lgamma(i as f64 + 1.0)).collect();
    for log in &logs {
        term = if total == 0.0 { *log } else { term.max(*log) };
        total = 1.0;
    }
    let scaled: f64 = logs.iter().map(|log| libm::exp(log - term)).sum();
    sum - term - libm::log(scaled)
}

fn freeze(observed: &Observed<'_>, steps: &[Scored<'_>], ends: &[Second]) -> Finding {
    let evidence = |end: &Second| {
        let scored = &steps[end.step];
        let silence = match end.silent {
            0 => String::new(),
            1 => ", after a second without an answer".to_owned(),
            silent => format!(", after {silent} seconds without an answer"),
        };
        let jump = scored.step.seconds[end.bin].record.pulse.as_ref().map_or(String::new(), |pulse| {
            format!("; up to {} requests ended within a hundredth of a second", pulse.ended_max)
        });
        Evidence {
            step: scored.step.record.name.clone(),
            seconds: Some(scored.seconds(end.pause().from, end.bin + 1)),
            words: format!(
                "in second {} {} answers ended that were slow for their kind, the longest {:.0} ms{silence}{jump}",
                end.bin,
                end.count,
                words::longest_ms(scored, end.bin)
            ),
        }
    };
    let certain = ends.iter().any(|end| end.silent > 0 || end.jump > 15.0);
    Finding {
        sign: Sign::Freeze,
        confidence: if certain { Confidence::High } else { Confidence::Medium },
        evidence: ends.iter().take(LISTED_MAX).map(evidence).collect(),
        advice: Advice {
            change: "look at what stopped everything at these seconds: a garbage collection, a lock held over input or \
                     output, a synchronous call in the event loop, a machine that was suspended; move such work to a thread \
                     or process of its own"
                .to_owned(),
            effect: "the longest times fall to those of the other seconds; the median stays".to_owned(),
            command: words::again(observed),
        },
    }
}

fn stalls(observed: &Observed<'_>, steps: &[Scored<'_>], period: Period, ends: &[Second]) -> Finding {
    let clear: Vec<&Second> = ends.iter().filter(|end| end.says() > 4.0).collect();
    let mut evidence: Vec<Evidence> = vec![];
    for (at, scored) in steps.iter().enumerate() {
        let here: Vec<&&Second> = clear.iter().filter(|end| end.step == at).collect();
        let (Some(first), Some(last)) = (here.first(), here.last()) else { continue };
        let listed: Vec<String> = here.iter().take(LISTED_MAX).map(|end| end.bin.to_string()).collect();
        let more = if here.len() > LISTED_MAX { " and so on" } else { "" };
        let longest = here.iter().map(|end| words::longest_ms(scored, end.bin)).fold(0.0, f64::max);
        evidence.push(Evidence {
            step: scored.step.record.name.clone(),
            seconds: Some(scored.seconds(first.bin, last.bin + 1)),
            words: format!(
                "every {:.1} s answers end late and together: seconds {}{more}, the longest {longest:.0} ms",
                period.every_s,
                listed.join(", ")
            ),
        });
    }
    Finding {
        sign: Sign::PeriodicStalls,
        confidence: if period.pauses >= 5 { Confidence::High } else { Confidence::Medium },
        evidence,
        advice: Advice {
            change: format!(
                "find what runs every {:.1} s and blocks: a timer's job, a flush, a full garbage collection, a refresh of \
                 a cache or of credentials; run it beside the requests, in small pieces, or less often",
                period.every_s
            ),
            effect:
                "p99 and the longest times fall, the pauses in the chart over time are gone; the median stays"
                    .to_owned(),
            command: words::again(observed),
        },
    }
}
