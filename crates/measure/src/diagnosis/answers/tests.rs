//! The rules of this room, over steps made of samples. It must not know how they decide.

use crate::diagnosis::{Layer, Observed, Sign};
use crate::testing::{run_of, sample, step_of};
use crate::{ErrorRecord, NameId, Outcome, Run, Sample, conclude};

const REFUSED: &str = "HTTPError('503 Server Error: Service Unavailable for url: /ask')";

fn signs(run: &Run) -> Vec<Sign> {
    let conclusion = conclude(run).expect("whole");
    let observed = Observed::of(run, &conclusion).expect("whole");
    super::RULES.iter().flat_map(|rule| rule(&observed)).map(|finding| finding.sign).collect()
}

/// A minute with 20 requests a second, with this outcome of each by its number, and the failures' or refusals' text.
fn check(outcome: impl Fn(u64) -> Outcome, text: &str, expected: &[Sign]) {
    let samples: Vec<Sample> =
        (0..1_200).map(|at| sample(0, outcome(at), at * 50_000_000, 10_000_000)).collect();
    let mut step = step_of("a", 10, &samples);
    let texts = step.errors.iter_mut().chain(&mut step.refusals);
    texts.for_each(|record: &mut ErrorRecord| record.error = text.to_owned());
    assert_eq!(signs(&run_of(vec![step])), expected, "{text}");
}

fn failed(yes: bool) -> Outcome {
    if yes { Outcome::Failure } else { Outcome::Success }
}

#[test]
fn errors_are_told_by_when_they_come() {
    check(|_| Outcome::Success, "", &[]);
    // One in a thousand befalls everybody; so do four in a row.
    check(|at| failed(at == 600), REFUSED, &[]);
    check(|at| failed((600..603).contains(&at)), REFUSED, &[]);
    check(|at| failed((600..700).contains(&at) && at % 2 == 0), REFUSED, &[Sign::ErrorBurst]);
    check(|at| failed(at > 600 && at % 5 == 0), REFUSED, &[Sign::ErrorBurst]);
    check(|at| failed(at < 30), REFUSED, &[Sign::ErrorsFromStart]);
    check(|at| failed(at % 40 == 3), REFUSED, &[Sign::ErrorsFromStart]);
    check(
        |_| Outcome::Failure,
        "HTTPError('401 Client Error: Unauthorized for url: /ask')",
        &[Sign::ErrorsFromStart],
    );
}

#[test]
fn silence_is_told_from_what_breaks() {
    let some = |at: u64| failed(at % 60 == 7);
    check(some, "ReadTimeout('no complete answer within 20 s')", &[Sign::Timeouts]);
    check(some, "HTTPError('504 Server Error: Gateway Timeout for url: /ask')", &[Sign::Timeouts]);
    check(some, "ConnectionResetError(104, 'Connection reset by peer')", &[Sign::BrokenAnswers]);
    check(some, "CatchResponseError('the answer is not JSON')", &[Sign::BrokenAnswers]);
    // Two timeouts are too many; of what may be a restart of a proxy two are not.
    check(|at| failed(at == 9), "ReadTimeout('no complete answer within 20 s')", &[]);
    check(
        |at| failed(at == 9 || at == 700),
        "ReadTimeout('no complete answer within 20 s')",
        &[Sign::Timeouts],
    );
    check(|at| failed(at == 9 || at == 700), "RemoteDisconnected('closed')", &[]);
    check(|at| failed(at == 9), "ConnectionResetError(104, 'Connection reset by peer')", &[]);
}

#[test]
fn limits_are_told_by_what_they_say() {
    let throttled = |yes: bool| if yes { Outcome::Throttled } else { Outcome::Success };
    let some = |at: u64| throttled(at % 4 == 3);
    check(some, "Rate limit exceeded for user", &[Sign::RateLimited(Layer::User)]);
    check(some, "Rate limit exceeded for IP", &[Sign::RateLimited(Layer::Address)]);
    check(some, "System rate limit exceeded", &[Sign::RateLimited(Layer::Global)]);
    check(some, "too many", &[Sign::RateLimited(Layer::Unknown)]);
    check(|at| throttled(at > 200), "Rate limit exceeded for user", &[Sign::Starvation(Layer::User)]);
    check(
        |at| failed(at % 4 == 3),
        "HTTPError('429 Client Error: Too Many Requests for url: /ask')",
        &[Sign::RateLimited(Layer::Unknown)],
    );
}

#[test]
fn an_older_file_does_not_say_which_limit() {
    let samples: Vec<Sample> =
        (0..100).map(|at| sample(0, Outcome::Throttled, at * 50_000_000, 10_000_000)).collect();
    let mut step = step_of("a", 10, &samples);
    assert_eq!(
        step.refusals.iter().map(|record| (record.name, record.occurrences)).collect::<Vec<_>>(),
        [(NameId(0), 100)]
    );
    step.refusals.clear();
    assert_eq!(signs(&run_of(vec![step])), [Sign::RateLimited(Layer::Unknown)]);
}
