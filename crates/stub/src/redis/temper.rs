//! How long Redis is waited for: as the real server waits, or as it should.
//!
//! Pure functions of numbers; it must not know a clock.

use std::time::Duration;

/// Of each connecting and each command, as the real server's client has it.
const REAL_LIMIT: Duration = Duration::from_secs(5);
/// Of connecting and command together, repaired.
const REPAIRED_LIMIT: Duration = Duration::from_millis(250);
/// How long Redis is left alone after a failure, repaired.
pub(super) const REST: Duration = Duration::from_secs(1);

/// How long Redis is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// As the real server: 5 s to connect and 5 s for each command, and every command tries again.
    Patient,
    /// Repaired: 250 ms in all, and after a failure Redis is left alone for a second.
    Brisk,
}

impl Temper {
    /// What the next step of a command may take, when `spent` has passed since the command began.
    pub(super) fn limit(self, spent: Duration) -> Duration {
        match self {
            Self::Patient => REAL_LIMIT,
            Self::Brisk => REPAIRED_LIMIT.saturating_sub(spent),
        }
    }

    /// What a whole command may take at most.
    pub(super) fn longest(self) -> Duration {
        match self {
            Self::Patient => REAL_LIMIT,
            Self::Brisk => REPAIRED_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patient_wait_anew_and_the_brisk_in_all() {
        let ms = Duration::from_millis;
        for (temper, spent, limit) in [
            (Temper::Patient, ms(0), ms(5_000)),
            (Temper::Patient, ms(4_999), ms(5_000)),
            (Temper::Brisk, ms(0), ms(250)),
            (Temper::Brisk, ms(200), ms(50)),
            (Temper::Brisk, ms(251), ms(0)),
        ] {
            assert_eq!(temper.limit(spent), limit, "{temper:?} after {spent:?}");
        }
    }
}
