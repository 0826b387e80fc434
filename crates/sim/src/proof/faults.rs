//! Faults: each of the catalogue is counted by the harness as what it is, and as often as the ledger marks it.
//!
//! It must not know how the stub does any of them, only what its catalogue promises to a client.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use harness::{Arrivals, Load, SendError, Stage};
use measure::{Outcome, Sample};
use wire::LedgerEntry;

use super::ProofError;
use super::bench::Bench;
use super::claim::{Claim, Figure, Group, Unit};
use super::run::{Job, Options, Part};
use super::trial::{ASK, Evidence, Seen, Trial, one_agent};

/// What a struck request looks like to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// It is refused with this status.
    Refused(u16),
    /// It is throttled.
    Throttled,
    /// There is no answer, for this reason.
    Silence(Silence),
    /// There is an answer that is not what it should be.
    Broken,
    /// There is an answer, and it takes as long as the ledger says.
    Late,
    /// There is an answer like any other.
    Nothing,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    Reset,
    Closed,
}

impl Silence {
    fn text(self) -> String {
        match self {
            Self::Reset => SendError::Reset.to_string(),
            Self::Closed => SendError::Closed.to_string(),
        }
    }
}

/// One fault of the catalogue: what it is called, its parameters beside window and share, and what it shows.
type Case = (&'static str, &'static str, Shows);

const CASES: &[Case] = &[
    ("error_burst", "share = 0.5\nstatus = 502", Shows::Refused(502)),
    ("fail_first", "count = 25\nstatus = 500", Shows::Refused(500)),
    ("throttle_storm", "share = 0.5\nlayer = \"user\"", Shows::Throttled),
    ("token_starvation", "rate = 50\nburst = 10", Shows::Throttled),
    ("reset", "share = 0.5", Shows::Silence(Silence::Reset)),
    ("truncate", "share = 0.5", Shows::Silence(Silence::Closed)),
    ("corrupt", "share = 0.5", Shows::Broken),
    ("keep_alive_close", "share = 0.5", Shows::Nothing),
    ("slow_first_byte", "share = 0.5\ndelay = \"40ms\"", Shows::Late),
    ("freeze", "", Shows::Late),
    ("stall", "every = \"300ms\"\nlength = \"100ms\"", Shows::Late),
    ("leak", "share = 0.5\ndelay_per_s = \"100ms\"", Shows::Late),
    ("cold_start", "delay = \"80ms\"\nhalf_life = \"200ms\"", Shows::Late),
    ("plateau", "workers = 1", Shows::Late),
    ("collapse", "knee = 1\ncost = \"1ms\"", Shows::Late),
    ("lost_cache", "", Shows::Late),
    ("redis_outage", "", Shows::Nothing),
];

const RATE_PER_S: f64 = 150.0;
const RUN_TIME: Duration = Duration::from_millis(1_200);
/// When they begin and end, from when they are put in force; over sockets the load begins a little later.
const WINDOW: &str = "start = \"200ms\"\nend = \"900ms\"";
const START_NS: u64 = 200 * MS;
const END_NS: u64 = 900 * MS;
const DELAY_NS: u64 = 12 * MS;
const MS: u64 = 1_000_000;
/// What sockets may add in the mean: many answers leave at once when what held them ends.
const LOOPBACK_NS_MAX: f64 = 2_000_000.0;
/// The same, and what the moment at which a profile is put in force may be off by.
const IN_FORCE_NS_MAX: f64 = 4_000_000.0;

/// The trials.
pub(super) fn jobs(options: &Options, _is_virtual: bool) -> Vec<Job> {
    let job = |&(kind, parameters, shows): &Case| {
        let name = format!("fault {kind}");
        let top = match kind {
            // Something to lose.
            "lost_cache" => "answer_cache = { ttl = \"1h\", lookup = { fixed = \"1ms\" } }\n",
            _ => "",
        };
        let fault = format!("[[fault]]\nkind = \"{kind}\"\n{WINDOW}\n{parameters}\n");
        let scenario = match kind {
            // What is kept in Redis, if there is one.
            "redis_outage" => ASK
                .replace("\"POST\"", "\"GET\"")
                .replace("path = \"/ask\"", "path = \"/health\"")
                .replace("json = { user_id = \"proof\", query = \"Hello\" }\n", "")
                .replace(", json = [{ pointer = \"/answer\" }]", ""),
            _ => ASK.replace("status = [200]", "status = [200], throttled = [429]"),
        };
        let arrivals = Arrivals::Constant(vec![Stage::steady(RATE_PER_S)]);
        let trial = Trial {
            name: "fault".into(),
            profile: format!("{top}{}{fault}", one_agent(1_000_000, "{ fixed = \"12ms\" }")),
            scenario,
            load: Load::Open { arrivals, in_flight_max: 1_000_000 },
            run_time: RUN_TIME,
            seed: options.seed_of(&name),
        };
        let work = move |bench: &Bench| strike(bench, kind, shows, &trial);
        Job { name, group: Group::Faults, work: Box::new(work) }
    };
    CASES.iter().map(job).collect()
}

/// One request on both sides.
struct Pair {
    sample: Sample,
    is_marked: bool,
    /// What the ledger says it took.
    truth_ns: u64,
}

fn strike(bench: &Bench, kind: &str, shows: Shows, trial: &Trial) -> Result<Part, ProofError> {
    let mut samples: HashMap<String, Sample> = HashMap::new();
    let mut entries: Vec<LedgerEntry> = vec![];
    let evidence = bench.carry_out(trial, &mut |seen| match seen {
        Seen::Sample(sample) => drop(samples.insert(sample.request_id.to_string(), *sample)),
        Seen::Entry(entry) => entries.push(entry.clone()),
    })?;
    let pair = |entry: &LedgerEntry| {
        let sample = *samples.get(&entry.request_id)?;
        let is_marked = entry.faults.iter().any(|fault| fault == kind);
        Some(Pair { sample, is_marked, truth_ns: entry.written_ns.saturating_sub(entry.arrived_ns) })
    };
    let pairs: Vec<Pair> = entries.iter().filter_map(pair).collect();
    let marked = entries.iter().filter(|entry| entry.faults.iter().any(|fault| fault == kind)).count() as u64;
    let mut part = Part::of(&evidence);
    let note = format!("seed {}", trial.seed.0);
    let claims = claims(kind, shows, marked, &pairs, &evidence, bench.is_virtual());
    part.claims.extend(claims.into_iter().map(|claim| claim.noted(&note).unless(&evidence.invalid)));
    if marked == 0 {
        part.claims.push(unstruck(kind, bench.is_virtual()).noted(note));
    }
    Ok(part)
}

/// A fault that struck nobody proves nothing; but what a running stub does not have, it cannot lose.
fn unstruck(kind: &str, is_virtual: bool) -> Claim {
    let needed = u64::from(is_virtual || kind != "redis_outage");
    Claim::exact(Group::Faults, format!("{kind}: somebody was struck"), needed, 0, 0)
}

fn claims(
    kind: &str,
    shows: Shows,
    marked: u64,
    pairs: &[Pair],
    evidence: &Evidence,
    is_virtual: bool,
) -> Vec<Claim> {
    let counted = pairs.iter().filter(|pair| pair.is_marked && looks(shows, &pair.sample)).count() as u64;
    // Who is not struck is a success.
    let wrong =
        pairs.iter().filter(|pair| !pair.is_marked && pair.sample.outcome != Outcome::Success).count();
    let what = match shows {
        Shows::Refused(status) => format!("failures with status {status}"),
        Shows::Throttled => "throttled".to_owned(),
        Shows::Silence(_) => "failures without an answer".to_owned(),
        Shows::Broken => "failures with an answer".to_owned(),
        Shows::Late | Shows::Nothing => "successes".to_owned(),
    };
    let name = format!("{kind}: the struck are {what}, the others successes");
    let mut claims = vec![Claim::exact(Group::Faults, name, marked, counted, wrong as u64)];
    if let Some((what, in_file)) = in_run_file(shows, evidence) {
        claims.push(Claim::exact(Group::Faults, format!("{kind}: {what}"), marked, in_file, 0));
    }
    if shows == Shows::Late {
        let mean = |of: fn(&Pair) -> u64| {
            let struck = pairs.iter().filter(|pair| pair.is_marked);
            Figure(struck.map(of).sum::<u64>() as f64 / marked.max(1) as f64, Unit::Ns)
        };
        let (truth, measured) = (mean(|pair| pair.truth_ns), mean(|pair| pair.sample.service_ns()));
        let most = if is_virtual { 0.0 } else { LOOPBACK_NS_MAX };
        let name = format!("{kind}: mean service time of the struck");
        claims.push(Claim::apart(Group::Faults, name, truth, measured, most));
        claims.extend(promised(kind, pairs, measured, evidence.in_force_ns, is_virtual));
    }
    claims
}

/// The same against what the catalogue promises, where that follows from when a request was sent alone.
fn promised(
    kind: &str,
    pairs: &[Pair],
    measured: Figure,
    in_force_ns: u64,
    is_virtual: bool,
) -> Option<Claim> {
    let struck = || pairs.iter().filter(|pair| pair.is_marked);
    let at_ns = |pair: &Pair| pair.sample.sent_ns.saturating_sub(in_force_ns);
    let sum_ns = struck().map(|pair| promised_ns(kind, at_ns(pair))).sum::<Option<u64>>()?;
    let truth = Figure(sum_ns as f64 / struck().count().max(1) as f64, Unit::Ns);
    let most = if is_virtual { 1_000.0 } else { IN_FORCE_NS_MAX };
    let name = format!("{kind}: mean service time that the catalogue promises");
    Some(Claim::apart(Group::Faults, name, truth, measured, most))
}

/// What a struck request takes that is sent so long after the fault was put in force.
fn promised_ns(kind: &str, at_ns: u64) -> Option<u64> {
    let since_ns = at_ns.saturating_sub(START_NS);
    let ready_ns = at_ns + DELAY_NS;
    Some(match kind {
        "slow_first_byte" => DELAY_NS + 40 * MS,
        "freeze" => END_NS - at_ns,
        "stall" => {
            let into_ns = (ready_ns - START_NS) % (300 * MS);
            (ready_ns - into_ns + 100 * MS).min(END_NS) - at_ns
        }
        "leak" => DELAY_NS + since_ns / 10,
        "cold_start" => {
            let halves = since_ns as f64 / (200 * MS) as f64;
            DELAY_NS + (80e6 * libm::exp2(-halves)) as u64
        }
        _ => return None,
    })
}

fn looks(shows: Shows, sample: &Sample) -> bool {
    let seen = (sample.outcome, sample.status);
    match shows {
        Shows::Refused(status) => seen == (Outcome::Failure, status),
        Shows::Throttled => seen == (Outcome::Throttled, 429),
        Shows::Silence(_) => seen == (Outcome::Failure, 0),
        Shows::Broken => seen == (Outcome::Failure, 200),
        Shows::Late | Shows::Nothing => seen == (Outcome::Success, 200),
    }
}

/// How many the run file counts as that, and under which words.
fn in_run_file(shows: Shows, evidence: &Evidence) -> Option<(String, u64)> {
    let step = evidence.step();
    let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
    for error in &step.errors {
        *errors.entry(&error.error).or_default() += error.occurrences;
    }
    let with = |text: &str| errors.iter().filter(|(error, _)| error.contains(text)).map(|(_, n)| n).sum();
    Some(match shows {
        Shows::Refused(status) => {
            let text = format!("HTTPError('{status} ");
            (format!("errors `{text}…` in the run file"), with(&text))
        }
        Shows::Silence(error) => {
            let text = error.text();
            (format!("errors `{text}` in the run file"), with(&text))
        }
        Shows::Broken => ("errors `… not JSON …` in the run file".to_owned(), with("not JSON")),
        Shows::Throttled => {
            let of = |status: &&measure::StatusCount| status.status == 429;
            let count = step.statuses.iter().filter(of).map(|status| status.count).sum();
            ("status 429 in the run file".to_owned(), count)
        }
        Shows::Late | Shows::Nothing => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stub::Profile;

    #[test]
    fn every_fault_of_the_catalogue_has_its_case() {
        // The catalogue itself names what it knows when it is asked for what it does not know.
        let text = one_agent(1, "{ fixed = \"1ms\" }") + "[[fault]]\nkind = \"?\"\n";
        let wrong = Profile::parse("x.toml", &text).expect_err("no such fault").to_string();
        let names = wrong.split("give one of ").nth(1).expect("the names");
        let names: Vec<_> = names.lines().next().unwrap_or_default().split(", ").collect();
        let cases: Vec<_> = CASES.iter().map(|(kind, _, _)| *kind).collect();
        for name in &names {
            assert!(cases.contains(name), "`{name}` has no case");
        }
        assert_eq!(names.len(), cases.len());
    }
}
