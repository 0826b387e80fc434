//! The target under more load: slower, no faster, or less fast than before.
//!
//! A path whose times grow with the load has a limit somewhere. Whether more load still brings more answers tells which: a share of
//! them, as long as users wait longer than they ask; none, once all places are taken; fewer, past the knee. How many were being
//! answered at once when answers were still quick, X · R, is the number of places. It must not know whether the generator kept up.

use std::collections::BTreeMap;

use super::growth::{Growth, growth};
use super::series::{Row, Series, series};
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Observed, Sign};
use crate::export::repeat_command;
use crate::units::ms;

/// Places that serialised code has, at most.
const SERIAL_PLACES_MAX: f64 = 2.5;
/// The users' whole round takes so much longer than it did without load: the target holds them up.
const HELD_UP_RATIO: f64 = 1.25;
/// So much of what more users should bring arrives, at most, where the places are taken.
const GAIN_MAX: f64 = 0.5;
/// Whoever takes so many times as long waits for a place.
const QUEUE_RATIO: f64 = 4.0;
/// Fewer answers than before, by so much, are a collapse.
const FALL_RATIO: f64 = 0.93;
/// Half of it is one, however long users wait.
const HALF: f64 = 0.5;
/// Seconds of a stretch while users come.
const STRETCH_S: f64 = 5.0;
/// Beyond so many standard errors a rate has fallen.
const FALL_ERRORS: f64 = 5.0;

/// The path that suffers most, and how.
pub(super) fn rule(observed: &Observed<'_>) -> Vec<Finding> {
    let grown = series(observed).into_iter().filter_map(|series| {
        let growth = growth(&series)?;
        growth.is_certain().then_some((series, growth))
    });
    // The others wait for the same thing, or suffer less.
    let worst = grown.max_by(|a, b| a.1.errors.total_cmp(&b.1.errors));
    let Some((series, growth)) = worst else { return vec![] };
    let found = finding(observed, &series, &growth);
    match found.sign {
        // Whatever grows with time under one load is called so; a little more under more load may be the same.
        Sign::LatencyWithLoad if growth.has_trend => vec![],
        Sign::LatencyWithLoad if growth.is_time_too => {
            vec![Finding { confidence: Confidence::Low, ..found }, with_time(observed, &series, &growth)]
        }
        _ => vec![found],
    }
}

/// Growth that the time that passed explains as well as the load does.
fn with_time(observed: &Observed<'_>, series: &Series, growth: &Growth) -> Finding {
    let (first, last) = (&observed.steps[0].record.name, observed.steps.last().map(|step| &step.record.name));
    Finding {
        sign: Sign::LatencyWithTime,
        confidence: Confidence::Low,
        evidence: vec![Evidence {
            step: last.unwrap_or(first).clone(),
            seconds: None,
            words: format!(
                "{} took {:.2} times as long at last as in {first} ({:.1} standard errors of the logarithm, name by name); \
                 the load grew all the while: which of the two it was, this run cannot tell",
                series.path, growth.ratio, growth.errors
            ),
        }],
        advice: Advice {
            change: "hold one load for as long as this run lasted: if times still grow, look for what grows with every request \
                     and is walked or copied by the next (sessions, histories, listeners, unbounded caches)"
                .to_owned(),
            effect: "under one load the times of the last minute are those of the first".to_owned(),
            command: format!("{}  # with one step of the greatest load", repeat_command(observed.run)),
        },
    }
}

/// A load that was held, and what came of it.
#[derive(Clone, Copy, Debug)]
struct Held {
    step: usize,
    load: f64,
    seconds: f64,
    rate_per_s: f64,
    /// Of the path's rate, as if answers came independently.
    error_per_s: f64,
}

/// What each step brought under its full load, by load.
fn held(series: &Series, steps: usize) -> Vec<Held> {
    let of = |step: usize| {
        let rows: Vec<&Row> = series.rows.iter().filter(|row| row.step == step && row.is_steady).collect();
        let mut seconds: Vec<u64> = rows.iter().map(|row| row.at_s as u64).collect();
        seconds.dedup();
        let span_s = rows.last()?.at_s - rows.first()?.at_s + 1.0;
        let count: f64 = rows.iter().map(|row| row.count).sum();
        let load = rows.iter().map(|row| row.load).fold(0.0, f64::max);
        let held = Held {
            step,
            load,
            seconds: span_s,
            rate_per_s: count / span_s,
            error_per_s: count.sqrt() / span_s,
        };
        (held.seconds >= 5.0 && !seconds.is_empty()).then_some(held)
    };
    let mut found: Vec<Held> = (0..steps).filter_map(of).collect();
    found.sort_by(|a, b| a.load.total_cmp(&b.load));
    found
}

/// What more load brought at last: the share of what it should have, and whether there was less than before.
#[derive(Clone, Copy, Debug, Default)]
struct Gain {
    share: Option<f64>,
    fell: Option<(Held, Held)>,
}

fn gain(held: &[Held]) -> Gain {
    let Some(last) = held.last() else { return Gain::default() };
    let before = held.iter().rev().find(|other| other.load < 0.8 * last.load && other.rate_per_s > 0.0);
    let share = before
        .map(|before| libm::log(last.rate_per_s / before.rate_per_s) / libm::log(last.load / before.load));
    let best = held.iter().max_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s)).copied();
    let fell = best.filter(|best| {
        best.load < last.load
            && last.rate_per_s < FALL_RATIO * best.rate_per_s
            && best.rate_per_s - last.rate_per_s > FALL_ERRORS * best.error_per_s.hypot(last.error_per_s)
    });
    Gain { share, fell: fell.map(|best| (best, *last)) }
}

/// Of a single load: the best stretch while its users came, if less than half as much came once all were there.
fn fell_since_ramp(series: &Series, held: &[Held]) -> Option<(Held, Held)> {
    let [last] = held else { return None };
    let mut stretches: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for row in series.rows.iter().filter(|row| !row.is_steady) {
        let stretch = stretches.entry((row.at_s / STRETCH_S) as u64).or_default();
        *stretch = (stretch.0 + row.count, row.load.max(stretch.1));
    }
    let held = stretches.values().map(|(count, load)| Held {
        step: last.step,
        load: *load,
        seconds: STRETCH_S,
        rate_per_s: count / STRETCH_S,
        error_per_s: count.sqrt() / STRETCH_S,
    });
    let best = held.max_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s))?;
    let is_fall = last.rate_per_s < HALF * best.rate_per_s
        && best.rate_per_s - last.rate_per_s > FALL_ERRORS * best.error_per_s.hypot(last.error_per_s);
    is_fall.then_some((best, *last))
}

fn finding(observed: &Observed<'_>, series: &Series, growth: &Growth) -> Finding {
    let held = held(series, observed.steps.len());
    let Gain { share, fell } = gain(&held);
    let fell = fell.or_else(|| fell_since_ramp(series, &held).filter(|_| growth.ratio > QUEUE_RATIO));
    let idle_s = growth.idle_s;
    let last = held.last().copied();
    let users = last.map_or(0.0, |last| f64::from(observed.steps[last.step].record.load.users()));
    let rate_per_s = last.map_or(0.0, |last| last.rate_per_s);
    // A user's round: what N users at X a second each take from one request to the next.
    let round_s = if rate_per_s > 0.0 { users / rate_per_s } else { 0.0 };
    let quick_s = round_s - (growth.time_s - idle_s);
    // The rounds that fit are never shorter than their own answers.
    let held_up = if users > 0.0 { round_s / quick_s.max(idle_s).max(f64::MIN_POSITIVE) } else { 1.0 };
    let is_full =
        growth.ratio > QUEUE_RATIO || held_up > HELD_UP_RATIO && share.is_none_or(|share| share < GAIN_MAX);
    let fell =
        fell.filter(|(best, last)| held_up > HELD_UP_RATIO || last.rate_per_s < HALF * best.rate_per_s);
    let places = rate_per_s * idle_s;
    let sign = match (fell, is_full) {
        (Some(_), _) => Sign::Collapse,
        (_, true) if places <= SERIAL_PLACES_MAX => Sign::EarlyPlateau,
        (_, true) => Sign::PoolLimit,
        _ => Sign::LatencyWithLoad,
    };
    let confidence = match sign {
        Sign::LatencyWithLoad if growth.ratio < 1.1 => Confidence::Low,
        Sign::LatencyWithLoad => Confidence::Medium,
        _ if share.is_some() => Confidence::High,
        _ => Confidence::Medium,
    };
    let evidence = evidence(observed, series, growth, (&held, share, fell, places), sign);
    Finding { sign, confidence, evidence, advice: advice(observed, sign) }
}

type Shape<'a> = (&'a [Held], Option<f64>, Option<(Held, Held)>, f64);

fn evidence(
    observed: &Observed<'_>,
    series: &Series,
    growth: &Growth,
    (held, share, fell, places): Shape<'_>,
    sign: Sign,
) -> Vec<Evidence> {
    let name = |step: usize| observed.steps[step].record.name.clone();
    let last = held.last().map_or(0, |last| last.step);
    let of = |step: usize, words: String| Evidence { step: name(step), seconds: None, words };
    let millis = |s: f64| ms((s * 1e9) as u64);
    let mut found = vec![of(
        last,
        format!(
            "{} took {:.2} times as long under the greatest load as under next to none ({:.1} standard errors of the logarithm, name \
             by name); {} ms in the mean",
            series.path,
            growth.ratio,
            growth.errors,
            millis(growth.time_s)
        ),
    )];
    if let Some((best, last)) = fell {
        found.push(of(
            last.step,
            format!(
                "{:.2} answers a second, after {:.2} with less load in {}",
                last.rate_per_s,
                best.rate_per_s,
                name(best.step)
            ),
        ));
    } else if let (Some(share), true) = (share, sign != Sign::LatencyWithLoad) {
        let most = held.last().map_or(0.0, |last| last.rate_per_s);
        found.push(of(
            last,
            format!(
                "{most:.2} answers a second: of what more users should have brought {:.0} % came",
                share.max(0.0) * 100.0
            ),
        ));
    }
    if matches!(sign, Sign::EarlyPlateau | Sign::PoolLimit) {
        found.push(of(
            last,
            format!("about {places:.1} were being answered at once (answers a second × the time without load); the others waited"),
        ));
    }
    found
}

fn advice(observed: &Observed<'_>, sign: Sign) -> Advice {
    let (change, effect) = match sign {
        Sign::EarlyPlateau => (
            "look for code that blocks or is serialised: a blocking call on the event loop, a global lock, an agent that takes one \
             request at a time; move it off the path, or run more workers or instances",
            "answers a second should rise with the users again, and the mean time stay near what it is without load",
        ),
        Sign::PoolLimit => (
            "find the pool or limit that is full (connections to the model's backend, agent concurrency, workers) and raise it, or run more \
             instances; where the backend allows it, pool connections or batch",
            "answers a second should rise until the next limit, and the waits before it go away",
        ),
        Sign::Collapse => (
            "shed load before the knee (a limit on requests in flight, queues that end) and look for what gets dearer with every request \
             in flight: locks, shared state, memory, retries",
            "answers a second should stay at their best instead of falling, and the excess be refused quickly",
        ),
        _ => (
            "profile a request under load: shared locks, pools, processor time, the backend's own latency; a response cache or batching \
             takes load away",
            "the time under the greatest load should come closer to that without load",
        ),
    };
    let command = format!("{}  # then: weaver-bench compare BEFORE AFTER", repeat_command(observed.run));
    Advice { change: change.to_owned(), effect: effect.to_owned(), command }
}
