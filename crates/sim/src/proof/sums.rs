//! What all trials together say of the join: every request once on both sides, and every output counts the same.
//!
//! It must not know what a trial was for.

use super::claim::{Claim, Figure, Group, Unit};
use super::join::Joined;
use super::trial::Evidence;

/// The sums of some trials.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    joined: Joined,
    outputs: Vec<Counted>,
    invalid: Vec<String>,
}

/// One output of all trials: what is true, what it says, and by how much it is off in all trials together.
#[derive(Clone, Debug)]
struct Counted {
    name: &'static str,
    truth: u64,
    said: u64,
    wrong: u64,
}

impl Sums {
    /// Takes in a trial.
    pub(super) fn add(&mut self, evidence: &Evidence) {
        let joined = &evidence.joined;
        self.joined.add(joined);
        let ended = joined.entries.saturating_sub(evidence.summary.total.cut_off);
        for output in &evidence.outputs {
            // What counts failures alone is held against those.
            let pairs = [(output.requests, ended), (output.failures, joined.failures)];
            let has_requests = output.name != "failures CSV";
            for (said, truth) in pairs.into_iter().skip(usize::from(!has_requests)) {
                // What cannot be read back is wrong altogether.
                let said_or_none = said.unwrap_or(0);
                let wrong = said.map_or(truth.max(1), |said| said.abs_diff(truth));
                self.count(Counted { name: output.name, truth, said: said_or_none, wrong });
            }
        }
        self.invalid.extend(evidence.invalid.iter().cloned());
    }

    fn count(&mut self, more: Counted) {
        match self.outputs.iter_mut().find(|counted| counted.name == more.name) {
            None => self.outputs.push(more),
            Some(counted) => {
                counted.truth += more.truth;
                counted.said += more.said;
                counted.wrong += more.wrong;
            }
        }
    }

    /// Takes in other trials.
    pub(super) fn merge(&mut self, other: &Self) {
        self.joined.add(&other.joined);
        other.outputs.iter().for_each(|counted| self.count(counted.clone()));
        self.invalid.extend(other.invalid.iter().cloned());
    }

    /// Entries of the ledger.
    pub(super) fn requests(&self) -> u64 {
        self.joined.entries
    }

    /// The claims of the join.
    pub(super) fn claims(&self, is_virtual: bool) -> Vec<Claim> {
        let joined = &self.joined;
        let exact =
            |name: &str, measured, wrong| Claim::exact(Group::Join, name, joined.entries, measured, wrong);
        let mut claims = vec![
            exact("every request id once on both sides", joined.pairs, joined.unpaired),
            exact("pairs have the same name", joined.pairs - joined.misnamed, joined.misnamed),
            exact("pairs have the same status", joined.pairs - joined.misstated, joined.misstated),
        ];
        if is_virtual {
            for (name, apart_ns) in [
                ("pairs: sent when it arrived", joined.sent_apart_ns),
                ("pairs: the same service time", joined.service_apart_ns),
            ] {
                let ns = |ns: u64| Figure(ns as f64, Unit::Ns);
                claims.push(Claim::apart(Group::Join, name, ns(0), ns(apart_ns), 0.0));
            }
        }
        for Counted { name, truth, said, wrong } in &self.outputs {
            let what = if *name == "failures CSV" { "failures" } else { "requests and failures" };
            claims.push(Claim::exact(
                Group::Join,
                format!("{name} counts all {what}"),
                *truth,
                *said,
                *wrong,
            ));
        }
        claims
    }
}
