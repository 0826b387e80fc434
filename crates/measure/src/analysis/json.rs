//! The analysis for machines. It must not decide anything.

use serde::Serialize;

use super::{Analysis, words};
use crate::Run;
use crate::bursts::Burst;
use crate::diagnosis::{Advice, Evidence, Finding};
use crate::scalability::{Bounds, FittedLaw, LeftOut, LoadPoint, Scaling};
use crate::units;

/// What the document is called, so that readers can tell.
const FORMAT: &str = "weaver-bench.analysis/1";

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    started: String,
    seed: u64,
    version: &'a str,
    target_url: Option<&'a str>,
    scalability: Scalability<'a>,
    findings: Vec<Found<'a>>,
    bursts: &'a [Burst],
}

#[derive(Serialize)]
struct Scalability<'a> {
    /// `None` where it is withheld.
    law: Option<FittedLaw>,
    withheld: Option<&'a str>,
    contention: Option<f64>,
    coherency: Option<f64>,
    rate_per_s: Option<f64>,
    peak_in_system: Option<f64>,
    peak_per_s: Option<f64>,
    knee_users: Option<f64>,
    left_line_at: Option<Load<'a>>,
    largest_load_met: Option<Load<'a>>,
    bounds: Option<Bounds>,
    points: &'a [LoadPoint],
    left_out: &'a [LeftOut],
}

#[derive(Serialize)]
struct Load<'a> {
    step: &'a str,
    users: u32,
}

#[derive(Serialize)]
struct Found<'a> {
    sign: &'static str,
    layer: Option<&'static str>,
    words: String,
    confidence: &'static str,
    evidence: &'a [Evidence],
    advice: &'a Advice,
}

/// The analysis as one line of JSON.
pub fn json(run: &Run, analysis: &Analysis) -> String {
    let document = Document {
        format: FORMAT,
        started: units::utc_second(run.started_unix_ns),
        seed: run.seed,
        version: &run.version,
        target_url: run.target_url.as_deref(),
        scalability: scalability(&analysis.scaling),
        findings: analysis.findings.iter().map(found).collect(),
        bursts: &analysis.bursts,
    };
    format!("{}\n", serde_json::to_string(&document).expect("string keys and finite numbers"))
}

fn scalability(scaling: &Scaling) -> Scalability<'_> {
    let fit = scaling.law.as_ref().ok();
    Scalability {
        law: fit.copied(),
        withheld: scaling.law.as_ref().err().map(String::as_str),
        contention: fit.map(|fit| fit.law.contention),
        coherency: fit.map(|fit| fit.law.coherency),
        rate_per_s: fit.map(|fit| fit.law.rate_per_s),
        peak_in_system: fit.and_then(|fit| fit.law.peak()),
        peak_per_s: fit.and_then(|fit| fit.law.most_per_s()),
        knee_users: scaling.knee.users,
        left_line_at: load(&scaling.knee.left_line_at),
        largest_load_met: load(&scaling.met),
        bounds: scaling.bounds,
        points: &scaling.points,
        left_out: &scaling.left_out,
    }
}

fn load(at: &Option<(String, u32)>) -> Option<Load<'_>> {
    at.as_ref().map(|(step, users)| Load { step, users: *users })
}

fn found(finding: &Finding) -> Found<'_> {
    Found {
        sign: finding.sign.key(),
        layer: finding.sign.layer().map(|layer| layer.key()),
        words: words::finding(finding),
        confidence: finding.confidence.word(),
        evidence: &finding.evidence,
        advice: &finding.advice,
    }
}
