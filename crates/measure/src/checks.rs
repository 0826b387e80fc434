//! The statistical tests of a step: are the arrivals those that were asked for, and does Little's law hold?
//!
//! All tests of a run together raise an alarm by chance with the probability of the limits (10⁻⁴ unless the plan says
//! otherwise): each gets its equal share (Bonferroni), whether or not it applies. It must not know of exit codes.

use crate::goodness::{jitter_tolerance, uniform_fit};
use crate::little::{Sampled, Summed, little};
use crate::tails::bernstein_p;
use crate::{
    Limits, LoadRecord, Outcome, PULSE_SLOT_NS, Process, PulseRecord, RateStage, SeenRecord, StepRun, Summary,
};

/// Tests a step at most: rate, fit, and Little's law of requests and of users.
const CHECKS: usize = 4;

/// A test and what it found.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name, such as `Kolmogorov-Smirnov test of the gaps between arrivals`.
    pub name: &'static str,
    /// What it compared, in words.
    pub found: String,
    /// The chance of what was found, or more, if all is well and tolerances are used up.
    pub p_value: f64,
    /// Below this it is an alarm.
    pub level: f64,
    /// Why the step is invalid if it is one.
    pub trouble: String,
}

impl Check {
    /// Whether it raises no alarm.
    pub fn holds(&self) -> bool {
        self.p_value >= self.level
    }
}

/// The tests that apply to a step of a run of this many.
pub fn checks(step: &StepRun, summary: &Summary, limits: &Limits, steps: usize) -> Vec<Check> {
    let level = limits.false_alarm_ratio / (CHECKS * steps.max(1)) as f64;
    let check = |(name, found, p_value, trouble)| Check { name, found, p_value, level, trouble };
    let pulse = pulses(step);
    let found = [
        rate(step, limits),
        fit(step, &pulse, limits),
        requests(step, summary, &pulse, limits),
        users(step, summary, &pulse, limits),
    ];
    found.into_iter().flatten().map(check).collect()
}

type Found = (&'static str, String, f64, String);

fn pulses(step: &StepRun) -> PulseRecord {
    let mut sum = PulseRecord::default();
    step.intervals.iter().filter_map(|interval| interval.pulse).for_each(|mut pulse| sum.merge(&mut pulse));
    sum
}

/// Arrivals sent against the mean of what was asked: a Poisson count, or a fixed one.
fn rate(step: &StepRun, limits: &Limits) -> Option<Found> {
    let (arrivals, LoadRecord::Open { process, .. }) = (step.arrivals.as_ref()?, &step.load) else {
        return None;
    };
    let (sent, mean) = (arrivals.sent as f64, arrivals.due_mean);
    // What is due in a time that no arrival ends is known to one.
    let (variance, exact) = if *process == Process::Poisson { (mean, 0.0) } else { (0.0, 1.0) };
    let beyond = (sent - mean).abs() - limits.rate_error_ratio_max * mean - exact;
    let found = format!("{sent} arrivals sent, {mean:.1} asked for in the mean");
    let trouble = format!(
        "the rate was not the one asked for: {found}, more than chance explains; look for dropped and unsent arrivals, or use a \
         lower rate"
    );
    Some(("count of arrivals (Bernstein)", found, bernstein_p(beyond, variance, 1.0), trouble))
}

/// The gaps between arrivals against the process.
fn fit(step: &StepRun, pulse: &PulseRecord, limits: &Limits) -> Option<Found> {
    let (gaps, LoadRecord::Open { stages, .. }) = (step.arrivals.as_ref()?.gaps.as_ref()?, &step.load) else {
        return None;
    };
    let peak = |stage: &RateStage| stage.from_per_s.max(stage.to_per_s);
    let rate_per_s = stages.iter().map(peak).fold(0.0, f64::max) / workers(step, pulse);
    let tolerance = limits.fit_distance_max + jitter_tolerance(rate_per_s, limits.fit_jitter_ns as f64 / 1e9);
    let fit = uniform_fit(&gaps.bins, tolerance)?;
    let found = format!(
        "{} gaps, distance {:.4}, of which {:.4} are tolerated, p = {:.3e}",
        fit.count, fit.distance, fit.tolerance, fit.p_value
    );
    let trouble = format!(
        "the arrivals sent are not those asked for: the gaps between them fail the Kolmogorov-Smirnov test ({found}); use a lower rate, \
         or a machine that nobody shares"
    );
    Some(("Kolmogorov-Smirnov test of the gaps between arrivals", found, fit.p_value, trouble))
}

/// How many workers took part: each has so many slots in the step's time.
fn workers(step: &StepRun, pulse: &PulseRecord) -> f64 {
    let elapsed_ns = step.phases.ended_ns - step.phases.started_ns;
    let slots = (pulse.samples + pulse.missed) * PULSE_SLOT_NS;
    (slots as f64 / elapsed_ns.max(1) as f64).round().max(1.0)
}

/// L = λ · W: requests in flight, as looked at, against their service times.
fn requests(step: &StepRun, summary: &Summary, pulse: &PulseRecord, limits: &Limits) -> Option<Found> {
    let total = &summary.total;
    let service_ns: u64 = total.service.iter().map(|times| times.sum_ns).sum();
    let count: u64 = Outcome::ALL.iter().map(|outcome| total.service[*outcome as usize].count).sum();
    let summed = Summed {
        count: count + total.cut_off,
        ns: (service_ns + pulse.given_up_ns).saturating_sub(pulse.requests_before_ns),
    };
    law(
        "Little's law of requests (L = λW)",
        "requests in flight",
        "their times",
        step,
        (pulse, pulse.in_flight),
        summed,
        limits,
    )
}

/// N = X · (R + Z): users, as looked at, against their requests' times, their waits and the generator's lateness.
fn users(step: &StepRun, summary: &Summary, pulse: &PulseRecord, limits: &Limits) -> Option<Found> {
    if step.load.is_open() {
        return None;
    }
    let total = &summary.total;
    let service_ns: u64 = total.service.iter().map(|times| times.sum_ns).sum();
    let lives = step.classes.iter().map(|class| u64::from(class.users)).sum();
    let ns = (service_ns + total.late_ns.0 + pulse.waited_ns).saturating_sub(pulse.users_before_ns);
    let summed = Summed { count: lives, ns };
    law(
        "Little's law of users (N = X(R + Z))",
        "users",
        "their requests and waits",
        step,
        (pulse, pulse.users),
        summed,
        limits,
    )
}

fn law(
    name: &'static str,
    what: &str,
    sums: &str,
    step: &StepRun,
    (pulse, seen): (&PulseRecord, SeenRecord),
    summed: Summed,
    limits: &Limits,
) -> Option<Found> {
    let sampled = Sampled {
        slot_ns: PULSE_SLOT_NS,
        samples: pulse.samples,
        missed: pulse.missed,
        sum: seen.sum,
        diff2_sum: seen.diff2_sum,
        diff_max: seen.diff_max,
    };
    // What nobody looked at may have held twice as many, or none.
    let unseen = pulse.missed as f64 / (pulse.samples + pulse.missed).max(1) as f64;
    let law = little(sampled, summed, limits.little_error_ratio_max + unseen)?;
    let elapsed_s = (step.phases.ended_ns - step.phases.started_ns).max(1) as f64 / 1e9;
    let found = format!(
        "{:.3} {what} as a timer saw them, {:.3} by {sums}, off by {:+.2} %",
        law.sampled_s / elapsed_s,
        law.summed_s / elapsed_s,
        law.off() * 100.0
    );
    let trouble = format!(
        "Little's law does not hold: {found}, more than sampling explains; requests were lost or their times are wrong: look for what \
         stands above, or report it as a bug"
    );
    Some((name, found, law.p_value, trouble))
}
