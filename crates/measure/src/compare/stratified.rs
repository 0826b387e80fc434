//! How far a weighted mean of differences may be off by chance: strata of two runs, second by second.
//!
//! Both runs follow one plan, so the same second of a step means the same load in both: the differences between the two
//! runs' residuals are free of what the plan itself does to every run, such as its ramp. They are put together to batches
//! that resemble their neighbours no more (batch means; Law: Simulation Modeling and Analysis, 5th ed., 2015, 9.5.3), each
//! run's share in a batch being a residual of its stratum's mean (ratio estimator; Cochran: Sampling Techniques, 3rd ed.,
//! 1977, 6.4 and 5.6 for strata). It must not know what the values are.

/// At most so many batches in all: longer ones are less alike, and show what goes on slowly.
const BATCHES_MAX: usize = 64;
/// With fewer batches nothing is put together any further.
const BATCHES_MIN: usize = 20;
/// So many batches has even the shortest step; a step needs as many seconds.
pub(crate) const STEP_BATCHES_MIN: usize = 3;
/// Neighbouring batches that resemble each other no more than this need not be longer: what is left is accounted for.
const ALIKE_ENOUGH: f64 = 0.3;
/// From here on the runs are too short for what they measure.
const ALIKE_MAX: f64 = 0.5;
/// So many independent seconds must be in what is compared.
const SECONDS_EFFECTIVE_MIN: f64 = 15.0;
/// A stratum's few seconds may widen its residuals by at most this much.
const WIDENING_MAX: f64 = 2.0;

/// Squares that add up to less are what rounding leaves of values that are all the same.
const NOTHING: f64 = 1e-22;

/// What one stratum of one run holds in one second: so many values, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Second {
    pub(crate) count: f64,
    pub(crate) sum: f64,
}

/// One stratum of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Side {
    /// Second by second, from the step's start.
    pub(crate) seconds: Vec<Second>,
    /// All seconds together.
    pub(crate) all: Second,
    /// How much one unit of a value moves the estimate: 1 for a mean itself, 1 ÷ mean for its logarithm.
    pub(crate) slope: f64,
}

/// One stratum of both runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stratum {
    /// The step that it is of: strata of one step share its seconds.
    pub(crate) step: usize,
    /// Its weight in the estimate.
    pub(crate) weight: f64,
    pub(crate) a: Side,
    pub(crate) b: Side,
}

/// How far an estimate may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) variance: f64,
    /// Degrees of freedom of the variance.
    pub(crate) freedom: f64,
}

impl Side {
    pub(crate) fn of(seconds: Vec<Second>) -> Self {
        let all = seconds
            .iter()
            .fold(Second::default(), |all, s| Second { count: all.count + s.count, sum: all.sum + s.sum });
        Self { seconds, all, slope: 1.0 }
    }

    pub(crate) fn mean(&self) -> f64 {
        self.all.sum / self.all.count
    }
}

impl Stratum {
    fn sides(&self) -> [(&Side, f64); 2] {
        [(&self.a, -self.weight), (&self.b, self.weight)]
    }

    fn len(&self) -> usize {
        self.a.seconds.len().max(self.b.seconds.len())
    }

    /// Adds its residuals to the batches of its step.
    fn add_to(&self, residuals: &mut [f64], seconds: usize) {
        let batches = residuals.len();
        for (side, weight) in self.sides() {
            let mut sums = vec![Second::default(); batches];
            for (at, second) in side.seconds.iter().enumerate() {
                let sum = &mut sums[(at * batches / seconds).min(batches - 1)];
                *sum = Second { count: sum.count + second.count, sum: sum.sum + second.sum };
            }
            let share = |sum: &Second| (sum.count / side.all.count) * (sum.count / side.all.count);
            // Residuals from a mean of their own are too small: for independent values by 1 − Σ (share of a batch)².
            let kept = 1.0 - sums.iter().map(share).sum::<f64>();
            let widening = (1.0 / kept.max(1.0 / WIDENING_MAX)).sqrt();
            let factor = weight * widening * side.slope / side.all.count;
            for (residual, sum) in residuals.iter_mut().zip(&sums) {
                *residual += factor * (sum.sum - side.mean() * sum.count);
            }
        }
    }
}

/// The variance of Σ weight · slope · (mean of B − mean of A); `None` when the seconds are too few for how much they
/// resemble their neighbours. What is left of resemblance r widens the variance by (1 + r) / (1 − r).
///
/// The degrees of freedom are 3 (Σ d²)² / Σ d⁴ of the batches' residuals d, less one: those of a sum of squares
/// of unequal normal terms (Satterthwaite: Biometrics Bulletin 2, 1946, with E d⁴ = 3 σ⁴).
pub(crate) fn spread(strata: &[Stratum]) -> Option<Spread> {
    let steps = strata.iter().map(|stratum| stratum.step + 1).max()?;
    let mut seconds = vec![0; steps];
    for stratum in strata {
        seconds[stratum.step] = stratum.len().max(seconds[stratum.step]);
    }
    let total: usize = seconds.iter().sum();
    let alike_seconds = alike(&residuals(strata, &seconds, 1));
    if total as f64 * (1.0 - alike_seconds) / (1.0 + alike_seconds) < SECONDS_EFFECTIVE_MIN {
        return None;
    }
    let mut length = total.div_ceil(BATCHES_MAX);
    loop {
        let residuals = residuals(strata, &seconds, length);
        let count: usize = residuals.iter().map(Vec::len).sum();
        let alike = alike(&residuals);
        let is_last = count < BATCHES_MIN || length >= total;
        if alike <= ALIKE_ENOUGH || is_last {
            return (alike <= ALIKE_MAX).then(|| summed_up(&residuals, alike));
        }
        length *= 2;
    }
}

fn summed_up(residuals: &[Vec<f64>], alike: f64) -> Spread {
    let power = |exponent| residuals.iter().flatten().map(|d| f64::powi(*d, exponent)).sum::<f64>();
    let (squares, fourths) = (power(2), power(4));
    let all = residuals.iter().map(Vec::len).sum::<usize>() as f64;
    let terms = if squares > NOTHING { 3.0 * squares * squares / fourths } else { all };
    let freedom = (terms - 1.0).max(1.0);
    Spread { variance: squares * (1.0 + alike) / (1.0 - alike), freedom }
}

/// The residuals of each step, in batches of about `length` seconds.
fn residuals(strata: &[Stratum], seconds: &[usize], length: usize) -> Vec<Vec<f64>> {
    let batches = |&len: &usize| if len == 0 { 0 } else { (len / length).max(STEP_BATCHES_MIN.min(len)) };
    let mut residuals: Vec<Vec<f64>> = seconds.iter().map(|len| vec![0.0; batches(len)]).collect();
    for stratum in strata {
        stratum.add_to(&mut residuals[stratum.step], seconds[stratum.step]);
    }
    residuals
}

/// The residuals' first autocorrelation within steps, at least 0; few of them show less than there is, which is added.
fn alike(residuals: &[Vec<f64>]) -> f64 {
    let square = |step: &Vec<f64>| step.iter().map(|d| d * d).sum::<f64>();
    let squares: f64 = residuals.iter().map(square).sum();
    if squares <= NOTHING {
        return 0.0;
    }
    let products: f64 = residuals.iter().flat_map(|step| step.windows(2)).map(|pair| pair[0] * pair[1]).sum();
    // E[r] ≈ ρ − (1 + 4 ρ) / n for n residuals around one mean (Marriott, Pope: Biometrika 41, 1954); each step has its own.
    let lost: f64 =
        residuals.iter().filter(|step| !step.is_empty()).map(|step| square(step) / step.len() as f64).sum();
    let lost = lost / squares;
    ((products / squares + lost) / (1.0 - 4.0 * lost).max(0.5)).clamp(0.0, 0.95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::chance::two_sided_p;
    use crate::testing::Draw;

    const PAIRS: u64 = 200;
    const LEVEL: f64 = 0.03;

    fn normal(draw: &mut Draw) -> f64 {
        (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0
    }

    /// Seconds of four values each, around a level that follows x' = φ x + noise, and around what the plan does to all.
    fn side(phi: f64, drift: f64, seconds: usize, draw: &mut Draw) -> Side {
        let mut x = normal(draw) / (1.0 - phi * phi).sqrt();
        let second = |at: usize| {
            x = phi * x + normal(draw);
            let values = (0..4).map(|_| x + normal(draw)).sum::<f64>();
            Second { count: 4.0, sum: values + 4.0 * drift * at as f64 / seconds as f64 }
        };
        Side::of((0..seconds).map(second).collect())
    }

    /// How often a difference is found where there is none, how often nothing is said, how often independent
    /// values would have found one.
    fn alarms(phi: f64, drift: f64, steps: &[usize]) -> (f64, f64, f64) {
        let mut draw = Draw(steps.iter().sum::<usize>() as u64 + (phi * 100.0) as u64);
        let (mut found, mut silent, mut naive) = (0.0, 0.0, 0.0);
        for _ in 0..PAIRS {
            let stratum = |(step, &seconds): (usize, &usize)| Stratum {
                step,
                weight: seconds as f64 / steps.iter().sum::<usize>() as f64,
                a: side(phi, drift, seconds, &mut draw),
                b: side(phi, drift, seconds, &mut draw),
            };
            let strata: Vec<Stratum> = steps.iter().enumerate().map(stratum).collect();
            let value: f64 = strata.iter().map(|s| s.weight * (s.b.mean() - s.a.mean())).sum();
            match spread(&strata) {
                Some(spread) => {
                    let p = two_sided_p(value / spread.variance.sqrt(), spread.freedom);
                    found += f64::from(u32::from(p < LEVEL));
                }
                None => silent += 1.0,
            }
            let seconds = steps.iter().sum::<usize>() as f64;
            let alone = (2.0 * (1.0 / (1.0 - phi * phi) + 0.25) / seconds).sqrt();
            naive += f64::from(u32::from(value.abs() / alone > 2.170_09));
        }
        (found / (PAIRS as f64 - silent), silent / PAIRS as f64, naive / PAIRS as f64)
    }

    /// The level holds where the formula for independent seconds errs many times as often.
    #[test]
    fn a_difference_that_is_none_is_seldom_found() {
        let check = |phi: f64, drift: f64, steps: &[usize], silent_max: f64, naive_min: f64| {
            let (found, silent, naive) = alarms(phi, drift, steps);
            let what = format!("φ = {phi}, {steps:?} s");
            assert!(found <= 0.06, "{what}: found in {found}");
            assert!(silent <= silent_max, "{what}: silent in {silent}");
            assert!(naive >= naive_min, "{what}: independent ones in {naive}");
        };
        check(0.0, 0.0, &[60], 0.02, 0.0);
        check(0.0, 0.0, &[30, 60, 60, 120, 120, 180], 0.02, 0.0);
        // A drift that is the plan's own is in both runs.
        check(0.0, 30.0, &[60, 120], 0.02, 0.0);
        check(0.0, 0.0, &[3, 6, 6, 12, 12, 18], 0.05, 0.0);
        check(0.5, 0.0, &[120], 0.1, 0.1);
        check(0.8, 0.0, &[30, 60, 60, 120, 120, 180], 0.1, 0.25);
        check(0.9, 0.0, &[600], 0.3, 0.4);
    }

    #[test]
    fn a_level_that_holds_finds_what_is_there() {
        let mut draw = Draw(5);
        let found = (0..PAIRS).filter(|_| {
            let a = side(0.0, 0.0, 120, &mut draw);
            let mut b = side(0.0, 0.0, 120, &mut draw);
            b.seconds.iter_mut().for_each(|second| second.sum += second.count * 0.8);
            let b = Side::of(b.seconds);
            let value = b.mean() - a.mean();
            let spread = spread(&[Stratum { step: 0, weight: 1.0, a, b }]).expect("enough");
            two_sided_p(value / spread.variance.sqrt(), spread.freedom) < LEVEL
        });
        // The standard error is 0.144: 0.8 is 5.5 of them.
        assert!(found.count() as f64 / PAIRS as f64 > 0.97);
    }

    #[test]
    fn too_little_has_no_spread() {
        let flat = |count: usize| Side::of(vec![Second { count: 1.0, sum: 3.0 }; count]);
        let of = |count| spread(&[Stratum { step: 0, weight: 1.0, a: flat(count), b: flat(count) }]);
        assert_eq!(spread(&[]), None);
        assert_eq!(of(14), None);
        assert_eq!(of(30).map(|spread| spread.variance), Some(0.0));
        // A drift in one run alone is no chance: nothing can be said of what comes after it.
        let drift = (0..300).map(|at| Second { count: 1.0, sum: f64::from(at) }).collect();
        let strata = [Stratum { step: 0, weight: 1.0, a: flat(300), b: Side::of(drift) }];
        assert_eq!(spread(&strata), None);
    }
}
