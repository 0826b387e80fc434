//! Leaves Redis alone after a failure: a second of rest, then one trial, whose outcome decides.
//!
//! A state and pure steps on it; it must not know a clock or a connection.

use super::temper::REST;

/// Whether Redis may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Breaker {
    /// As usual.
    #[default]
    Closed,
    /// Not before this time.
    Open { until_ns: u64 },
    /// One command is trying.
    Trial,
}

/// Leave to ask; it ends in one of the three outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Usual,
    Trial,
}

impl Breaker {
    /// Leave for one command, if there is any.
    pub(super) fn admit(&mut self, now_ns: u64) -> Option<Pass> {
        match *self {
            Self::Closed => Some(Pass::Usual),
            Self::Open { until_ns } if until_ns <= now_ns => {
                *self = Self::Trial;
                Some(Pass::Trial)
            }
            Self::Open { .. } | Self::Trial => None,
        }
    }

    /// Redis answered.
    pub(super) fn answered(&mut self) {
        *self = Self::Closed;
    }

    /// Redis failed.
    pub(super) fn failed(&mut self, now_ns: u64) {
        *self = Self::Open { until_ns: now_ns + REST.as_nanos() as u64 };
    }

    /// Nobody waits for the command any more, so nothing is known; the next one may be the trial.
    pub(super) fn abandoned(&mut self, pass: Pass, now_ns: u64) {
        if pass == Pass::Trial && *self == Self::Trial {
            *self = Self::Open { until_ns: now_ns };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps at times in ms, and what each admission gave: u(sual), t(rial) or - for none.
    fn check(steps: &[(&str, u64)], admitted: &str) {
        let mut breaker = Breaker::default();
        let mut got = String::new();
        for (step, ms) in steps {
            let now_ns = ms * 1_000_000;
            match *step {
                "ask" => got.push(match breaker.admit(now_ns) {
                    Some(Pass::Usual) => 'u',
                    Some(Pass::Trial) => 't',
                    None => '-',
                }),
                "ok" => breaker.answered(),
                "fail" => breaker.failed(now_ns),
                "drop" => breaker.abandoned(Pass::Trial, now_ns),
                "drop usual" => breaker.abandoned(Pass::Usual, now_ns),
                other => panic!("no step {other}"),
            }
        }
        assert_eq!(got, admitted, "{steps:?}");
    }

    #[test]
    fn one_trial_after_a_second() {
        check(&[("ask", 0), ("ask", 0), ("ok", 1)], "uu");
        check(
            &[("ask", 0), ("fail", 5), ("ask", 6), ("ask", 1_004), ("ask", 1_005), ("ask", 1_006)],
            "u--t-",
        );
        check(&[("fail", 0), ("ask", 1_000), ("fail", 1_250), ("ask", 2_249), ("ask", 2_250)], "t-t");
        check(&[("fail", 0), ("ask", 1_000), ("ok", 1_001), ("ask", 1_001), ("ask", 1_001)], "tuu");
    }

    #[test]
    fn an_abandoned_trial_makes_room_for_the_next() {
        check(&[("fail", 0), ("ask", 1_000), ("drop", 1_100), ("ask", 1_100), ("ask", 1_100)], "tt-");
        check(&[("fail", 0), ("ask", 1_000), ("drop usual", 1_100), ("ask", 1_100)], "t-");
        check(&[("fail", 0), ("drop", 10), ("ask", 20)], "-");
    }
}
