//! The proof proves what is sound, whatever the seed, and finds each planted mistake on the line that it belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use harness::{Journal, Lens};
use measure::Sample;
use sim::proof::{Claim, Glass, Group, Options, Proof, Verdict, prove};
use wire::Seed;

/// A small proof in virtual time: enough of each kind to see a mistake.
fn proof(seed: u64, trial: &str, glass: Option<Glass>) -> Proof {
    let options = Options {
        seed: Seed(seed),
        requests: 4_000,
        groups: Group::ALL.to_vec(),
        only: Some(trial.to_owned()),
        threads: 2,
        glass,
    };
    prove(None, &options, &|_| {}, &AtomicBool::new(false)).unwrap_or_else(|error| panic!("{error}"))
}

fn failed(proof: &Proof) -> Vec<&Claim> {
    proof.claims.iter().filter(|claim| claim.verdict != Verdict::Passed).collect()
}

#[test]
fn what_is_sound_passes_for_every_seed() {
    for seed in [1, 20_261_123, u64::MAX >> 11] {
        for trial in ["heavy", "freeze", "M/M/4 at 0.5", "M/D/1 at 0.3", "30 users", "up and down", "fault"] {
            let proof = proof(seed, trial, None);
            assert!(failed(&proof).is_empty(), "seed {seed}, {trial}: {:#?}", failed(&proof));
            assert!(proof.requests > 0 && proof.claims.iter().any(|claim| claim.group != Group::Join));
        }
    }
}

#[test]
fn a_seed_repeats_the_proof() {
    let json = |seed| proof(seed, "M/M/1 at 0.5", None).json().to_string();
    assert_eq!(json(7), json(7));
    assert_ne!(json(7), json(8));
}

/// A harness that makes a mistake.
#[derive(Debug)]
struct Wrong {
    journal: Arc<Journal>,
    mistake: Mistake,
    lasts: Duration,
    seen: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    /// The time of sending is read a millisecond late.
    StampsLate,
    /// One request in a thousand is lost.
    Drops,
    /// Times are whole hundredths of a second.
    Rounds,
    /// What was sent in the last second is lost.
    LosesTheEnd,
    /// The due time is that of sending, as closed tools have it.
    ForgetsDueTimes,
}

impl Lens for Wrong {
    fn see(&self, sample: &mut Sample) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let round = |ns: u64| (ns + 5_000_000) / 10_000_000 * 10_000_000;
        match self.mistake {
            Mistake::StampsLate => sample.sent_ns = (sample.sent_ns + 1_000_000).min(sample.done_ns),
            Mistake::Drops if seen % 1_000 == 999 => return false,
            Mistake::Drops => {}
            Mistake::Rounds => sample.done_ns = sample.sent_ns + round(sample.service_ns()),
            Mistake::LosesTheEnd => {
                let end_ns = u64::try_from(self.lasts.as_nanos()).expect("a short trial");
                if sample.sent_ns + 1_000_000_000 > end_ns {
                    return false;
                }
            }
            Mistake::ForgetsDueTimes => sample.intended_ns = sample.done_ns - 5_000_000,
        }
        self.journal.see(sample)
    }
}

fn glass(mistake: Mistake) -> Glass {
    Arc::new(move |journal, lasts| Arc::new(Wrong { journal, mistake, lasts, seen: AtomicU64::new(0) }))
}

/// With the mistake planted, a claim with each of these texts fails, and no other claim.
#[track_caller]
fn check(mistake: Mistake, trial: &str, lines: &[&str]) {
    let proof = proof(11, trial, Some(glass(mistake)));
    let names: Vec<&str> = failed(&proof).iter().map(|claim| claim.name.as_str()).collect();
    for line in lines {
        assert!(names.iter().any(|name| name.contains(line)), "{mistake:?}: `{line}` passes; {names:#?}");
    }
    let others: Vec<_> = names.iter().filter(|name| !lines.iter().any(|line| name.contains(line))).collect();
    assert!(others.is_empty(), "{mistake:?}: failed as well: {others:#?}");
}

#[test]
fn each_planted_mistake_fails_on_its_line() {
    let quantiles = ["log-normal: p50", "log-normal: p95", "log-normal: p99"];
    let stamps = ["sent when it arrived", "the same service time"];
    check(Mistake::StampsLate, "log-normal", &[&quantiles[..], &stamps].concat());
    check(Mistake::Rounds, "fixed 7 ms", &["fixed 7 ms: p", "the same service time"]);
    let counts = ["every request id once", "same name", "same status", "counts all requests"];
    check(Mistake::Drops, "fixed 7 ms", &counts);
    check(Mistake::LosesTheEnd, "fixed 7 ms", &counts);
}

#[test]
fn the_same_mistakes_where_other_claims_see_them() {
    let counts = ["every request id once", "same name", "same status", "counts all requests"];
    // Lost arrivals are missing among those that were asked for.
    let missing = ["as many as asked"];
    check(Mistake::Drops, "constant arrivals", &[&counts[..], &missing, &["due time"]].concat());
    check(Mistake::LosesTheEnd, "constant arrivals", &[&counts[..], &missing].concat());
    check(Mistake::ForgetsDueTimes, "freeze, arrivals", &["p95", "p99", "p99.9"]);
    // A queue's truth is the ledger's alone, and stands.
    check(Mistake::Drops, "M/M/1 at 0.5", &counts);
}
