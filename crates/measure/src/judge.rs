//! A step against its targets. A number that cannot be trusted gets no level, and says why.
//! It must not know of other steps or of exit codes.

use std::fmt;

use crate::confidence::{samples_needed, upper95_ns};
use crate::histogram::Quantile;
use crate::times::Times;
use crate::{Level3, Row, StepRun, Summary, Targets, units};

/// From this share of what the users can offer on, answers that take their time explain the rest.
const CAP_SHARE: f64 = 0.8;

/// How good a number is; the later the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As good as wanted.
    Target,
    /// Good enough to pass.
    Acceptable,
    /// Between acceptable and critical: does not pass.
    Degraded,
    /// Worse than critical.
    Critical,
}

/// What was found about a number, or about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It has a level.
    Judged(Level),
    /// It has none.
    NotJudged {
        /// Why, in words.
        why: String,
    },
}

impl Judgement {
    fn not(why: impl Into<String>) -> Self {
        Self::NotJudged { why: why.into() }
    }

    /// The level, if there is one.
    pub fn level(&self) -> Option<Level> {
        match self {
            Self::Judged(level) => Some(*level),
            Self::NotJudged { .. } => None,
        }
    }

    /// Why there is no level, if there is none.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Judged(_) => None,
            Self::NotJudged { why } => Some(why),
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Judged(Level::Target) => "target",
            Self::Judged(Level::Acceptable) => "acceptable",
            Self::Judged(Level::Degraded) => "degraded",
            Self::Judged(Level::Critical) => "critical",
            Self::NotJudged { .. } => "not judged",
        })
    }
}

/// A judged number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Median of the judged successes, ms.
    P50,
    /// 95th percentile of the judged successes, ms.
    P95,
    /// 99th percentile of the judged successes, ms.
    P99,
    /// Failures among all requests that ended, 0 to 1.
    FailureRatio,
    /// Successes a second, all entries.
    Rps,
}

impl Metric {
    /// Whether it is a percentile.
    fn is_time(self) -> bool {
        matches!(self, Self::P50 | Self::P95 | Self::P99)
    }

    /// Its key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::FailureRatio => "failure_ratio",
            Self::Rps => "rps",
        }
    }
}

/// One number, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricVerdict {
    /// Which.
    pub metric: Metric,
    /// Its value, in the metric's unit; `None` when withheld.
    pub value: Option<f64>,
    /// The distribution-free 95 % upper bound of a percentile, ms.
    pub upper95_ms: Option<f64>,
    /// What was found.
    pub judgement: Judgement,
}

/// A step, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct StepVerdict {
    /// The numbers; empty when no targets were set.
    pub metrics: Vec<MetricVerdict>,
    /// The worst of them.
    pub judgement: Judgement,
    /// What made the step critical beside the numbers.
    pub reasons: Vec<String>,
}

impl StepVerdict {
    /// Acceptable or better; `None` when nothing was judged.
    pub fn passed(&self) -> Option<bool> {
        self.judgement.level().map(|level| level <= Level::Acceptable)
    }

    /// One of the numbers; `None` when no targets were set.
    pub fn metric(&self, metric: Metric) -> Option<&MetricVerdict> {
        self.metrics.iter().find(|verdict| verdict.metric == metric)
    }
}

/// Judges a step. Without targets only one rule is left: successes must be more than half.
pub fn judge(targets: Option<&Targets>, step: &StepRun, summary: &Summary) -> StepVerdict {
    let metrics = targets.map_or_else(Vec::new, |targets| judge_metrics(targets, step, summary));
    let mut reasons: Vec<String> = too_few_successes("", summary.rows.iter()).into_iter().collect();
    if let Some(path) = targets.map(|targets| &targets.judged_path).filter(|_| reasons.is_empty()) {
        // Answers to other paths must not hide that what is judged fails.
        let judged = summary.rows.iter().filter(|row| row.path.starts_with(path.as_str()));
        reasons.extend(too_few_successes(&format!(" of `{path}…`"), judged));
    }
    let worst = metrics.iter().filter_map(|verdict| verdict.judgement.level()).max();
    let timed = metrics.iter().any(|verdict| verdict.metric.is_time() && verdict.judgement.level().is_some());
    let judgement = match worst {
        _ if !reasons.is_empty() => Judgement::Judged(Level::Critical),
        // Without a time a step has nothing to its credit; but what speaks against it counts.
        Some(level) if !timed && level <= Level::Acceptable => {
            Judgement::not("too few successes to judge any percentile")
        }
        Some(level) => Judgement::Judged(level),
        None if targets.is_none() => Judgement::not("no targets were set"),
        None => Judgement::not("none of the targets could be judged"),
    };
    StepVerdict { metrics, judgement, reasons }
}

fn judge_metrics(targets: &Targets, step: &StepRun, summary: &Summary) -> Vec<MetricVerdict> {
    let judged = summary.successes_of(&targets.judged_path);
    vec![
        percentile(Metric::P50, Quantile::P50, &targets.p50_ms, &judged),
        percentile(Metric::P95, Quantile::P95, &targets.p95_ms, &judged),
        percentile(Metric::P99, Quantile::P99, &targets.p99_ms, &judged),
        failure_ratio(&targets.failure_ratio, summary),
        rps(&targets.rps, step, summary),
    ]
}

fn too_few_successes<'r>(which: &str, rows: impl Iterator<Item = &'r Row>) -> Option<String> {
    let counted = |(successes, sent), row: &Row| (successes + row.success().count, sent + row.sent());
    let (successes, sent) = rows.fold((0, 0), counted);
    if sent == 0 || successes * 2 > sent {
        return None;
    }
    Some(match successes {
        0 => format!("none of {sent} requests{which} succeeded"),
        _ => format!("only {successes} of {sent} requests{which} succeeded, no more than half"),
    })
}

fn percentile(metric: Metric, quantile: Quantile, limits: &Level3, judged: &Times) -> MetricVerdict {
    let needed = samples_needed(quantile);
    if judged.count < needed {
        let judgement = Judgement::not(format!("{} of {needed} samples", judged.count));
        return MetricVerdict { metric, value: None, upper95_ms: None, judgement };
    }
    let value = judged.quantile_ns(quantile).map(units::ms);
    let judgement = value.map_or_else(|| Judgement::not("no samples"), |ms| at_most(ms, limits));
    MetricVerdict { metric, value, upper95_ms: upper95_ns(judged, quantile).map(units::ms), judgement }
}

fn failure_ratio(limits: &Level3, summary: &Summary) -> MetricVerdict {
    let value = (summary.total.requests() > 0).then(|| summary.total.failure_ratio());
    let judgement = value.map_or_else(|| Judgement::not("no request ended"), |ratio| at_most(ratio, limits));
    MetricVerdict { metric: Metric::FailureRatio, value, upper95_ms: None, judgement }
}

fn rps(limits: &Level3, step: &StepRun, summary: &Summary) -> MetricVerdict {
    let value = summary.accepted_rps();
    let judgement = match (at_least(value, limits), step.offered_rps_max) {
        _ if summary.total.requests() == 0 => Judgement::not("no request ended"),
        (level, Some(cap)) if cap < limits.target && no_better_for_the_load(value, &level, cap, limits) => {
            let whose = if value >= CAP_SHARE * cap {
                "the load, not the server, is the cap"
            } else {
                "fewer than any target"
            };
            Judgement::not(format!(
                "once started the users offer at most {cap:.2} requests a second; {whose}"
            ))
        }
        (level, _) => level,
    };
    MetricVerdict { metric: Metric::Rps, value: Some(value), upper95_ms: None, judgement }
}

/// Whether the users, not the server, keep the rate from being better: it is as good as the cap allows, or near it.
fn no_better_for_the_load(value: f64, judged: &Judgement, cap: f64, limits: &Level3) -> bool {
    let (got, best) = (judged.level(), at_least(cap, limits).level());
    got != Some(Level::Target) && (got <= best || value >= CAP_SHARE * cap)
}

fn at_most(value: f64, limits: &Level3) -> Judgement {
    level(value <= limits.target, value <= limits.acceptable, value <= limits.critical)
}

fn at_least(value: f64, limits: &Level3) -> Judgement {
    level(value >= limits.target, value >= limits.acceptable, value >= limits.critical)
}

fn level(target: bool, acceptable: bool, critical: bool) -> Judgement {
    Judgement::Judged(match (target, acceptable, critical) {
        (true, _, _) => Level::Target,
        (_, true, _) => Level::Acceptable,
        (_, _, true) => Level::Degraded,
        _ => Level::Critical,
    })
}
