//! The process of arrivals as the stub saw it: requests a second, the gaps between them, and how many were in flight.
//!
//! It is told of each arrival and each end with the time, in order. It must not know what a request is.

use std::collections::VecDeque;

use wire::{ArrivalsTruth, SecondTruth};

const SECOND_NS: u64 = 1_000_000_000;
/// So many of the newest seconds are kept.
const SECONDS_MAX: usize = 3_600;

/// Arrivals and ends so far; times are Unix time.
#[derive(Debug, Default)]
pub(super) struct Curve {
    /// Neighbours; the last is the one that is going on.
    seconds: VecDeque<SecondTruth>,
    first_unix_s: u64,
    dropped: u64,
    in_flight: u64,
    /// Up to here `in_flight` is in `seconds`.
    until_ns: u64,
    last_arrival_ns: Option<u64>,
    gaps: Gaps,
}

/// Sums over the gaps between arrivals, exact.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    count: u64,
    sum_ns: u128,
    squares: u128,
}

impl Gaps {
    fn add(&mut self, gap_ns: u64) {
        self.count += 1;
        self.sum_ns += u128::from(gap_ns);
        self.squares = self.squares.saturating_add(u128::from(gap_ns) * u128::from(gap_ns));
    }

    fn mean_ns(self) -> Option<u64> {
        let mean_ns = self.sum_ns.checked_div(u128::from(self.count))?;
        Some(u64::try_from(mean_ns).unwrap_or(u64::MAX))
    }

    /// The standard deviation of the gaps (as the whole of their kind) over their mean, to six digits after the point.
    fn cv(self) -> Option<f64> {
        let n = self.count as f64;
        let mean = self.sum_ns as f64 / n;
        let variance = (self.squares as f64 / n - mean * mean).max(0.0);
        (self.sum_ns > 0).then(|| (variance.sqrt() / mean * 1e6).round() / 1e6)
    }
}

impl Curve {
    /// A request has arrived.
    pub(super) fn arrived(&mut self, unix_ns: u64) {
        self.go_on(unix_ns);
        if let Some(last_ns) = self.last_arrival_ns.replace(unix_ns) {
            self.gaps.add(unix_ns.saturating_sub(last_ns));
        }
        self.in_flight += 1;
        let in_flight = self.in_flight;
        if let Some(second) = self.seconds.back_mut() {
            second.arrivals += 1;
            second.in_flight_max = second.in_flight_max.max(in_flight);
        }
    }

    /// A request is over.
    pub(super) fn ended(&mut self, unix_ns: u64) {
        self.go_on(unix_ns);
        self.in_flight -= 1;
    }

    /// As it is now.
    pub(super) fn truth(&mut self, unix_ns: u64) -> ArrivalsTruth {
        // While nothing is in flight nothing changes, and an idle stub tells the same again and again.
        if self.in_flight > 0 {
            self.go_on(unix_ns);
        }
        ArrivalsTruth {
            first_unix_s: self.first_unix_s,
            seconds: self.seconds.iter().copied().collect(),
            seconds_dropped: self.dropped,
            gap_ns_mean: self.gaps.mean_ns(),
            gap_cv: self.gaps.cv(),
        }
    }

    /// Brings the curve up to a time; one that is past already changes nothing.
    fn go_on(&mut self, unix_ns: u64) {
        if self.seconds.is_empty() {
            self.first_unix_s = unix_ns / SECOND_NS;
            self.until_ns = unix_ns;
            self.seconds.push_back(SecondTruth::default());
        }
        let last_s = |curve: &Self| curve.first_unix_s + curve.seconds.len() as u64 - 1;
        let now_s = unix_ns / SECOND_NS;
        // Of a long idleness only the end is kept.
        let idle_s = now_s.saturating_sub(last_s(self)).saturating_sub(SECONDS_MAX as u64);
        if idle_s > 0 {
            self.dropped += idle_s;
            self.first_unix_s += idle_s;
            self.until_ns = self.until_ns.max(last_s(self) * SECOND_NS);
        }
        while last_s(self) < now_s {
            let end_ns = (last_s(self) + 1) * SECOND_NS;
            self.add_until(end_ns);
            if self.seconds.len() >= SECONDS_MAX {
                self.seconds.pop_front();
                self.first_unix_s += 1;
                self.dropped += 1;
            }
            self.seconds.push_back(SecondTruth { in_flight_max: self.in_flight, ..SecondTruth::default() });
        }
        self.add_until(unix_ns);
    }

    fn add_until(&mut self, unix_ns: u64) {
        let passed_ns = unix_ns.saturating_sub(self.until_ns);
        if let Some(second) = self.seconds.back_mut() {
            second.in_flight_ns += passed_ns * self.in_flight;
        }
        self.until_ns += passed_ns;
    }
}

/// Adds what another stub saw: arrivals and requests in flight add up. The greatest in flight becomes a bound, because
/// they need not be so many at the same moment; of the gaps nothing can be said.
pub(crate) fn add_arrivals(sum: &mut ArrivalsTruth, other: &ArrivalsTruth) {
    if other.seconds.is_empty() {
        return;
    }
    if sum.seconds.is_empty() {
        *sum = other.clone();
        return;
    }
    let end = |truth: &ArrivalsTruth| truth.first_unix_s + truth.seconds.len() as u64;
    let until_s = end(sum).max(end(other));
    let first_s = sum.first_unix_s.min(other.first_unix_s).max(until_s.saturating_sub(SECONDS_MAX as u64));
    let at = |truth: &ArrivalsTruth, unix_s: u64| {
        let place = usize::try_from(unix_s.checked_sub(truth.first_unix_s)?).ok()?;
        truth.seconds.get(place).copied()
    };
    let both = |unix_s: u64| {
        let [a, b] = [at(sum, unix_s), at(other, unix_s)].map(Option::unwrap_or_default);
        SecondTruth {
            arrivals: a.arrivals + b.arrivals,
            in_flight_ns: a.in_flight_ns + b.in_flight_ns,
            in_flight_max: a.in_flight_max + b.in_flight_max,
        }
    };
    let left_out = |truth: &ArrivalsTruth| truth.seconds_dropped + first_s.saturating_sub(truth.first_unix_s);
    *sum = ArrivalsTruth {
        first_unix_s: first_s,
        seconds: (first_s..until_s).map(both).collect(),
        seconds_dropped: left_out(sum).max(left_out(other)),
        gap_ns_mean: None,
        gap_cv: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_NS: u64 = 100 * SECOND_NS;

    /// The curve after these events, `+` an arrival and `-` an end, each at so many milliseconds.
    fn curve(events: &[(char, u64)]) -> Curve {
        let mut curve = Curve::default();
        for (kind, at_ms) in events {
            let at_ns = START_NS + at_ms * 1_000_000;
            if *kind == '+' { curve.arrived(at_ns) } else { curve.ended(at_ns) }
        }
        curve
    }

    /// Seconds as arrivals, request-milliseconds in flight, and the greatest in flight.
    fn shown(truth: &ArrivalsTruth) -> Vec<(u64, u64, u64)> {
        truth.seconds.iter().map(|s| (s.arrivals, s.in_flight_ns / 1_000_000, s.in_flight_max)).collect()
    }

    #[test]
    fn each_second_has_its_share() {
        for (events, until_ms, expected) in [
            (&[][..], 5_000, &[][..]),
            (&[('+', 200)], 500, &[(1, 300, 1)]),
            (&[('+', 200), ('-', 700)], 9_000, &[(1, 500, 1)]),
            (
                &[('+', 200), ('+', 400), ('-', 500), ('-', 2_100)],
                2_100,
                &[(2, 900, 2), (0, 1_000, 1), (0, 100, 1)],
            ),
            (
                &[('+', 999), ('-', 1_000), ('+', 1_000), ('-', 3_000)],
                3_000,
                &[(1, 1, 1), (1, 1_000, 1), (0, 1_000, 1), (0, 0, 1)],
            ),
            // A time that is a little past is taken for the latest.
            (&[('+', 200), ('+', 100), ('-', 300), ('-', 300)], 300, &[(2, 200, 2)]),
        ] {
            let truth = curve(events).truth(START_NS + until_ms * 1_000_000);
            assert_eq!(shown(&truth), expected, "{events:?}");
            assert_eq!(truth.first_unix_s, if events.is_empty() { 0 } else { 100 });
        }
    }

    #[test]
    fn gaps_have_mean_and_variation() {
        for (arrivals_ms, expected) in [
            (&[][..], (None, None)),
            (&[5], (None, None)),
            (&[5, 5], (Some(0), None)),
            (&[0, 10, 20, 30], (Some(10_000_000), Some(0.0))),
            (&[0, 10, 40], (Some(20_000_000), Some(0.5))),
        ] {
            let events: Vec<_> = arrivals_ms.iter().map(|at_ms| ('+', *at_ms)).collect();
            let truth = curve(&events).truth(START_NS);
            assert_eq!((truth.gap_ns_mean, truth.gap_cv), expected, "{arrivals_ms:?}");
        }
    }

    #[test]
    fn the_newest_hour_is_kept() {
        for (later_s, kept, dropped) in
            [(3_599, 3_600, 0), (3_600, 3_600, 1), (7_300, 3_600, 3_701), (1_000_000, 3_600, 996_401)]
        {
            let later_ms = later_s * 1_000;
            let truth = curve(&[('+', 0), ('+', 0), ('-', 1), ('+', later_ms + 500)])
                .truth(START_NS + (later_ms + 600) * 1_000_000);
            assert_eq!((truth.seconds.len(), truth.seconds_dropped), (kept, dropped), "{later_s}");
            assert_eq!(truth.first_unix_s + truth.seconds.len() as u64, 101 + later_s);
            let newest: Vec<_> = shown(&truth).into_iter().rev().take(2).collect();
            assert_eq!(newest, [(1, 700, 2), (0, 1_000, 1)], "{later_s}");
        }
    }

    #[test]
    fn what_several_saw_adds_up() {
        let truth = |events: &[(char, u64)]| curve(events).truth(START_NS);
        let a = truth(&[('+', 200), ('-', 1_100)]);
        let b = truth(&[('+', 2_000), ('+', 2_100), ('-', 2_500), ('-', 3_500)]);
        let mut sum = ArrivalsTruth::default();
        for (one, expected) in [
            (ArrivalsTruth::default(), &[][..]),
            (b, &[(2, 1_400, 2), (0, 500, 1)]),
            (a, &[(1, 800, 1), (0, 100, 1), (2, 1_400, 2), (0, 500, 1)]),
            (truth(&[('+', 2_100), ('-', 2_200)]), &[(1, 800, 1), (0, 100, 1), (3, 1_500, 3), (0, 500, 1)]),
        ] {
            add_arrivals(&mut sum, &one);
            assert_eq!(shown(&sum), expected);
        }
        assert_eq!((sum.first_unix_s, sum.gap_ns_mean, sum.gap_cv), (100, None, None));
    }
}
