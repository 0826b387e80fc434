//! Answers that did not come in time, and connections or answers that broke.
//! It must not know errors that the target owns up to.

use super::kind::Kind;
use super::story::Story;
use crate::diagnosis::{Advice, Confidence, Finding, Observed, Sign};

/// From so many on nothing else is thinkable.
const MANY: f64 = 10.0;

/// No chance brings these: who waits in vain loses the time of hundreds of answers. One alone may be a lost packet.
const TIMEOUTS_MIN: f64 = 2.0;

/// Answers that did not come in time.
pub(super) fn timeouts(observed: &Observed<'_>) -> Vec<Finding> {
    let story = Story::of(observed, |kind| kind == Kind::Timeout);
    let story = story.filter(|story| story.is_remarkable() || story.failed >= TIMEOUTS_MIN);
    let Some(story) = story else { return vec![] };
    let behind = story.texts.iter().any(|(text, _)| text.contains("'504"));
    let (whose, change) = match behind {
        true => (
            "a deadline behind the target passed (504)",
            "find the stage that is slow at these seconds and give it more slots, or a shorter limit of its own with an answer to fall \
             back to",
        ),
        false => (
            "the scenario's own limit passed",
            "see whether the target still works on what nobody waits for any longer: give it a deadline below the client's, and free what \
             is held",
        ),
    };
    let mut evidence = story.evidence(observed, Kind::Timeout.words());
    if let Some(last) = evidence.last_mut() {
        last.words = format!("{whose}: {}", last.words);
    }
    let effect = format!("timeouts fall from {:.1} % of the requests to none", story.ratio_within() * 100.0);
    let command = "weaver-bench compare BEFORE AFTER".to_owned();
    let advice = Advice { change: change.to_owned(), effect, command };
    vec![Finding { sign: Sign::Timeouts, confidence: confidence(&story), evidence, advice }]
}

/// Connections that were reset, answers cut short or no answers of the kind.
pub(super) fn broken(observed: &Observed<'_>) -> Vec<Finding> {
    let is_broken = |kind| matches!(kind, Kind::Reset | Kind::CutShort | Kind::Garbled);
    let Some(all) = Story::of(observed, is_broken).filter(Story::is_remarkable) else { return vec![] };
    let ways = [
        (
            Kind::Reset,
            "a process that dies or is killed (memory, a worker's time limit) or a proxy that gives up resets connections: look for restarts",
        ),
        (
            Kind::CutShort,
            "what sends the answer stops before its end, or closes idle connections sooner than the client: compare lengths and keep-alive limits of \
                          target and proxy",
        ),
        (
            Kind::Garbled,
            "what is sent is not the JSON that its head promises: look for a proxy's error page, an encoding, or answers that are mixed up",
        ),
    ];
    let mut evidence = vec![];
    let mut changes = vec![];
    for (kind, change) in ways {
        if let Some(story) = Story::of(observed, |other| other == kind) {
            evidence.extend(story.evidence(observed, kind.words()));
            changes.push(change);
        }
    }
    let effect =
        format!("broken answers fall from {:.1} % of the requests to none", all.ratio_within() * 100.0);
    let advice = Advice {
        change: changes.join("; "),
        effect,
        command: "weaver-bench compare BEFORE AFTER".to_owned(),
    };
    vec![Finding { sign: Sign::BrokenAnswers, confidence: confidence(&all), evidence, advice }]
}

fn confidence(story: &Story<'_>) -> Confidence {
    match (story.failed >= MANY, story.is_remarkable()) {
        (true, _) => Confidence::High,
        (_, true) => Confidence::Medium,
        (_, false) => Confidence::Low,
    }
}
