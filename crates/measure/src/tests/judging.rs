//! Steps against targets, as data.

use crate::testing::{asks, sample, step_of, targets};
use crate::*;

const MS: u64 = 1_000_000;

/// The judgement's word of each metric in order, then of the step.
fn words(step: &StepRun) -> Vec<String> {
    let verdict = judge(Some(&targets()), step, &Summary::of(step).unwrap());
    let mut words: Vec<String> = verdict.metrics.iter().map(|metric| metric.judgement.to_string()).collect();
    words.push(verdict.judgement.to_string());
    words
}

fn check(step: &StepRun, expected: [&str; 6]) {
    assert_eq!(words(step), expected);
}

#[test]
fn levels_by_latency() {
    const T: &str = "target";
    for (service_ms, p50, p95, p99, step) in [
        (200, T, T, T, T),
        (201, "acceptable", T, T, "acceptable"),
        (501, "degraded", T, T, "degraded"),
        (1_001, "critical", "acceptable", T, "critical"),
        (2_001, "critical", "degraded", "acceptable", "critical"),
        (10_001, "critical", "critical", "critical", "critical"),
    ] {
        // 2,000 in about 20 s or, at the slowest, 30 s: far over 10 a second.
        check(&step_of("s", 5, &asks(2_000, 10 * MS, service_ms * MS)), [p50, p95, p99, T, T, step]);
    }
}

#[test]
fn levels_by_failures() {
    for (failures, expected) in
        [(20, "target"), (21, "acceptable"), (100, "acceptable"), (101, "degraded"), (201, "critical")]
    {
        let mut samples = asks(2_000 - failures, 10 * MS, 100 * MS);
        samples.extend((0..failures).map(|at| sample(1, Outcome::Failure, at * MS, MS)));
        check(&step_of("s", 5, &samples), ["target", "target", "target", expected, "target", expected]);
    }
}

#[test]
fn throttled_requests_are_no_failures_but_lower_the_rate() {
    let mut samples = asks(600, 120 * MS, 100 * MS);
    samples.extend((0..500).map(|at| sample(0, Outcome::Throttled, at * 100 * MS, 9_000 * MS)));
    let step = step_of("s", 5, &samples);
    let summary = Summary::of(&step).unwrap();
    let verdict = judge(Some(&targets()), &step, &summary);
    assert_eq!(verdict.metric(Metric::FailureRatio).unwrap().value, Some(0.0));
    assert_eq!(verdict.metric(Metric::P99).unwrap().value, Some(100.0), "a refusal's time is no answer's");
    assert_eq!(verdict.metric(Metric::Rps).unwrap().value, Some(summary.accepted_rps()));
    assert!(summary.accepted_rps() < 10.0 && summary.offered_rps() > 10.0);
    assert_eq!(verdict.judgement, Judgement::Judged(Level::Acceptable));
}

#[test]
fn a_step_without_a_majority_of_successes_is_critical() {
    for (successes, failures, reason) in [
        (1_000, 1_000, Some("only 1000 of 2000 requests succeeded, no more than half")),
        (0, 2_000, Some("none of 2000 requests succeeded")),
        (1_001, 1_000, None),
    ] {
        for outcome in [Outcome::Throttled, Outcome::Failure] {
            let mut samples = asks(successes, 10 * MS, 100 * MS);
            samples.extend((0..failures).map(|at| sample(0, outcome, at * MS, MS)));
            let step = step_of("s", 5, &samples);
            let verdict = judge(None, &step, &Summary::of(&step).unwrap());
            assert_eq!(verdict.reasons.first().map(String::as_str), reason);
            assert_eq!(verdict.passed(), reason.map(|_| false), "without targets nothing else is judged");
        }
    }
}

#[test]
fn a_percentile_of_too_few_is_withheld() {
    for (count, withheld) in [
        (4, ["4 of 5 samples", "4 of 59 samples", "4 of 299 samples"]),
        (58, ["", "58 of 59 samples", "58 of 299 samples"]),
        (59, ["", "", "59 of 299 samples"]),
        (298, ["", "", "298 of 299 samples"]),
        (299, ["", "", ""]),
    ] {
        let mut samples = asks(count, MS, MS);
        samples.extend((0..400).map(|at| sample(1, Outcome::Success, at * MS, MS)));
        let step = step_of("s", 5, &samples);
        let verdict = judge(Some(&targets()), &step, &Summary::of(&step).unwrap());
        for (metric, why) in verdict.metrics.iter().zip(withheld) {
            assert_eq!(metric.judgement.why().unwrap_or_default(), why, "{count} {:?}", metric.metric);
            assert_eq!(metric.value.is_none(), !why.is_empty());
            assert_eq!(metric.upper95_ms.is_none(), !why.is_empty());
        }
    }
}

#[test]
fn a_rate_that_the_users_cannot_offer_is_not_judged() {
    // One success a second, where 5 are acceptable: the users' doing if they offer no more, or hardly more; the
    // server's if they could offer 5 and it answers a fraction of them.
    for (cap, expected) in [
        (None, "critical"),
        (Some(0.5), "not judged"),
        (Some(1.2), "not judged"),
        (Some(4.99), "not judged"),
        (Some(5.0), "critical"),
        (Some(10.0), "critical"),
    ] {
        let mut step = step_of("s", 1, &asks(300, 1_000 * MS, 100 * MS));
        step.offered_rps_max = cap;
        assert_eq!(words(&step)[4], expected, "{cap:?}");
    }
    let mut step = step_of("s", 1, &asks(300, 10 * MS, 100 * MS));
    step.offered_rps_max = Some(1.0);
    assert_eq!(words(&step)[4], "target", "what was reached needs no excuse");
    // Just below 5 a second, within a fifth of the cap.
    let mut step = step_of("s", 1, &asks(280, 200 * MS, 100 * MS));
    step.offered_rps_max = Some(6.0);
    assert_eq!(words(&step)[4], "not judged", "answers that take their time explain a fifth");
}

#[test]
fn nothing_that_ended_is_nothing_judged() {
    const NOT: &str = "not judged";
    check(&step_of("s", 5, &[]), [NOT; 6]);
}
