//! A rate that is a chain of straight lines, its integral and the inverse of that, all exact up to rounding.
//! It must not know what arrives.

use super::Stage;

/// The integrated rate Λ(t) of a chain of stages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    begin_s: f64,
    /// Λ at its begin.
    mean: f64,
    from_per_s: f64,
    to_per_s: f64,
    /// Infinite where the rate stays to the end of the load.
    lasts_s: f64,
}

impl Part {
    /// Λ(begin + t) − Λ(begin) = a·t + (b − a)·t²/(2T), for a rate from a to b in T.
    fn grown(&self, t_s: f64) -> f64 {
        let t_s = t_s.clamp(0.0, self.lasts_s);
        if self.lasts_s.is_infinite() {
            return self.from_per_s * t_s;
        }
        t_s * (self.from_per_s + (self.to_per_s - self.from_per_s) * (t_s / self.lasts_s) / 2.0)
    }

    /// The t for which it has grown by `y`: 2y / (a + √(a² + 2(b − a)·y/T)), the root's form without a difference of
    /// two equals.
    fn time_of(&self, y: f64) -> f64 {
        if y <= 0.0 {
            return 0.0;
        }
        let slope = (self.to_per_s - self.from_per_s) / self.lasts_s;
        // Rounding may put the root of a rate that goes to 0 below 0.
        let root = (self.from_per_s * self.from_per_s + 2.0 * slope * y).max(0.0).sqrt();
        (2.0 * y / (self.from_per_s + root)).min(self.lasts_s)
    }
}

impl Curve {
    pub(crate) fn new(stages: &[Stage]) -> Self {
        let (mut begin_s, mut mean) = (0.0, 0.0);
        let mut parts = vec![];
        for stage in stages {
            let lasts_s = stage.lasts.map_or(f64::INFINITY, |lasts| lasts.as_secs_f64());
            let (from_per_s, to_per_s) = (stage.from_per_s, stage.to_per_s);
            let part = Part { begin_s, mean, from_per_s, to_per_s, lasts_s };
            parts.push(part);
            begin_s += lasts_s;
            mean += part.grown(lasts_s);
        }
        Self { parts }
    }

    /// Λ(t): arrivals in the mean until then.
    pub(crate) fn mean_until(&self, t_s: f64) -> f64 {
        let part = self.parts.iter().rev().find(|part| part.begin_s <= t_s);
        part.map_or(0.0, |part| part.mean + part.grown(t_s - part.begin_s))
    }

    /// The latest t with Λ(t) ≤ `mean`; `None` when Λ never exceeds it.
    pub(crate) fn time_of(&self, mean: f64) -> Option<f64> {
        let part = self.parts.iter().find(|part| mean < part.mean + part.grown(part.lasts_s))?;
        Some(part.begin_s + part.time_of(mean - part.mean))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_inverse_undoes_the_integral() {
        let stage = |from_per_s, to_per_s, lasts_ms| Stage {
            from_per_s,
            to_per_s,
            lasts: Some(Duration::from_millis(lasts_ms)),
        };
        for stages in [
            vec![stage(0.0, 100.0, 30_000), stage(100.0, 100.0, 60_000), stage(100.0, 0.0, 1)],
            vec![stage(1e-3, 1e6, 86_400_000), Stage::steady(7.0)],
            vec![stage(1e6, 1e6 + 1e-6, 1_000), stage(5.0, 0.0, 10_000), Stage::steady(1.0)],
        ] {
            let curve = Curve::new(&stages);
            let length_s = curve.parts.iter().map(|part| part.lasts_s.min(100.0)).sum::<f64>();
            for step in 1..1_000 {
                let t_s = length_s * f64::from(step) / 1_000.0;
                let mean = curve.mean_until(t_s);
                let Some(back_s) = curve.time_of(mean) else { continue };
                let again = curve.mean_until(back_s);
                assert!((again - mean).abs() <= 1e-9 * mean.max(1.0), "{t_s} s: {mean} and {again}");
            }
        }
    }

    #[test]
    fn by_hand() {
        let lasts = Some(Duration::from_secs(10));
        let ramp = Stage { from_per_s: 0.0, to_per_s: 100.0, lasts };
        let curve = Curve::new(&[ramp, Stage { from_per_s: 0.0, to_per_s: 0.0, lasts }]);
        for (t_s, mean) in [(0.0, 0.0), (1.0, 5.0), (10.0, 500.0), (15.0, 500.0), (99.0, 500.0)] {
            assert_eq!(curve.mean_until(t_s), mean, "{t_s} s");
        }
        for (mean, t_s) in [(0.0, Some(0.0)), (5.0, Some(1.0)), (500.0, None)] {
            assert_eq!(curve.time_of(mean), t_s, "{mean}");
        }
        assert_eq!(Curve::new(&[Stage::steady(2.0)]).time_of(1e12), Some(5e11));
        assert_eq!(Curve::new(&[]).mean_until(1.0), 0.0);
    }
}
