//! How unlikely a deviation is, and how wide an interval must be: the few formulas of chance that are needed.
//! It must not know what is tested.

/// An upper bound of the chance that a sum of independent terms, none further than `bound` from its mean and of
/// this variance altogether, is off by `deviation` or more to either side (Bernstein's inequality; Boucheron,
/// Lugosi, Massart: Concentration Inequalities, 2013, theorem 2.10). A Poisson count obeys it with `bound` 1.
/// It needs no normal law, which few or rare terms do not follow.
pub(crate) fn bernstein_p(deviation: f64, variance: f64, bound: f64) -> f64 {
    if deviation <= 0.0 {
        return 1.0;
    }
    let spread = variance + bound * deviation / 3.0;
    if spread <= 0.0 {
        return 0.0;
    }
    (2.0 * libm::exp(-deviation * deviation / (2.0 * spread))).min(1.0)
}

/// The chance that `count` or more of `total` independent trials succeed, each with the chance `ratio`, which is between 0 and
/// 1: the binomial distribution's upper tail, summed up. 1 up to the mean.
pub(crate) fn binomial_above(count: u64, total: u64, ratio: f64) -> f64 {
    if count as f64 <= total as f64 * ratio {
        return 1.0;
    }
    let (successes, failures) = (count as f64, (total - count) as f64);
    let choose =
        libm::lgamma(total as f64 + 1.0) - libm::lgamma(successes + 1.0) - libm::lgamma(failures + 1.0);
    let mut term = libm::exp(choose + successes * libm::log(ratio) + failures * libm::log1p(-ratio));
    let (mut sum, mut at) = (0.0, count);
    // Beyond the mean each term is less than the one before.
    while term > sum * 1e-16 {
        sum += term;
        term *= (total - at) as f64 / (at + 1) as f64 * ratio / (1.0 - ratio);
        at += 1;
    }
    sum.min(1.0)
}

/// Degrees of freedom from which Student's quantile is taken to change no more; 0.01 above the normal one.
const FREEDOM_MAX: u32 = 300;

/// The 97.5 % quantile of Student's t: half the width of a 95 % interval, in standard errors.
///
/// The distribution is summed up after Abramowitz, Stegun: Handbook of Mathematical Functions, 26.7.3 and 26.7.4,
/// and inverted by halving. `freedom` must not be 0.
pub(crate) fn student_975(freedom: u32) -> f64 {
    let freedom = freedom.clamp(1, FREEDOM_MAX);
    let (mut low, mut high) = (1.0, 13.0);
    while high - low > 1e-9 {
        let middle = (low + high) / 2.0;
        if student_within(middle, freedom) < 0.95 { low = middle } else { high = middle }
    }
    high
}

/// The chance that |t| is no more than `t`.
pub(crate) fn student_within(t: f64, freedom: u32) -> f64 {
    let nu = f64::from(freedom);
    let (sine, cosine) = (t / (nu + t * t).sqrt(), (nu / (nu + t * t)).sqrt());
    let odd = freedom % 2 == 1;
    // The terms' powers of the cosine: 1, 3, 5, … or 0, 2, 4, …, up to `freedom` − 2.
    let mut term = if odd { cosine } else { 1.0 };
    let mut power = if odd { 1 } else { 0 };
    let mut sum = 0.0;
    while power + 2 <= freedom {
        sum += term;
        power += 2;
        term *= cosine * cosine * f64::from(power - 1) / f64::from(power);
    }
    if odd { std::f64::consts::FRAC_2_PI * (libm::atan(t / nu.sqrt()) + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_tail_is_that_of_the_coins() {
        for (count, total, ratio, expected) in [
            (1, 7, 0.01, 0.067_934_7),
            (7, 7, 0.01, 1e-14),
            (2, 100, 0.01, 0.264_238),
            (8, 10, 0.5, 0.054_687_5),
            (1, 100, 0.01, 1.0),
            (10_200, 1_000_000, 0.01, 0.022_742_5),
        ] {
            let got = binomial_above(count, total, ratio);
            assert!((got / expected - 1.0).abs() < 1e-4, "{count} of {total}: {got} is not {expected}");
        }
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        let table =
            [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (30, 2.0423), (120, 1.9799)];
        for (freedom, expected) in table {
            let got = student_975(freedom);
            assert!((got - expected).abs() < 5e-5, "{freedom}: {got} is not {expected}");
        }
        assert_eq!(student_975(100_000), student_975(FREEDOM_MAX));
    }

    /// P(|X − 4| ≥ d) of a Poisson count of mean 4, summed up, against the bound.
    #[test]
    fn the_bound_bounds() {
        let mut chance = libm::exp(-4.0);
        let mut chances = vec![];
        for count in 1..60 {
            chances.push(chance);
            chance *= 4.0 / f64::from(count);
        }
        for deviation in 1..30 {
            let off = |count: usize| (count as f64 - 4.0).abs() >= f64::from(deviation);
            let exact: f64 =
                chances.iter().enumerate().filter(|(count, _)| off(*count)).map(|(_, p)| p).sum();
            let bound = bernstein_p(f64::from(deviation), 4.0, 1.0);
            assert!(bound >= exact, "off by {deviation}: {exact} is more than {bound}");
        }
        assert_eq!(bernstein_p(0.0, 4.0, 1.0), 1.0);
        assert_eq!(bernstein_p(1.0, 0.0, 0.0), 0.0);
        assert!(bernstein_p(30.0, 4.0, 1.0) < 1e-10, "a bound that always says 1 tells nothing");
    }
}
