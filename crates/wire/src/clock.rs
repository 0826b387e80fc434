//! The one clock: monotonic time, wall time and every wait go through it.
//!
//! In real time it reads the system's clocks and waits on the precise timer. In virtual time it
//! reads tokio's paused clock, where one tokio millisecond stands for one microsecond, because
//! tokio's timers tick in milliseconds and delays must be exact to a microsecond.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::timer::PreciseTimer;

/// How many tokio nanoseconds stand for one nanosecond of virtual time.
const VIRTUAL_SCALE: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Real,
    Virtual,
}

/// Time as a value: copy it, hand it in, ask it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    unix_start_ns: u64,
    scale: Scale,
}

/// The work did not end within its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct TimedOut;

impl Clock {
    /// Real time, starting now.
    #[expect(clippy::disallowed_methods, reason = "the one place where real time enters")]
    pub fn system() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), unix_start_ns: nanos(unix), scale: Scale::Real }
    }

    /// Real time, counted from a moment in the past: for one who goes on where another ended. By the wall clock, which
    /// alone both know; one that is in the future counts as now.
    pub fn since(unix_ns: u64) -> Self {
        let now = Self::system();
        let past = Duration::from_nanos(now.unix_start_ns.saturating_sub(unix_ns));
        let start = now.start.checked_sub(past).unwrap_or(now.start);
        Self { start, unix_start_ns: now.unix_start_ns.min(unix_ns), scale: Scale::Real }
    }

    /// Virtual time that starts at `unix_ns`; the runtime must be paused (`start_paused`).
    #[expect(clippy::disallowed_methods, reason = "the one place where virtual time enters")]
    pub fn at(unix_ns: u64) -> Self {
        Self { start: Instant::now(), unix_start_ns: unix_ns, scale: Scale::Virtual }
    }

    /// The system's wall clock, nanoseconds since the Unix epoch: it may jump, which no other time here does.
    #[expect(clippy::disallowed_methods, reason = "the one place where real time enters")]
    pub fn wall_unix_ns() -> u64 {
        nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Nanoseconds since the clock was made.
    #[expect(clippy::disallowed_methods, reason = "the one place where time is read")]
    pub fn now_ns(&self) -> u64 {
        let elapsed = nanos(Instant::now().saturating_duration_since(self.start));
        match self.scale {
            Scale::Real => elapsed,
            Scale::Virtual => elapsed / VIRTUAL_SCALE,
        }
    }

    /// Nanoseconds since the Unix epoch, now.
    pub fn unix_ns(&self) -> u64 {
        self.unix_start_ns + self.now_ns()
    }

    /// Nanoseconds since the Unix epoch when the clock was made.
    pub fn unix_start_ns(&self) -> u64 {
        self.unix_start_ns
    }

    /// Whether this is virtual time.
    pub fn is_virtual(&self) -> bool {
        self.scale == Scale::Virtual
    }

    /// Waits until `at_ns` on this clock: to about 0.1 ms in real time, to 1 µs (rounded up) in virtual time.
    pub async fn sleep_until(&self, at_ns: u64) {
        match self.scale {
            Scale::Real => {
                let deadline = self.start + Duration::from_nanos(at_ns);
                PreciseTimer::global().sleep_until(deadline.into_std()).await;
            }
            Scale::Virtual => {
                let deadline = self.start + Duration::from_nanos(at_ns.saturating_mul(VIRTUAL_SCALE));
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the one place where virtual time is waited for"
                )]
                tokio::time::sleep_until(deadline).await;
            }
        }
    }

    /// Waits for `duration` from now.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now_ns() + nanos(duration)).await;
    }

    /// Gives `work` at most `limit`; a limit may be late by a millisecond or two in real time.
    pub async fn timeout<F: Future>(&self, limit: Duration, work: F) -> Result<F::Output, TimedOut> {
        let scaled = match self.scale {
            Scale::Real => limit,
            Scale::Virtual => Duration::from_nanos(nanos(limit).saturating_mul(VIRTUAL_SCALE)),
        };
        #[expect(clippy::disallowed_methods, reason = "the one place where a limit is set")]
        tokio::time::timeout(scaled, work).await.map_err(|_| TimedOut)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn virtual_waits_are_exact_to_a_microsecond() {
        let clock = Clock::at(1_000);
        for (until_ns, woken_ns) in
            [(5_300, 6_000), (1_000_000, 1_000_000), (3_600_000_000_000, 3_600_000_000_000)]
        {
            clock.sleep_until(until_ns).await;
            assert_eq!(clock.now_ns(), woken_ns, "sleep until {until_ns}");
            assert_eq!(clock.unix_ns(), woken_ns + 1_000);
        }
        assert!(clock.is_virtual());
    }

    #[tokio::test(start_paused = true)]
    async fn virtual_timeouts_are_exact_too() {
        let clock = Clock::at(0);
        let never = std::future::pending::<()>();
        assert_eq!(clock.timeout(Duration::from_micros(7), never).await, Err(TimedOut));
        assert_eq!(clock.now_ns(), 7_000);
    }

    #[tokio::test]
    async fn real_waits_are_never_early() {
        let clock = Clock::system();
        for wait_us in [0, 50, 900, 3_000] {
            let due_ns = clock.now_ns() + wait_us * 1_000;
            clock.sleep_until(due_ns).await;
            assert!(clock.now_ns() >= due_ns, "woken before {wait_us} µs had passed");
        }
    }

    #[tokio::test]
    async fn one_who_goes_on_counts_from_the_same_moment() {
        let began_unix_ns = Clock::wall_unix_ns() - 5_000_000_000;
        let clock = Clock::since(began_unix_ns);
        assert_eq!(clock.unix_start_ns(), began_unix_ns);
        assert!(clock.now_ns() >= 5_000_000_000);
        let due_ns = clock.now_ns() + 1_000_000;
        clock.sleep_until(due_ns).await;
        assert!(clock.now_ns() >= due_ns);
        let early = Clock::since(u64::MAX);
        assert!(
            early.unix_start_ns() >= began_unix_ns && early.now_ns() < 5_000_000_000,
            "the future counts as now"
        );
    }
}
