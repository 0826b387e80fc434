//! How long users wait: Locust's wait times, drawn from the user's own stream.

use std::time::Duration;

use wire::Stream;

/// A time drawn uniformly between two bounds; equal bounds make it fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// At least.
    pub least: Duration,
    /// At most.
    pub most: Duration,
}

impl Span {
    /// Draws one, in nanoseconds.
    pub fn draw_ns(&self, stream: &mut Stream) -> u64 {
        let (least, most) = (nanos(self.least), nanos(self.most));
        if least == most { least } else { least + stream.below(most - least + 1) }
    }

    /// The mean, in seconds.
    pub fn mean_s(&self) -> f64 {
        (self.least.as_secs_f64() + self.most.as_secs_f64()) / 2.0
    }
}

/// How long a user waits after a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait {
    /// Uniform between two times.
    Between(Span),
    /// Always the same.
    Constant(Duration),
    /// So that tasks begin at least this far apart.
    ConstantPacing(Duration),
    /// So that at most this many tasks a second begin, for each user.
    ConstantThroughput(f64),
    /// Exponentially distributed, by its mean.
    Exponential(Duration),
}

impl Wait {
    /// When the next task is due, if the last one began at `begun_ns` and ended at `ended_ns`. By a pace it may be due
    /// before the last one has ended.
    pub fn due_ns(&self, begun_ns: u64, ended_ns: u64, stream: &mut Stream) -> u64 {
        match self {
            Self::Between(span) => ended_ns + span.draw_ns(stream),
            Self::Constant(time) => ended_ns + nanos(*time),
            Self::ConstantPacing(pace) => begun_ns + nanos(*pace),
            Self::ConstantThroughput(rate) => begun_ns + (1e9 / rate) as u64,
            // Inverse of the distribution function: −mean · ln(u), u in (0, 1].
            Self::Exponential(mean) => {
                ended_ns + (-libm::log(stream.unit_open()) * nanos(*mean) as f64) as u64
            }
        }
    }

    /// Whether tasks are due by a pace, and not so long after the last answer.
    pub fn is_paced(&self) -> bool {
        matches!(self, Self::ConstantPacing(_) | Self::ConstantThroughput(_))
    }

    /// Mean time from one task's begin to the next, in seconds, if the task itself takes `task_s`.
    pub fn mean_cycle_s(&self, task_s: f64) -> f64 {
        match self {
            Self::Between(span) => task_s + span.mean_s(),
            Self::Constant(time) | Self::Exponential(time) => task_s + time.as_secs_f64(),
            Self::ConstantPacing(pace) => task_s.max(pace.as_secs_f64()),
            Self::ConstantThroughput(rate) => task_s.max(1.0 / rate),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Seed;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn each_wait_keeps_its_mean_and_its_bounds() {
        let span = Span { least: S, most: 3 * S };
        for (wait, mean_s, least_s, most_s) in [
            (Wait::Between(span), 2.0, 1.0, 3.0),
            (Wait::Constant(S), 1.0, 1.0, 1.0),
            (Wait::ConstantPacing(5 * S), 4.75, 4.75, 4.75),
            (Wait::ConstantThroughput(0.5), 1.75, 1.75, 1.75),
            (Wait::Exponential(2 * S), 2.0, 0.0, 60.0),
        ] {
            let mut stream = Seed(5).stream("wait", 0);
            let (begun, ended) = (1_000_000_000, 1_250_000_000);
            let n = 20_000;
            let waits: Vec<f64> =
                (0..n).map(|_| (wait.due_ns(begun, ended, &mut stream) - ended) as f64 / 1e9).collect();
            let mean = waits.iter().sum::<f64>() / f64::from(n);
            // Five standard errors of the widest: 2 s / sqrt(20,000) · 5 = 0.07.
            assert!((mean - mean_s).abs() < 0.07, "{wait:?}: mean {mean}");
            assert!(waits.iter().all(|w| (least_s..=most_s).contains(w)), "{wait:?}");
        }
    }

    #[test]
    fn an_overrun_pace_was_due_before_the_end() {
        let mut stream = Seed(5).stream("wait", 0);
        assert_eq!(Wait::ConstantPacing(S).due_ns(0, 5_000_000_000, &mut stream), 1_000_000_000);
        assert_eq!(Wait::ConstantThroughput(0.5).due_ns(0, 5_000_000_000, &mut stream), 2_000_000_000);
    }
}
