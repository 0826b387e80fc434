//! What the tests of the models share: draws, and comparisons with the analytic truth.
//!
//! The bounds are six standard errors of the draw count, so a right model fails once in 10⁹ seeds.

use wire::{Seed, Source};

use super::LatencyModel;
use super::fit::{Fit, fit};

const DRAWS: usize = 100_000;
/// Sorted draws that are held against a distribution function.
const FITTED: u64 = 20_000;
const STANDARD_ERRORS: f64 = 6.0;

fn read(model: &str) -> Result<Option<LatencyModel>, wire::Mistakes> {
    let text = format!("delay = {model}");
    Source::read("model.toml", &text, |table| LatencyModel::read(&table.need_value("delay")?))
}

/// Many draws of the model that is written so.
pub(crate) fn draws(model: &str) -> Vec<u64> {
    let read = read(model).unwrap_or_else(|wrong| panic!("{wrong}")).expect("a model");
    // A stream a draw, as the stub takes them.
    (0..DRAWS as u64).map(|i| read.draw_ns(&mut Seed(11).stream("delay", i))).collect()
}

/// The model's draws have this mean and variance.
pub(crate) fn moments(model: &str, mean: f64, variance: f64) {
    let draws = draws(model);
    let n = draws.len() as f64;
    let mean_got = draws.iter().map(|x| *x as f64).sum::<f64>() / n;
    let central = |power: i32| draws.iter().map(|x| (*x as f64 - mean).powi(power)).sum::<f64>() / n;
    let error = (variance / n).sqrt();
    assert!((mean_got - mean).abs() < STANDARD_ERRORS * error, "{model}: mean {mean_got} is not {mean}");
    let (variance_got, error) = (central(2), ((central(4) - variance * variance) / n).sqrt());
    let near = (variance_got - variance).abs() < STANDARD_ERRORS * error;
    assert!(near, "{model}: variance {variance_got} is not {variance}");
}

/// Of the model's draws, this share lies below each point.
pub(crate) fn share_below(model: &str, points: &[(f64, f64)]) {
    let draws = draws(model);
    let n = draws.len() as f64;
    for (point, share) in points {
        let got = draws.iter().filter(|x| (**x as f64) < *point).count() as f64 / n;
        let error = (share * (1.0 - share) / n).sqrt();
        // A table's first and last value may be hit itself once in 10⁵ draws.
        let bound = STANDARD_ERRORS * error + 2.0 / n;
        assert!((got - share).abs() <= bound, "{model}: {got} below {point}, not {share}");
    }
}

/// The model's draws follow its own distribution function: by Kolmogorov and Smirnov, at 10⁻⁹.
pub(crate) fn follows_its_cdf(model: &str) {
    let read = read(model).unwrap_or_else(|wrong| panic!("{wrong}")).expect("a model");
    let draw = |i| read.draw_ns(&mut Seed(12).stream("delay", i));
    let mut draws: Vec<_> = (0..FITTED).map(draw).collect();
    draws.sort_unstable();
    let Fit { distance, p_value } = fit(&draws, |ns| read.drawn_shares(ns)).expect("draws");
    assert!(p_value > 1e-9, "{model}: {distance} away from its distribution function, p = {p_value}");
    let rising = draws.windows(2).all(|pair| read.cdf(pair[0] as f64) <= read.cdf(pair[1] as f64));
    assert!(rising, "{model}: its distribution function falls");
}

/// The model is refused with this remedy.
pub(crate) fn mistake(model: &str, remedy: &str) {
    let wrong = read(model).expect_err(model);
    assert!(wrong.0.iter().any(|m| m.remedy.contains(remedy)), "{model}: {wrong}");
}
