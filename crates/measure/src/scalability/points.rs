//! What each step says of the load: how many were in the system, how many answers came, how long they took.
//! It must not know of laws.

use crate::interval::{self, standard_error};
use crate::{Outcome, Run, StepConclusion, StepRun};

/// Fewer whole seconds under the full load tell nothing.
const SECONDS_MIN: usize = 5;
/// Fewer successes tell nothing.
const SUCCESSES_MIN: u64 = 30;
/// Refused and failed requests beyond this share are in the way: what is left is not what the users asked for.
const REFUSED_RATIO_MAX: f64 = 0.05;
/// The first part of the steady seconds at most that is left out, since what ends there began under less load.
const WARM_SHARE_MAX: f64 = 0.25;

/// What a step says, over the seconds in which all its users were there.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LoadPoint {
    /// The step.
    pub step: String,
    /// Users.
    pub users: u32,
    /// What a user waits between an answer and the next request, the generator's own lateness included: Z, in s.
    pub think_s: f64,
    /// Successes.
    pub successes: u64,
    /// Successes a second: X.
    pub rate_per_s: f64,
    /// Their mean time: R, in s.
    pub time_s: f64,
    /// The standard error of the mean time, in s.
    pub time_error_s: f64,
    /// How many were in the system on average, by Little's law: X · R.
    pub in_system: f64,
}

impl LoadPoint {
    /// Half the 95 % interval of the rate: where users wait for their answers it moves as their times do.
    pub fn rate_error_per_s(&self) -> f64 {
        1.96 * self.rate_per_s * self.time_error_s / (self.time_s + self.think_s).max(f64::MIN_POSITIVE)
    }

    /// Successes a second that these users would get if answers took `time_s`.
    pub fn line_per_s(&self, time_s: f64) -> f64 {
        f64::from(self.users) / (time_s + self.think_s)
    }
}

/// A step that says nothing of the load, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// The step.
    pub step: String,
    /// Why.
    pub why: String,
}

/// The steps that say something, by users, and the others.
pub(crate) fn points(run: &Run, steps: &[StepConclusion]) -> (Vec<LoadPoint>, Vec<LeftOut>) {
    let (mut found, mut left_out) = (vec![], vec![]);
    for (record, step) in run.steps.iter().zip(steps) {
        match point(record, step) {
            Ok(point) => found.push(point),
            Err(why) => left_out.push(LeftOut { step: record.name.clone(), why }),
        }
    }
    found.sort_by(|a: &LoadPoint, b| (a.users, &a.step).cmp(&(b.users, &b.step)));
    (found, left_out)
}

fn point(record: &StepRun, step: &StepConclusion) -> Result<LoadPoint, String> {
    if record.load.is_open() {
        return Err("arrivals do not wait for answers, so the load is not the number of users".to_owned());
    }
    if !step.validity.is_valid() {
        return Err("it is invalid".to_owned());
    }
    let refused =
        |outcome| crate::units::ratio(step.summary.total.of(outcome).count, step.summary.total.requests());
    let (throttled, failed) = (refused(Outcome::Throttled), refused(Outcome::Failure));
    if throttled > REFUSED_RATIO_MAX {
        let percent = throttled * 100.0;
        return Err(format!(
            "{percent:.1} % of its requests were refused by a limit of the rate, which is then the limit"
        ));
    }
    if failed > REFUSED_RATIO_MAX {
        return Err(format!("{:.1} % of its requests failed", failed * 100.0));
    }
    let seconds = steady(record, step);
    let users = record.load.users();
    measured(record.name.clone(), users, &seconds).ok_or_else(|| {
        format!("fewer than {SECONDS_MIN} whole seconds or {SUCCESSES_MIN} successes under its full load")
    })
}

/// A second's successes, their times, and what else its users did.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    span_ns: u64,
    successes: u64,
    success_ns: u64,
    /// Waits, lateness, and the times of what did not succeed.
    other_ns: Option<u64>,
}

/// The whole seconds under the full load, but for the first ones, whose requests began under less.
fn steady(record: &StepRun, step: &StepConclusion) -> Vec<Second> {
    let phases = &record.phases;
    let since = |ns: u64| ns.saturating_sub(phases.started_ns);
    let (from_ns, to_ns) = (since(phases.steady_ns), since(phases.wind_down_ns));
    let longest_ns = step.summary.total.success().quantile_ns(crate::Quantile::P99).unwrap_or(0);
    let warm_ns = longest_ns.min((to_ns.saturating_sub(from_ns) as f64 * WARM_SHARE_MAX) as u64);
    let mut begin_ns = 0;
    let mut seconds = vec![];
    for interval in &record.intervals {
        if begin_ns >= from_ns + warm_ns && interval.end_ns <= to_ns {
            let mut second = Second { span_ns: interval.end_ns - begin_ns, ..Second::default() };
            let mut other_ns = 0;
            for cell in &interval.cells {
                other_ns += cell.late_sum_ns;
                if cell.outcome == Outcome::Success {
                    second.successes += cell.count;
                    second.success_ns += cell.service.sum_ns;
                } else {
                    other_ns += cell.service.sum_ns;
                }
            }
            second.other_ns = interval.pulse.as_ref().map(|pulse| other_ns + pulse.waited_ns);
            seconds.push(second);
        }
        begin_ns = interval.end_ns;
    }
    seconds
}

fn measured(step: String, users: u32, seconds: &[Second]) -> Option<LoadPoint> {
    let successes: u64 = seconds.iter().map(|second| second.successes).sum();
    if seconds.len() < SECONDS_MIN || successes < SUCCESSES_MIN || users == 0 {
        return None;
    }
    let span_s = seconds.iter().map(|second| second.span_ns).sum::<u64>() as f64 / 1e9;
    let time_s = seconds.iter().map(|second| second.success_ns).sum::<u64>() as f64 / 1e9 / successes as f64;
    let rate_per_s = successes as f64 / span_s;
    let others: Option<u64> = seconds.iter().map(|second| second.other_ns).sum();
    // What the timers saw is exact; without it, the law of users says it: N = X (R + Z).
    let think_s = match others {
        Some(ns) => ns as f64 / 1e9 / successes as f64,
        None => (f64::from(users) / rate_per_s - time_s).max(0.0),
    };
    let time_error_s = time_error_s(seconds);
    let in_system = rate_per_s * time_s;
    Some(LoadPoint { step, users, think_s, successes, rate_per_s, time_s, time_error_s, in_system })
}

/// The standard error of the mean time, neighbouring seconds resembling each other or not; of few seconds, as if they did
/// not, twice as large.
fn time_error_s(seconds: &[Second]) -> f64 {
    let of = |second: &Second| interval::Second {
        part: second.success_ns as f64 / 1e9,
        whole: second.successes as f64,
    };
    let ratios: Vec<interval::Second> = seconds.iter().map(of).collect();
    if let Some((error, _)) = standard_error(&ratios) {
        return error;
    }
    let (part, whole) = ratios.iter().fold((0.0, 0.0), |(p, w), second| (p + second.part, w + second.whole));
    let ratio = part / whole;
    let squares: f64 = ratios.iter().map(|second| (second.part - ratio * second.whole).powi(2)).sum();
    2.0 * squares.sqrt() / whole
}
