//! The run as Prometheus's text format 0.0.4, for the textfile collector or a push gateway.
//! Base units: seconds, bytes, ratios from 0 to 1. It must not know of any other document.

use prometheus::TextEncoder;
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType, Quantile as Point, Summary};

use crate::histogram::Quantile;
use crate::{Conclusion, Outcome, Row, Run, StepConclusion, ThresholdOutcome, Times, TimesKind, units};

/// Entries that are given for a step; the others are counted.
const ENTRIES_SHOWN: usize = 1_000;
/// The percentiles that are given.
const QUANTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// The text. Every figure is a gauge or a summary: it is of one run that has ended, and does not grow.
pub fn prometheus_text(run: &Run, conclusion: &Conclusion) -> String {
    let mut families = of_run(run, conclusion);
    families.extend(of_steps(run, conclusion));
    families.extend(of_thresholds(conclusion));
    families.extend(of_entries(conclusion));
    families.retain(|family| !family.get_metric().is_empty());
    let encoded = TextEncoder::new().encode_to_string(&families);
    encoded.expect("a family has a name, a type and metrics, and memory does not fail")
}

fn of_run(run: &Run, conclusion: &Conclusion) -> Vec<MetricFamily> {
    let seed = run.seed.to_string();
    let about = [("version", run.version.as_str()), ("seed", &seed)];
    vec![
        gauges("weaver_bench_run_info", "What was run.", [metric(&about, 1.0)]),
        gauges(
            "weaver_bench_run_started_timestamp_seconds",
            "When the run started, since the Unix epoch.",
            [metric(&[], units::seconds(run.started_unix_ns))],
        ),
        gauges(
            "weaver_bench_run_exit_code",
            "How the run ended: 0 passed, 1 failed, 3 aborted, 4 invalid.",
            [metric(&[], f64::from(conclusion.exit.code()))],
        ),
    ]
}

/// A figure of a step; `None` where there is none.
type OfStep = fn(&StepConclusion) -> Option<f64>;

const STEP_FIGURES: &[(&str, &str, OfStep)] = &[
    ("valid", "Whether the step's figures may be trusted: 1 or 0.", |step| {
        Some(f64::from(u8::from(step.validity.is_valid())))
    }),
    ("passed", "Whether the step met its targets: 1 or 0; absent where it could not be judged.", |step| {
        step.verdict.passed().map(|passed| f64::from(u8::from(passed)))
    }),
    ("duration_seconds", "From the first request that could be sent to the last answer.", |step| {
        Some(units::seconds(step.summary.elapsed_ns))
    }),
    ("failure_ratio", "Failures among the requests that ended.", |step| {
        Some(step.summary.total.failure_ratio())
    }),
    ("accepted_per_second", "Successes a second.", |step| Some(step.summary.accepted_rps())),
    ("offered_per_second", "Requests sent a second.", |step| Some(step.summary.offered_rps())),
    ("lateness_seconds_max", "The most that the generator sent a request late.", |step| {
        step.summary.lateness.map(|late| units::seconds(late.max_ns))
    }),
];

fn of_steps(run: &Run, conclusion: &Conclusion) -> Vec<MetricFamily> {
    let mut families = vec![];
    for (name, help, figure) in STEP_FIGURES {
        let of_step = |step: &StepConclusion| Some(metric(&[("step", &step.name)], figure(step)?));
        let found: Vec<Metric> = conclusion.steps.iter().filter_map(of_step).collect();
        families.push(gauges(&format!("weaver_bench_step_{name}"), help, found));
    }
    let users = run.steps.iter().filter(|step| !step.load.is_open());
    let users = users.map(|step| metric(&[("step", &step.name)], f64::from(step.load.users())));
    families.push(gauges("weaver_bench_step_users", "Users asked for.", users));
    families
}

fn of_thresholds(conclusion: &Conclusion) -> [MetricFamily; 2] {
    let (mut held, mut values) = (vec![], vec![]);
    for step in &conclusion.steps {
        for verdict in &step.thresholds {
            let words = verdict.threshold.words();
            let labels = [("step", step.name.as_str()), ("threshold", &words)];
            let unit = verdict.threshold.figure.unit();
            values.extend(verdict.value.map(|value| metric(&labels, unit.base(value))));
            match verdict.outcome {
                ThresholdOutcome::Held => held.push(metric(&labels, 1.0)),
                ThresholdOutcome::Broken => held.push(metric(&labels, 0.0)),
                ThresholdOutcome::NotJudged => {}
            }
        }
    }
    [
        gauges(
            "weaver_bench_threshold_held",
            "Whether a threshold held: 1 or 0; absent where it could not be judged.",
            held,
        ),
        gauges(
            "weaver_bench_threshold_value",
            "What a threshold bounds, of windows the worst: seconds, ratios, successes a second or a count.",
            values,
        ),
    ]
}

fn of_entries(conclusion: &Conclusion) -> Vec<MetricFamily> {
    let (mut requests, mut cut_off, mut left_out) = (vec![], vec![], vec![]);
    let (mut service, mut response) = (vec![], vec![]);
    for step in &conclusion.steps {
        let sent = step.summary.rows_sent().count();
        left_out.push(metric(&[("step", &step.name)], sent.saturating_sub(ENTRIES_SHOWN) as f64));
        for row in step.summary.rows_sent().take(ENTRIES_SHOWN) {
            let labels = [("step", step.name.as_str()), ("method", &row.method), ("name", &row.name)];
            cut_off.push(metric(&labels, row.cut_off as f64));
            for outcome in Outcome::ALL {
                let labels = [labels.as_slice(), &[("outcome", outcome.word())]].concat();
                requests.push(metric(&labels, row.of(outcome).count as f64));
                service.extend(summary(&labels, times(row, TimesKind::Service, outcome)));
                response.extend(summary(&labels, times(row, TimesKind::Response, outcome)));
            }
        }
    }
    vec![
        gauges("weaver_bench_requests", "Requests that ended, by what became of them.", requests),
        gauges("weaver_bench_requests_cut_off", "Requests whose answer was not waited for.", cut_off),
        gauges("weaver_bench_entries_left_out", "Entries beyond the first 1000 of a step.", left_out),
        summaries("weaver_bench_service_time_seconds", "From sending to the last byte.", service),
        summaries("weaver_bench_response_time_seconds", "From when it was due to the last byte.", response),
    ]
}

fn times(row: &Row, kind: TimesKind, outcome: Outcome) -> Option<&Times> {
    match kind {
        TimesKind::Service => Some(&row.service[outcome as usize]),
        TimesKind::Response => row.response.as_ref().map(|times| &times[outcome as usize]),
    }
}

fn metric(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::from_label(pairs(labels));
    metric.set_gauge(gauge);
    metric
}

fn summary(labels: &[(&str, &str)], times: Option<&Times>) -> Option<Metric> {
    let times = times?;
    let found = times.quantiles_ns(&QUANTILES)?;
    let point = |(quantile, ns): (Quantile, u64)| {
        let mut point = Point::default();
        point.set_quantile(quantile.ratio());
        point.set_value(units::seconds(ns));
        point
    };
    let mut summary = Summary::default();
    summary.set_quantile(QUANTILES.into_iter().zip(found).map(point).collect());
    summary.set_sample_count(times.count);
    summary.set_sample_sum(units::seconds(times.sum_ns));
    let mut metric = Metric::from_label(pairs(labels));
    metric.set_summary(summary);
    Some(metric)
}

fn pairs(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    labels.iter().map(pair).collect()
}

fn gauges(name: &str, help: &str, metrics: impl IntoIterator<Item = Metric>) -> MetricFamily {
    family(name, help, MetricType::GAUGE, metrics)
}

fn summaries(name: &str, help: &str, metrics: impl IntoIterator<Item = Metric>) -> MetricFamily {
    family(name, help, MetricType::SUMMARY, metrics)
}

fn family(
    name: &str,
    help: &str,
    kind: MetricType,
    metrics: impl IntoIterator<Item = Metric>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics.into_iter().collect());
    family
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conclude;
    use crate::testing::{asks, run_of, step_of};

    fn text_of(run: &Run) -> String {
        prometheus_text(run, &conclude(run).unwrap())
    }

    #[test]
    fn seconds_with_help_and_type() {
        let text = text_of(&run_of(vec![step_of("s", 5, &asks(400, 50_000_000, 20_000_000))]));
        for line in [
            "# HELP weaver_bench_service_time_seconds From sending to the last byte.",
            "# TYPE weaver_bench_service_time_seconds summary",
            "weaver_bench_requests{step=\"s\",method=\"POST\",name=\"/ask\",outcome=\"success\"} 400",
            "weaver_bench_service_time_seconds{step=\"s\",method=\"POST\",name=\"/ask\",outcome=\"success\",quantile=\"0.99\"} 0.02",
            "weaver_bench_service_time_seconds_sum{step=\"s\",method=\"POST\",name=\"/ask\",outcome=\"success\"} 8",
            "weaver_bench_run_started_timestamp_seconds 1795427148",
            "weaver_bench_step_users{step=\"s\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
        assert!(!text.contains("NaN") && !text.contains("response_time"), "{text}");
    }

    #[test]
    fn labels_are_escaped_and_entries_bounded() {
        let mut step = step_of("s", 5, &asks(400, 50_000_000, 20_000_000));
        step.names[0].name = "a\"b\\c\nd".to_owned();
        let text = text_of(&run_of(vec![step]));
        assert!(text.contains(r#"name="a\"b\\c\nd""#), "{text}");
        // A line is a comment, or a name, labels and a number.
        let told = |line: &str| {
            line.starts_with('#') || line.rsplit_once(' ').is_some_and(|(_, n)| n.parse::<f64>().is_ok())
        };
        assert!(text.lines().all(told), "{text}");
    }
}
