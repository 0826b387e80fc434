//! JUnit XML for test dashboards: a suite a step, a case a target or threshold, and one for validity.
//! It must not decide anything: what passed comes from the conclusion.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::figures::{exit_word, steps_not_run, title, value_words};
use crate::{
    Conclusion, Level, MetricVerdict, Run, RunExit, StepConclusion, StepRun, ThresholdOutcome,
    ThresholdVerdict, units,
};

/// The document. A number that is not judged is skipped with its reason, as is a miss in a step that is no gate;
/// an invalid step that is a gate is an error, and so is a run that ended invalid or before its plan; a step that was planned and not run is skipped.
pub fn junit(run: &Run, conclusion: &Conclusion) -> String {
    let mut report = Report::new(format!("weaver-bench {}", title(run).to_lowercase()));
    for (record, step) in run.steps.iter().zip(&conclusion.steps) {
        report.add_test_suite(suite(run, record, step));
    }
    for name in steps_not_run(run) {
        let mut suite = TestSuite::new(name);
        suite.add_test_case(skipped(name, "steps", "the step was not run"));
        report.add_test_suite(suite);
    }
    let mut whole = TestSuite::new("run");
    whole.add_property(Property::new("seed", run.seed.to_string()));
    whole.add_property(Property::new("started", units::utc_second(run.started_unix_ns)));
    whole.add_property(Property::new("version", run.version.as_str()));
    let ended = format!("ended: {}", exit_word(conclusion.exit));
    whole.add_test_case(match conclusion.exit {
        // What was missed stands with its step; what makes a run worthless may stand with none.
        RunExit::Passed | RunExit::Failed => case("run", &ended, TestCaseStatus::success()),
        RunExit::Invalid | RunExit::Aborted => {
            refused("run", &ended, NonSuccessKind::Error, &conclusion.exit_reasons.join("\n"))
        }
    });
    report.add_test_suite(whole);
    report.to_string().expect("writing to memory does not fail")
}

fn suite(run: &Run, record: &StepRun, step: &StepConclusion) -> TestSuite {
    let mut suite = TestSuite::new(record.name.as_str());
    suite.set_time(Duration::from_nanos(step.summary.elapsed_ns));
    let requests = step.summary.total.requests().to_string();
    suite.add_property(Property::new("load", record.load.words()));
    suite.add_property(Property::new("requests", requests));
    suite.add_property(Property::new("started", units::utc_second(run.unix_ns(record.phases.started_ns))));
    suite.add_property(Property::new("gate", record.gate.to_string()));
    suite.add_test_case(validity(record, step));
    for verdict in &step.verdict.metrics {
        suite.add_test_case(target(record, verdict));
    }
    for verdict in &step.thresholds {
        suite.add_test_case(threshold(step, verdict));
    }
    for why in &step.verdict.reasons {
        suite.add_test_case(missed(record, "successes", why));
    }
    suite
}

fn validity(record: &StepRun, step: &StepConclusion) -> TestCase {
    let reasons = step.validity.reasons();
    match (reasons.is_empty(), record.gate) {
        (true, _) => case(&record.name, "validity", TestCaseStatus::success()),
        (false, true) => refused(&record.name, "validity", NonSuccessKind::Error, &reasons.join("\n")),
        (false, false) => {
            let message = format!("{}; the step does not decide", reasons.join("; "));
            skipped(&record.name, "validity", &message)
        }
    }
}

fn target(record: &StepRun, verdict: &MetricVerdict) -> TestCase {
    let key = verdict.metric.key();
    let value = value_words(verdict);
    let Some(level) = verdict.judgement.level() else {
        return skipped(&record.name, key, verdict.judgement.why().unwrap_or("not judged"));
    };
    if level > Level::Acceptable {
        return missed(record, key, &format!("{value} is {}", verdict.judgement));
    }
    let mut met = case(&record.name, key, TestCaseStatus::success());
    met.set_system_out(format!("{value} is {}", verdict.judgement));
    met
}

fn threshold(step: &StepConclusion, verdict: &ThresholdVerdict) -> TestCase {
    let (name, found) = (verdict.threshold.words(), super::thresholds::found(step, verdict));
    match verdict.outcome {
        ThresholdOutcome::Held => {
            let mut held = case(&step.name, &name, TestCaseStatus::success());
            held.set_system_out(found);
            held
        }
        ThresholdOutcome::Broken if super::thresholds::idle(step, verdict).is_none() => {
            refused(&step.name, &name, NonSuccessKind::Failure, &found)
        }
        ThresholdOutcome::Broken | ThresholdOutcome::NotJudged => skipped(&step.name, &name, &found),
    }
}

fn missed(record: &StepRun, key: &str, what: &str) -> TestCase {
    match record.gate {
        true => refused(&record.name, key, NonSuccessKind::Failure, what),
        false => skipped(&record.name, key, &format!("{what}; the step does not decide")),
    }
}

fn refused(step: &str, name: &str, kind: NonSuccessKind, message: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    case(step, name, status)
}

fn skipped(step: &str, name: &str, message: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    case(step, name, status)
}

fn case(step: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("weaver-bench.{step}"));
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asks, run_of, sample, step_of};
    use crate::{Outcome, conclude};

    const MS: u64 = 1_000_000;

    /// A step of so many requests, each so long; which cases are what.
    fn check(samples: (u64, u64), gate: bool, counts: [usize; 3], words: &[&str]) {
        let mut all = asks(samples.0, 50 * MS, samples.1 * MS);
        all.push(sample(1, Outcome::Success, 0, MS));
        let mut run = run_of(vec![step_of("s", 5, &all)]);
        run.steps[0].gate = gate;
        let text = junit(&run, &conclude(&run).unwrap());
        let read = Report::deserialize_from_str(&text).expect("is JUnit");
        let found = &read.test_suites[0];
        let is_skipped = |case: &&TestCase| matches!(case.status, TestCaseStatus::Skipped { .. });
        let skipped = found.test_cases.iter().filter(is_skipped).count();
        assert_eq!([found.failures, found.errors, skipped], counts, "{text}");
        words.iter().for_each(|words| assert!(text.contains(words), "{words} is not in {text}"));
    }

    #[test]
    fn a_case_is_what_was_found() {
        check((400, 20), true, [0; 3], &["<testcase name=\"p99\"", "20 ms is target"]);
        check((400, 3_000), true, [2, 0, 0], &["failure message=\"3000 ms is critical\""]);
        check((400, 3_000), false, [0, 0, 2], &["3000 ms is critical; the step does not decide"]);
        check((40, 20), true, [0, 0, 2], &["skipped message=\"40 of 59 samples\""]);
    }

    #[test]
    fn what_is_no_number_is_shown_too() {
        let mut run = run_of(vec![step_of("s", 5, &asks(400, 50 * MS, MS))]);
        run.steps[0].classes[0].task_requests = 0;
        run.planned_steps.push("never".to_owned());
        run.aborted = Some("<gone> & \"\u{1}away\"".to_owned());
        let text = junit(&run, &conclude(&run).unwrap());
        for words in [
            "<error message=\"class SimpleQueryUser had 5 users",
            "the step was not run",
            "the run was aborted: &lt;gone&gt; &amp; &quot;away&quot;",
        ] {
            assert!(text.contains(words), "{words} is not in {text}");
        }
        Report::deserialize_from_str(&text).expect("is JUnit");
    }
}
