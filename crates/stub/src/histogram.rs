//! Counts of times by log-linear buckets: exact below 2.048 µs, at most 0.1 % wide above.
//!
//! It is the stub's own on purpose: the harness's figures are checked against it, so neither may share
//! the other's mistakes. It must not know what the times are of.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use wire::HistogramTruth;

use crate::latency::DELAY_NS_MAX;

/// Buckets an octave: 1/1024 < 0.1 %.
const PER_OCTAVE_BITS: u32 = 10;
const PER_OCTAVE: usize = 1 << PER_OCTAVE_BITS;
/// Page 0 holds 0..1024 exactly, page n holds the octave from 2^(n+9).
const PAGES: usize = (u64::BITS - PER_OCTAVE_BITS + 1) as usize;

/// Quantiles that are reported, in thousandths.
const QUANTILES: [(&str, u64); 5] = [("p50", 500), ("p90", 900), ("p95", 950), ("p99", 990), ("p99_9", 999)];

type Page = Box<[u64; PER_OCTAVE]>;

/// A histogram of nanoseconds; a page of 8 KiB is taken when its octave is first met.
pub(crate) struct Histogram {
    count: u64,
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
    pages: [Option<Page>; PAGES],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { count: 0, sum_ns: 0, min_ns: u64::MAX, max_ns: 0, pages: [const { None }; PAGES] }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, ns: u64) {
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        let (page, slot) = place(ns);
        self.pages[page].get_or_insert_with(|| Box::new([0; PER_OCTAVE]))[slot] += 1;
    }

    /// Adds what another stub counted: buckets are the same everywhere, so nothing is lost. Its quantiles follow from
    /// them and are not looked at.
    pub(crate) fn absorb(&mut self, other: &HistogramTruth) {
        if other.count == 0 {
            return;
        }
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (low_ns, count) in &other.buckets {
            let (page, slot) = place(*low_ns);
            self.pages[page].get_or_insert_with(|| Box::new([0; PER_OCTAVE]))[slot] += count;
            // Counted by what is in the buckets, so that count and quantiles agree whatever was sent.
            self.count += count;
        }
    }

    pub(crate) fn truth(&self) -> HistogramTruth {
        if self.count == 0 {
            return HistogramTruth::default();
        }
        HistogramTruth {
            count: self.count,
            sum_ns: self.sum_ns,
            min_ns: self.min_ns,
            max_ns: self.max_ns,
            quantiles_ns: self.quantiles(),
            buckets: self.filled().map(|(page, slot, count)| (low_ns(page, slot), count)).collect(),
            hdr: None,
        }
    }

    /// Nearest rank: the middle of the bucket that holds the ⌈q n⌉-th time.
    fn quantiles(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        let mut filled = self.filled();
        let (mut below, mut middle_ns) = (0, 0);
        for (name, thousandths) in QUANTILES {
            let rank = (u128::from(self.count) * u128::from(thousandths)).div_ceil(1000) as u64;
            while below < rank {
                let Some((page, slot, count)) = filled.next() else { break };
                below += count;
                middle_ns = low_ns(page, slot) + width_ns(page) / 2;
            }
            all.insert(name.to_owned(), middle_ns.clamp(self.min_ns, self.max_ns));
        }
        all
    }

    fn filled(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        let pages = self.pages.iter().enumerate().filter_map(|(i, page)| Some((i, page.as_ref()?)));
        let slots =
            pages.flat_map(|(i, page)| page.iter().enumerate().map(move |(slot, count)| (i, slot, *count)));
        slots.filter(|(_, _, count)| *count > 0)
    }
}

/// The same times as an HdrHistogram, as [`HistogramTruth::hdr`] says; `None` of nothing.
pub(crate) fn hdr(truth: &HistogramTruth) -> Option<String> {
    let mut histogram =
        hdrhistogram::Histogram::<u64>::new_with_bounds(1, DELAY_NS_MAX, 3).expect("right bounds");
    for (low_ns, count) in &truth.buckets {
        let middle_ns = low_ns + width_ns(place(*low_ns).0) / 2;
        histogram.saturating_record_n(middle_ns.clamp(truth.min_ns, truth.max_ns), *count);
    }
    let mut bytes = vec![];
    V2DeflateSerializer::new().serialize(&histogram, &mut bytes).expect("a buffer grows");
    (truth.count > 0).then(|| BASE64.encode(bytes))
}

fn place(ns: u64) -> (usize, usize) {
    let page = (u64::BITS - ns.leading_zeros()).saturating_sub(PER_OCTAVE_BITS);
    // Above page 0 the highest bit is known from the page; the ten bits below it are the slot.
    let shift = page.saturating_sub(1);
    (page as usize, (ns >> shift) as usize & (PER_OCTAVE - 1))
}

fn low_ns(page: usize, slot: usize) -> u64 {
    if page == 0 { slot as u64 } else { ((PER_OCTAVE + slot) as u64) << (page - 1) }
}

fn width_ns(page: usize) -> u64 {
    1 << page.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use wire::Seed;

    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let mut stream = Seed(5).stream("histogram", 0);
        let drawn: Vec<_> = (0..20_000).map(|i| stream.next_u64() >> (i % 64)).collect();
        for ns in edges.chain(drawn).chain([u64::MAX]) {
            let (page, slot) = place(ns);
            let (low, width) = (low_ns(page, slot), width_ns(page));
            assert!(low <= ns && ns - low < width, "{ns} in {low}+{width}");
            assert!(width == 1 || width <= low / 1000, "{low}+{width} is wider than 0.1 %");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut stream = Seed(6).stream("histogram", 0);
        let mut time = || {
            let octave = stream.below(25);
            1_000 + stream.below(1 << (10 + octave))
        };
        let mut times: Vec<u64> = (0..5_000).map(|_| time()).collect();
        let mut histogram = Histogram::default();
        times.iter().for_each(|ns| histogram.record(*ns));
        times.sort_unstable();
        let truth = histogram.truth();
        assert_eq!((truth.count, truth.min_ns, truth.max_ns), (5_000, times[0], times[4_999]));
        assert_eq!(truth.sum_ns, times.iter().sum::<u64>());
        assert_eq!(truth.buckets.iter().map(|b| b.1).sum::<u64>(), 5_000);
        for (name, rank) in [("p50", 2_500), ("p90", 4_500), ("p95", 4_750), ("p99", 4_950), ("p99_9", 4_995)]
        {
            let (got, right) = (truth.quantiles_ns[name], times[rank - 1]);
            assert!(got.abs_diff(right) <= right / 1_000, "{name}: {got} is not {right}");
        }
    }

    #[test]
    fn parts_absorbed_are_the_whole() {
        let mut stream = Seed(7).stream("histogram", 0);
        let mut whole = Histogram::default();
        let mut parts: [Histogram; 5] = Default::default();
        for i in 0..5_000 {
            let ns = stream.next_u64() >> (i % 64);
            whole.record(ns);
            // The fifth stays empty.
            parts[stream.below(4) as usize].record(ns);
        }
        let mut sum = Histogram::default();
        parts.iter().for_each(|part| sum.absorb(&part.truth()));
        assert_eq!(sum.truth(), whole.truth());
    }

    #[test]
    fn an_hdr_histogram_can_be_read_by_others() {
        let mut stream = Seed(8).stream("histogram", 0);
        let mut histogram = Histogram::default();
        let mut times: Vec<_> = (0..5_000).map(|i| stream.next_u64() >> (24 + i % 30)).collect();
        times.push(0);
        times.iter().for_each(|ns| histogram.record(*ns));
        times.sort_unstable();
        let bytes = BASE64.decode(hdr(&histogram.truth()).expect("times")).expect("base64");
        let read: hdrhistogram::Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut &bytes[..]).expect("V2");
        assert_eq!((read.len(), read.sigfig(), read.high()), (5_001, 3, DELAY_NS_MAX));
        for share in [0.001, 0.5, 0.9, 0.999] {
            let right = times[(share * 5_001.0_f64).ceil() as usize - 1];
            let got = read.value_at_quantile(share);
            assert!(got.abs_diff(right) <= right / 500 + 1, "{share}: {got}, not {right}");
        }
        assert_eq!(hdr(&HistogramTruth::default()), None);
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        assert_eq!(Histogram::default().truth(), HistogramTruth::default());
    }
}
