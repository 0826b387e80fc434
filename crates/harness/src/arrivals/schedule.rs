//! The due times themselves, one after the other: an iterator, so that no schedule is ever held.
//! They depend on seed and step alone. It must not know the present, nor how many workers there are.

use std::sync::Arc;

use wire::{Seed, Stream};

use super::{Arrivals, Curve};

/// An arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// When it is due, microseconds since the step's start.
    pub(crate) due_us: u64,
}

/// All arrivals of a step, in order.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    source: Source,
    next: Option<u32>,
}

#[derive(Clone, Debug)]
enum Source {
    Constant(Curve),
    /// The sum of the increments so far.
    Poisson(Curve, Box<Stream>, f64),
    Replay(Arc<[u64]>),
}

impl Schedule {
    /// The schedule of the step that is called so.
    pub(crate) fn new(arrivals: &Arrivals, seed: Seed, step: &str) -> Self {
        let curve = Curve::new(arrivals.stages());
        let source = match arrivals {
            Arrivals::Constant(_) => Source::Constant(curve),
            Arrivals::Poisson(_) => {
                Source::Poisson(curve, Box::new(seed.stream(&format!("arrivals/{step}"), 0)), 0.0)
            }
            Arrivals::Replay(due_us) => Source::Replay(due_us.clone()),
        };
        Self { source, next: Some(0) }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    /// Ends when the rate does, and after 2³² arrivals: request ids have no more.
    fn next(&mut self) -> Option<Arrival> {
        let number = self.next?;
        let due_us = match &mut self.source {
            Source::Constant(curve) => whole_us(curve.time_of(f64::from(number))?),
            Source::Poisson(curve, stream, sum) => {
                *sum -= libm::log(stream.unit_open());
                whole_us(curve.time_of(*sum)?)
            }
            Source::Replay(due_us) => *due_us.get(number as usize)?,
        };
        self.next = number.checked_add(1);
        Some(Arrival { number, due_us })
    }
}

fn whole_us(t_s: f64) -> u64 {
    (t_s * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Gaps, Stage};
    use super::*;

    fn stage(from_per_s: f64, to_per_s: f64, lasts_s: u64) -> Stage {
        Stage { from_per_s, to_per_s, lasts: Some(Duration::from_secs(lasts_s)) }
    }

    fn check(arrivals: &Arrivals, count: usize, expected: &[(usize, u64)]) {
        let due_us: Vec<u64> =
            Schedule::new(arrivals, Seed(1), "s").take(1_000).map(|arrival| arrival.due_us).collect();
        let got: Vec<(usize, u64)> = expected.iter().map(|(number, _)| (*number, due_us[*number])).collect();
        assert_eq!(got, expected, "{arrivals:?}");
        assert_eq!(due_us.len(), count, "{arrivals:?}");
    }

    #[test]
    fn due_times_by_hand() {
        let constant = |stages: &[Stage]| Arrivals::Constant(stages.to_vec());
        let steady = constant(&[Stage::steady(100.0)]);
        check(&steady, 1_000, &[(0, 0), (1, 10_000), (2, 20_000), (999, 9_990_000)]);
        check(&constant(&[Stage::steady(3.0)]), 1_000, &[(1, 333_333), (2, 666_667), (3, 1_000_000)]);
        // From 0 to 100/s in 10 s: Λ(t) = 5 t², the k-th at √(k/5).
        let up = [(0, 0), (1, 447_214), (20, 2_000_000), (499, 9_989_995)];
        check(&constant(&[stage(0.0, 100.0, 10)]), 500, &up);
        // And back: Λ(t) = 100 t − 5 t², the k-th at 10 − √(100 − k/5).
        let down = [(0, 0), (100, 1_055_728), (499, 9_552_786)];
        check(&constant(&[stage(100.0, 0.0, 10)]), 500, &down);
        // Pauses, and the ramp after them.
        let pauses = [stage(0.0, 0.0, 1), stage(10.0, 10.0, 1), stage(0.0, 0.0, 1), stage(0.0, 100.0, 10)];
        let late = [(0, 1_000_000), (9, 1_900_000), (10, 3_000_000), (30, 5_000_000), (509, 12_989_995)];
        check(&constant(&pauses), 510, &late);
        let replay = Arrivals::Replay([0, 5, 5, 1_000_001].into());
        check(&replay, 4, &[(0, 0), (1, 5), (2, 5), (3, 1_000_001)]);
        // For ever: another version must not change what a seed means.
        let random = Arrivals::Poisson(vec![Stage::steady(100.0)]);
        check(&random, 1_000, &[(0, 2_652), (1, 34_418), (999, 9_854_392)]);
    }

    /// Whatever the rate does, the transformed gaps are uniform, and numbers in disjoint times are Poisson's.
    #[test]
    fn poisson_arrivals_are_what_they_are_called() {
        let ramps = vec![stage(0.0, 2_000.0, 10), stage(500.0, 500.0, 10), stage(2_000.0, 0.0, 10)];
        for (seed, stages, mean) in [(7, ramps, 25_000.0), (8, vec![stage(800.0, 800.0, 30)], 24_000.0)] {
            let arrivals = Arrivals::Poisson(stages);
            let curve = Curve::new(arrivals.stages());
            let mut gaps = Gaps::new(curve.clone(), 1.0);
            let due_us: Vec<u64> =
                Schedule::new(&arrivals, Seed(seed), "s").map(|arrival| arrival.due_us).collect();
            assert!(due_us.is_sorted() && due_us.last().is_some_and(|last_us| *last_us < 30_000_000));
            // Five standard deviations.
            let off = (due_us.len() as f64 - mean).abs();
            assert!(off < 5.0 * mean.sqrt(), "seed {seed}: {} arrivals for {mean}", due_us.len());
            let uniform: Vec<f64> = due_us.iter().map(|at_us| gaps.next(at_us * 1_000)).collect();
            let distance = kolmogorov(uniform);
            let limit = 2.5 / (due_us.len() as f64).sqrt();
            assert!(
                distance < limit,
                "seed {seed}: {distance} of {limit}, which chance exceeds once in 130,000"
            );
            // In each of 100 stretches with the same mean: variance over mean.
            let mut counts = [0.0; 100];
            for at_us in &due_us {
                counts[(curve.mean_until(*at_us as f64 / 1e6) / mean * 100.0).min(99.0) as usize] += 1.0;
            }
            let each = mean / 100.0;
            let dispersion = counts.iter().map(|n| (n - each) * (n - each)).sum::<f64>() / each / 100.0;
            // Standard deviation √(2/100): five of them.
            assert!((dispersion - 1.0).abs() < 0.71, "seed {seed}: {dispersion}");
        }
    }

    fn kolmogorov(mut uniform: Vec<f64>) -> f64 {
        uniform.sort_unstable_by(f64::total_cmp);
        let n = uniform.len() as f64;
        let off = |(i, u): (usize, &f64)| (u - i as f64 / n).abs().max((u - (i as f64 + 1.0) / n).abs());
        uniform.iter().enumerate().map(off).fold(0.0, f64::max)
    }

    #[test]
    fn a_step_has_its_own_due_times() {
        let arrivals = Arrivals::Poisson(vec![Stage::steady(10.0)]);
        let first = |seed, step| Schedule::new(&arrivals, Seed(seed), step).next();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }
}
