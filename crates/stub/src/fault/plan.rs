//! Faults as they are planned: checked data, and the pure functions of it. They must not know a clock.

use http::StatusCode;

use super::Fault;
use crate::latency::{DELAY_NS_MAX, capped_ns};
use crate::limiter::Layer;
use crate::redis::Condition;
use crate::settings::Limit;

/// One `[[fault]]` of a profile. Times count from when it was put in force.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaultPlan {
    pub(crate) start_ns: u64,
    /// `None`: for ever.
    pub(crate) end_ns: Option<u64>,
    /// Of the requests on its route; which ones is drawn for each id.
    pub(crate) share: f64,
    /// `None`: all but the operator's.
    pub(crate) route: Option<&'static str>,
    pub(crate) effect: Effect,
}

/// What a fault does, with its parameters; [`Fault`] says it in words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    ErrorBurst { status: StatusCode },
    FailFirst { count: u64, status: StatusCode },
    ThrottleStorm { layer: Layer },
    TokenStarvation { layer: Layer, limit: Limit },
    Reset,
    Truncate(Kept),
    Corrupt,
    KeepAliveClose,
    SlowFirstByte { delay_ns: u64 },
    Freeze,
    Stall { every_ns: u64, length_ns: u64 },
    Leak(LeakPlan),
    ColdStart { delay_ns: u64, half_life_ns: u64 },
    Plateau { workers: u32 },
    Collapse { knee: u32, cost_ns: u64 },
    LostCache,
    RedisOutage(Condition),
}

/// How much of a body is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept {
    Bytes(u64),
    Share(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeakPlan {
    pub(crate) delay_per_s_ns: u64,
    pub(crate) delay_ns_max: u64,
    pub(crate) memory_per_s_bytes: u64,
    pub(crate) memory_bytes_max: u64,
}

impl FaultPlan {
    /// Whether it is in force at a time since it was put there.
    pub(crate) fn is_on(&self, at_ns: u64) -> bool {
        self.start_ns <= at_ns && self.end_ns.is_none_or(|end_ns| at_ns < end_ns)
    }

    /// What it adds to a request that begins at `at_ns`, of `in_flight` together; whole microseconds.
    pub(crate) fn delay_ns(&self, at_ns: u64, in_flight: u64) -> u64 {
        let since_ns = at_ns.saturating_sub(self.start_ns);
        let delay_ns = match self.effect {
            Effect::SlowFirstByte { delay_ns } => delay_ns,
            Effect::Leak(plan) => plan.delay_ns(since_ns),
            Effect::ColdStart { delay_ns, half_life_ns } => {
                capped_ns(delay_ns as f64 * libm::exp2(-(since_ns as f64 / half_life_ns as f64)))
            }
            Effect::Collapse { knee, cost_ns } => {
                let over = in_flight.saturating_sub(u64::from(knee)) as f64;
                capped_ns(cost_ns as f64 * over * over / f64::from(knee))
            }
            _ => 0,
        };
        delay_ns.min(DELAY_NS_MAX) / 1_000 * 1_000
    }

    /// Until when an answer is held that is ready at `at_ns`; `None`: it is not.
    pub(crate) fn held_until_ns(&self, at_ns: u64) -> Option<u64> {
        if !self.is_on(at_ns) {
            return None;
        }
        match self.effect {
            Effect::Freeze => self.end_ns,
            Effect::Stall { every_ns, length_ns } => {
                let into_ns = (at_ns - self.start_ns) % every_ns;
                let until_ns = at_ns - into_ns + length_ns;
                (into_ns < length_ns).then(|| self.end_ns.map_or(until_ns, |end_ns| until_ns.min(end_ns)))
            }
            _ => None,
        }
    }
}

impl LeakPlan {
    fn delay_ns(self, since_ns: u64) -> u64 {
        capped_ns(self.delay_per_s_ns as f64 * (since_ns as f64 / 1e9)).min(self.delay_ns_max)
    }

    /// What is held so long after the start.
    pub(crate) fn memory_bytes(self, since_ns: u64) -> u64 {
        // `as` saturates.
        ((self.memory_per_s_bytes as f64 * (since_ns as f64 / 1e9)) as u64).min(self.memory_bytes_max)
    }
}

impl Kept {
    /// Bytes of a body of `len` that are sent: fewer than all, so nothing of an empty one is kept back.
    pub(crate) fn bytes(self, len: usize) -> Option<u64> {
        let most = (len as u64).checked_sub(1)?;
        Some(match self {
            Self::Bytes(bytes) => bytes.min(most),
            Self::Share(share) => ((len as f64 * share) as u64).min(most),
        })
    }
}

impl Effect {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::ErrorBurst { .. } => Fault::ErrorBurst,
            Self::FailFirst { .. } => Fault::FailFirst,
            Self::ThrottleStorm { .. } => Fault::ThrottleStorm,
            Self::TokenStarvation { .. } => Fault::TokenStarvation,
            Self::Reset => Fault::Reset,
            Self::Truncate(_) => Fault::Truncate,
            Self::Corrupt => Fault::Corrupt,
            Self::KeepAliveClose => Fault::KeepAliveClose,
            Self::SlowFirstByte { .. } => Fault::SlowFirstByte,
            Self::Freeze => Fault::Freeze,
            Self::Stall { .. } => Fault::Stall,
            Self::Leak(_) => Fault::Leak,
            Self::ColdStart { .. } => Fault::ColdStart,
            Self::Plateau { .. } => Fault::Plateau,
            Self::Collapse { .. } => Fault::Collapse,
            Self::LostCache => Fault::LostCache,
            Self::RedisOutage(_) => Fault::RedisOutage,
        }
    }

    /// Whether it strikes who is in its time when the answer is ready, and not who arrives in it.
    pub(crate) fn strikes_answers(&self) -> bool {
        matches!(self, Self::Freeze | Self::Stall { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;

    fn plan(effect: Effect) -> FaultPlan {
        FaultPlan { start_ns: 10 * S, end_ns: Some(20 * S), share: 1.0, route: None, effect }
    }

    #[test]
    fn windows_begin_and_end_where_they_say() {
        let bounded = plan(Effect::Reset);
        let endless = FaultPlan { end_ns: None, ..bounded.clone() };
        for (at_ns, expected) in
            [(0, [false; 2]), (10 * S - 1, [false; 2]), (10 * S, [true; 2]), (20 * S, [false, true])]
        {
            assert_eq!([bounded.is_on(at_ns), endless.is_on(at_ns)], expected, "{at_ns}");
        }
    }

    #[test]
    fn delays_follow_their_formulae() {
        let leak = LeakPlan {
            delay_per_s_ns: 10 * MS,
            delay_ns_max: 25 * MS,
            memory_per_s_bytes: 0,
            memory_bytes_max: 0,
        };
        let cold = Effect::ColdStart { delay_ns: 800 * MS, half_life_ns: 2 * S };
        let collapse = Effect::Collapse { knee: 10, cost_ns: MS };
        for (effect, at_ns, in_flight, expected_ns) in [
            (Effect::Leak(leak), 10 * S, 1, 0),
            (Effect::Leak(leak), 12 * S, 1, 20 * MS),
            (Effect::Leak(leak), 19 * S, 1, 25 * MS),
            (cold.clone(), 10 * S, 1, 800 * MS),
            (cold.clone(), 12 * S, 1, 400 * MS),
            (cold, 16 * S, 1, 100 * MS),
            (collapse.clone(), 10 * S, 10, 0),
            (collapse.clone(), 10 * S, 20, 10 * MS),
            (collapse.clone(), 10 * S, 30, 40 * MS),
            (collapse, 10 * S, u64::MAX, DELAY_NS_MAX),
            (Effect::SlowFirstByte { delay_ns: MS + 1 }, 10 * S, 1, MS),
            (Effect::Freeze, 10 * S, 1, 0),
        ] {
            assert_eq!(plan(effect.clone()).delay_ns(at_ns, in_flight), expected_ns, "{effect:?} {at_ns}");
        }
    }

    #[test]
    fn answers_are_held_to_the_right_end() {
        let stall = Effect::Stall { every_ns: 3 * S, length_ns: 2 * S };
        for (effect, at_ns, expected_ns) in [
            (Effect::Freeze, 10 * S - 1, None),
            (Effect::Freeze, 10 * S, Some(20 * S)),
            (Effect::Freeze, 20 * S - 1, Some(20 * S)),
            (Effect::Freeze, 20 * S, None),
            (stall.clone(), 10 * S, Some(12 * S)),
            (stall.clone(), 12 * S, None),
            (stall.clone(), 14 * S, Some(15 * S)),
            (stall, 19 * S, Some(20 * S)),
            (Effect::Corrupt, 15 * S, None),
        ] {
            assert_eq!(plan(effect.clone()).held_until_ns(at_ns), expected_ns, "{effect:?} {at_ns}");
        }
    }

    #[test]
    fn a_body_always_lacks_something() {
        for (kept, len, expected) in [
            (Kept::Bytes(3), 10, Some(3)),
            (Kept::Bytes(10), 10, Some(9)),
            (Kept::Share(0.5), 9, Some(4)),
            (Kept::Share(1.0), 9, Some(8)),
            (Kept::Share(0.0), 1, Some(0)),
            (Kept::Share(0.5), 0, None),
        ] {
            assert_eq!(kept.bytes(len), expected, "{kept:?} of {len}");
        }
    }
}
