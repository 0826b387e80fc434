//! Trials: a world, what is wrong with it, as strong as the severity asks, and what the rules found.
//!
//! The strength is found by carrying the same world out with one seed, so that nothing but the strength differs. It must
//! not know faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use measure::diagnosis::{Finding, diagnose};
use measure::{Run, conclude};

use super::figure::Figure;
use super::need::Need;
use super::truths::{Base, Truth, true_of};
use super::world::{Loads, World};
use crate::simulate;

/// Severities: how many spreads of healthy runs the figure moves.
pub const SEVERITIES: [f64; 3] = [2.0, 4.0, 10.0];
/// Healthy runs that a spread is taken from.
const HEALTHY_RUNS: u64 = 6;
/// Seeds that are tried until the fault strikes anything at all: a pause in which nobody asks is not to be seen.
const SEEDS_MAX: u64 = 3;
/// It is seen where the run's figure is moved by so much of what was asked, against the same seed in the sound world.
const SEEN_RATIO: f64 = 0.5;
/// Runs in search of a strength at most.
const STEPS_MAX: usize = 6;
/// A strength is found when it moves the figure by what is asked, this share more or less.
const CLOSE_RATIO: f64 = 0.15;

/// One run and what the rules found in it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What was wrong; `None` of a healthy run.
    pub truth: Option<&'static str>,
    /// Index into [`SEVERITIES`].
    pub severity: usize,
    /// The world's number.
    pub world: u64,
    /// The run's seed.
    pub seed: u64,
    /// How strong it was.
    pub strength: f64,
    /// What was found, as signs are written.
    pub signs: Vec<String>,
    /// Whether one of them is right.
    pub right: bool,
    /// Those that are neither right nor true as well.
    pub wrong: Vec<String>,
    /// The profile, to look at.
    pub profile: String,
    /// The run.
    pub run: Run,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// The name of a finding's sign, with its layer where it has one.
fn sign(finding: &Finding) -> String {
    format!("{:?}", finding.sign)
}

fn run_of(world: &World, seed: u64) -> Run {
    let (plan, settings, profile) = world.setup(seed).unwrap_or_else(|wrong| {
        panic!("world {} with seed {seed}: {wrong}\n{}", world.number, world.profile_text())
    });
    simulate(plan, settings, profile).expect("the system gives a runtime").run
}

fn figure(figure: Figure, run: &Run) -> f64 {
    figure.of(run, &conclude(run).expect("a whole run"))
}

/// What the rules find in a run of a world with this wrong with it.
pub fn judged(
    truth: Option<&'static Truth>,
    severity: usize,
    world: &World,
    (seed, strength): (u64, f64),
    run: Run,
) -> Trial {
    let conclusion = conclude(&run).expect("a whole run");
    let findings = diagnose(&run, &conclusion).expect("a whole run");
    let signs: Vec<String> = findings.iter().map(sign).collect();
    let among = |names: &[&str], sign: &String| names.contains(&sign.as_str());
    let (right, also) = truth.map_or((&[][..], &[][..]), |truth| (truth.right, truth.also));
    let mut wrong: Vec<String> = signs
        .iter()
        .filter(|sign| !among(right, sign) && !among(also, sign) && !among(true_of(world), sign))
        .cloned()
        .collect();
    let is_healthy_said = signs.iter().any(|sign| sign == "Healthy");
    if truth.is_some() && is_healthy_said {
        wrong.push("Healthy".to_owned());
    }
    Trial {
        truth: truth.map(|truth| truth.name),
        severity,
        world: world.number,
        seed,
        strength,
        right: match truth {
            Some(_) => signs.iter().any(|sign| among(right, sign)),
            None => wrong.is_empty(),
        },
        signs,
        wrong,
        profile: world.profile_text(),
        run,
        findings,
    }
}

/// Carries trials out, and remembers what healthy runs of a world showed.
#[derive(Debug)]
pub struct Bench {
    loads: Loads,
    seen: Mutex<BTreeMap<(u64, Need), Arc<Healthy>>>,
}

/// What healthy runs of a world showed.
#[derive(Debug)]
struct Healthy {
    base: Base,
    /// One a run, in the order of [`Figure::ALL`].
    figures: Vec<[f64; Figure::ALL.len()]>,
}

impl Healthy {
    fn of(world: &World) -> Self {
        let runs: Vec<Run> = (0..HEALTHY_RUNS).map(|at| run_of(world, seed_of(world.number, at))).collect();
        let figures = |run: &Run| {
            let conclusion = conclude(run).expect("a whole run");
            Figure::ALL.map(|figure| figure.of(run, &conclusion))
        };
        Self { base: base(&runs[0]), figures: runs.iter().map(figures).collect() }
    }

    /// What healthy runs show of a figure.
    fn shown(&self, figure: Figure) -> Vec<f64> {
        let at = Figure::ALL.iter().position(|other| *other == figure).unwrap_or_default();
        self.figures.iter().map(|figures| figures[at]).collect()
    }

    /// By how many spreads a figure differs between two runs.
    fn moved(&self, of: Figure, run: &Run, twin: &Run) -> f64 {
        let spread = deviation(&self.shown(of));
        if spread > 0.0 { (figure(of, run) - figure(of, twin)).abs() / spread } else { 0.0 }
    }
}

/// A healthy run of the world of this number.
pub fn healthy(number: u64, loads: Loads) -> Trial {
    let world = World::draw(number, loads);
    judged(None, 0, &world, (number, 0.0), run_of(&world, number))
}

impl Bench {
    /// Of worlds with these loads.
    pub fn new(loads: Loads) -> Self {
        Self { loads, seen: Mutex::default() }
    }

    fn healthy(&self, world: &World, need: Need) -> Arc<Healthy> {
        let key = (world.number, need);
        let known = self.seen.lock().expect("nobody panics with it").get(&key).cloned();
        known.unwrap_or_else(|| {
            let healthy = Arc::new(Healthy::of(world));
            self.seen.lock().expect("nobody panics with it").insert(key, healthy.clone());
            healthy
        })
    }

    /// One trial a severity in which it can be seen, of the world of this number.
    pub fn trials(&self, truth: &'static Truth, number: u64, severities: &[usize]) -> Vec<Trial> {
        let mut sound = World::draw(number, self.loads);
        truth.need().prepare(&mut sound);
        let healthy = self.healthy(&sound, truth.need());
        let figures = healthy.shown(truth.figure);
        let spread = deviation(&figures);
        let shift = |strength: f64| {
            let run = run_of(&truth.world(&sound, &healthy.base, strength), seed_of(number, 0));
            (figure(truth.figure, &run) - figures[0]).abs()
        };
        let mut begin = libm::sqrt(truth.strengths.0 * truth.strengths.1);
        let mut found = vec![];
        for &severity in severities {
            let strength = match truth.figure {
                Figure::None => Some(severity as f64 + 1.0),
                _ => solve(truth.strengths, begin, SEVERITIES[severity] * spread, shift),
            };
            let Some(strength) = strength else { continue };
            begin = strength * 1.5;
            let world = truth.world(&sound, &healthy.base, strength);
            let seeds = (0..SEEDS_MAX).map(|at| seed_of(number, 100 + 10 * at + severity as u64));
            let seen = seeds.filter_map(|seed| {
                let run = run_of(&world, seed);
                let twin = run_of(&sound, seed);
                // What moves no figure of its own has to move any by as much as the weakest.
                let is_seen = match truth.figure {
                    Figure::None => {
                        Figure::ALL.iter().any(|other| healthy.moved(*other, &run, &twin) >= SEVERITIES[0])
                    }
                    own => healthy.moved(own, &run, &twin) >= SEVERITIES[severity] * SEEN_RATIO,
                };
                (run.steps != twin.steps && is_seen).then_some((seed, run))
            });
            if let Some((seed, run)) = { seen }.next() {
                found.push(judged(Some(truth), severity, &world, (seed, strength), run));
            }
        }
        found
    }
}

fn seed_of(number: u64, at: u64) -> u64 {
    number.wrapping_mul(1_000).wrapping_add(at)
}

fn base(run: &Run) -> Base {
    let seconds = run.steps.iter().flat_map(|step| &step.intervals);
    let in_flight = seconds.map(|second| second.in_flight).max().unwrap_or(1);
    Base {
        ask_per_s: figure(Figure::Accepted, run),
        ask_ms: figure(Figure::Mean, run),
        in_flight: f64::from(in_flight.max(1)),
    }
}

/// Corrected for being few, against a spread of nothing at all.
fn deviation(figures: &[f64]) -> f64 {
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let variance = figures.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
    libm::sqrt(variance).max(mean.abs() * 1e-3)
}

/// The strength that shifts the figure by `wanted`: false position on logarithms between bounds that close in. `None`
/// where even the greatest shifts it by less than two thirds.
fn solve((least, most): (f64, f64), begin: f64, wanted: f64, shift: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut low, mut high) = (libm::log(least), libm::log(most));
    let mut at = libm::log(begin.clamp(least, most));
    let mut best: Option<(f64, f64)> = None;
    for _ in 0..STEPS_MAX {
        let moved = shift(libm::exp(at));
        let off = libm::log(moved.max(wanted * 1e-6) / wanted);
        if best.is_none_or(|(_, least_off)| off.abs() < least_off.abs()) {
            best = Some((at, off));
        }
        if off.abs() < CLOSE_RATIO {
            break;
        }
        if off > 0.0 {
            high = at
        } else {
            low = at
        }
        // Most figures follow a strength about in proportion: one step of that, if it stays inside.
        let next = at - off;
        at = if next > low && next < high { next } else { (low + high) / 2.0 };
    }
    best.filter(|(_, off)| (-0.4..1.5).contains(off)).map(|(at, _)| libm::exp(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_found_on_curves_of_all_kinds() {
        let check = |curve: fn(f64) -> f64, wanted: f64, expected: Option<f64>| {
            let got = solve((0.001, 1_000.0), 1.0, wanted, curve);
            let close = |(a, b): (f64, f64)| (a / b - 1.0).abs() < 0.2;
            assert!(
                got.is_some() == expected.is_some() && got.zip(expected).is_none_or(close),
                "{got:?} {expected:?}"
            );
        };
        check(|x| x, 50.0, Some(50.0));
        check(|x| 2.0 * x, 50.0, Some(25.0));
        check(|x| x * x, 0.01, Some(0.1));
        check(|x| x.min(10.0), 50.0, None);
    }
}
