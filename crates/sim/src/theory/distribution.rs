//! Quantiles of the normal and of Student's distribution. It must not know what they are used for.

/// The standard normal quantile of `p` in (0, 1): Newton's steps on erfc, begun with Acklam-like tail guesses
/// (Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.2.23).
pub fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let t = (-2.0 * libm::log(p)).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = top / bottom - t;
    for _ in 0..8 {
        let density = libm::exp(-x * x / 2.0) / (2.0 * std::f64::consts::PI).sqrt();
        let above = normal(x) - p;
        // Halley's step converges cubically.
        let step = above / density;
        x -= step / (1.0 + x * step / 2.0);
    }
    x
}

/// The standard normal distribution function.
pub(super) fn normal(x: f64) -> f64 {
    libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// The quantile of Student's t with `freedom` degrees of freedom, of `p` in (0, 1), by bisection of its distribution
/// function.
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    if p < 0.5 {
        return -student_quantile(1.0 - p, freedom);
    }
    let tail = 1.0 - p;
    let (mut low, mut high) = (0.0, 2.0);
    while student_tail(high, freedom) > tail && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if student_tail(middle, freedom) > tail { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// P(T > t) for t ≥ 0: half the regularised incomplete beta function I(ν / (ν + t²); ν/2, 1/2) (Abramowitz and
/// Stegun, 26.5.27 and 26.7.1).
fn student_tail(t: f64, freedom: f64) -> f64 {
    beta(freedom / (freedom + t * t), freedom / 2.0, 0.5) / 2.0
}

/// The regularised incomplete beta function I(x; a, b), by its continued fraction (Abramowitz and Stegun, 26.5.8),
/// evaluated after Lentz (Thompson and Barnett, 1986).
fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges quickly on the left of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(1.0 - x, b, a);
    }
    let log_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log(1.0 - x);
    let tiny = |x: f64| if x.abs() < 1e-300 { 1e-300 } else { x };
    let (mut c, mut d) = (1.0, 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for coefficient in [even, odd] {
            d = 1.0 / tiny(1.0 + coefficient * d);
            c = tiny(1.0 + coefficient / c);
            fraction *= c * d;
        }
        if (fraction / before - 1.0).abs() < 1e-15 {
            break;
        }
    }
    libm::exp(log_front) * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.995, 2.575_829_303_548_901),
            (0.000_1, -3.719_016_485_455_68),
            (1e-9, -5.997_807_015_007_687),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-9, "{p}: {}", normal_quantile(p));
        }
        for (p, freedom, t) in [
            (0.975, 1.0, 12.706_204_7),
            (0.975, 10.0, 2.228_138_9),
            (0.995, 19.0, 2.860_934_6),
            (0.9995, 29.0, 3.659_405),
            (0.025, 10.0, -2.228_138_9),
            (0.975, 1e6, 1.959_966_4),
        ] {
            let got = student_quantile(p, freedom);
            assert!((got / t - 1.0).abs() < 1e-6, "{p} {freedom}: {got}");
        }
    }
}
