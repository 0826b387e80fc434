//! Arrivals: what was sent against what was asked, by a test that has a name.
//!
//! It must not know how a schedule is drawn: the rate is integrated here once more.

use std::time::Duration;

use harness::{Arrivals, Load, Stage};
use wire::Seed;

use super::ProofError;
use super::bench::Bench;
use super::claim::{Claim, Figure, Group, Unit};
use super::run::{Job, Options, Part};
use super::trial::{ASK, Evidence, Seen, Trial, one_agent};
use crate::theory::{Ascending, poisson_tail, uniform};

/// A test that is passed rejects what is right so seldom.
const RISK: f64 = 1e-4;
/// How late a sender may be over sockets, at the median.
const LOOPBACK_NS_MAX: f64 = 500_000.0;

/// The trials.
pub(super) fn jobs(options: &Options, is_virtual: bool) -> Vec<Job> {
    let (rate, seconds) =
        if is_virtual { (1_000.0, (options.requests / 1_000).clamp(6, 60)) } else { (150.0, 4) };
    let third = Duration::from_secs(seconds) / 3;
    let part = |from_per_s: f64, to_per_s: f64, lasts| Stage { from_per_s, to_per_s, lasts };
    let ramp = vec![
        part(0.0, rate, Some(third)),
        part(rate, rate, Some(third)),
        part(rate, rate / 4.0, Some(third)),
    ];
    let job = |name: &str, arrivals: Arrivals| {
        let seed = options.seed_of(name);
        let load = Load::Open { arrivals: arrivals.clone(), in_flight_max: 1_000_000 };
        let trial = Trial {
            name: "arrivals".into(),
            profile: one_agent(1_000_000, "{ fixed = \"1ms\" }"),
            scenario: ASK.into(),
            load,
            run_time: Duration::from_secs(seconds),
            seed,
        };
        let called = name.to_owned();
        let work = move |bench: &Bench| sent(bench, &called, &arrivals, &trial);
        Job { name: name.to_owned(), group: Group::Arrivals, work: Box::new(work) }
    };
    vec![
        job("Poisson arrivals", Arrivals::Poisson(vec![Stage::steady(rate)])),
        job("Poisson arrivals, up and down", Arrivals::Poisson(ramp.clone())),
        job("constant arrivals", Arrivals::Constant(vec![Stage::steady(rate)])),
        job("constant arrivals, up and down", Arrivals::Constant(ramp)),
    ]
}

fn sent(bench: &Bench, name: &str, arrivals: &Arrivals, trial: &Trial) -> Result<Part, ProofError> {
    let mut sent_ns = vec![];
    let evidence = bench.carry_out(trial, &mut |seen| {
        if let Seen::Sample(sample) = seen {
            sent_ns.push(sample.sent_ns);
        }
    })?;
    sent_ns.sort_unstable();
    let began_ns = evidence.step().phases.started_ns;
    let sent_s: Vec<f64> = sent_ns.iter().map(|at| at.saturating_sub(began_ns) as f64 / 1e9).collect();
    let mut part = Part::of(&evidence);
    let lasts_s = trial.run_time.as_secs_f64();
    let claims = match arrivals {
        Arrivals::Poisson(stages) => poisson(name, stages, &sent_s, lasts_s),
        Arrivals::Constant(stages) => constant(name, stages, &sent_s, lasts_s, bench.is_virtual()),
        Arrivals::Replay(_) => vec![],
    };
    let noted = |claim: Claim| with_seed(claim, trial.seed).unless(&evidence.invalid);
    part.claims.extend(claims.into_iter().map(noted));
    part.claims.push(balanced(name, &evidence));
    Ok(part)
}

fn with_seed(claim: Claim, seed: Seed) -> Claim {
    let note = format!("{}seed {}", if claim.note.is_empty() { "" } else { "; " }, seed.0);
    let note = format!("{}{note}", claim.note);
    claim.noted(note)
}

/// The gaps between sendings, in operational time, are exponential; their places in it are uniform, and their number
/// is Poisson (Cox and Lewis, *The Statistical Analysis of Series of Events*, 1966, chapters 2 and 6).
fn poisson(name: &str, stages: &[Stage], sent_s: &[f64], lasts_s: f64) -> Vec<Claim> {
    let mut before = 0.0;
    let gap = |at_s: &f64| {
        let now = integrated(stages, *at_s);
        let gap = now - std::mem::replace(&mut before, now);
        1.0 - libm::exp(-gap)
    };
    let mut gaps: Vec<f64> = sent_s.iter().map(gap).collect();
    let found = uniform(&mut gaps);
    let share = |share: f64| Figure(share, Unit::Share);
    let fit = Claim::likely(
        Group::Arrivals,
        format!("{name}: gaps are exponential"),
        (share(0.0), share(found.distance)),
        found.p_value,
        RISK,
    );
    let (mean, count) = (integrated(stages, lasts_s), sent_s.len() as u64);
    // Given their number, operational times are uniform: what a slowly wandering rate would break.
    let mut places: Vec<f64> = sent_s.iter().map(|at_s| integrated(stages, *at_s) / mean).collect();
    let spread = uniform(&mut places);
    let places = Claim::likely(
        Group::Arrivals,
        format!("{name}: spread over time as the rate is"),
        (share(0.0), share(spread.distance)),
        spread.p_value,
        RISK,
    );
    let figure = |n: f64| Figure(n, Unit::Count);
    let number = Claim::likely(
        Group::Arrivals,
        format!("{name}: as many as asked"),
        (figure(mean), figure(count as f64)),
        poisson_tail(count, mean),
        RISK,
    );
    let test = "Kolmogorov-Smirnov test";
    vec![fit.noted(test), places.noted(test), number.noted("Poisson test, normal after Anscombe")]
}

/// The k-th is sent when the integrated rate reaches k.
fn constant(name: &str, stages: &[Stage], sent_s: &[f64], lasts_s: f64, is_virtual: bool) -> Vec<Claim> {
    let due = integrated(stages, lasts_s);
    // The last one may lie on the very end.
    let asked = (due - 1e-6).ceil().max(0.0) as u64;
    let number =
        Claim::exact(Group::Arrivals, format!("{name}: as many as asked"), asked, sent_s.len() as u64, 0);
    // How far the integrated rate is from k, in time: over the rate at that moment.
    let apart_ns = |(k, at_s): (usize, &f64)| {
        let step_s = 1e-4;
        let rate = (integrated(stages, at_s + step_s) - integrated(stages, at_s - step_s)) / (2.0 * step_s);
        ((integrated(stages, *at_s) - k as f64).abs() / rate.max(1e-9) * 1e9) as u64
    };
    // Where the rate begins at 0, the first arrival has no rate to be judged by.
    let skipped = usize::from(stages.first().is_some_and(|stage| stage.from_per_s == 0.0));
    let apart = Ascending::of(sent_s.iter().enumerate().skip(skipped).map(apart_ns).collect());
    let (what, per_100_000, most) = match is_virtual {
        // Due times are whole microseconds.
        true => ("the farthest from its due time", 100_000, 1_000.0),
        false => ("the median from its due time", 50_000, LOOPBACK_NS_MAX),
    };
    let ns = |ns: f64| Figure(ns, Unit::Ns);
    let measured = ns(apart.quantile(per_100_000).map_or(f64::NAN, |ns| ns as f64));
    let when = Claim::apart(Group::Arrivals, format!("{name}: {what}"), ns(0.0), measured, most);
    vec![number, when]
}

/// The run file's own account of its arrivals adds up.
fn balanced(name: &str, evidence: &Evidence) -> Claim {
    let sent = evidence.step().arrivals.as_ref().map_or(0, |record| {
        let adds_up = record.due == record.sent + record.dropped + record.unsent;
        if adds_up { record.sent } else { 0 }
    });
    let name = format!("{name}: the run file's count of those sent");
    Claim::exact(Group::Arrivals, name, evidence.joined.entries, sent, 0)
}

/// The rate, integrated from the start to `at_s`: the mean number of arrivals until then.
fn integrated(stages: &[Stage], at_s: f64) -> f64 {
    let (mut begin_s, mut sum) = (0.0, 0.0);
    for stage in stages {
        let lasts_s = stage.lasts.map_or(f64::INFINITY, |lasts| lasts.as_secs_f64());
        let within_s = (at_s - begin_s).clamp(0.0, lasts_s);
        let slope = if lasts_s.is_finite() { (stage.to_per_s - stage.from_per_s) / lasts_s } else { 0.0 };
        sum += stage.from_per_s * within_s + slope * within_s * within_s / 2.0;
        begin_s += lasts_s;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Verdict;

    fn ramp() -> Vec<Stage> {
        let stage =
            |from_per_s, to_per_s| Stage { from_per_s, to_per_s, lasts: Some(Duration::from_secs(10)) };
        vec![stage(0.0, 100.0), stage(100.0, 100.0), stage(100.0, 20.0)]
    }

    #[test]
    fn the_rate_is_integrated() {
        for (at_s, sum) in
            [(-1.0, 0.0), (5.0, 125.0), (10.0, 500.0), (15.0, 1_000.0), (30.0, 2_100.0), (99.0, 2_100.0)]
        {
            assert!((integrated(&ramp(), at_s) - sum).abs() < 1e-9, "{at_s}");
        }
        assert!((integrated(&[Stage::steady(50.0)], 2.5) - 125.0).abs() < 1e-9);
    }

    /// A Poisson process by thinning, which is another way than inversion (Lewis and Shedler, 1979).
    fn thinned(seed: u64, stages: &[Stage], most_per_s: f64, lasts_s: f64) -> Vec<f64> {
        let mut stream = Seed(seed).stream("thinned", 0);
        let (mut at_s, mut sent) = (0.0, vec![]);
        loop {
            at_s -= libm::log(stream.unit_open()) / most_per_s;
            if at_s >= lasts_s {
                return sent;
            }
            let rate = (integrated(stages, at_s + 5e-5) - integrated(stages, at_s - 5e-5)) / 1e-4;
            if stream.unit() * most_per_s < rate {
                sent.push(at_s);
            }
        }
    }

    #[test]
    fn a_process_is_told_from_its_imitations() {
        let holds = |claims: Vec<Claim>| claims.iter().all(|claim| claim.verdict == Verdict::Passed);
        for seed in 0..20 {
            let asked = thinned(seed, &ramp(), 100.0, 30.0);
            assert!(holds(poisson("", &ramp(), &asked, 30.0)), "seed {seed}");
            assert!(!holds(poisson("", &[Stage::steady(70.0)], &asked, 30.0)), "another rate, seed {seed}");
            let even: Vec<f64> = (0..2_100).map(|k| f64::from(k) / 70.0).collect();
            assert!(!holds(poisson("", &[Stage::steady(70.0)], &even, 30.0)), "no chance");
            assert!(!holds(poisson("", &ramp(), &asked[..asked.len() * 9 / 10], 30.0)), "a tenth is missing");
        }
        let even: Vec<f64> = (0..3_000).map(|k| f64::from(k) / 100.0).collect();
        assert!(holds(constant("", &[Stage::steady(100.0)], &even, 30.0, true)));
        let late: Vec<f64> = even.iter().map(|at| at + 2e-6).collect();
        assert!(!holds(constant("", &[Stage::steady(100.0)], &late, 30.0, true)));
        assert!(!holds(constant("", &[Stage::steady(100.0)], &even[1..], 30.0, true)));
    }
}
