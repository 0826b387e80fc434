//! The mean of a correlated series, and how far it can be trusted: batch means in bounded memory.
//!
//! Law and Carson, *A Sequential Procedure for Determining the Length of a Steady-State Simulation*, Operations
//! Research 27 (1979): batches are joined until their means are all but uncorrelated, judged by the von Neumann ratio
//! (Fishman, *Grouping Observations in Digital Simulation*, Management Science 24, 1978). It must not know what the
//! series is of.

use super::distribution::{normal_quantile, student_quantile};

/// Batches that are kept at most; when they are full, neighbours are joined.
const BATCHES_MAX: usize = 1_024;
/// Joining ends here: fewer say nothing of their variance.
const BATCHES_MIN: usize = 16;

/// A series, taken in one by one.
#[derive(Clone, Debug)]
pub struct BatchMeans {
    /// Sums of whole batches.
    sums: Vec<f64>,
    size: u64,
    /// What does not fill a batch yet.
    open: (f64, u64),
    total: (f64, u64),
}

/// A mean and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The standard error of it.
    pub error: f64,
    /// The interval's ends.
    pub ends: (f64, f64),
    /// How many batches it rests on.
    pub batches: usize,
}

impl Default for BatchMeans {
    fn default() -> Self {
        Self { sums: Vec::with_capacity(BATCHES_MAX), size: 1, open: (0.0, 0), total: (0.0, 0) }
    }
}

impl BatchMeans {
    /// The next value.
    pub fn add(&mut self, value: f64) {
        self.total = (self.total.0 + value, self.total.1 + 1);
        self.open = (self.open.0 + value, self.open.1 + 1);
        if self.open.1 < self.size {
            return;
        }
        self.sums.push(self.open.0);
        self.open = (0.0, 0);
        if self.sums.len() == BATCHES_MAX {
            self.sums = joined(&self.sums);
            self.size *= 2;
        }
    }

    /// The mean of all; `None` of nothing.
    pub fn mean(&self) -> Option<f64> {
        (self.total.1 > 0).then(|| self.total.0 / self.total.1 as f64)
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.total.1
    }

    /// The interval that misses the long-run mean with a probability of `risk`; `None` with too few values.
    pub fn interval(&self, risk: f64) -> Option<Interval> {
        let (mut sums, mut size) = (self.sums.clone(), self.size as f64);
        while sums.len() >= 2 * BATCHES_MIN && correlated(&sums) {
            sums = joined(&sums);
            size *= 2.0;
        }
        if sums.len() < BATCHES_MIN {
            return None;
        }
        let mean = self.mean()?;
        let means: Vec<f64> = sums.iter().map(|sum| sum / size).collect();
        let n = means.len() as f64;
        let centre = means.iter().sum::<f64>() / n;
        let moment = |k| means.iter().map(|mean| (mean - centre).powi(k)).sum::<f64>() / n;
        let variance = moment(2) * n / (n - 1.0);
        let error = (variance / n).sqrt();
        let t = student_quantile(1.0 - risk / 2.0, n - 1.0);
        // Means of waits lean to the right, and t alone would be too short on that side.
        let skew = if variance > 0.0 { moment(3) / (moment(2) * moment(2).sqrt()) } else { 0.0 };
        let ends = (mean + bent(-t, skew, n) * error, mean + bent(t, skew, n) * error);
        Some(Interval { mean, error, ends, batches: means.len() })
    }
}

/// Where the end of an interval lies, in standard errors, when the values lean by `skew`: the inverse of Hall's
/// transformation (Hall, *On the Removal of Skewness by Transformation*, JRSS B 54, 1992, formula 2.3), which is
/// increasing everywhere and so can be turned round.
fn bent(t: f64, skew: f64, n: f64) -> f64 {
    let a = skew / n.sqrt();
    if a.abs() < 1e-9 {
        return t;
    }
    // g(x) = x + a x²/3 + a² x³/27 + a/6; its inverse is 3 ((1 + a (y − a/6))^(1/3) − 1) / a.
    -3.0 / a * (libm::cbrt(1.0 + a * (-t - a / 6.0)) - 1.0)
}

fn joined(sums: &[f64]) -> Vec<f64> {
    sums.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect()
}

/// Whether neighbours are more alike than chance makes them at 20 %: von Neumann's ratio.
fn correlated(sums: &[f64]) -> bool {
    let n = sums.len() as f64;
    let mean = sums.iter().sum::<f64>() / n;
    let squares: f64 = sums.iter().map(|sum| (sum - mean) * (sum - mean)).sum();
    if squares == 0.0 {
        return false;
    }
    let successive: f64 = sums.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    let ratio = 1.0 - successive / (2.0 * squares);
    // The ratio estimates the first correlation; of independent values its deviation is about √((n − 2) / (n² − 1)).
    let deviation = ((n - 2.0) / (n * n - 1.0)).sqrt();
    ratio > normal_quantile(0.8) * deviation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::{WaitingLine, m_m_c_wait_s};
    use wire::Seed;

    fn of(values: impl Iterator<Item = f64>) -> BatchMeans {
        let mut means = BatchMeans::default();
        values.for_each(|value| means.add(value));
        means
    }

    #[test]
    fn what_is_joined_is_not_lost() {
        for count in [1u32, 15, 16, 1_023, 1_024, 1_025, 100_000] {
            let means = of((0..count).map(f64::from));
            assert_eq!(means.count(), u64::from(count));
            assert!((means.mean().expect("values") - f64::from(count - 1) / 2.0).abs() < 1e-6);
            assert!(means.sums.len() < BATCHES_MAX && means.sums.capacity() <= 2 * BATCHES_MAX);
            assert_eq!(means.sums.len() as u64 * means.size + means.open.1, u64::from(count));
        }
        assert_eq!(of((0..15).map(f64::from)).interval(0.05), None);
        // Nothing varies: the interval is a point.
        assert_eq!(of((0..100).map(|_| 3.0)).interval(0.05).map(|found| found.ends), Some((3.0, 3.0)));
    }

    /// How many of so many intervals miss, and how many hold with plain means of independent values.
    fn missed(rounds: u64, risk: f64, truth: f64, series: impl Fn(u64) -> BatchMeans) -> u64 {
        let holds = |ends: (f64, f64)| (ends.0..=ends.1).contains(&truth);
        (0..rounds).filter(|seed| !holds(series(*seed).interval(risk).expect("long enough").ends)).count()
            as u64
    }

    #[test]
    fn an_interval_misses_about_as_often_as_it_says() {
        // First order autoregression, correlation 0.9, mean 5.
        let regression = |seed: u64| {
            let mut stream = Seed(seed).stream("regression", 0);
            let mut value = 0.0;
            of((0..20_000).map(|_| {
                value = 0.9 * value + stream.unit() - 0.5;
                5.0 + value
            }))
        };
        let count = missed(400, 0.05, 5.0, regression);
        assert!((5..=50).contains(&count), "{count} of 400 at 5 %");
        // Waits in M/M/1 at ρ = 0.8 lean to the right.
        let waits = |seed: u64| {
            let mut stream = Seed(seed).stream("waits", 0);
            let mut line = WaitingLine::new(1);
            let mut at_ns = 0;
            of((0..30_000).map(|_| {
                at_ns += (-libm::log(stream.unit_open()) * 1e7 / 0.8) as u64;
                line.wait_ns(at_ns, (-libm::log(stream.unit_open()) * 1e7) as u64) as f64 / 1e9
            }))
        };
        let count = missed(200, 0.05, m_m_c_wait_s(1, 80.0, 0.01), waits);
        assert!((2..=30).contains(&count), "{count} of 200 at 5 %");
    }
}
