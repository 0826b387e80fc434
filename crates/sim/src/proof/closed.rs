//! Closed users who think and ask one station, against mean-value analysis.
//!
//! It must not know how users live.

use std::time::Duration;

use harness::Load;

use super::ProofError;
use super::bench::Bench;
use super::claim::{Claim, Figure, Group, Unit};
use super::run::{Job, Options, Part};
use super::trial::{ASK, Seen, Trial, one_agent};
use crate::theory::{BatchMeans, closed};

/// Users, think time and service in microseconds, servers.
const NETWORKS: [(u32, u64, u64, u32); 3] =
    [(10, 20_000, 2_000, 1), (30, 10_000, 1_500, 4), (60, 25_000, 5_000, 16)];
/// As in the open queues: their family is one.
const FAMILY_RISK: f64 = 0.001;
const MEANS: f64 = 22.0;
/// Answers before which the station is not yet as it will be.
const WARM_UP: u64 = 500;

/// The trials; sockets would add a time of their own to every cycle.
pub(super) fn jobs(options: &Options, is_virtual: bool) -> Vec<Job> {
    let networks = if is_virtual { &NETWORKS[..] } else { &[] };
    let job = |&(users, think_us, service_us, servers): &(u32, u64, u64, u32)| {
        let name = format!("{users} users, {servers} servers");
        let seed = options.seed_of(&name);
        let truth = closed(users, think_us as f64 / 1e6, servers, service_us as f64 / 1e6);
        let trial = Trial {
            name: "closed".into(),
            profile: one_agent(servers, &format!("{{ exponential = {{ mean = \"{service_us}us\" }} }}")),
            scenario: ASK.replace("{ constant = \"0s\" }", &format!("{{ exponential = \"{think_us}us\" }}")),
            load: Load::Closed { users, spawn_rate_per_s: 1e6 },
            run_time: Duration::from_secs_f64(options.requests as f64 / truth.answers_per_s),
            seed,
        };
        let called = name.clone();
        let work = move |bench: &Bench| {
            let (mut responses, mut gaps) = (BatchMeans::default(), BatchMeans::default());
            let (mut count, mut last_ns) = (0, 0);
            let evidence = bench.carry_out(&trial, &mut |seen| {
                let Seen::Sample(sample) = seen else { return };
                count += 1;
                if count > WARM_UP {
                    responses.add(sample.service_ns() as f64);
                    gaps.add(sample.done_ns.saturating_sub(last_ns) as f64);
                }
                last_ns = sample.done_ns;
            })?;
            let mut part = Part::of(&evidence);
            let note = format!("seed {}, family-wise 99.9 %", trial.seed.0);
            let pairs = [
                ("mean response", truth.response_s * 1e9, &responses),
                ("mean gap between answers", 1e9 / truth.answers_per_s, &gaps),
            ];
            for (what, truth_ns, series) in pairs {
                let name = format!("{called}: {what} by mean-value analysis");
                part.claims.push(claim(name, truth_ns, series).noted(&note));
            }
            Ok::<_, ProofError>(part)
        };
        Job { name, group: Group::Queues, work: Box::new(work) }
    };
    networks.iter().map(job).collect()
}

/// The interval is that of the measurement, laid around the truth.
fn claim(name: String, truth_ns: f64, series: &BatchMeans) -> Claim {
    let ns = |ns: f64| Figure(ns, Unit::Ns);
    let measured = series.mean().unwrap_or(f64::NAN);
    let (below, above) = series
        .interval(FAMILY_RISK / MEANS)
        .map_or((0.0, 0.0), |found| (found.ends.1 - found.mean, found.mean - found.ends.0));
    Claim::within(Group::Queues, name, ns(truth_ns), ns(measured), (truth_ns - below, truth_ns + above))
}
