//! Always the same delay: `{ fixed = "5ms" }`. It must not draw.

use std::time::Duration;

use wire::Value;

use super::nanos;

/// The one delay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fixed {
    delay_ns: f64,
}

impl Fixed {
    pub(super) const NONE: Self = Self { delay_ns: 0.0 };
    pub(super) const MILLISECOND: Self = Self { delay_ns: 1e6 };

    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        Some(Self { delay_ns: nanos(value.read::<Duration>()?) })
    }

    pub(super) fn draw_ns(&self) -> f64 {
        self.delay_ns
    }

    pub(super) fn cdf(&self, ns: f64) -> f64 {
        if ns < self.delay_ns { 0.0 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use crate::latency::support::{draws, mistake};

    #[test]
    fn is_always_the_same() {
        assert!(draws(r#"{ fixed = "5ms" }"#).iter().all(|ns| *ns == 5_000_000));
        assert!(draws(r#"{ fixed = "9h" }"#).iter().all(|ns| *ns == super::super::DELAY_NS_MAX), "capped");
        mistake(r#"{ fixed = 5 }"#, "give a duration");
        mistake(r#"{ fixd = "5ms" }"#, "give exactly one of fixed, uniform");
    }
}
