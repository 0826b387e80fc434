//! The one test that decides, declared before any run: are the judged requests slower or faster, or answered less often?
//!
//! The time is the mean of the logarithms of the successes' times (so the change is one of the typical time: of the median,
//! where times are log-normal), stratified by step and entry, so that another mix or other shares of the steps change nothing:
//! Σ w (mean of B − mean of A), w = nA nB / (nA + nB), which weighs strata by what they can tell (the least variance
//! for equal deviations; Cochran: Biometrics 10, 1954). Beside it stands the share of requests that were answered at
//! all, stratified in the same way, because a server that refuses what is slow looks fast. Both share the level of 3.5 %
//! (Bonferroni): 3 % for the time, 0.5 % for the share. It must not know how anything is shown.

use serde::Serialize;

use crate::compare::chance::{shares_error, two_sided_p};
use crate::compare::estimate::{Change, Estimate, Scale, Verdict};
use crate::compare::series::{EntrySeries, StepSeries, Value};
use crate::compare::stratified::{STEP_BATCHES_MIN, Side, Stratum, spread};

/// The level of the test of times.
pub(crate) const TIME_LEVEL: f64 = 0.03;
/// The level of the test of shares.
const SHARE_LEVEL: f64 = 0.005;
/// Half of a histogram's bucket: times tell no finer changes.
pub(crate) const RESOLUTION: f64 = 0.000_5;

/// What the deciding test found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// It.
    pub verdict: Verdict,
    /// Why, in words.
    pub why: String,
    /// Judged are the entries whose path begins so.
    pub judged_path: String,
    /// Successes of A and of B that the change of the time rests on.
    pub requests: [u64; 2],
    /// Successes that each of two such runs would need to tell a change as small as the margin.
    pub requests_needed: Option<u64>,
    /// The change of the typical time; its effect size is in standard deviations of the logarithms within strata
    /// (Cohen: Statistical Power Analysis, 2nd ed., 1988, 2.2). `None` when nothing can be told.
    pub time: Option<Change>,
    /// The change of the share of requests that were answered.
    pub answered: Option<Change>,
}

/// A step of both runs.
pub(crate) type Pair = (StepSeries, StepSeries);

/// What [`decide`] rests on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) time: Option<Estimate>,
    pub(crate) answered: Option<Estimate>,
    /// Requests that were answered and that ended, of A and of B.
    pub(crate) counts: [(f64, f64); 2],
    pub(crate) requests: [u64; 2],
}

/// What the steps show of the entries whose path begins with `judged_path`.
pub(crate) fn evidence(steps: &[Pair], judged_path: &str) -> Evidence {
    let entries = || judged(steps, judged_path);
    let (time, requests) = time(entries());
    let (answered, counts) = answered(entries());
    Evidence { time, answered, counts, requests }
}

/// The entries of steps that are long enough, in both runs, with the step's number.
fn judged<'a>(
    steps: &'a [Pair],
    judged_path: &'a str,
) -> impl Iterator<Item = (usize, &'a EntrySeries, &'a EntrySeries)> {
    let long = |(_, (a, b)): &(usize, &Pair)| a.seconds.min(b.seconds) >= STEP_BATCHES_MIN;
    steps.iter().enumerate().filter(long).flat_map(move |(step, (a, b))| {
        let judged = a.entries.iter().filter(move |series| series.entry.path.starts_with(judged_path));
        judged.filter_map(move |series| Some((step, series, b.entry(&series.entry)?)))
    })
}

fn weight(a: f64, b: f64) -> f64 {
    a * b / (a + b)
}

fn normed(strata: &mut [Stratum]) {
    let sum: f64 = strata.iter().map(|stratum| stratum.weight).sum();
    strata.iter_mut().for_each(|stratum| stratum.weight /= sum);
}

fn difference(strata: &[Stratum]) -> f64 {
    strata.iter().map(|s| s.weight * (s.b.mean() - s.a.mean())).sum()
}

fn stratum(step: usize, a: Side, b: Side) -> Stratum {
    Stratum { step, weight: weight(a.all.count, b.all.count), a, b }
}

fn time<'a>(
    entries: impl Iterator<Item = (usize, &'a EntrySeries, &'a EntrySeries)>,
) -> (Option<Estimate>, [u64; 2]) {
    let (mut strata, mut requests, mut squares, mut alone) = (vec![], [0; 2], 0.0, 0.0);
    for (step, a, b) in entries.filter(|(_, a, b)| a.success.count.min(b.success.count) >= 2) {
        let stratum = stratum(step, a.side(Value::Log), b.side(Value::Log));
        let square = |series: &EntrySeries| libm::pow(series.log_moments().1, 2.0);
        squares += stratum.weight * (square(a) + square(b)) / 2.0;
        alone += stratum.weight
            * stratum.weight
            * (square(a) / a.success.count as f64 + square(b) / b.success.count as f64);
        requests = [requests[0] + a.success.count, requests[1] + b.success.count];
        strata.push(stratum);
    }
    let weights: f64 = strata.iter().map(|stratum| stratum.weight).sum();
    normed(&mut strata);
    // Never surer than independent requests would make it.
    let error_min = (alone.sqrt() / weights).max(RESOLUTION);
    let estimate = spread(&strata).map(|spread| {
        Estimate::new(Scale::Ratio, difference(&strata), spread, error_min)
            .with_effect((squares / weights).sqrt())
    });
    (estimate, requests)
}

/// The change of the share that was answered, and the counts that it is of.
fn answered<'a>(
    entries: impl Iterator<Item = (usize, &'a EntrySeries, &'a EntrySeries)>,
) -> (Option<Estimate>, [(f64, f64); 2]) {
    let mut strata: Vec<Stratum> = entries
        .filter(|(_, a, b)| a.ended.min(b.ended) >= 2)
        .map(|(step, a, b)| stratum(step, a.side(Value::Success), b.side(Value::Success)))
        .collect();
    normed(&mut strata);
    let sums = |side: fn(&Stratum) -> &Side| {
        strata.iter().map(side).fold((0.0, 0.0), |sum, s| (sum.0 + s.all.sum, sum.1 + s.all.count))
    };
    let (a, b) = (sums(|s| &s.a), sums(|s| &s.b));
    let shares = [a, b].map(|(part, whole)| 2.0 * libm::asin((part / whole).sqrt()));
    let effect_size = shares[1] - shares[0];
    let estimate = spread(&strata).map(|spread| {
        let estimate = Estimate::new(Scale::Difference, difference(&strata), spread, shares_error(a, b));
        Estimate { effect_size, ..estimate }
    });
    (estimate, [a, b])
}

/// The chance of two shares this different if they were one (the pooled test of two proportions; Fleiss: Statistical
/// Methods for Rates and Proportions, 3rd ed., 2003, 3.1), to either side.
pub(crate) fn shares_p(a: (f64, f64), b: (f64, f64)) -> f64 {
    let share = (a.0 + b.0) / (a.1 + b.1);
    let error = (share * (1.0 - share) * (1.0 / a.1 + 1.0 / b.1)).sqrt();
    if error > 0.0 { two_sided_p((b.0 / b.1 - a.0 / a.1) / error, f64::MAX) } else { 1.0 }
}

/// What the evidence comes to; `margin` is the least ratio that matters, such as 0.05.
pub(crate) fn decide(evidence: &Evidence, judged_path: &str, margin: f64) -> Decision {
    let log_margin = libm::log1p(margin);
    let Evidence { time, answered, counts, requests } = evidence;
    let time_verdict = time.as_ref().map_or(Verdict::CannotTell, |time| match time.p() < TIME_LEVEL {
        true if time.value > 0.0 => Verdict::Worse,
        true => Verdict::Better,
        false if time.within(log_margin) => Verdict::Same,
        false => Verdict::CannotTell,
    });
    // Few refusals follow no normal law: the chance for independent requests must be small as well.
    let found = answered.as_ref().filter(|share| share.p().max(shares_p(counts[0], counts[1])) < SHARE_LEVEL);
    let share_verdict = found.map(|share| if share.value < 0.0 { Verdict::Worse } else { Verdict::Better });
    let verdict = match (time_verdict, share_verdict) {
        (Verdict::Worse, _) | (_, Some(Verdict::Worse)) => Verdict::Worse,
        (_, Some(Verdict::Better)) => Verdict::Better,
        (verdict, _) => verdict,
    };
    let requests_needed = time.as_ref().map(|time| {
        let times = time.detectable(TIME_LEVEL) / log_margin;
        (requests[0].min(requests[1]) as f64 * times * times).ceil() as u64
    });
    Decision {
        verdict,
        why: why(time_verdict, share_verdict, time.is_some(), margin),
        judged_path: judged_path.to_owned(),
        requests: *requests,
        requests_needed,
        time: time.as_ref().map(|time| time.shown(TIME_LEVEL)),
        answered: answered.as_ref().map(|share| share.shown(SHARE_LEVEL)),
    }
}

fn why(time: Verdict, share: Option<Verdict>, has_time: bool, margin: f64) -> String {
    let time = match time {
        Verdict::Worse => "answers take longer, by more than chance explains".to_owned(),
        Verdict::Better => "answers take less time, by more than chance explains".to_owned(),
        Verdict::Same => {
            format!(
                "the time of the answers changed by no more than a factor of {:.2}, if at all",
                1.0 + margin
            )
        }
        Verdict::CannotTell if has_time => {
            "the time of the answers may have changed by more than the margin, or not at all".to_owned()
        }
        Verdict::CannotTell => {
            "too few answers, or too few seconds for how much they resemble their neighbours".to_owned()
        }
    };
    match share {
        Some(Verdict::Worse) => format!("fewer requests were answered, by more than chance explains; {time}"),
        Some(_) => format!("more requests were answered, by more than chance explains; {time}"),
        None => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::decision;
    use crate::testing::{Draw, run_of, sample, step_of};
    use crate::{Outcome, Run};

    const PAIRS: u64 = 30;

    /// Two steps of `/ask`, ten a second: log-normal times (median 100 ms, deviation 0.5) times `factor`; of the requests
    /// this share fails, at once.
    fn run(draw: &mut Draw, seconds: u64, factor: f64, failing: f64) -> Run {
        let mut step = |name: &str| {
            let mut one = |at: u64| {
                let normal = (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
                let ns = 1e8 * factor * libm::exp(0.5 * normal);
                let failed = draw.unit() < failing;
                let outcome = if failed { Outcome::Failure } else { Outcome::Success };
                sample(0, outcome, at * 100_000_000, if failed { 1_000_000 } else { ns as u64 })
            };
            step_of(name, 1, &(0..seconds * 10).map(&mut one).collect::<Vec<_>>())
        };
        run_of(vec![step("one"), step("two")])
    }

    /// How often each verdict comes, by share.
    fn shares(seconds: u64, factor: f64, failing: f64) -> impl Fn(Verdict) -> f64 {
        let mut draw = Draw(seconds + (factor * 100.0) as u64);
        let mut one = || {
            let (a, b) = (run(&mut draw, seconds, 1.0, 0.0), run(&mut draw, seconds, factor, failing));
            decision(&a, &b, 0.05).expect("whole runs").verdict
        };
        let verdicts: Vec<Verdict> = (0..PAIRS).map(|_| one()).collect();
        move |verdict| verdicts.iter().filter(|found| **found == verdict).count() as f64 / PAIRS as f64
    }

    #[test]
    fn verdicts_are_as_sure_as_they_say() {
        let check = |what: &str, share: f64, expected: std::ops::RangeInclusive<f64>| {
            assert!(expected.contains(&share), "{what}: {share}");
        };
        // 1,200 requests: a standard error of 2 %, and so no verdict about 5 %; 12,000 tell.
        let short = shares(60, 1.0, 0.0);
        check("same without a change, short", short(Verdict::Same), 0.0..=0.7);
        check("changed without a change, short", short(Verdict::Worse) + short(Verdict::Better), 0.0..=0.1);
        let long = shares(300, 1.0, 0.0);
        check("same without a change, long", long(Verdict::Same), 0.9..=1.0);
        check("worse by 20 %", shares(60, 1.2, 0.0)(Verdict::Worse), 0.98..=1.0);
        check("worse by 5 %", shares(300, 1.05, 0.0)(Verdict::Worse), 0.95..=1.0);
        check("better by 10 %", shares(120, 0.9, 0.0)(Verdict::Better), 0.95..=1.0);
        check("fast, because it fails", shares(60, 0.8, 0.1)(Verdict::Worse), 1.0..=1.0);
    }

    #[test]
    fn a_run_is_the_same_as_itself_and_a_bucket_is_no_change() {
        let a = run(&mut Draw(1), 60, 1.0, 0.01);
        let same = decision(&a, &a, 0.05).expect("a whole run");
        assert_eq!((same.verdict, same.time.expect("enough").change), (Verdict::Same, 0.0));
        let flat = |ns| run_of(vec![step_of("one", 1, &crate::testing::asks(600, 100_000_000, ns))]);
        let verdict = |a, b| decision(&flat(a), &flat(b), 0.05).expect("whole runs").verdict;
        assert_eq!(verdict(100_000_000, 100_050_000), Verdict::Same);
        assert_eq!(verdict(100_000_000, 101_000_000), Verdict::Worse);
    }

    #[test]
    fn too_little_tells_nothing() {
        let (a, b) = (run(&mut Draw(1), 5, 1.0, 0.0), run(&mut Draw(2), 5, 3.0, 0.0));
        let found = decision(&a, &b, 0.05).expect("whole runs");
        assert_eq!((found.verdict, found.time, found.requests_needed), (Verdict::CannotTell, None, None));
        let none = run_of(vec![step_of("one", 1, &[])]);
        assert_eq!(decision(&none, &none, 0.05).expect("a whole run").verdict, Verdict::CannotTell);
    }
}
