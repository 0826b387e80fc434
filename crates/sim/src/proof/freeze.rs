//! A server that stands still: what due times make of it, and what closed users can only tell.
//!
//! The truth follows from the schedule and the freeze alone. It must not know how either side took the time.

use std::time::Duration;

use harness::{Arrivals, Load, Stage};
use measure::export::{baseline_json, report_text};
use measure::{Outcome, Quantile, conclude};
use wire::Seed;

use super::ProofError;
use super::bench::Bench;
use super::claim::{Claim, Figure, Group, Unit};
use super::run::{Job, Options, Part};
use super::trial::{ASK, Evidence, Seen, Trial, one_agent};
use crate::theory::Ascending;

const RATE_PER_S: u64 = 100;
const DELAY_NS: u64 = 5_000_000;
const SHARE_MAX: f64 = 0.02;
const MS: u64 = 1_000_000;

/// How long it all takes, and how long nothing moves: between a tenth and a twentieth of it, so that p90 does not see
/// it and p95 does.
#[derive(Clone, Copy, Debug)]
struct Course {
    run_ms: u64,
    frozen_ms: u64,
    /// What p50 and p90 may be off by.
    untouched_ns: f64,
}

const VIRTUAL: Course = Course { run_ms: 30_000, frozen_ms: 2_000, untouched_ns: 5_000.0 };
const SOCKETS: Course = Course { run_ms: 9_000, frozen_ms: 600, untouched_ns: 1_000_000.0 };

/// The trials: arrivals, and closed users.
pub(super) fn jobs(options: &Options, is_virtual: bool) -> Vec<Job> {
    let course = if is_virtual { VIRTUAL } else { SOCKETS };
    let job = |name: &str, load: Load, wait: &str, work: fn(&Bench, &Frozen) -> Result<Part, ProofError>| {
        let seed = options.seed_of(name);
        // Anywhere in the middle, at a microsecond that no arrival knows of.
        let begin_us = course.run_ms * 250 + seed.stream("freeze", 0).below(course.run_ms * 250);
        let end_us = begin_us + course.frozen_ms * 1_000;
        let fault = format!("[[fault]]\nkind = \"freeze\"\nstart = \"{begin_us}us\"\nend = \"{end_us}us\"\n");
        let trial = Trial {
            name: "freeze".into(),
            profile: one_agent(1_000_000, "{ fixed = \"5ms\" }") + &fault,
            scenario: ASK.replace("{ constant = \"0s\" }", wait),
            load,
            run_time: Duration::from_millis(course.run_ms),
            seed,
        };
        let frozen = Frozen { course, trial, from_ns: begin_us * 1_000, until_ns: end_us * 1_000 };
        let work = move |bench: &Bench| work(bench, &frozen);
        Job { name: name.to_owned(), group: Group::Freeze, work: Box::new(work) }
    };
    let arrivals = Arrivals::Constant(vec![Stage::steady(RATE_PER_S as f64)]);
    let open = Load::Open { arrivals, in_flight_max: 1_000_000 };
    let closed = Load::Closed { users: 10, spawn_rate_per_s: 1e6 };
    vec![
        job("freeze, arrivals", open, "{ constant = \"0s\" }", due_times),
        job("freeze, closed users", closed, "{ constant = \"95ms\" }", closed_users),
    ]
}

/// A trial with a freeze, by the clock of faults.
struct Frozen {
    course: Course,
    trial: Trial,
    from_ns: u64,
    until_ns: u64,
}

impl Frozen {
    fn seed(&self) -> Seed {
        self.trial.seed
    }

    /// What somebody waits who is due at this moment.
    fn response_ns(&self, due_ns: u64) -> u64 {
        let ready_ns = due_ns + DELAY_NS;
        let held = (self.from_ns..self.until_ns).contains(&ready_ns);
        if held { self.until_ns - due_ns } else { DELAY_NS }
    }
}

fn due_times(bench: &Bench, frozen: &Frozen) -> Result<Part, ProofError> {
    let evidence = bench.carry_out(&frozen.trial, &mut |_| {})?;
    let mut part = Part::of(&evidence);
    // Faults and load have begun at two moments; both are known.
    let began_ns = evidence.step().phases.started_ns.saturating_sub(evidence.in_force_ns);
    let count = frozen.course.run_ms * RATE_PER_S / 1_000;
    let due_ns = |number: u64| began_ns + number * (1_000_000_000 / RATE_PER_S);
    let truth = Ascending::of((0..count).map(|number| frozen.response_ns(due_ns(number))).collect());
    let times = evidence.summary.total.success();
    for (name, quantile, per_100_000) in [
        ("p50", Quantile::P50, 50_000),
        ("p90", Quantile::COLUMNS[4], 90_000),
        ("p95", Quantile::P95, 95_000),
        ("p99", Quantile::P99, 99_000),
        ("p99.9", Quantile::COLUMNS[8], 99_900),
    ] {
        let ns = |ns: Option<u64>| Figure(ns.map_or(f64::NAN, |ns| ns as f64), Unit::Ns);
        let (truth, measured) = (ns(truth.quantile(per_100_000)), ns(times.quantile_ns(quantile)));
        let claim = match per_100_000 {
            ..=90_000 => {
                let name = format!("{RATE_PER_S}/s: {name} of response time, untouched");
                Claim::apart(Group::Freeze, name, truth, measured, frozen.course.untouched_ns)
            }
            _ => {
                let name = format!("{RATE_PER_S}/s: {name} of response time, by the schedule");
                Claim::share(Group::Freeze, name, truth, measured, SHARE_MAX)
            }
        };
        let note = format!("seed {}, {} ms frozen", frozen.seed().0, frozen.course.frozen_ms);
        part.claims.push(claim.noted(note).unless(&evidence.invalid));
    }
    part.claims.push(labelled(&evidence, "arrivals", "response")?);
    Ok(part)
}

/// Who waits for answers sends nothing meanwhile: each user is struck once, and no percentile below shows it.
fn closed_users(bench: &Bench, frozen: &Frozen) -> Result<Part, ProofError> {
    let (mut held, mut long, mut services_ns) = (0, 0, vec![]);
    let limit_ns = frozen.course.frozen_ms * MS / 10;
    let evidence = bench.carry_out(&frozen.trial, &mut |seen| match seen {
        Seen::Entry(entry) => {
            held += u64::from(entry.held_ns > limit_ns);
            services_ns.push(entry.written_ns - entry.arrived_ns);
        }
        Seen::Sample(sample) => long += u64::from(sample.service_ns() > limit_ns),
    })?;
    let mut part = Part::of(&evidence);
    let note = format!("seed {}, {} ms frozen", frozen.seed().0, frozen.course.frozen_ms);
    let name = "closed users: requests that saw the freeze";
    part.claims.push(Claim::exact(Group::Freeze, name, held, long, 0).noted(&note).unless(&evidence.invalid));
    let truth = Ascending::of(services_ns).quantile(95_000);
    let measured = evidence.summary.total.service[Outcome::Success as usize].quantile_ns(Quantile::P95);
    let ns = |ns: Option<u64>| Figure(ns.map_or(f64::NAN, |ns| ns as f64), Unit::Ns);
    let name = "closed users: p95 is the service time's";
    let claim = Claim::apart(Group::Freeze, name, ns(truth), ns(measured), frozen.course.untouched_ns);
    part.claims.push(claim.noted(note).unless(&evidence.invalid));
    part.claims.push(labelled(&evidence, "closed users", "service")?);
    Ok(part)
}

/// The report says which of the two times it shows.
fn labelled(evidence: &Evidence, whose: &str, expected: &str) -> Result<Claim, ProofError> {
    let said = evidence.summary.total.shown.word() == expected;
    let conclusion = conclude(&evidence.run)?;
    let report = report_text(&evidence.run, &conclusion).to_lowercase();
    let json = baseline_json(&evidence.run, &conclusion);
    let shown =
        report.contains(&format!("{expected} time")) && json.contains(&format!("\"times\": \"{expected}\""));
    let name = format!("{whose}: shown and labelled as {expected} time");
    Ok(Claim::exact(Group::Freeze, name, 1, u64::from(said && shown), 0))
}
