//! A bucket of one layer that throws fractions away, as a fault: in front of the real limits, which stand as they are.
//!
//! It must not read a clock.

use super::Layer;
use super::truncating::Truncating;
use crate::settings::{Limit, Limits};

/// The buckets of one layer: one a user, one an address, or one for all.
pub(crate) struct Starving(Truncating);

impl Starving {
    /// Full buckets of this size at `unix_ns`.
    pub(crate) fn new(layer: Layer, limit: Limit, unix_ns: u64) -> Self {
        let mut limits = Limits::OFF;
        *match layer {
            Layer::User => &mut limits.user,
            Layer::Address => &mut limits.address,
            Layer::Global => &mut limits.global,
        } = limit;
        Self(Truncating::new(limits, unix_ns))
    }

    /// Whether one more request of `user` from `address` gets a token.
    pub(crate) fn admits(&self, unix_ns: u64, user: &str, address: &str) -> bool {
        self.0.admit(unix_ns, user, address).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_has_buckets_of_its_own() {
        const SECOND_NS: u64 = 1_000_000_000;
        let asked = [("u", "a", 0), ("u", "b", 0), ("v", "a", 0), ("w", "c", 0), ("u", "a", SECOND_NS)];
        for (layer, expected) in [(Layer::User, ".x..."), (Layer::Address, "..x.."), (Layer::Global, ".xxx.")]
        {
            let starving = Starving::new(layer, Limit::per_second(1, 1), 0);
            let admits = |(user, address, at_ns)| starving.admits(at_ns, user, address);
            let got: String = asked.map(|one| if admits(one) { '.' } else { 'x' }).iter().collect();
            assert_eq!(got, expected, "{layer:?}");
        }
    }

    #[test]
    fn who_asks_too_often_gets_nothing_back() {
        let starving = Starving::new(Layer::User, Limit::per_second(10, 1), 0);
        let every_ms =
            |gap_ms: u64| (1..50).filter(|n| starving.admits(n * gap_ms * 1_000_000, "u", "a")).count();
        assert_eq!(every_ms(99), 1);
        let patient = Starving::new(Layer::User, Limit::per_second(10, 1), 0);
        assert_eq!((1..50).filter(|n| patient.admits(n * 101_000_000, "u", "a")).count(), 49);
    }
}
