//! Caches that answered before and answer no more for a time: they were emptied, or what keeps them is away.
//!
//! With the cache away every answer is made anew (quickly refused), or waits for the cache first (it takes the connection and says
//! nothing). It must not know of changes within the quick or the slow answers.

use super::scan::{Peak, Series, limit};
use super::scores::{Bin, Group, Scored};
use super::shapes::{Kind, Shape};
use super::words;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};
use crate::{Outcome, Quantile};

/// The chance that a run whose cache works shows one that does not.
const ALARM: f64 = 3e-4;
/// In the window nearly nothing comes out of a cache that is away …
const MISSES_MIN: f64 = 0.85;
/// … and before it much did: a cache that fills up is none that is away.
const MISSES_BEFORE_MAX: f64 = 0.75;
/// A cache that lost a part answers so much less than before, at least.
const LOST_MIN: f64 = 0.05;
/// Requests before and in the window.
const REQUESTS_MIN: f64 = 8.0;
/// Answers that wait so long wait for something that does not answer.
const WAIT_NS_MIN: u64 = 200_000_000;
const WAIT_RATIO_MIN: f64 = 20.0;

/// A window in which the cache of a group did not answer.
struct Away<'a> {
    step: usize,
    group: &'a Group,
    peak: Peak,
    misses: (f64, f64),
    requests: f64,
    /// The median of the answers that ended then, and of what misses take otherwise.
    times_ns: (u64, u64),
}

/// What is said of caches.
pub(super) fn caches(observed: &Observed<'_>, steps: &[Scored<'_>], shapes: &[Shape]) -> Vec<Finding> {
    let looks: usize = steps.iter().map(|step| 3 * step.bins * step.groups.len()).sum();
    let limit = limit(ALARM, looks as f64);
    let all = steps
        .iter()
        .enumerate()
        .flat_map(|(at, step)| step.groups.iter().map(move |group| (at, step, group)));
    let found = all.filter_map(|(at, step, group)| away(at, step, group, limit));
    // Where what does not come out of a cache is slow too, it is not the cache.
    let found: Vec<Away<'_>> =
        found.filter(|away| !shapes.iter().any(|shape| away.is_within(shape))).collect();
    // The pool of all entries is for the power: where a path shows it too, the path is named.
    let (named, pooled): (Vec<_>, Vec<_>) = found.iter().partition(|away| away.group.label.starts_with('/'));
    let shown = if named.is_empty() { pooled } else { named };
    let Some(most) = shown.iter().max_by(|a, b| a.peak.z.total_cmp(&b.peak.z)) else { return vec![] };
    let evidence: Vec<Evidence> = shown.iter().map(|away| away.evidence(steps)).collect();
    let waits =
        most.times_ns.0 > WAIT_NS_MIN && most.times_ns.0 as f64 > WAIT_RATIO_MIN * most.times_ns.1 as f64;
    let outage = Finding {
        sign: Sign::DependencyOutage,
        confidence: if waits { Confidence::High } else { Confidence::Medium },
        evidence: evidence.clone(),
        advice: Advice {
            change: "look at the cache's server (Redis) in these seconds; give its client a short timeout and a breaker, so that \
                     requests go on without it, and keep a small copy in the process"
                .to_owned(),
            effect: "with the cache away the answers take what a miss takes, and none waits for it".to_owned(),
            command: words::again(observed),
        },
    };
    let lost = Finding {
        sign: Sign::Bimodal,
        confidence: Confidence::Medium,
        evidence,
        advice: Advice {
            change: "find what emptied the cache: a restart, a flush, entries that expire all at once or do not fit; keep it \
                     over restarts, spread the times to live, give it more room"
                .to_owned(),
            effect: "the share of quick answers stays level over time".to_owned(),
            command: words::again(observed),
        },
    };
    let is_away = shown.iter().any(|away| away.misses.0 >= MISSES_MIN);
    match (is_away, waits) {
        (false, _) => vec![lost],
        (true, true) => vec![outage],
        (true, false) => vec![lost, outage],
    }
}

fn away<'a>(at: usize, step: &Scored<'_>, group: &'a Group, limit: f64) -> Option<Away<'a>> {
    let bins = group.begun.iter().map(|bin| (bin.slow, bin.slow_variance));
    let series = Series::of(bins, &vec![0; step.bins]);
    let mut from = 0;
    // What lies before a window in which the cache fills up is not what is looked for: look behind it.
    for _ in 0..4 {
        let peak = series.after(from).peak(2, 0.8, 0.2)?;
        let peak = Peak { from: peak.from + from, until: peak.until + from, ..peak };
        if peak.z < limit {
            return None;
        }
        let share = |bins: &[Bin]| {
            let sum = |of: fn(&Bin) -> f64| bins.iter().map(of).sum::<f64>();
            let (requests, misses) = (sum(|bin| bin.cached.0), sum(|bin| bin.cached.1));
            (requests, misses / requests.max(1.0))
        };
        let (requests, misses) = share(&group.begun[peak.from..peak.until]);
        let length = (peak.until - peak.from).max(10);
        let (earlier, before) = share(&group.begun[peak.from.saturating_sub(length)..peak.from]);
        let is_path = group.label.starts_with('/');
        let is_lost = is_path && misses >= before + LOST_MIN && misses * requests >= REQUESTS_MIN;
        let is_away = misses >= MISSES_MIN || is_lost;
        if is_away && requests >= REQUESTS_MIN && earlier >= REQUESTS_MIN && before <= MISSES_BEFORE_MAX {
            let times_ns = times(step, group, peak);
            return Some(Away { step: at, group, peak, misses: (misses, before), requests, times_ns });
        }
        from = peak.until;
    }
    None
}

/// The median of all answers of the group's entries that ended in the window, and of the quickest entry's otherwise.
fn times(step: &Scored<'_>, group: &Group, peak: Peak) -> (u64, u64) {
    let (mut within, mut others) = (crate::Times::default(), crate::Times::default());
    for (at, second) in step.step.seconds.iter().enumerate() {
        // What waits ends later than it began.
        let is_within = (peak.from * step.bin_s..peak.until * step.bin_s + 5).contains(&at);
        for cell in &second.cells {
            if cell.outcome == Outcome::Success && group.names.contains(&usize::from(cell.name.0)) {
                if is_within { within.merge(&cell.service) } else { others.merge(&cell.service) }
            }
        }
    }
    let median = |times: &crate::Times| times.quantile_ns(Quantile::P50).unwrap_or(0);
    (median(&within), median(&others))
}

impl Away<'_> {
    fn is_within(&self, shape: &Shape) -> bool {
        let Kind::Spell { step, peak, .. } = shape.kind else { return false };
        let both = peak.until.min(self.peak.until).saturating_sub(peak.from.max(self.peak.from));
        step == self.step && 2 * both > self.peak.until - self.peak.from
    }

    fn evidence(&self, steps: &[Scored<'_>]) -> Evidence {
        let scored = &steps[self.step];
        Evidence {
            step: scored.step.record.name.clone(),
            seconds: Some(scored.seconds(self.peak.from, self.peak.until)),
            words: format!(
                "{:.0} of {:.0} requests of {} did not come out of a cache, {:.0} of 100 did not before; the median answer took \
                 {:.1} ms, {:.1} ms at other times",
                self.misses.0 * self.requests,
                self.requests,
                self.group.label,
                self.misses.1 * 100.0,
                self.times_ns.0 as f64 / 1e6,
                self.times_ns.1 as f64 / 1e6
            ),
        }
    }
}
