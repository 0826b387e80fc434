//! Bursts: rises of the offered load or of the share of errors, and how fast latency and errors came back to what they were
//! before. It must not know why a target is slow to come back.

use serde::Serialize;

use crate::diagnosis::{Observed, ObservedStep};
use crate::units::ratio;
use crate::{Outcome, Quantile, Times};

/// Seconds before a burst that say what was usual; at least so many, at most so many.
const BEFORE_S: (usize, usize) = (10, 30);
/// A burst of load is this many times what was usual, and so many standard deviations of a Poisson count more.
const RISE: f64 = 1.5;
const RISE_Z: f64 = 6.0;
/// A burst of errors has this share of errors more than before, and at least so many.
const ERRORS_RISE: f64 = 0.1;
const ERRORS_MIN: u64 = 5;
/// Requests that carry a 95th percentile, gathered over at most so many seconds.
const WINDOW_REQUESTS: u64 = 20;
const WINDOW_S_MAX: usize = 5;
/// Bursts of a step that are told; further ones are left out.
const BURSTS_MAX: usize = 20;

/// What rose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BurstKind {
    /// Requests that were sent, a second.
    Load,
    /// The share of requests that failed.
    Errors,
}

/// A burst, and what came after it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Burst {
    /// The step.
    pub step: String,
    /// What rose.
    pub kind: BurstKind,
    /// Its seconds since the step's start, first and last; a rise that stays lasts to the end of the load.
    pub seconds: (u64, u64),
    /// Before and at its height: requests a second, or the share of failures.
    pub height: (f64, f64),
    /// Seconds from its end (of a rise that stays: from its begin) until the 95th percentile of latency was back within the
    /// 95 % band of before; `None`: not by the end of the load.
    pub latency_back_s: Option<u64>,
    /// The same of the share of failures.
    pub errors_back_s: Option<u64>,
}

/// What happened in a second.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u64,
    ended: u64,
    failed: u64,
}

/// All bursts of a run, step after step.
pub(crate) fn observed(observed: &Observed<'_>) -> Vec<Burst> {
    observed.steps.iter().flat_map(of_step).collect()
}

fn of_step(step: &ObservedStep<'_>) -> Vec<Burst> {
    let tallies = tallies(step);
    let phases = &step.record.phases;
    let ramp_s = (phases.steady_ns.saturating_sub(phases.started_ns)).div_ceil(1_000_000_000) as usize;
    // The ramp to the first level is no burst; arrivals have none of users.
    let mut at = if step.record.load.is_open() { 0 } else { ramp_s } + BEFORE_S.0;
    let mut found = vec![];
    while at < tallies.len() && found.len() < BURSTS_MAX {
        let before = &tallies[at.saturating_sub(BEFORE_S.1)..at];
        let Some((kind, height)) = rise(before, &tallies[at..]) else {
            at += 1;
            continue;
        };
        let end = end(kind, height, &tallies, at);
        let stays = end == tallies.len();
        let from = if stays && kind == BurstKind::Load { at } else { end };
        found.push(Burst {
            step: step.record.name.clone(),
            kind,
            seconds: (at as u64, end as u64 - 1),
            height,
            latency_back_s: latency_back(step, at, from, tallies.len()),
            errors_back_s: errors_back(before, &tallies, from),
        });
        at = end + BEFORE_S.0;
    }
    found
}

/// By second of the load.
fn tallies(step: &ObservedStep<'_>) -> Vec<Tally> {
    let phases = &step.record.phases;
    let load_s = phases.wind_down_ns.saturating_sub(phases.started_ns) / 1_000_000_000;
    let mut in_flight = 0;
    let tally = |second: &crate::diagnosis::Second<'_>| {
        let of = |failed: bool| {
            let cells = second.cells.iter().filter(|cell| !failed || cell.outcome == Outcome::Failure);
            cells.map(|cell| cell.service.count).sum::<u64>()
        };
        let (ended, now) = (of(false), u64::from(second.record.in_flight));
        let sent = (ended + now).saturating_sub(in_flight);
        in_flight = now;
        Tally { sent, ended, failed: of(true) }
    };
    step.seconds.iter().take(load_s as usize).map(tally).collect()
}

/// What rises in the first two seconds of `from`: before and at its height.
fn rise(before: &[Tally], from: &[Tally]) -> Option<(BurstKind, (f64, f64))> {
    let next = from.get(..2)?;
    let sent = |part: &[Tally]| part.iter().map(|tally| tally.sent).sum::<u64>();
    let (usual, now) = (sent(before) as f64 / before.len() as f64, sent(next) as f64 / 2.0);
    // What was usual varies too: a user class that sends in bursts has its own spread.
    let squares: f64 = before.iter().map(|tally| (tally.sent as f64 - usual).powi(2)).sum();
    let spread = (squares / before.len() as f64).max(usual).max(1.0).sqrt();
    let each = next.iter().all(|tally| tally.sent as f64 > usual * RISE);
    if each && now > usual + RISE_Z * spread / std::f64::consts::SQRT_2 {
        return Some((BurstKind::Load, (usual, now)));
    }
    let (usual, now) = (failures(before), failures(next));
    let count: u64 = next.iter().map(|tally| tally.failed).sum();
    let begins = failures(&next[..1]) > usual + ERRORS_RISE;
    (begins && now > usual + ERRORS_RISE && count >= ERRORS_MIN).then_some((BurstKind::Errors, (usual, now)))
}

fn failures(part: &[Tally]) -> f64 {
    let sum = |of: fn(&Tally) -> u64| part.iter().map(of).sum();
    ratio(sum(|tally| tally.failed), sum(|tally| tally.ended))
}

/// The second after a burst's last.
fn end(kind: BurstKind, (usual, now): (f64, f64), tallies: &[Tally], from: usize) -> usize {
    let middle = (usual + now) / 2.0;
    let is_over = |at: usize| {
        let next = &tallies[at..(at + 2).min(tallies.len())];
        match kind {
            BurstKind::Load => next.iter().all(|tally| (tally.sent as f64) < middle),
            BurstKind::Errors => failures(next) < middle,
        }
    };
    (from + 1..tallies.len()).find(|at| is_over(*at)).unwrap_or(tallies.len())
}

/// Seconds until two windows in a row have a 95th percentile within the band of before: mean and 1.96 standard deviations.
fn latency_back(step: &ObservedStep<'_>, burst: usize, from: usize, until: usize) -> Option<u64> {
    let before = windows(step, burst.saturating_sub(BEFORE_S.1), burst);
    let values: Vec<f64> = before.iter().map(|(_, p95_ns)| *p95_ns).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let band = mean + 1.96 * (squares / (count - 1.0).max(1.0)).sqrt();
    let after = windows(step, from, until);
    let is_back = |pair: &&[(usize, f64)]| pair.iter().all(|(_, p95_ns)| *p95_ns <= band);
    after.windows(2).find(is_back).map(|pair| (pair[0].0 - from) as u64)
}

/// Windows of one to five seconds with enough successes for a 95th percentile: their begin, and it in ns.
fn windows(step: &ObservedStep<'_>, from: usize, until: usize) -> Vec<(usize, f64)> {
    let (mut found, mut begin, mut times) = (vec![], from, Times::default());
    for at in from..until.min(step.seconds.len()) {
        let cells = step.seconds[at].cells.iter().filter(|cell| cell.outcome == Outcome::Success);
        cells.for_each(|cell| times.merge(&cell.service));
        if times.count >= WINDOW_REQUESTS || at + 1 - begin >= WINDOW_S_MAX {
            found.extend(times.quantile_ns(Quantile::P95).map(|ns| (begin, ns as f64)));
            (begin, times) = (at + 1, Times::default());
        }
    }
    found
}

fn errors_back(before: &[Tally], tallies: &[Tally], from: usize) -> Option<u64> {
    let usual = failures(before);
    let is_back = |at: &usize| {
        let next = &tallies[*at..(*at + 2).min(tallies.len())];
        let ended: u64 = next.iter().map(|tally| tally.ended).sum();
        failures(next) <= usual + 1.96 * (usual * (1.0 - usual) / ended.max(1) as f64).sqrt() + 1e-9
    };
    (from..tallies.len()).find(is_back).map(|at| (at - from) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run_of, sample, step_of};
    use crate::{Sample, conclude};

    const MS: u64 = 1_000_000;

    /// 60 s with 20 requests a second, but for seconds 30 to 34, and what the requests from second 30 on take.
    fn check(
        burst_per_s: u64,
        late_ms: impl Fn(u64) -> u64,
        failing: bool,
        expected: Option<(BurstKind, Option<u64>)>,
    ) {
        let mut samples: Vec<Sample> = vec![];
        for second in 0..60 {
            let is_burst = (30..35).contains(&second);
            let per_s = if is_burst { burst_per_s } else { 20 };
            for at in 0..per_s {
                let outcome = if is_burst && failing { Outcome::Failure } else { Outcome::Success };
                let service_ms = 10 + at % 5 + if second < 30 { 0 } else { late_ms(second) };
                samples.push(sample(0, outcome, (second * 1_000 + at * 900 / per_s) * MS, service_ms * MS));
            }
        }
        let run = run_of(vec![step_of("s", 5, &samples)]);
        let conclusion = conclude(&run).expect("a whole run");
        let found = observed(&Observed::of(&run, &conclusion).expect("a whole run"));
        let found: Vec<_> =
            found.iter().map(|burst| (burst.kind, burst.latency_back_s, burst.seconds.0)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(kind, back)| (kind, back, 30)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn bursts_and_how_fast_latency_is_back() {
        check(20, |_| 0, false, None);
        check(25, |_| 0, false, None);
        check(100, |_| 0, false, Some((BurstKind::Load, Some(0))));
        check(100, |second| if second < 41 { 50 } else { 0 }, false, Some((BurstKind::Load, Some(6))));
        check(100, |_| 50, false, Some((BurstKind::Load, None)));
        check(20, |_| 0, true, Some((BurstKind::Errors, Some(0))));
    }
}
