//! Truths, added up. Times merge without loss, because every stub has the same buckets.
//!
//! It must not know where they come from.

use std::collections::BTreeMap;

use wire::{RouteTruth, Truth};

use crate::histogram::Histogram;
use crate::ledger::add_arrivals;

/// Truths, added up.
#[derive(Default)]
pub(super) struct Sum {
    counts: Truth,
    routes: BTreeMap<(String, u16), (u64, Histogram, Histogram)>,
}

impl Sum {
    pub(super) fn add(&mut self, truth: &Truth) {
        let counts = &mut self.counts;
        counts.received += truth.received;
        counts.answered += truth.answered;
        counts.refused += truth.refused;
        counts.abandoned += truth.abandoned;
        counts.in_flight += truth.in_flight;
        counts.unknown += truth.unknown;
        counts.entries_kept += truth.entries_kept;
        counts.entries_dropped += truth.entries_dropped;
        add_arrivals(&mut counts.arrivals, &truth.arrivals);
        for route in &truth.routes {
            let (count, service, planned) =
                self.routes.entry((route.route.clone(), route.status)).or_default();
            *count += route.count;
            service.absorb(&route.service);
            planned.absorb(&route.planned);
        }
    }

    pub(super) fn truth(self) -> Truth {
        let routes = self.routes.into_iter().map(|((route, status), (count, service, planned))| RouteTruth {
            route,
            status,
            count,
            service: service.truth(),
            planned: planned.truth(),
        });
        Truth { routes: routes.collect(), ..self.counts }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use wire::{Clock, Seed};

    use super::*;
    use crate::ledger::{Ledger, RouteName};

    /// Requests drawn from `seed` over `ledgers`, in virtual time: each ledger gets a part, the first of them all.
    async fn spread(ledgers: &[Arc<Ledger>; 4], clock: Clock, seed: Seed) {
        let mut stream = seed.stream("totals", 0);
        for i in 0..2_000 {
            let pattern = ["/ask", "/health", "/whoami"][stream.below(3) as usize];
            let route = RouteName { method: "GET", pattern };
            let part = 1 + stream.below(3) as usize;
            let open = [0, part].map(|ledger| ledgers[ledger].open(format!("{i}").into(), route));
            clock.sleep(Duration::from_micros(stream.below(5_000))).await;
            let (outcome, planned_ns) = (stream.below(4), stream.below(1_000_000));
            for mut entry in open {
                entry.planned_ns = planned_ns;
                match outcome {
                    0 => drop(entry),
                    1 => entry.ready(429).written(),
                    _ => entry.ready(200).written(),
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_sum_of_the_parts_is_the_whole() {
        let (clock, seed) = (Clock::at(0), Seed(13));
        let ledgers = [(); 4].map(|()| Arc::new(Ledger::new(clock, 10_000)));
        spread(&ledgers, clock, seed).await;
        let mut sum = Sum::default();
        ledgers[1..].iter().for_each(|ledger| sum.add(&ledger.truth()));
        let (mut sum, mut whole) = (sum.truth(), ledgers[0].truth());
        let (bounds, greatest) = (&mut sum.arrivals.seconds, &mut whole.arrivals.seconds);
        for (bound, greatest) in bounds.iter_mut().zip(greatest) {
            assert!(bound.in_flight_max >= greatest.in_flight_max, "{seed:?}");
            (bound.in_flight_max, greatest.in_flight_max) = (0, 0);
        }
        assert!(whole.arrivals.gap_cv.is_some_and(|cv| cv > 0.1), "{seed:?}: {:?}", whole.arrivals);
        (whole.arrivals.gap_ns_mean, whole.arrivals.gap_cv) = (None, None);
        assert_eq!(sum, whole, "{seed:?}");
    }
}
