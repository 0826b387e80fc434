//! Carries the trials out, side by side where time is virtual, and gathers their claims.
//!
//! It must not know what any one of them claims.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use wire::Seed;

use super::bench::Bench;
use super::claim::{Claim, Group, Verdict};
use super::server::Server;
use super::sums::Sums;
use super::trial::{Evidence, Glass};
use super::{ProofError, arrivals, closed, faults, freeze, quantiles, queues};

/// What is to be proven, and how thoroughly.
#[derive(Clone)]
pub struct Options {
    /// All chance follows from it.
    pub seed: Seed,
    /// Requests of each trial of quantiles and of queues, in virtual time.
    pub requests: u64,
    /// The groups of claims.
    pub groups: Vec<Group>,
    /// Only trials whose name holds this text.
    pub only: Option<String>,
    /// Trials at once, in virtual time.
    pub threads: usize,
    /// What stands before the recorder, if anything does.
    pub glass: Option<Glass>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Proof {
    /// It repeats the proof.
    pub seed: Seed,
    /// Whether it was in virtual time.
    pub simulated: bool,
    /// Requests of all trials.
    pub requests: u64,
    /// The claims, by group.
    pub claims: Vec<Claim>,
}

/// How far the proof has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Jobs that are done.
    pub done: usize,
    /// All of them.
    pub of: usize,
    /// The one that has just been.
    pub name: &'a str,
}

/// One trial or several, and the claims that are drawn from them.
pub(super) struct Job {
    pub(super) name: String,
    pub(super) group: Group,
    pub(super) work: Work,
}

/// What a job does.
pub(super) type Work = Box<dyn Fn(&Bench) -> Result<Part, ProofError> + Send + Sync>;

/// What comes of a job.
#[derive(Default)]
pub(super) struct Part {
    pub(super) claims: Vec<Claim>,
    pub(super) sums: Sums,
}

impl Part {
    /// A part with the sums of one trial.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut part = Self::default();
        part.sums.add(evidence);
        part
    }
}

impl Options {
    /// The seed of one trial.
    pub(super) fn seed_of(&self, name: &str) -> Seed {
        // Below 2^53, so that every JSON reader keeps it exact.
        Seed(self.seed.stream(&format!("proof/{name}"), 0).next_u64() >> 11)
    }
}

/// Proves it in virtual time, or against a running stub. `progress` hears of every job that is done; once `stop` is
/// set, no other begins.
///
/// # Errors
/// When a trial cannot be carried out, or the proof was told to stop.
pub fn prove(
    server: Option<Server>,
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
    stop: &AtomicBool,
) -> Result<Proof, ProofError> {
    let bench = Bench { server, glass: options.glass.clone() };
    let wanted = |job: &Job| {
        let named = options.only.as_ref().is_none_or(|text| job.name.contains(text.as_str()));
        // The join is drawn from all the others.
        named && (options.groups.contains(&job.group) || options.groups.contains(&Group::Join))
    };
    let jobs: Vec<Job> = jobs(options, bench.is_virtual()).into_iter().filter(wanted).collect();
    if jobs.is_empty() {
        return Err(ProofError::Nothing);
    }
    let threads = if bench.is_virtual() { options.threads.max(1) } else { 1 };
    let parts = side_by_side(&jobs, threads, &bench, progress, stop)?;
    let mut sums = Sums::default();
    let mut claims = vec![];
    for part in parts {
        sums.merge(&part.sums);
        claims.extend(part.claims);
    }
    let requests = sums.requests();
    claims.extend(sums.claims(bench.is_virtual()));
    claims.retain(|claim| options.groups.contains(&claim.group));
    claims.sort_by_key(|claim| claim.group);
    Ok(Proof { seed: options.seed, simulated: bench.is_virtual(), requests, claims })
}

fn jobs(options: &Options, is_virtual: bool) -> Vec<Job> {
    // The long ones first, so that no thread is left alone with them at the end.
    let all = [
        queues::jobs(options, is_virtual),
        quantiles::jobs(options, is_virtual),
        closed::jobs(options, is_virtual),
        freeze::jobs(options, is_virtual),
        arrivals::jobs(options, is_virtual),
        faults::jobs(options, is_virtual),
    ];
    all.into_iter().flatten().collect()
}

/// What each job gave, in their order.
fn side_by_side(
    jobs: &[Job],
    threads: usize,
    bench: &Bench,
    progress: &(dyn Fn(Progress<'_>) + Sync),
    stop: &AtomicBool,
) -> Result<Vec<Part>, ProofError> {
    let waiting: Mutex<VecDeque<usize>> = Mutex::new((0..jobs.len()).collect());
    let done: Mutex<Vec<(usize, Result<Part, ProofError>)>> = Mutex::default();
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(place) = next else { return };
            let part = (jobs[place].work)(bench);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((place, part));
            progress(Progress { done: done.len(), of: jobs.len(), name: &jobs[place].name });
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    if done.len() < jobs.len() {
        return Err(ProofError::Aborted);
    }
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, part)| part).collect()
}

impl Proof {
    /// How many claims have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.claims.iter().filter(|claim| claim.verdict == verdict).count()
    }

    /// The content of `truth.json`.
    pub fn json(&self) -> Value {
        json!({
            "format": "weaver-bench.truth/1",
            "version": env!("CARGO_PKG_VERSION"),
            "seed": self.seed.0,
            "simulated": self.simulated,
            "requests": self.requests,
            "passed": self.count(Verdict::Passed),
            "failed": self.count(Verdict::Failed),
            "not_judged": self.count(Verdict::NotJudged),
            "claims": self.claims.iter().map(Claim::json).collect::<Vec<_>>(),
        })
    }
}
