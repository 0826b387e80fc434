//! Errors for a time, and errors from the first request on: what the target says went wrong.
//! It must not know timeouts and broken answers, which have a rule of their own.

use super::kind::{Kind, status};
use super::story::Story;
use crate::diagnosis::{Advice, Confidence, Finding, Observed, Sign};

/// As many spared requests before the first failure are too many to be chance: it all began later.
const SPARED_MIN: f64 = 0.01;

/// Of kinds that have one cause, one finding each.
pub(super) fn rule(observed: &Observed<'_>) -> Vec<Finding> {
    let kinds: [fn(Kind) -> bool; 3] = [
        |kind| kind == Kind::Denied,
        |kind| matches!(kind, Kind::Server | Kind::Unreachable),
        |kind| kind == Kind::Other,
    ];
    let mut found: Vec<Finding> =
        kinds.iter().filter_map(|wanted| finding(observed, &Story::of(observed, wanted)?)).collect();
    // One burst may have answers of several kinds; the first says it.
    found.dedup_by_key(|finding| finding.sign);
    found
}

fn finding(observed: &Observed<'_>, story: &Story<'_>) -> Option<Finding> {
    if !story.is_remarkable() {
        return None;
    }
    let (before, after) = story.spared();
    let from_start = before > SPARED_MIN;
    let to_end = after > SPARED_MIN;
    let (sign, when) = match (from_start, to_end) {
        (true, true) => (Sign::ErrorsFromStart, "failed from the first request to the last,"),
        (true, false) => {
            (Sign::ErrorsFromStart, "failed from the first request on, and no more after the last of them,")
        }
        (false, true) => (Sign::ErrorBurst, "failed, and still did at the end,"),
        (false, false) => (Sign::ErrorBurst, "failed, and none before and after,"),
    };
    let evidence = story.evidence(observed, when);
    let confidence = match story.failed {
        failed if failed >= 10.0 => Confidence::High,
        _ => Confidence::Medium,
    };
    Some(Finding { sign, confidence, evidence, advice: advice(sign, story, to_end) })
}

fn advice(sign: Sign, story: &Story<'_>, to_end: bool) -> Advice {
    let text = story.texts.first().map_or("", |(text, _)| *text);
    let kind = Kind::of(text);
    let change = match (kind, sign, to_end) {
        (Kind::Denied, Sign::ErrorsFromStart, _) => {
            "give the key or token that this target accepts (`--api-key`, `--jwt-key`), and see that its user may do what is asked; \
             nothing else of this run says anything about it until then"
        }
        (Kind::Denied, ..) => {
            "see whether a token ran out or a key was withdrawn during the run, and use one that lasts"
        }
        (Kind::Unreachable, ..) => {
            "see whether the target was restarted or its backlog of connections was full at that time"
        }
        (Kind::Other, ..) => {
            "read an answer by hand and put right either the target or what the scenario expects"
        }
        (_, Sign::ErrorsFromStart, false) => {
            "let the target say that it is ready only when what it depends on is, and start the load after that"
        }
        (_, Sign::ErrorsFromStart, true) => {
            "see that what the target depends on (database, Redis, model) is up and reachable with its settings, then read its log for the \
             first of these errors"
        }
        _ => {
            "read the target's log at these seconds: a deployment, a dependency that was away, or a limit that was met"
        }
    };
    let code = status(text).map_or(String::new(), |status| format!(" of status {status}"));
    Advice {
        change: change.to_owned(),
        effect: format!(
            "errors{code} fall from {:.1} % of the requests at that time to none",
            story.ratio_within() * 100.0
        ),
        command: "weaver-bench run -u 1 -t 30s".to_owned(),
    }
}
