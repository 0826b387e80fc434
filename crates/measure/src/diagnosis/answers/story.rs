//! The story of some kinds of failures: second by second, over all steps, of the entries that they befell.
//!
//! It must not know which findings are drawn from it.

use std::collections::BTreeMap;

use super::chance::poisson_tail;
use super::kind::Kind;
use crate::diagnosis::{Evidence, Observed, ObservedStep};
use crate::{ErrorRecord, NameId, Outcome};

/// Failures that befall a target in which nothing is wrong, among its requests: a lost packet, a restart of a proxy.
const ORDINARY_RATIO: f64 = 0.001;
/// By chance so many are seen in one run out of so many, at most.
const CHANCE_MAX: f64 = 1e-4;
/// A rush of so many is one, however small its share of the whole run.
const RUSH_MIN: f64 = 8.0;
const RUSH_CHANCE_MAX: f64 = 1e-9;
/// Steps and texts that evidence names at most.
const NAMED_MAX: usize = 4;
const TEXT_BYTES_MAX: usize = 160;

/// One second in which entries were asked that failures of these kinds befell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) step: usize,
    pub(super) second: u64,
    pub(super) asked: f64,
    pub(super) failed: f64,
}

/// Failures of some kinds.
#[derive(Clone, Debug)]
pub(super) struct Story<'a> {
    pub(super) moments: Vec<Moment>,
    pub(super) asked: f64,
    pub(super) failed: f64,
    /// Texts, the most frequent first.
    pub(super) texts: Vec<(&'a str, u64)>,
    /// Entries that they befell, by name.
    pub(super) names: Vec<&'a str>,
}

impl<'a> Story<'a> {
    /// Of the kinds that are `wanted`; `None` without a failure of them.
    pub(super) fn of(observed: &'a Observed<'a>, wanted: impl Fn(Kind) -> bool) -> Option<Self> {
        let mut story = Self { moments: vec![], asked: 0.0, failed: 0.0, texts: vec![], names: vec![] };
        let mut texts: BTreeMap<&str, u64> = BTreeMap::new();
        let is_wanted = |record: &&ErrorRecord| wanted(Kind::of(&record.error));
        let mut befallen: Vec<(&str, &str)> = vec![];
        for step in &observed.steps {
            for record in step.record.errors.iter().filter(is_wanted) {
                *texts.entry(&record.error).or_default() += record.occurrences;
                let name = &step.record.names[usize::from(record.name.0)];
                befallen.push((&name.method, &name.name));
            }
        }
        befallen.sort_unstable();
        befallen.dedup();
        for (at, step) in observed.steps.iter().enumerate() {
            story.add(at, step, &befallen, is_wanted);
        }
        story.texts = texts.into_iter().collect();
        story.texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        story.names = befallen.iter().map(|(_, name)| *name).collect();
        (!story.texts.is_empty()).then_some(story)
    }

    fn add(
        &mut self,
        at: usize,
        step: &'a ObservedStep<'a>,
        befallen: &[(&str, &str)],
        is_wanted: impl Fn(&&ErrorRecord) -> bool,
    ) {
        let entries: Vec<_> = step.record.names.iter().map(|entry| (&*entry.method, &*entry.name)).collect();
        let shares: Vec<f64> =
            (0..).map(NameId).take(entries.len()).map(|name| share(step, name, &is_wanted)).collect();
        for (second, seen) in (0..).zip(&step.seconds) {
            let mut moment = Moment { step: at, second, asked: 0.0, failed: 0.0 };
            for cell in &seen.cells {
                let name = usize::from(cell.name.0);
                if !befallen.contains(&entries[name]) {
                    continue;
                }
                moment.asked += cell.service.count as f64;
                if cell.outcome == Outcome::Failure {
                    moment.failed += cell.service.count as f64 * shares[name];
                }
            }
            self.asked += moment.asked;
            self.failed += moment.failed;
            if moment.asked > 0.0 {
                self.moments.push(moment);
            }
        }
    }

    /// Whether they are more than befall any target: too many in all, or a rush of them.
    pub(super) fn is_remarkable(&self) -> bool {
        let all = poisson_tail(self.failed.round() as u64, self.asked * ORDINARY_RATIO);
        (self.failed > 2.5 && all < CHANCE_MAX) || self.is_rush()
    }

    /// Any span from a failure to one of the next that has too many, corrected for the spans that were looked at.
    fn is_rush(&self) -> bool {
        let spans = self.moments.len().max(1) as f64;
        let is_rush = |width: usize| {
            self.moments.windows(width).step_by((width / 2).max(1)).any(|span| {
                let failed: f64 = span.iter().map(|moment| moment.failed).sum();
                let asked: f64 = span.iter().map(|moment| moment.asked).sum();
                failed >= RUSH_MIN
                    && poisson_tail(failed.round() as u64, asked * ORDINARY_RATIO) * spans < RUSH_CHANCE_MAX
            })
        };
        [1, 2, 4, 8, 16, 32, 64].into_iter().any(is_rush)
    }

    /// The moments from the first failure to the last, as positions.
    pub(super) fn span(&self) -> (usize, usize) {
        let has_failed = |moment: &Moment| moment.failed > 0.0;
        let first = self.moments.iter().position(has_failed).unwrap_or(0);
        (first, self.moments.iter().rposition(has_failed).unwrap_or(first))
    }

    /// Failures among the requests from the first to the last.
    pub(super) fn ratio_within(&self) -> f64 {
        let (first, last) = self.span();
        let asked: f64 = self.moments[first..=last].iter().map(|moment| moment.asked).sum();
        self.failed / asked.max(1.0)
    }

    /// The chance that as many requests as came before the first failure would all have been spared, were they struck
    /// like those since; and the same after the last.
    pub(super) fn spared(&self) -> (f64, f64) {
        let (first, last) = self.span();
        let asked = |moments: &[Moment]| moments.iter().map(|moment| moment.asked).sum::<f64>();
        // The span begins and ends with a failure: of those one does not count.
        let struck = (self.failed - 1.0).max(0.5) / asked(&self.moments[first..=last]).max(1.0);
        let chance = |requests: f64| libm::pow((1.0 - struck).max(0.0), requests);
        (chance(asked(&self.moments[..first])), chance(asked(&self.moments[last + 1..])))
    }

    /// Where and how many, step by step, and what the texts say.
    pub(super) fn evidence(&self, observed: &Observed<'_>, what: &str) -> Vec<Evidence> {
        let mut all = vec![];
        for (at, step) in observed.steps.iter().enumerate() {
            let within = || self.moments.iter().filter(|moment| moment.step == at);
            let struck: Vec<_> = within().filter(|moment| moment.failed > 0.0).collect();
            let (Some(first), Some(last)) = (struck.first(), struck.last()) else { continue };
            let failed: f64 = struck.iter().map(|moment| moment.failed).sum();
            let inside = within().filter(|moment| (first.second..=last.second).contains(&moment.second));
            let asked: f64 = inside.map(|moment| moment.asked).sum();
            let words = format!(
                "{failed:.0} of {asked:.0} requests ({:.1} %) {what} from second {} to {}",
                failed / asked.max(1.0) * 100.0,
                first.second,
                last.second
            );
            all.push(Evidence {
                step: step.record.name.clone(),
                seconds: Some((first.second, last.second)),
                words,
            });
        }
        all.sort_by_key(|evidence| evidence.seconds.map(|(first, last)| first.abs_diff(last)));
        all.reverse();
        all.truncate(NAMED_MAX);
        if let Some(begin) = all.first().map(|evidence| evidence.step.clone()) {
            let told = |(text, count): &(&str, u64)| format!("{count} × {}", shortened(text));
            let texts = self.texts.iter().take(NAMED_MAX).map(told);
            let words = format!("{}; of {}", texts.collect::<Vec<_>>().join(", "), self.some_names());
            all.push(Evidence { step: begin, seconds: None, words });
        }
        all
    }

    fn some_names(&self) -> String {
        let mut named: Vec<String> =
            self.names.iter().take(NAMED_MAX).map(|name| format!("`{}`", shortened(name))).collect();
        if self.names.len() > NAMED_MAX {
            named.push(format!("{} more", self.names.len() - NAMED_MAX));
        }
        named.join(", ")
    }
}

/// The beginning of a text from outside.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// What part of an entry's failures in a step is of the wanted kinds.
fn share(step: &ObservedStep<'_>, name: NameId, is_wanted: impl Fn(&&ErrorRecord) -> bool) -> f64 {
    let of_name = || step.record.errors.iter().filter(|record| record.name == name);
    let all: u64 = of_name().map(|record| record.occurrences).sum();
    let some: u64 = of_name().filter(is_wanted).map(|record| record.occurrences).sum();
    some as f64 / all.max(1) as f64
}
