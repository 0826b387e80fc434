//! Chances and quantiles of Student's t at any level, and the interval of a share. It must not know what is compared.

use crate::tails::student_within;

/// Degrees of freedom from which t is taken to change no more.
const FREEDOM_MAX: f64 = 1_000.0;
/// No quantile beyond this is asked for.
const T_MAX: f64 = 1e9;

fn whole(freedom: f64) -> u32 {
    freedom.clamp(1.0, FREEDOM_MAX) as u32
}

/// The chance of |t| or more to either side.
pub(crate) fn two_sided_p(t: f64, freedom: f64) -> f64 {
    (1.0 - student_within(t.abs(), whole(freedom))).clamp(0.0, 1.0)
}

/// What |t| stays below but for a chance of `level`.
pub(crate) fn two_sided_t(level: f64, freedom: f64) -> f64 {
    let freedom = whole(freedom);
    let (mut low, mut high) = (0.0, 2.0);
    while student_within(high, freedom) < 1.0 - level && high < T_MAX {
        (low, high) = (high, high * 2.0);
    }
    while high - low > 1e-9 * high {
        let middle = (low + high) / 2.0;
        if student_within(middle, freedom) < 1.0 - level { low = middle } else { high = middle }
    }
    high
}

/// The normal law's 97.5 % quantile.
pub(crate) const NORMAL_975: f64 = 1.959_964;

/// The 95 % interval of a share (Wilson: J. Amer. Statist. Assoc. 22, 1927).
fn wilson(part: f64, whole: f64) -> (f64, f64) {
    let (share, z2) = (part / whole, NORMAL_975 * NORMAL_975);
    let middle = (share + z2 / (2.0 * whole)) / (1.0 + z2 / whole);
    let width =
        NORMAL_975 / (1.0 + z2 / whole) * (share * (1.0 - share) / whole + z2 / (4.0 * whole * whole)).sqrt();
    ((middle - width).max(0.0), (middle + width).min(1.0))
}

/// The standard error of a difference of two shares of independent requests, from the wider half of its 95 % interval
/// (Newcombe: Statistics in Medicine 17, 1998, method 10): more than 0 also where neither has any.
pub(crate) fn shares_error(a: (f64, f64), b: (f64, f64)) -> f64 {
    let ((low_a, high_a), (low_b, high_b)) = (wilson(a.0, a.1), wilson(b.0, b.1));
    let (share_a, share_b) = (a.0 / a.1, b.0 / b.1);
    let down = libm::hypot(share_b - low_b, high_a - share_a);
    let up = libm::hypot(high_b - share_b, share_a - low_a);
    down.max(up) / NORMAL_975
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_chances_are_those_of_the_tables() {
        let table = [
            (0.05, 1.0, 12.7062),
            (0.01, 9.0, 3.2498),
            (0.001, 30.0, 3.6460),
            (0.05, 1e9, 1.9623),
            (0.0001, 2.0, 99.9925),
        ];
        for (level, freedom, expected) in table {
            let t = two_sided_t(level, freedom);
            assert!((t - expected).abs() < 2e-4 * expected, "{level} {freedom}: {t} is not {expected}");
            assert!((two_sided_p(t, freedom) / level - 1.0).abs() < 1e-4);
        }
        assert_eq!(two_sided_p(0.0, 5.0), 1.0);
    }

    #[test]
    fn the_difference_of_shares_is_newcombes() {
        // His example: 56/70 − 48/80 is 0.2, interval 0.0524 to 0.3339.
        let error = shares_error((48.0, 80.0), (56.0, 70.0));
        assert!((error * NORMAL_975 - (0.2 - 0.0524)).abs() < 1e-4, "{error}");
        assert!(
            shares_error((0.0, 100.0), (0.0, 100.0)) * NORMAL_975 > 0.03,
            "none of few may be some of many"
        );
    }
}
