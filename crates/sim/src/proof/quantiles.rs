//! Quantiles: what the harness reports against the sorted ledger, for delays of several shapes.
//!
//! It must not know how either side came by its times.

use std::time::Duration;

use harness::{Arrivals, Load, Stage};
use measure::{Outcome, Quantile};

use super::ProofError;
use super::bench::Bench;
use super::claim::{Claim, Figure, Group, Unit};
use super::run::{Job, Options, Part};
use super::trial::{ASK, Seen, Trial, one_agent};
use crate::theory::Ascending;

/// Delays by name.
const DELAYS: [(&str, &str); 7] = [
    ("fixed 7 ms", r#"{ fixed = "7ms" }"#),
    ("fixed 0.3 ms", r#"{ fixed = "300us" }"#),
    ("uniform 50 us to 0.9 ms", r#"{ uniform = ["50us", "900us"] }"#),
    ("uniform 2 to 30 ms", r#"{ uniform = ["2ms", "30ms"] }"#),
    ("log-normal", r#"{ lognormal = { median = "20ms", p99 = "150ms" } }"#),
    (
        "bimodal",
        r#"{ mixture = [ { weight = 9, model = { fixed = "4ms" } }, { weight = 1, model = { uniform = ["60ms", "90ms"] } } ] }"#,
    ),
    ("heavy-tailed", r#"{ pareto = { scale = "3ms", shape = 1.5, max = "2s" } }"#),
];

/// Quantiles, with their names, in parts of 100,000.
const QUANTILES: [(&str, Quantile, u32); 4] = [
    ("p50", Quantile::P50, 50_000),
    ("p95", Quantile::P95, 95_000),
    ("p99", Quantile::P99, 99_000),
    ("p99.9", Quantile::COLUMNS[8], 99_900),
];

/// What a histogram of three digits may be off by.
const SHARE_MAX: f64 = 0.001;
/// What a loopback interface and two wake-ups may add, in the median of the runs.
const LOOPBACK_NS_MAX: f64 = 250_000.0;
/// Arrivals a second, in virtual time and over sockets: the latter well below half of a processor, and often enough that it
/// does not sleep deeply in between, which adds 0.2 ms to every answer at 100 a second.
const RATES_PER_S: (f64, f64) = (1_000.0, 500.0);
const RUNS: usize = 5;
const RUN_TIME: Duration = Duration::from_millis(1_300);

/// The trials.
pub(super) fn jobs(options: &Options, is_virtual: bool) -> Vec<Job> {
    let job = |(name, delay): (&'static str, &'static str)| {
        let name_of_all = format!("quantiles, {name}");
        let seed = options.seed_of(&name_of_all);
        let (rate, run_time) = match is_virtual {
            true => (RATES_PER_S.0, Duration::from_secs_f64(options.requests as f64 / RATES_PER_S.0)),
            false => (RATES_PER_S.1, RUN_TIME),
        };
        let arrivals = Arrivals::Poisson(vec![Stage::steady(rate)]);
        let trial = Trial {
            name: "quantiles".into(),
            profile: one_agent(1_000_000, delay),
            scenario: ASK.into(),
            load: Load::Open { arrivals, in_flight_max: 1_000_000 },
            run_time,
            seed,
        };
        let work = move |bench: &Bench| {
            if is_virtual { virtually(bench, name, &trial) } else { over_sockets(bench, name, &trial) }
        };
        Job { name: name_of_all, group: Group::Quantiles, work: Box::new(work) }
    };
    DELAYS.into_iter().map(job).collect()
}

/// Truth and measurement of each quantile, in nanoseconds.
type Found = Vec<(u64, u64)>;

fn measure_once(bench: &Bench, trial: &Trial, part: &mut Part) -> Result<(Found, Vec<String>), ProofError> {
    let mut services_ns = vec![];
    let evidence = bench.carry_out(trial, &mut |seen| {
        if let Seen::Entry(entry) = seen
            && entry.status == Some(200)
        {
            services_ns.push(entry.written_ns - entry.arrived_ns);
        }
    })?;
    part.sums.add(&evidence);
    let truth = Ascending::of(services_ns);
    let times = &evidence.summary.total.service[Outcome::Success as usize];
    let measured = times.quantiles_ns(&QUANTILES.map(|(_, quantile, _)| quantile)).unwrap_or_default();
    let found = QUANTILES.iter().enumerate().map(|(place, (_, _, per_100_000))| {
        let truth = truth.quantile(*per_100_000).unwrap_or(0);
        (truth, measured.get(place).copied().unwrap_or(0))
    });
    Ok((found.collect(), evidence.invalid))
}

fn virtually(bench: &Bench, name: &str, trial: &Trial) -> Result<Part, ProofError> {
    let mut part = Part::default();
    let (found, _) = measure_once(bench, trial, &mut part)?;
    for ((quantile, _, _), (truth, measured)) in QUANTILES.iter().zip(found) {
        let ns = |ns: u64| Figure(ns as f64, Unit::Ns);
        let claim =
            Claim::share(Group::Quantiles, format!("{name}: {quantile}"), ns(truth), ns(measured), SHARE_MAX);
        part.claims.push(claim.noted(format!("seed {}", trial.seed.0)));
    }
    Ok(part)
}

/// Several short runs: of each quantile the run whose error is the median.
fn over_sockets(bench: &Bench, name: &str, trial: &Trial) -> Result<Part, ProofError> {
    let mut part = Part::default();
    let mut runs = vec![];
    let mut invalid = vec![];
    for run in 0..RUNS {
        let mut trial = trial.clone();
        // Request ids tell runs apart by the seed and the step's name.
        trial.name = format!("quantiles_{run}");
        let (found, reasons) = measure_once(bench, &trial, &mut part)?;
        runs.push(found);
        invalid.extend(reasons);
    }
    for (place, (quantile, _, _)) in QUANTILES.iter().enumerate() {
        if !matches!(*quantile, "p50" | "p99") {
            continue;
        }
        let mut errors: Vec<_> = runs.iter().map(|found| found[place]).collect();
        errors.sort_by_key(|(truth, measured)| truth.abs_diff(*measured));
        let (truth, measured) = errors[RUNS / 2];
        let ns = |ns: u64| Figure(ns as f64, Unit::Ns);
        let name = format!("{name}: {quantile}, median of {RUNS} runs");
        let claim = Claim::apart(Group::Quantiles, name, ns(truth), ns(measured), LOOPBACK_NS_MAX);
        part.claims.push(claim.noted(format!("seed {}", trial.seed.0)).unless(&invalid));
    }
    Ok(part)
}
