//! How often the test that decides a comparison errs and finds: pairs of whole baselines in virtual time.
//!
//! `compare_power [PAIRS] [PERCENT] [FIRST_SEED]`: PAIRS pairs (1,000) of the default profile against itself with independent
//! seeds, then a fifth as many against the profile with every median and P99 PERCENT (5) greater. It must not know how the
//! test works.

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use common::LOAD_TESTS;
use measure::Run;
use measure::compare::{Decision, decision};
use sim::simulate;
use stub::{Profile, Settings};

const MARGIN: f64 = 0.05;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| {
        arguments
            .get(at)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("`{text}`: no number")))
    };
    let (pairs, percent, first) = (number(0, 1_000), number(1, 5), number(2, 1));
    let plain = read("stub/default.toml");
    let slower = scaled(&plain, 100 + percent);
    show(&format!("A/A, {pairs} pairs, seeds from {first}"), &decisions(pairs, first, &plain, &plain));
    let (pairs, first) = (pairs.div_ceil(5), first + 2 * pairs);
    show(
        &format!("A/B +{percent} %, {pairs} pairs, seeds from {first}"),
        &decisions(pairs, first, &plain, &slower),
    );
}

fn read(path: &str) -> String {
    read_to_string(Path::new(LOAD_TESTS).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The profile with every median, P99 and mean so many percent of what they were.
fn scaled(profile: &str, percent: u64) -> String {
    let mut text = String::new();
    for part in profile.split_inclusive('"') {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let us = match part[digits.len()..].trim_end_matches('"') {
            "ms" => digits.parse().map(|ms: u64| ms * 1_000),
            "us" => digits.parse(),
            _ => {
                text.push_str(part);
                continue;
            }
        };
        match us {
            Ok(us) => text.push_str(&format!("{}us\"", us * percent / 100)),
            Err(_) => text.push_str(part),
        }
    }
    text
}

fn baseline(seed: u64, profile: &str) -> Run {
    let profile = Profile::parse("profile", profile).unwrap_or_else(|error| panic!("{error}"));
    simulate(common::plan(seed), Settings::suite(), profile).expect("a runtime").run
}

/// One decision a pair; pair n has the seeds first + 2 n and the next.
fn decisions(pairs: u64, first: u64, a: &str, b: &str) -> Vec<Decision> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut found = vec![];
        loop {
            let pair = next.fetch_add(1, Ordering::Relaxed);
            if pair >= pairs {
                return found;
            }
            let (run_a, run_b) = (baseline(first + 2 * pair, a), baseline(first + 2 * pair + 1, b));
            found.push(decision(&run_a, &run_b, MARGIN).expect("whole runs"));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    })
}

fn show(what: &str, found: &[Decision]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for decision in found {
        *counts.entry(decision.verdict.words()).or_default() += 1;
    }
    let whole = found.len().max(1) as f64;
    let share = |count: usize| format!("{:.1} %", count as f64 / whole * 100.0);
    let times: Vec<_> = found.iter().filter_map(|decision| decision.time).collect();
    let mean = |of: fn(&measure::compare::Change) -> f64| {
        times.iter().map(of).sum::<f64>() / times.len().max(1) as f64 * 100.0
    };
    let seen = times.iter().filter(|time| time.detectable <= MARGIN).count();
    println!("{what}");
    for (verdict, count) in counts {
        println!("  {verdict:<12} {count:>5}  {}", share(count));
    }
    println!(
        "  mean change {:+.2} %, could have seen {:.2} % in the mean",
        mean(|t| t.change),
        mean(|t| t.detectable)
    );
    println!("  could have seen {:.0} % in {} of the pairs", MARGIN * 100.0, share(seen));
}
