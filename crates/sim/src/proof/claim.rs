//! A claim: what is true, what was measured, how far apart they are, and how far they may be.
//!
//! Whether it holds is decided where it is made, by numbers alone. It must not know how it is shown.

use std::fmt;

use serde_json::{Value, json};

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Every request stands once on both sides, and all outputs count the same.
    Join,
    /// Quantiles of times against the sorted ledger.
    Quantiles,
    /// A server that stands still.
    Freeze,
    /// Waits in queues against the recursion and the theory.
    Queues,
    /// Arrivals sent against arrivals asked.
    Arrivals,
    /// Faults against what the ledger marks.
    Faults,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Join, Self::Quantiles, Self::Freeze, Self::Queues, Self::Arrivals, Self::Faults];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Quantiles => "quantiles",
            Self::Freeze => "freeze",
            Self::Queues => "queues",
            Self::Arrivals => "arrivals",
            Self::Faults => "faults",
        }
    }
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Nanoseconds; shown in milliseconds.
    Ns,
    /// A second.
    PerS,
    /// A part of one; shown in per cent.
    Share,
    /// How often chance alone would do it.
    Chance,
}

/// A number and its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure(pub f64, pub Unit);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, unit) = *self;
        match unit {
            Unit::Count => write!(f, "{value}"),
            // Six places are nanoseconds.
            Unit::Ns if value != 0.0 && value.abs() < 1e4 => write!(f, "{:.6} ms", value / 1e6),
            Unit::Ns => write!(f, "{:.3} ms", value / 1e6),
            Unit::PerS => write!(f, "{value:.3}/s"),
            Unit::Share => write!(f, "{:.4} %", value * 100.0),
            Unit::Chance => write!(f, "p = {value:.2e}"),
        }
    }
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Ns => "ns",
            Self::PerS => "per_s",
            Self::Share => "share",
            Self::Chance => "probability",
        }
    }
}

/// How far apart truth and measurement may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// The error is at most this.
    AtMost(Figure),
    /// The error, a probability, is at least this.
    AtLeast(Figure),
    /// What was measured lies between these two.
    Within(Figure, Figure),
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::Within(low, high) => write!(f, "{low} .. {high}"),
        }
    }
}

/// Whether a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not.
    Failed,
    /// It does not, and the run is INVALID by its own measure: the machine was too busy to tell.
    NotJudged,
}

impl Verdict {
    /// As the table has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed => "FAIL",
            Self::NotJudged => "not judged",
        }
    }
}

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What it is about.
    pub group: Group,
    /// What is claimed.
    pub name: String,
    /// What is true, by the ledger, by the schedule or by theory.
    pub truth: Figure,
    /// What the harness says.
    pub measured: Figure,
    /// How far they are apart.
    pub error: Figure,
    /// How far they may be.
    pub allowed: Allowed,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What a reader should know beside it: the seed that repeats it, the test, or why it is not judged.
    pub note: String,
}

impl Claim {
    fn new(
        group: Group,
        name: String,
        truth: Figure,
        measured: Figure,
        error: Figure,
        allowed: Allowed,
    ) -> Self {
        let holds = match allowed {
            Allowed::AtMost(most) => error.0 <= most.0,
            Allowed::AtLeast(least) => error.0 >= least.0,
            Allowed::Within(low, high) => (low.0..=high.0).contains(&measured.0),
        };
        // What is no number holds nothing: comparisons with it are false.
        let verdict = if holds { Verdict::Passed } else { Verdict::Failed };
        Self { group, name, truth, measured, error, allowed, verdict, note: String::new() }
    }

    /// Two counts that must be equal; `wrong` things speak against it.
    pub fn exact(group: Group, name: impl Into<String>, truth: u64, measured: u64, wrong: u64) -> Self {
        let count = |n: u64| Figure(n as f64, Unit::Count);
        let wrong = wrong.max(truth.abs_diff(measured));
        let none = Allowed::AtMost(count(0));
        Self::new(group, name.into(), count(truth), count(measured), count(wrong), none)
    }

    /// Two figures that differ by a share of the truth at most.
    pub fn share(group: Group, name: impl Into<String>, truth: Figure, measured: Figure, most: f64) -> Self {
        let apart = (measured.0 - truth.0).abs();
        let error = if apart == 0.0 { 0.0 } else { apart / truth.0.abs() };
        let share = |share: f64| Figure(share, Unit::Share);
        Self::new(group, name.into(), truth, measured, share(error), Allowed::AtMost(share(most)))
    }

    /// Two figures that differ by so much at most, in their own unit.
    pub fn apart(group: Group, name: impl Into<String>, truth: Figure, measured: Figure, most: f64) -> Self {
        let error = Figure((measured.0 - truth.0).abs(), truth.1);
        Self::new(group, name.into(), truth, measured, error, Allowed::AtMost(Figure(most, truth.1)))
    }

    /// A measured figure that lies between two ends.
    pub fn within(
        group: Group,
        name: impl Into<String>,
        truth: Figure,
        measured: Figure,
        (low, high): (f64, f64),
    ) -> Self {
        let error = Figure((measured.0 - truth.0).abs() / truth.0.abs(), Unit::Share);
        let ends = Allowed::Within(Figure(low, truth.1), Figure(high, truth.1));
        Self::new(group, name.into(), truth, measured, error, ends)
    }

    /// A test whose p-value must not be below `least`.
    pub fn likely(
        group: Group,
        name: impl Into<String>,
        (truth, measured): (Figure, Figure),
        p_value: f64,
        least: f64,
    ) -> Self {
        let chance = |p: f64| Figure(p, Unit::Chance);
        Self::new(group, name.into(), truth, measured, chance(p_value), Allowed::AtLeast(chance(least)))
    }

    /// With a note.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Where it failed in a run that is INVALID for these reasons, it is not judged.
    #[must_use]
    pub fn unless(mut self, invalid: &[String]) -> Self {
        if self.verdict == Verdict::Failed && !invalid.is_empty() {
            self.verdict = Verdict::NotJudged;
            self.note = format!("the run is INVALID: {}", invalid.join("; "));
        }
        self
    }

    /// As `truth.json` has it.
    pub fn json(&self) -> Value {
        let figure = |Figure(value, unit): &Figure| json!({"value": value, "unit": unit.word()});
        let allowed = match &self.allowed {
            Allowed::AtMost(most) => json!({"at_most": figure(most)}),
            Allowed::AtLeast(least) => json!({"at_least": figure(least)}),
            Allowed::Within(low, high) => json!({"from": figure(low), "to": figure(high)}),
        };
        json!({
            "group": self.group.word(),
            "claim": self.name,
            "truth": figure(&self.truth),
            "measured": figure(&self.measured),
            "error": figure(&self.error),
            "allowed": allowed,
            "verdict": self.verdict.word(),
            "note": self.note,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: fn(f64) -> Figure = |ns| Figure(ns, Unit::Ns);

    #[test]
    fn numbers_decide() {
        let group = Group::Join;
        for (claim, verdict) in [
            (Claim::exact(group, "", 5, 5, 0), Verdict::Passed),
            (Claim::exact(group, "", 5, 5, 1), Verdict::Failed),
            (Claim::exact(group, "", 5, 4, 0), Verdict::Failed),
            (Claim::share(group, "", NS(1_000.0), NS(1_001.0), 0.001), Verdict::Passed),
            (Claim::share(group, "", NS(1_000.0), NS(998.9), 0.001), Verdict::Failed),
            (Claim::share(group, "", NS(0.0), NS(0.0), 0.001), Verdict::Passed),
            (Claim::share(group, "", NS(0.0), NS(1.0), 0.001), Verdict::Failed),
            (Claim::share(group, "", NS(f64::NAN), NS(1.0), 0.001), Verdict::Failed),
            (Claim::apart(group, "", NS(5e6), NS(5.2e6), 0.25e6), Verdict::Passed),
            (Claim::apart(group, "", NS(5e6), NS(4.7e6), 0.25e6), Verdict::Failed),
            (Claim::within(group, "", NS(5.0), NS(4.0), (4.0, 6.5)), Verdict::Passed),
            (Claim::within(group, "", NS(5.0), NS(6.6), (4.0, 6.5)), Verdict::Failed),
            (Claim::likely(group, "", (NS(5.0), NS(5.0)), 1e-3, 1e-4), Verdict::Passed),
            (Claim::likely(group, "", (NS(5.0), NS(5.0)), 1e-5, 1e-4), Verdict::Failed),
        ] {
            assert_eq!(claim.verdict, verdict, "{claim:?}");
            let invalid = claim.clone().unless(&["late".to_owned()]);
            let expected = if verdict == Verdict::Failed { Verdict::NotJudged } else { verdict };
            assert_eq!(invalid.verdict, expected);
            assert_eq!(claim.unless(&[]).verdict, verdict);
        }
    }

    #[test]
    fn figures_in_words() {
        for (figure, words) in [
            (NS(5_012_345.0), "5.012 ms"),
            (NS(250.0), "0.000250 ms"),
            (NS(0.0), "0.000 ms"),
            (Figure(3.0, Unit::Count), "3"),
            (Figure(0.0012, Unit::Share), "0.1200 %"),
            (Figure(0.25, Unit::Chance), "p = 2.50e-1"),
        ] {
            assert_eq!(figure.to_string(), words);
        }
    }
}
