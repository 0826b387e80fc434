//! Thresholds: what a plan says must hold beside its targets, over a name, a tag or all, for a whole step or in each
//! window of it. It must not know how they are written down in a plan, nor how a run is stopped.

mod figure;
mod track;
mod verdict;

use serde::{Deserialize, Serialize};

pub use figure::{FigureUnit, ThresholdFigure};
pub use track::ThresholdTracker;
pub use verdict::{ThresholdOutcome, ThresholdVerdict, ThresholdWindows, judge_thresholds};

use crate::NameId;

/// What must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What is bounded.
    pub figure: ThresholdFigure,
    /// On which side of the bound it has to stay.
    pub comparison: Comparison,
    /// The bound, in the figure's unit: ms, a ratio from 0 to 1, successes a second, or a count.
    pub bound: f64,
    /// Whose requests, as the plan says it.
    #[serde(default)]
    pub over: Over,
    /// The entries that this stands for; of no meaning where it is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<NameId>,
    /// Judged in each window of so many seconds, from the step's start; `None`: over the whole step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u32>,
    /// The run stops once it has been broken for so long; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_after_s: Option<f64>,
    /// Whether it decides the exit code.
    #[serde(default = "yes")]
    pub gate: bool,
}

fn yes() -> bool {
    true
}

/// On which side of its bound a figure has to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// Less than the bound.
    #[serde(rename = "<")]
    Below,
    /// The bound or less.
    #[serde(rename = "<=")]
    AtMost,
    /// More than the bound.
    #[serde(rename = ">")]
    Above,
    /// The bound or more.
    #[serde(rename = ">=")]
    AtLeast,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Below, Self::AtMost, Self::Above, Self::AtLeast];

    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether a value stays on its side.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
        }
    }

    /// The worse of two values.
    fn worse(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Below | Self::AtMost => a.max(b),
            Self::Above | Self::AtLeast => a.min(b),
        }
    }
}

/// Whose requests a threshold is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// All of them.
    #[default]
    All,
    /// Those of entries with this name or path, such as `/ask`, or with a method before it: `POST /ask`.
    Name(String),
    /// Those of tasks with this tag.
    Tag(String),
}

impl Threshold {
    /// The sentence that says the same: `p95 < 800ms on /ask every 30s abort after 60s`.
    pub fn words(&self) -> String {
        let bound = self.figure.unit().written(self.bound);
        let mut words = format!("{} {} {bound}", self.figure.word(), self.comparison.sign());
        match &self.over {
            Over::All => {}
            Over::Name(name) => words.push_str(&format!(" on {}", in_quotes(name))),
            Over::Tag(tag) => words.push_str(&format!(" on tag {}", in_quotes(tag))),
        }
        if let Some(window_s) = self.window_s {
            words.push_str(&format!(" every {window_s}s"));
        }
        match self.abort_after_s {
            None => {}
            Some(0.0) => words.push_str(" abort"),
            Some(after_s) => words.push_str(&format!(" abort after {after_s}s")),
        }
        if !self.gate {
            words.push_str(" without gate");
        }
        words
    }

    /// Whether requests of this entry count.
    fn covers(&self, name: NameId) -> bool {
        self.over == Over::All || self.entries.contains(&name)
    }
}

/// Names that could be read as something else stand in quotes.
fn in_quotes(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/-_.:?&=%,~".contains(c);
    let path = name.split_once(' ').filter(|(method, _)| method.bytes().all(|b| b.is_ascii_uppercase()));
    let path = path.map_or(name, |(_, path)| path);
    if path.starts_with('/') && path.chars().all(plain) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(threshold: &Threshold, words: &str) {
        assert_eq!(threshold.words(), words);
        let text = serde_json::to_string(threshold).expect("JSON");
        assert_eq!(serde_json::from_str::<Threshold>(&text).expect("the same"), *threshold);
    }

    #[test]
    fn in_words_and_back_from_json() {
        let figure = |word| ThresholdFigure::named(word).expect(word);
        let plain = Threshold {
            figure: figure("p95"),
            comparison: Comparison::Below,
            bound: 800.0,
            over: Over::All,
            entries: vec![],
            window_s: None,
            abort_after_s: None,
            gate: true,
        };
        check(&plain, "p95 < 800ms");
        let all = Threshold {
            over: Over::Name("POST /ask".to_owned()),
            entries: vec![NameId(1)],
            window_s: Some(30),
            abort_after_s: Some(60.0),
            gate: false,
            ..plain.clone()
        };
        check(&all, "p95 < 800ms on POST /ask every 30s abort after 60s without gate");
        let named = Threshold {
            figure: figure("failure_ratio"),
            comparison: Comparison::AtMost,
            bound: 0.015,
            over: Over::Name("say \"every\"".to_owned()),
            abort_after_s: Some(0.0),
            ..plain.clone()
        };
        check(&named, "failure_ratio <= 1.5% on \"say \\\"every\\\"\" abort");
        let tagged = Threshold {
            figure: figure("rps"),
            comparison: Comparison::AtLeast,
            over: Over::Tag("cheap".to_owned()),
            ..plain
        };
        check(&tagged, "rps >= 800/s on tag \"cheap\"");
    }
}
