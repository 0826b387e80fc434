//! What is said when no rule found anything: healthy, with what would have been seen, or too short to say.
//! It must not know any rule.

use super::{Advice, Confidence, Evidence, Finding, Observed, Sign};
use crate::Outcome;

/// Successes and seconds below which nothing is said: a drift or a slow time would have to double the latency to be seen.
const SUCCESSES_MIN: u64 = 100;
const SECONDS_MIN: usize = 15;
/// What a change has to be, in standard deviations, to be found nearly always: the limit of the rules and 1.64.
const SEEN_Z: f64 = 6.0;

/// The finding of a run in which nothing was found.
pub(super) fn verdict(observed: &Observed<'_>) -> Finding {
    let seconds: usize = observed.steps.iter().map(|step| step.seconds.len()).sum();
    let most = observed.steps.iter().max_by_key(|step| successes(step));
    let (successes, step) = most.map_or((0, None), |step| (successes(step), Some(step)));
    let name = step.map_or("none".to_owned(), |step| step.record.name.clone());
    let is_short = successes < SUCCESSES_MIN || seconds < SECONDS_MIN;
    // Two halves of n requests differ by 2 / √n standard deviations by chance; a service's times have one of about a half in
    // logarithms.
    let change = SEEN_Z * 2.0 / (successes.max(1) as f64).sqrt() * 0.5 * 100.0;
    let words = format!(
        "{successes} successes in {seconds} s; a change of latency by {change:.0} % for half of the time would have been seen"
    );
    let (sign, confidence, change, effect, command) = match is_short {
        true => (
            Sign::TooShort,
            Confidence::High,
            "measure longer, or with more users",
            "with a few hundred requests in a minute or more, changes can be told from chance",
            "weaver-bench baseline",
        ),
        false => (
            Sign::Healthy,
            if successes >= 1_000 { Confidence::High } else { Confidence::Medium },
            "nothing; raise the load to find the limit",
            "a higher load shows what gives way first",
            "weaver-bench run --users 200 --spawn-rate 10 --run-time 3m",
        ),
    };
    Finding {
        sign,
        confidence,
        evidence: vec![Evidence { step: name, seconds: None, words }],
        advice: Advice { change: change.to_owned(), effect: effect.to_owned(), command: command.to_owned() },
    }
}

fn successes(step: &super::ObservedStep<'_>) -> u64 {
    let cells = step.seconds.iter().flat_map(|second| &second.cells);
    cells.filter(|cell| cell.outcome == Outcome::Success).map(|cell| cell.service.count).sum()
}
