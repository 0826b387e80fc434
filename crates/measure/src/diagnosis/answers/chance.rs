//! How likely so many events are by chance. It must not know what they are.

/// The chance of `count` or more events where `mean` are expected, of a Poisson distribution (Johnson, Kemp and Kotz,
/// *Univariate Discrete Distributions*, 3rd edition, 4.1); 1 where no more than the mean are asked for.
pub(super) fn poisson_tail(count: u64, mean: f64) -> f64 {
    if count == 0 || mean >= count as f64 {
        return 1.0;
    }
    if mean <= 0.0 {
        return 0.0;
    }
    let first = libm::exp(-mean + count as f64 * libm::log(mean) - libm::lgamma(count as f64 + 1.0));
    let (mut term, mut sum) = (first, first);
    for next in count + 1..count + 1_000 {
        term *= mean / next as f64;
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_formula() {
        // 1 − e⁻½; 1 − e⁻¹(1 + 1 + 1/2).
        for (count, mean, expected) in
            [(0, 1.0, 1.0), (1, 0.5, 0.393_469_340), (3, 1.0, 0.080_301_397), (5, 0.0, 0.0), (2, 5.0, 1.0)]
        {
            let got = poisson_tail(count, mean);
            assert!((got - expected).abs() < 1e-8, "{count} of {mean}: {got}");
        }
        let (less, more) = (poisson_tail(10, 1.0), poisson_tail(20, 1.0));
        assert!((1e-8..2e-7).contains(&less) && more < 1e-17, "{less} {more}");
    }
}
