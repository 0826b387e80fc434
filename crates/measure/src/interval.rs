//! How far a mean or a percentile may be from what a run without end would show, with neighbours that resemble each other.
//!
//! The times of one load are not independent: a queue that is long stays long for a while, so that formulas for independent
//! samples give intervals that are far too narrow. Here whole seconds are put together to batches until
//! batches resemble each other no more: the method of batch means (Law: Simulation Modeling and Analysis, 5th ed.,
//! 2015, 9.5.3), of a ratio, because batches do not hold equally many requests (Cochran: Sampling Techniques,
//! 3rd ed., 1977, 6.4). It must not know what the seconds hold.

use crate::tails::student_975;

/// Fewer batches tell nothing of how batches differ.
pub(crate) const BATCHES_MIN: usize = 10;
/// More are not needed, and longer batches are less alike.
const BATCHES_MAX: usize = 32;
/// Neighbouring batches that resemble each other no more than this are as good as independent.
const ALIKE_ENOUGH: f64 = 0.1;
/// From here on the run is too short for what it measures.
const ALIKE_MAX: f64 = 0.5;
/// So many independent seconds must be in what was measured.
const SECONDS_EFFECTIVE_MIN: f64 = 15.0;

/// One second's share of a ratio Σ `part` / Σ `whole`: a sum of times among requests, or requests below a time among all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Second {
    pub(crate) part: f64,
    pub(crate) whole: f64,
}

/// Half the width of the 95 % interval around Σ part / Σ whole; `None` when the seconds are too few for how much they
/// resemble their neighbours, or there is nothing in them.
///
/// Batches are halved in number until the residuals' first autocorrelation r is at most 0.1, or there are no more than
/// 10 to 19. What is left of r widens the variance by (1 + r) / (1 − r) (as in Tafazzoli, Steiger, Wilson: Skart,
/// IEEE Trans. Autom. Control 56, 2011); with r beyond 0.6 there is no interval. Then Student's t with batches − 1.
pub(crate) fn half_width(seconds: &[Second]) -> Option<f64> {
    standard_error(seconds).map(|(error, batches)| student_975(batches as u32 - 1) * error)
}

/// The standard error of Σ part / Σ whole, and the number of batches it comes from; `None` as above.
pub(crate) fn standard_error(seconds: &[Second]) -> Option<(f64, usize)> {
    let (part, whole) = seconds.iter().fold((0.0, 0.0), |(p, w), second| (p + second.part, w + second.whole));
    if whole <= 0.0 {
        return None;
    }
    let alike_seconds = alike(&residuals(seconds, seconds.len(), part / whole));
    let effective = seconds.len() as f64 * (1.0 - alike_seconds) / (1.0 + alike_seconds);
    if effective < SECONDS_EFFECTIVE_MIN {
        return None;
    }
    let mut batches = seconds.len().min(BATCHES_MAX);
    while batches >= BATCHES_MIN {
        let residuals = residuals(seconds, batches, part / whole);
        let alike = alike(&residuals);
        let is_last = batches / 2 < BATCHES_MIN;
        if alike <= ALIKE_ENOUGH || (is_last && alike <= ALIKE_MAX) {
            let count = batches as f64;
            let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
            let variance = squares * count / (count - 1.0) * (1.0 + alike) / (1.0 - alike);
            return Some((variance.sqrt() / whole, batches));
        }
        batches /= 2;
    }
    None
}

/// What each batch has above its share.
fn residuals(seconds: &[Second], batches: usize, ratio: f64) -> Vec<f64> {
    let begin = |batch: usize| batch * seconds.len() / batches;
    let residual = |batch: usize| -> f64 {
        seconds[begin(batch)..begin(batch + 1)].iter().map(|second| second.part - ratio * second.whole).sum()
    };
    (0..batches).map(residual).collect()
}

/// The residuals' first autocorrelation, at least 0; few of them show less than there is, which is added.
fn alike(residuals: &[f64]) -> f64 {
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    if squares <= 0.0 {
        return 0.0;
    }
    let products: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let found = products / squares;
    // E[r] ≈ ρ − (1 + 4 ρ) / n for n residuals around their own mean (Marriott, Pope: Biometrika 41, 1954).
    let count = residuals.len() as f64;
    ((found + 1.0 / count) / (1.0 - 4.0 / count)).clamp(0.0, 0.95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    const RUNS: u64 = 300;

    /// Seconds whose means follow x' = φ x + noise.
    fn alike_seconds(phi: f64, count: usize, draw: &mut Draw) -> Vec<Second> {
        let mut normal = || (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0;
        let mut x = normal() / (1.0 - phi * phi).sqrt();
        let mut second = || {
            x = phi * x + normal();
            Second { part: 10.0 + x, whole: 1.0 }
        };
        (0..count).map(|_| second()).collect()
    }

    /// Waits in an M/M/1 queue at utilisation ρ with 20 arrivals a second, after Lindley; by second of arrival.
    fn queue_seconds(rho: f64, count: usize, draw: &mut Draw) -> Vec<Second> {
        let (mut wait, mut at) = (0.0f64, -200.0);
        let mut seconds = vec![Second::default(); count];
        while at < count as f64 {
            let gap = draw.exponential() / 20.0;
            wait = (wait + draw.exponential() * rho / 20.0 - gap).max(0.0);
            at += gap;
            if at >= 0.0
                && let Some(second) = seconds.get_mut(at as usize)
            {
                second.part += wait;
                second.whole += 1.0;
            }
        }
        seconds
    }

    /// How often the interval holds the truth, how often there is one, and how often one for independent seconds would.
    fn coverage(truth: f64, mut make: impl FnMut(&mut Draw) -> Vec<Second>) -> (f64, f64, f64) {
        let (mut held, mut given, mut naive) = (0.0, 0.0, 0.0);
        let mut draw = Draw(11);
        for _ in 0..RUNS {
            let seconds = make(&mut draw);
            let (part, whole) = seconds.iter().fold((0.0, 0.0), |(p, w), s| (p + s.part, w + s.whole));
            let off = (part / whole - truth).abs();
            if let Some(width) = half_width(&seconds) {
                given += 1.0;
                held += f64::from(u32::from(off <= width));
            }
            let residuals = residuals(&seconds, seconds.len(), part / whole);
            let deviation = residuals.iter().map(|r| r * r).sum::<f64>().sqrt() / whole;
            naive += f64::from(u32::from(off <= 1.96 * deviation));
        }
        (held / given, given / RUNS as f64, naive / RUNS as f64)
    }

    /// Near 95 % where formulas for independent seconds hold the truth far less often.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let check = |what: &str, (held, given, naive): (f64, f64, f64), held_min: f64, naive_max: f64| {
            assert!(held >= held_min && held <= 0.99, "{what}: holds it in {held}");
            assert!(given >= 0.7, "{what}: given in {given}");
            assert!(naive <= naive_max, "{what}: independent ones hold it in {naive}");
        };
        for (phi, count, held_min, naive_max) in [
            (0.0, 30, 0.93, 0.97),
            (0.0, 600, 0.93, 0.97),
            (0.5, 120, 0.92, 0.80),
            (0.8, 600, 0.92, 0.55),
            (0.9, 1_200, 0.92, 0.4),
        ] {
            let found = coverage(10.0, |draw| alike_seconds(phi, count, draw));
            check(&format!("{count} s, φ = {phi}"), found, held_min, naive_max);
        }
        for (rho, count, held_min, naive_max) in
            [(0.5, 120, 0.91, 0.95), (0.8, 600, 0.88, 0.7), (0.9, 1_800, 0.87, 0.45)]
        {
            let found = coverage(rho / 20.0 * rho / (1.0 - rho), |draw| queue_seconds(rho, count, draw));
            check(&format!("{count} s of M/M/1 at {rho}"), found, held_min, naive_max);
        }
    }

    #[test]
    fn too_little_gives_no_interval() {
        let flat = |count| vec![Second { part: 3.0, whole: 1.0 }; count];
        assert_eq!(half_width(&flat(14)), None);
        assert_eq!(half_width(&flat(30)), Some(0.0));
        assert_eq!(half_width(&[Second::default(); 100]), None);
        // A drift is no more independent the longer its seconds are put together.
        let drift: Vec<Second> = (0..300).map(|at| Second { part: f64::from(at), whole: 1.0 }).collect();
        assert_eq!(half_width(&drift), None);
    }
}
