//! A generator that was late, busy, stopped, or whose clock jumped: its times are its own, not the server's.
//! It must not know what the load was.

use crate::histogram::Quantile;
use crate::tails::binomial_above;
use crate::{IntervalRecord, Limits, StepRun, Summary, units};

/// The generator's own threads, by how their names begin; those of an embedded stub are the server's.
const OWN_THREADS: [&str; 3] = ["worker-", "driver", "precise-timer"];

/// A second that was read over less than this tells nothing of how busy a thread was.
const SPAN_NS_MIN: u64 = 500_000_000;

/// Fewer seconds tell nothing either.
const SECONDS_MIN: usize = 2;

/// Late requests that would be as many in one of a thousand runs with 1 % of them are no accident.
const CHANCE_MAX: f64 = 1e-3;

/// The clock of the wall against that which only goes on.
pub(super) fn clock_jumped(step: &StepRun, limits: &Limits) -> Option<String> {
    let jump = |interval: &IntervalRecord| interval.generator.as_ref().map_or(0, |read| read.clock_jump_ns);
    let worst = step.intervals.iter().max_by_key(|interval| jump(interval).unsigned_abs())?;
    let jump_ns = jump(worst);
    (jump_ns.unsigned_abs() > limits.clock_jump_ns_max).then(|| {
        format!(
            "the clock jumped {} by {} s before second {}: it was set, or the machine was suspended, and moments in the \
             records do not fit the server's; let the clock settle, then run it again",
            if jump_ns > 0 { "forwards" } else { "back" },
            units::seconds(jump_ns.unsigned_abs()),
            units::seconds(worst.end_ns)
        )
    })
}

/// Timers that all woke late.
pub(super) fn stopped(step: &StepRun, limits: &Limits) -> Option<String> {
    let lag = |interval: &IntervalRecord| {
        let worker = interval.pulse.map_or(0, |pulse| pulse.lag_ns_max);
        worker.max(interval.generator.as_ref().map_or(0, |read| read.loop_lag_ns_max))
    };
    let worst = step.intervals.iter().max_by_key(|interval| lag(interval))?;
    (lag(worst) > limits.stopped_ns_max).then(|| {
        format!(
            "the generator stood still for {} s before second {}: it was stopped, or starved of processor time, and what it \
             measured meanwhile is its own; run it again undisturbed",
            units::seconds(lag(worst)),
            units::seconds(worst.end_ns)
        )
    })
}

/// A thread that ran or wanted to run nearly all the time.
pub(super) fn busy(step: &StepRun, limits: &Limits) -> Option<String> {
    let seconds = steady(step);
    if seconds.len() < SECONDS_MIN {
        return None;
    }
    let records = || seconds.iter().filter_map(|interval| interval.generator.as_ref());
    let mut names: Vec<&str> =
        records().flat_map(|read| &read.threads).map(|thread| thread.name.as_str()).collect();
    names.retain(|name| OWN_THREADS.iter().any(|own| name.starts_with(own)));
    names.sort_unstable();
    names.dedup();
    let ratio_of = |name: &str| {
        let ratio = |read: &crate::GeneratorRecord| {
            let thread = read.threads.iter().find(|thread| thread.name == name);
            thread.map_or(0.0, |thread| thread.busy_ratio(read.span_ns))
        };
        let mut ratios: Vec<f64> = records().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        // At least this in half of the seconds.
        ratios[ratios.len() / 2]
    };
    let (name, ratio) = names.iter().map(|name| (name, ratio_of(name))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (ratio >= limits.busy_ratio_max).then(|| {
        format!(
            "the generator's processor time was the limit: its thread {name} ran, or waited for a processor, {:.0} % of the \
             time in half of the seconds or more; give it --threads, a machine of its own, or less load",
            ratio.min(1.0) * 100.0
        )
    })
}

/// The seconds under full load, or all under load when there are too few.
fn steady(step: &StepRun) -> Vec<&IntervalRecord> {
    let phases = &step.phases;
    let (steady_ns, end_ns) = (phases.steady_ns - phases.started_ns, phases.wind_down_ns - phases.started_ns);
    let within = |from_ns: u64| -> Vec<&IntervalRecord> {
        let whole = |interval: &&IntervalRecord| {
            let span_ns = interval.generator.as_ref().map_or(0, |read| read.span_ns);
            span_ns >= SPAN_NS_MIN && interval.end_ns >= from_ns + span_ns && interval.end_ns <= end_ns
        };
        step.intervals.iter().filter(whole).collect()
    };
    let found = within(steady_ns);
    if found.len() >= SECONDS_MIN { found } else { within(0) }
}

/// Requests that left later than they should have: more than 1 % of them, and more than chance makes of 1 %, so that a few
/// requests of which one was late are no reason.
pub(super) fn late(summary: &Summary, limits: &Limits) -> Option<String> {
    let late = summary.lateness?;
    let p99_ns = summary.total.success().quantile_ns(Quantile::P99).unwrap_or(0);
    let share_ns = (p99_ns as f64 * limits.lateness_ratio_max) as u64;
    let limit_ns = share_ns.max(limits.lateness_floor_ns);
    let later: u64 = summary.late.iter().filter(|(ns, _)| *ns > limit_ns).map(|(_, count)| count).sum();
    let by_chance = binomial_above(later, late.count, 0.01);
    (late.p99_ns > limit_ns && by_chance < CHANCE_MAX).then(|| {
        format!(
            "1 % of the requests were sent {} ms late or more, which is beyond {} % of the p99 of {} ms and beyond {} ms: the \
             times are the generator's as much as the server's; use less load, or a machine that the server does not share",
            units::ms(late.p99_ns),
            limits.lateness_ratio_max * 100.0,
            units::ms(p99_ns),
            units::ms(limits.lateness_floor_ns)
        )
    })
}
