//! Queues: measured waits against the recursion on the same arrivals and services, and their mean against theory.
//!
//! It must not know how the stub queues.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Arrivals, Load, Stage};
use wire::LedgerEntry;

use super::ProofError;
use super::bench::Bench;
use super::claim::{Claim, Figure, Group, Unit};
use super::run::{Job, Options, Part};
use super::trial::{ASK, Seen, Trial, one_agent};
use crate::theory::{Queue, Service, WaitingLine};

const SERVERS: [u32; 3] = [1, 4, 16];
const RHOS: [f64; 4] = [0.3, 0.5, 0.7, 0.9];
/// The chance that any mean strays from its interval though all is well, and how many there are.
const FAMILY_RISK: f64 = 0.001;
const MEANS: f64 = 22.0;
/// From so many requests on, a mean at one server and moderate load is within 1 % as well.
const MANY: u64 = 4_000_000;
/// Over sockets: what a hand-over from one request to the next may cost on average, added up along a queue.
const LOOPBACK_NS_MAX: f64 = 1_000_000.0;

/// The trials.
pub(super) fn jobs(options: &Options, is_virtual: bool) -> Vec<Job> {
    if !is_virtual {
        let small = [(1, 0.5), (4, 0.7)];
        return small
            .into_iter()
            .map(|(servers, rho)| job(options, servers, rho, Service::Exponential, false))
            .collect();
    }
    // The busiest take longest.
    let rhos = || RHOS.into_iter().rev();
    let exponential =
        SERVERS.into_iter().flat_map(|servers| rhos().map(move |rho| (servers, rho, Service::Exponential)));
    let fixed = rhos().map(|rho| (1, rho, Service::Fixed));
    exponential
        .chain(fixed)
        .map(|(servers, rho, service)| job(options, servers, rho, service, true))
        .collect()
}

fn job(options: &Options, servers: u32, rho: f64, service: Service, is_virtual: bool) -> Job {
    let kind = match service {
        Service::Exponential => format!("M/M/{servers}"),
        Service::Fixed => format!("M/D/{servers}"),
    };
    let name = format!("{kind} at {rho}");
    let seed = options.seed_of(&name);
    // Another mean service in each proof, so that no number is an accident of one.
    let drawn_us = 800 + seed.stream("service", 0).below(701);
    let service_us = if is_virtual { drawn_us } else { 10 * drawn_us };
    let service_s = service_us as f64 / 1e6;
    let queue = Queue { servers, arrivals_per_s: rho * f64::from(servers) / service_s, service_s, service };
    let delay = match service {
        Service::Exponential => format!("{{ exponential = {{ mean = \"{service_us}us\" }} }}"),
        Service::Fixed => format!("{{ fixed = \"{service_us}us\" }}"),
    };
    let run_time = match is_virtual {
        true => Duration::from_secs_f64(options.requests as f64 / queue.arrivals_per_s),
        false => Duration::from_secs(4),
    };
    let arrivals = Arrivals::Poisson(vec![Stage::steady(queue.arrivals_per_s)]);
    let trial = Trial {
        name: "queue".into(),
        profile: one_agent(servers, &delay),
        scenario: ASK.into(),
        load: Load::Open { arrivals, in_flight_max: 1_000_000 },
        run_time,
        seed,
    };
    let called = name.clone();
    let work = move |bench: &Bench| wait(bench, &called, &queue, &trial);
    Job { name, group: Group::Queues, work: Box::new(work) }
}

fn wait(bench: &Bench, name: &str, queue: &Queue, trial: &Trial) -> Result<Part, ProofError> {
    let first = bench.is_virtual().then_some(0);
    let mut waits = Waits::new(queue.servers, first);
    let evidence = bench.carry_out(trial, &mut |seen| {
        if let Seen::Entry(entry) = seen {
            waits.take(entry);
        }
    })?;
    waits.finish();
    let mut part = Part::of(&evidence);
    let ns = |ns: f64| Figure(ns, Unit::Ns);
    let (measured, recursion) = (ns(waits.mean_ns()), ns(waits.mean_by_recursion_ns()));
    let seed = format!("seed {}, {} requests", trial.seed.0, waits.count);
    if !bench.is_virtual() {
        let name = format!("{name}: mean wait by the recursion");
        let claim = Claim::apart(Group::Queues, name, recursion, measured, LOOPBACK_NS_MAX);
        part.claims.push(claim.noted(seed).unless(&evidence.invalid));
        return Ok(part);
    }
    let equal = waits.count - waits.wrong;
    let same = format!("{name}: waits equal to the recursion's");
    part.claims.push(Claim::exact(Group::Queues, same, waits.count, equal, waits.wrong).noted(&seed));
    let (low_s, high_s) = queue.ends_s(waits.count.max(1), FAMILY_RISK / MEANS, trial.seed);
    let truth = ns(queue.wait_s() * 1e9);
    let formula = if queue.service == Service::Fixed { "Pollaczek-Khinchine" } else { "Erlang C" };
    let mean = format!("{name}: mean wait by {formula}");
    let claim = Claim::within(Group::Queues, mean, truth, measured, (low_s * 1e9, high_s * 1e9));
    part.claims.push(claim.noted(format!("{seed}, family-wise 99.9 %")));
    let rho = queue.arrivals_per_s * queue.service_s / f64::from(queue.servers);
    if queue.servers == 1 && rho < 0.51 && waits.count >= MANY / 100 * 99 && waits.expected(trial) >= MANY {
        let mean = format!("{name}: mean wait within 1 % of {formula}");
        part.claims.push(Claim::share(Group::Queues, mean, truth, measured, 0.01).noted(seed));
    }
    Ok(part)
}

/// Waits of the ledger beside those of the recursion, in order of arrival. Entries come in the order in which they
/// closed; those that came early wait here.
#[derive(Debug)]
struct Waits {
    line: WaitingLine,
    early: BTreeMap<u64, Seat>,
    /// The arrival whose turn it is; without one, all wait for the end.
    next: Option<u64>,
    count: u64,
    wrong: u64,
    sum_ns: u64,
    sum_by_recursion_ns: u64,
}

/// One request at the queue.
#[derive(Clone, Copy, Debug)]
struct Seat {
    arrived_ns: u64,
    queued_ns: u64,
    /// `None` of a request that never was served.
    worked_ns: Option<u64>,
}

impl Waits {
    fn new(servers: u32, first: Option<u64>) -> Self {
        let line = WaitingLine::new(servers as usize);
        Self {
            line,
            early: BTreeMap::new(),
            next: first,
            count: 0,
            wrong: 0,
            sum_ns: 0,
            sum_by_recursion_ns: 0,
        }
    }

    fn take(&mut self, entry: &LedgerEntry) {
        let worked_ns = entry.stages.first().map(|stage| stage.worked_ns);
        let seat = Seat { arrived_ns: entry.arrived_ns, queued_ns: entry.queued_ns, worked_ns };
        self.early.insert(entry.arrival, seat);
        while let Some(next) = self.next
            && let Some(seat) = self.early.remove(&next)
        {
            self.judge(seat);
            self.next = Some(next + 1);
        }
    }

    fn judge(&mut self, seat: Seat) {
        self.count += 1;
        let Some(worked_ns) = seat.worked_ns else {
            self.wrong += 1;
            return;
        };
        let wait_ns = self.line.wait_ns(seat.arrived_ns, worked_ns);
        self.wrong += u64::from(wait_ns != seat.queued_ns);
        self.sum_ns += seat.queued_ns;
        self.sum_by_recursion_ns += wait_ns;
    }

    /// Those whose turn never came are judged in their order all the same.
    fn finish(&mut self) {
        for seat in std::mem::take(&mut self.early).into_values() {
            self.judge(seat);
        }
    }

    fn mean_ns(&self) -> f64 {
        self.sum_ns as f64 / self.count as f64
    }

    fn mean_by_recursion_ns(&self) -> f64 {
        self.sum_by_recursion_ns as f64 / self.count as f64
    }

    /// Requests that the trial was to have, in the mean.
    fn expected(&self, trial: &Trial) -> u64 {
        let rate = match &trial.load {
            Load::Open { arrivals, .. } => arrivals.stages().first().map_or(0.0, |stage| stage.from_per_s),
            Load::Closed { .. } => 0.0,
        };
        (rate * trial.run_time.as_secs_f64()).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::testing::entry;
    use wire::StageTime;

    fn served(number: u32, queued_ns: u64) -> LedgerEntry {
        let stage = StageTime {
            agent: "a".into(),
            queued_ns,
            connect_ns: None,
            planned_ns: 3_000_000,
            worked_ns: 3_000_000,
            batch: None,
            replica: None,
        };
        LedgerEntry { queued_ns, stages: vec![stage], ..entry(number) }
    }

    #[test]
    fn entries_are_judged_in_order_of_arrival() {
        // One a millisecond, 3 ms each: the k-th waits 2k ms.
        let right = |number| served(number, u64::from(number) * 2_000_000);
        for first in [Some(0), None] {
            let mut waits = Waits::new(1, first);
            [2, 0, 1, 4, 3].into_iter().for_each(|number| waits.take(&right(number)));
            waits.finish();
            assert_eq!((waits.count, waits.wrong, waits.mean_ns()), (5, 0, 4e6));
            assert_eq!(waits.mean_by_recursion_ns(), 4e6);
        }
        let mut waits = Waits::new(1, Some(0));
        waits.take(&right(0));
        waits.take(&served(1, 2_000_001));
        waits.take(&entry(2));
        assert_eq!((waits.count, waits.wrong), (3, 2));
    }
}
