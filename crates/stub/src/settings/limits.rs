//! The three rate limits, and how what is written about them comes together. They must not know buckets.

/// One rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Lifted: nothing is counted.
    Off,
    /// A bucket of `burst` requests, refilled at `rate` a second. A burst below 1 refuses everything; a rate of 0
    /// never refills, and one below 0 empties.
    PerSecond {
        /// Requests a second.
        rate: i64,
        /// Requests at once.
        burst: i64,
    },
}

impl Limit {
    /// A limit of `rate` a second with `burst` at once.
    pub const fn per_second(rate: i64, burst: i64) -> Self {
        Self::PerSecond { rate, burst }
    }

    /// Half of it, rounded down: what the real server gives one address of what it gives one user.
    pub const fn halved(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::PerSecond { rate, burst } => {
                Self::PerSecond { rate: rate.div_euclid(2), burst: burst.div_euclid(2) }
            }
        }
    }

    /// That many times as much.
    const fn times(self, factor: i64) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::PerSecond { rate, burst } => {
                Self::PerSecond { rate: rate.saturating_mul(factor), burst: burst.saturating_mul(factor) }
            }
        }
    }
}

/// The three rate limits, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of each user.
    pub user: Limit,
    /// Of each client address.
    pub address: Limit,
    /// Of all together.
    pub global: Limit,
}

impl Limits {
    /// No limit at all.
    pub const OFF: Self = Self { user: Limit::Off, address: Limit::Off, global: Limit::Off };

    /// The limits that follow from the user's as in the real server: half for an address, 100 in all.
    pub const fn of_user(user: Limit) -> Self {
        Self { user, address: user.halved(), global: Limit::per_second(100, 100) }
    }

    /// The same with [`crate::Quirk::GlobalLimit`] repaired: ten times a user's in all.
    pub const fn of_user_repaired(user: Limit) -> Self {
        Self { global: user.times(10), ..Self::of_user(user) }
    }
}

/// One number of a limit, as it is written.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Off,
    Number(i64),
}

/// `limit` with what was written in place of its rate and burst; `off` in either lifts it.
pub(super) fn with(limit: Limit, rate_written: Option<Part>, burst_written: Option<Part>) -> Limit {
    if matches!(rate_written, Some(Part::Off)) || matches!(burst_written, Some(Part::Off)) {
        return Limit::Off;
    }
    let (rate, burst) = (number(rate_written), number(burst_written));
    match (limit, rate.or(burst)) {
        (_, None) => limit,
        // Over a lifted limit one number stands for both.
        (Limit::Off, Some(n)) => Limit::PerSecond { rate: rate.unwrap_or(n), burst: burst.unwrap_or(n) },
        (Limit::PerSecond { rate: rate_before, burst: burst_before }, _) => {
            Limit::PerSecond { rate: rate.unwrap_or(rate_before), burst: burst.unwrap_or(burst_before) }
        }
    }
}

fn number(part: Option<Part>) -> Option<i64> {
    match part {
        Some(Part::Number(n)) => Some(n),
        Some(Part::Off) | None => None,
    }
}
