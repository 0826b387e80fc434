//! The stub's counts and times as Prometheus reads them: text format 0.0.4.
//!
//! It must not know where they come from, nor who asks for them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use wire::{RouteTruth, Truth};

use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;

/// Upper bounds of the buckets, in microseconds: from a health check to a request that waits for its turn.
const BOUNDS_US: [u64; 16] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// Refusals of the rate limits since the start.
#[derive(Debug, Default)]
pub(crate) struct Throttled {
    user: AtomicU64,
    address: AtomicU64,
    global: AtomicU64,
}

impl Throttled {
    /// Counts the refusal if it is one of theirs.
    pub(crate) fn count(&self, refusal: &Refusal) {
        let counter = match refusal {
            Refusal::UserLimit(_) => &self.user,
            Refusal::AddressLimit(_) => &self.address,
            Refusal::GlobalLimit(_) => &self.global,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the stub's process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUse {
    /// Processor time, user and system.
    pub cpu_ns: u64,
    /// Resident memory, if it can be read.
    pub memory_bytes: Option<u64>,
    /// Open descriptors, if they can be counted.
    pub descriptors: Option<u32>,
}

/// The process, under the names that Prometheus's own clients use.
pub(crate) fn process(used: ProcessUse) -> String {
    let mut text = Exposition::default();
    text.family("process_cpu_seconds_total", "counter", "User and system processor time.");
    text.sample("process_cpu_seconds_total", &[], Seconds(used.cpu_ns));
    if let Some(bytes) = used.memory_bytes {
        text.family("process_resident_memory_bytes", "gauge", "Resident memory.");
        text.sample("process_resident_memory_bytes", &[], bytes);
    }
    if let Some(count) = used.descriptors {
        text.family("process_open_fds", "gauge", "Open descriptors.");
        text.sample("process_open_fds", &[], count);
    }
    text.0
}

/// Everything, as text.
pub(crate) fn exposition(truth: &Truth, throttled: &Throttled, repairs: Repairs, uptime_ns: u64) -> String {
    let mut text = Exposition::default();
    text.family("weaver_stub_info", "gauge", "The stub's version, and 1.");
    text.sample("weaver_stub_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("weaver_stub_uptime_seconds", "gauge", "Since the stub's clock started.");
    text.sample("weaver_stub_uptime_seconds", &[], Seconds(uptime_ns));
    text.family(
        "weaver_stub_received_total",
        "counter",
        "Requests whose head was read, operator routes aside.",
    );
    text.sample("weaver_stub_received_total", &[], truth.received);
    text.family("weaver_stub_abandoned_total", "counter", "Requests whose client left before the answer.");
    text.sample("weaver_stub_abandoned_total", &[], truth.abandoned);
    text.family("weaver_stub_in_flight", "gauge", "Requests that are not answered yet.");
    text.sample("weaver_stub_in_flight", &[], truth.in_flight);
    text.family("weaver_stub_ledger_entries", "gauge", "Entries that the ledger keeps.");
    text.sample("weaver_stub_ledger_entries", &[], truth.entries_kept);
    text.family("weaver_stub_ledger_dropped_total", "counter", "Entries that the ledger no longer keeps.");
    text.sample("weaver_stub_ledger_dropped_total", &[], truth.entries_dropped);
    text.family(
        "weaver_stub_rate_limited_total",
        "counter",
        "Requests refused by a rate limit, by its kind.",
    );
    for (kind, counter) in
        [("user", &throttled.user), ("address", &throttled.address), ("global", &throttled.global)]
    {
        text.sample("weaver_stub_rate_limited_total", &[("limit", kind)], counter.load(Ordering::Relaxed));
    }
    text.family(
        "weaver_stub_quirk_repaired",
        "gauge",
        "1 where the real server's quirk is repaired, else 0.",
    );
    for quirk in Quirk::ALL {
        let repaired = u64::from(repairs.has(*quirk));
        text.sample("weaver_stub_quirk_repaired", &[("quirk", quirk.name())], repaired);
    }
    text.routes(&truth.routes);
    text.0
}

#[derive(Default)]
struct Exposition(String);

impl Exposition {
    /// Opens a family: its samples follow.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(value));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// Counts and times of the answers by method, route and status.
    fn routes(&mut self, routes: &[RouteTruth]) {
        self.family("weaver_stub_responses_total", "counter", "Answers by method, route and status.");
        for route in routes {
            self.sample(
                "weaver_stub_responses_total",
                &labels(route, &route.status.to_string(), None),
                route.count,
            );
        }
        let name = "weaver_stub_response_seconds";
        self.family(name, "histogram", "From a request's arrival to its answer being handed over.");
        for route in routes {
            let status = route.status.to_string();
            for bound_us in BOUNDS_US {
                let bound_ns = bound_us * 1_000;
                // A bucket of the ledger is at most 0.1 % wide; the one with the bound in it counts here.
                let within = route.service.buckets.iter().take_while(|(low_ns, _)| *low_ns <= bound_ns);
                let count: u64 = within.map(|(_, count)| count).sum();
                let bound = Seconds(bound_ns).to_string();
                self.sample(&format!("{name}_bucket"), &labels(route, &status, Some(&bound)), count);
            }
            self.sample(
                &format!("{name}_bucket"),
                &labels(route, &status, Some("+Inf")),
                route.service.count,
            );
            self.sample(&format!("{name}_sum"), &labels(route, &status, None), Seconds(route.service.sum_ns));
            self.sample(&format!("{name}_count"), &labels(route, &status, None), route.service.count);
        }
    }
}

fn labels<'a>(route: &'a RouteTruth, status: &'a str, bound: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let (method, pattern) = route.route.split_once(' ').unwrap_or(("", &route.route));
    let mut labels = vec![("method", method), ("route", pattern), ("status", status)];
    labels.extend(bound.map(|bound| ("le", bound)));
    labels
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Nanoseconds, shown as seconds with nothing lost and no zeros behind.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wire::HistogramTruth;

    use super::*;

    /// Samples by name and labels, read as strictly as Prometheus does; a family's type goes before its samples.
    fn read(text: &str) -> BTreeMap<String, f64> {
        let (mut samples, mut family, mut kind) = (BTreeMap::new(), String::new(), String::new());
        let mut families = vec![];
        assert!(text.ends_with('\n'), "the last line ends");
        for line in text.lines() {
            let words: Vec<_> = line.splitn(4, ' ').collect();
            match words[..] {
                ["#", "HELP", name, help] => {
                    assert!(!help.is_empty() && !families.contains(&name), "{line}");
                    families.push(name);
                    family = name.to_owned();
                }
                ["#", "TYPE", name, is] => {
                    assert!(name == family && ["counter", "gauge", "histogram"].contains(&is), "{line}");
                    kind = is.to_owned();
                }
                _ => {
                    let (series, value) = line.rsplit_once(' ').expect("a value");
                    let name = series.split('{').next().expect("a name");
                    let suffix = name.strip_prefix(&*family).unwrap_or_else(|| panic!("{line} in {family}"));
                    let fits = match &*kind {
                        "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                        "counter" => suffix.is_empty() && name.ends_with("_total"),
                        _ => suffix.is_empty(),
                    };
                    assert!(fits, "{line} in a {kind}");
                    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                    assert!(samples.insert(series.to_owned(), value).is_none(), "{line} stands twice");
                }
            }
        }
        samples
    }

    #[test]
    fn the_process_stands_under_its_usual_names() {
        let used = ProcessUse { cpu_ns: 2_500_000_000, memory_bytes: Some(77), descriptors: None };
        let samples = read(&process(used));
        let expected = [("process_cpu_seconds_total", 2.5), ("process_resident_memory_bytes", 77.0)];
        assert_eq!(samples, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }

    fn truth() -> Truth {
        let service = HistogramTruth {
            count: 6,
            sum_ns: 1_500_000_001,
            buckets: vec![(100_000, 1), (250_000, 2), (250_244, 1), (90_000_000_000, 2)],
            ..HistogramTruth::default()
        };
        let routes = vec![RouteTruth {
            route: "POST /a\"b\\c".to_owned(),
            status: 200,
            count: 6,
            service,
            planned: HistogramTruth::default(),
        }];
        Truth {
            received: 9,
            abandoned: 1,
            in_flight: 2,
            entries_kept: 5,
            entries_dropped: 4,
            routes,
            ..Truth::default()
        }
    }

    #[test]
    fn every_figure_is_there() {
        let throttled = Throttled::default();
        for (refusal, times) in [
            (Refusal::UserLimit(None), 3),
            (Refusal::AddressLimit(None), 2),
            (Refusal::GlobalLimit(None), 1),
            (Refusal::NotFound, 9),
        ] {
            (0..times).for_each(|_| throttled.count(&refusal));
        }
        let repairs = Repairs::NONE.with(Quirk::Docs);
        let samples = read(&exposition(&truth(), &throttled, repairs, 12_500_000_000));
        let route = r#"method="POST",route="/a\"b\\c",status="200""#;
        for (series, expected) in [
            ("weaver_stub_uptime_seconds", 12.5),
            ("weaver_stub_received_total", 9.0),
            ("weaver_stub_abandoned_total", 1.0),
            ("weaver_stub_in_flight", 2.0),
            ("weaver_stub_ledger_entries", 5.0),
            ("weaver_stub_ledger_dropped_total", 4.0),
            (r#"weaver_stub_rate_limited_total{limit="user"}"#, 3.0),
            (r#"weaver_stub_rate_limited_total{limit="address"}"#, 2.0),
            (r#"weaver_stub_rate_limited_total{limit="global"}"#, 1.0),
            (r#"weaver_stub_quirk_repaired{quirk="docs"}"#, 1.0),
            (r#"weaver_stub_quirk_repaired{quirk="head"}"#, 0.0),
            (&format!("weaver_stub_responses_total{{{route}}}"), 6.0),
            (&format!("weaver_stub_response_seconds_bucket{{{route},le=\"0.00025\"}}"), 3.0),
            (&format!("weaver_stub_response_seconds_bucket{{{route},le=\"0.0005\"}}"), 4.0),
            (&format!("weaver_stub_response_seconds_bucket{{{route},le=\"30\"}}"), 4.0),
            (&format!("weaver_stub_response_seconds_bucket{{{route},le=\"+Inf\"}}"), 6.0),
            (&format!("weaver_stub_response_seconds_sum{{{route}}}"), 1.500_000_001),
            (&format!("weaver_stub_response_seconds_count{{{route}}}"), 6.0),
        ] {
            assert_eq!(samples.get(series), Some(&expected), "{series}");
        }
        assert_eq!(
            samples.keys().filter(|series| series.contains("quirk_repaired")).count(),
            Quirk::ALL.len()
        );
    }

    #[test]
    fn nothing_served_is_still_valid() {
        read(&exposition(&Truth::default(), &Throttled::default(), Repairs::NONE, 0));
    }
}
