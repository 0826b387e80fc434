//! Limits of the rate: which one refuses, and whether it lets go of ever fewer.
//! It must not know the settings of any target.

use std::collections::BTreeMap;

use super::hunger::{Moment, is_starved};
use super::kind::Kind;
use crate::diagnosis::{Advice, Confidence, Evidence, Finding, Layer, Observed, ObservedStep, Sign};
use crate::{NameId, Outcome};

/// Fewer refusals are none.
const REFUSED_MIN: u64 = 3;
/// A layer that refuses less than this of all that are refused is a consequence of another.
const LAYER_RATIO_MIN: f64 = 0.05;
const NAMED_MAX: usize = 4;

/// One finding a limit that refuses.
pub(super) fn rule(observed: &Observed<'_>) -> Vec<Finding> {
    let mut layers: BTreeMap<Layer, u64> = BTreeMap::new();
    for step in &observed.steps {
        let undeclared = step.record.errors.iter().filter(|record| Kind::of(&record.error) == Kind::Limited);
        for record in step.record.refusals.iter().chain(undeclared) {
            *layers.entry(layer_of(&record.error)).or_default() += record.occurrences;
        }
    }
    // Older files count refusals and do not say what they said.
    let said: u64 = layers.values().sum();
    let refused: u64 = observed.steps.iter().flat_map(moments).map(|moment| moment.refused).sum();
    if refused > said {
        *layers.entry(Layer::Unknown).or_default() += refused - said;
    }
    let enough = |count: u64| count >= REFUSED_MIN && count as f64 >= refused as f64 * LAYER_RATIO_MIN;
    let starved = is_starved(&observed.steps.iter().map(|step| moments(step).collect()).collect::<Vec<_>>());
    let of_layer = |(layer, count): (Layer, u64)| finding(observed, layer, count, starved);
    layers.into_iter().filter(|(_, count)| enough(*count)).map(of_layer).collect()
}

fn layer_of(text: &str) -> Layer {
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["for user", "per user", "per-user", "api key", "tenant"]) {
        Layer::User
    } else if has(&["for ip", "per ip", "address", "per-ip", "client ip"]) {
        Layer::Address
    } else if has(&["system", "global", "server-wide", "overall"]) {
        Layer::Global
    } else {
        Layer::Unknown
    }
}

/// Second by second, what was asked of the entries that were ever refused.
fn moments<'a>(step: &'a ObservedStep<'a>) -> impl Iterator<Item = Moment> + 'a {
    let undeclared = step.record.errors.iter().filter(|record| Kind::of(&record.error) == Kind::Limited);
    let undeclared: Vec<NameId> = undeclared.map(|record| record.name).collect();
    let is_refusal = move |outcome, name: &NameId| {
        outcome == Outcome::Throttled || (outcome == Outcome::Failure && undeclared.contains(name))
    };
    let cells = step.seconds.iter().flat_map(|second| &second.cells);
    let limited: Vec<NameId> =
        cells.filter(|cell| is_refusal(cell.outcome, &cell.name)).map(|cell| cell.name).collect();
    (0..).zip(&step.seconds).map(move |(second, seen)| {
        let mut moment = Moment { second, asked: 0, refused: 0 };
        for cell in seen.cells.iter().filter(|cell| limited.contains(&cell.name)) {
            moment.asked += cell.service.count;
            if is_refusal(cell.outcome, &cell.name) {
                moment.refused += cell.service.count;
            }
        }
        moment
    })
}

fn finding(observed: &Observed<'_>, layer: Layer, count: u64, starved: bool) -> Finding {
    let sign = if starved { Sign::Starvation(layer) } else { Sign::RateLimited(layer) };
    let mut evidence = evidence(observed);
    let texts: Vec<String> = texts(observed, layer).into_iter().take(NAMED_MAX).collect();
    if let Some(first) = evidence.first_mut() {
        let said =
            if texts.is_empty() { "the answers do not say by what".to_owned() } else { texts.join(", ") };
        first.words = format!("{}; {count} by this limit: {said}", first.words);
    }
    let confidence = match (layer, starved) {
        (Layer::Unknown, _) | (_, true) => Confidence::Medium,
        _ => Confidence::High,
    };
    Finding { sign, confidence, evidence, advice: advice(layer, starved) }
}

fn evidence(observed: &Observed<'_>) -> Vec<Evidence> {
    let mut all = vec![];
    for step in &observed.steps {
        let struck: Vec<Moment> = moments(step).filter(|moment| moment.refused > 0).collect();
        let (Some(first), Some(last)) = (struck.first(), struck.last()) else { continue };
        let (refused, asked) =
            struck.iter().fold((0, 0), |(refused, asked), now| (refused + now.refused, asked + now.asked));
        let seconds = struck.len() as f64;
        let words = format!(
            "{refused} of {asked} requests ({:.1} %) were refused in {} seconds from {} to {}; {:.1} a second were asked in these, {:.1} \
             let through",
            refused as f64 / asked.max(1) as f64 * 100.0,
            struck.len(),
            first.second,
            last.second,
            asked as f64 / seconds,
            (asked - refused) as f64 / seconds
        );
        all.push((
            refused,
            Evidence { step: step.record.name.clone(), seconds: Some((first.second, last.second)), words },
        ));
    }
    all.sort_by_key(|(refused, _)| std::cmp::Reverse(*refused));
    all.into_iter().map(|(_, evidence)| evidence).take(NAMED_MAX).collect()
}

fn texts(observed: &Observed<'_>, layer: Layer) -> Vec<String> {
    let records = observed.steps.iter().flat_map(|step| &step.record.refusals);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records.filter(|record| layer_of(&record.error) == layer) {
        *counts.entry(&record.error).or_default() += record.occurrences;
    }
    counts.into_iter().map(|(text, count)| format!("{count} × \"{text}\"")).collect()
}

fn advice(layer: Layer, starved: bool) -> Advice {
    let which = match layer {
        Layer::User => "the limit of one user (WEAVER_RATELIMIT_RPS), or ask as more users",
        Layer::Address => {
            "the limit of one address, half of a user's, or ask from more addresses: all users of this run share one"
        }
        Layer::Global => {
            "the limit of all together, or add instances: Weaver AI fixes it at 100 a second a process"
        }
        Layer::Unknown => "the limit that refuses; let its answers say which it is",
    };
    let change = match starved {
        true => format!(
            "let the bucket keep fractions of a token: as it is, asking costs what waiting would have given back, so that it lets \
             through less the more is asked; until then raise {which}"
        ),
        false => format!("raise {which}; below that the limit is measured and not the target"),
    };
    Advice {
        change,
        effect: "refused requests turn into successes, up to the target's own capacity".to_owned(),
        command: "weaver-bench compare BEFORE AFTER".to_owned(),
    }
}
