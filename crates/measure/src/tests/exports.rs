//! Every file against the samples it was made from, and against the others.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use crate::export::{CsvFile, locust_json, results_folder, stats_csv, stats_history_csv, timestamp};
use crate::testing::{NAMES, asks, run_of, sample, step_of};
use crate::*;

/// Reads CSV with quotes, row by row.
fn parsed(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "the last row ends");
    rows
}

fn any_samples() -> impl Strategy<Value = Vec<Sample>> {
    let sent_ns = 0u64..15_000_000_000;
    let service_ns = (0u32..33, any::<u64>()).prop_map(|(bits, raw)| raw & ((1 << bits) - 1));
    let any_sample = (0u16..2, 0usize..3, sent_ns, service_ns)
        .prop_map(|(name, outcome, sent, service)| sample(name, Outcome::ALL[outcome], sent, service));
    prop::collection::vec(any_sample, 1..300)
}

/// Requests, throttled, failures of one entry, or of all.
fn counted(samples: &[Sample], name: Option<&str>) -> [u64; 3] {
    let of = |wanted: Option<Outcome>| {
        let matches = |sample: &&Sample| {
            name.is_none_or(|name| NAMES[usize::from(sample.name.0)].1 == name)
                && wanted.is_none_or(|outcome| outcome == sample.outcome)
        };
        samples.iter().filter(matches).count() as u64
    };
    [of(None), of(Some(Outcome::Throttled)), of(Some(Outcome::Failure))]
}

/// The nearest rank by sorting, in ns.
fn sorted_rank(samples: &[Sample], percent: u64) -> Option<u64> {
    let successes = samples.iter().filter(|sample| sample.outcome == Outcome::Success);
    let mut times: Vec<u64> = successes.map(Sample::service_ns).collect();
    times.sort_unstable();
    let rank = (times.len() as u64 * percent).div_ceil(100).max(1) as usize;
    times.get(rank - 1).copied()
}

proptest! {
    #[test]
    fn every_file_counts_the_same_requests(samples in any_samples()) {
        let run = run_of(vec![step_of("light_load", 5, &samples)]);
        let step = &run.steps[0];
        let summary = Summary::of(step).unwrap();
        let files: BTreeMap<String, String> = results_folder(&run, "T").unwrap().into_iter()
            .map(|(name, text)| (name, text.into_owned())).collect();

        let stats = parsed(&files["light_load_stats.csv"]);
        for row in &stats[1..] {
            let name = (row[1] != "Aggregated").then_some(row[1].as_str());
            let [requests, _, failures] = counted(&samples, name);
            prop_assert_eq!(&row[2..4], &[requests.to_string(), failures.to_string()]);
        }
        let history = parsed(&files["light_load_stats_history.csv"]);
        let [requests, throttled, failures] = counted(&samples, None);
        let last = history.last().unwrap();
        prop_assert_eq!(&last[17..19], &[requests.to_string(), failures.to_string()]);
        prop_assert_eq!(&last[19..24], &stats.last().unwrap()[4..9], "totals end as the stats do");
        let listed: u64 = parsed(&files["light_load_failures.csv"])[1..].iter()
            .map(|row| row[3].parse::<u64>().unwrap()).sum();
        prop_assert_eq!(listed, failures);

        let json: Value = serde_json::from_str(&files["baseline_T.json"]).unwrap();
        let object = &json[0];
        prop_assert_eq!(object["total_requests"].as_u64(), Some(requests));
        prop_assert_eq!(object["failure_count"].as_u64(), Some(failures));
        prop_assert_eq!(object["throttled_count"].as_u64(), Some(throttled));
        let aggregated = stats.last().unwrap();
        for (field, cell) in [("median_response", 4), ("average_response", 5), ("min_response", 6),
            ("max_response", 7), ("rps", 9), ("failures_per_sec", 10), ("p50", 11), ("p95", 16), ("p99", 18)] {
            prop_assert_eq!(object[field].as_f64(), aggregated[cell].parse().ok(), "{}", field);
        }
        let locust: Value = serde_json::from_str(&locust_json(&run, step, &summary)).unwrap();
        let sum = |of: &dyn Fn(&Value) -> u64| locust.as_array().unwrap().iter().map(of).sum::<u64>();
        let values = |map: &Value| map.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
        prop_assert_eq!(sum(&|entry| entry["num_requests"].as_u64().unwrap()), requests);
        prop_assert_eq!(sum(&|entry| values(&entry["num_reqs_per_sec"])), requests);
        prop_assert_eq!(sum(&|entry| values(&entry["num_fail_per_sec"])), failures);
        prop_assert_eq!(sum(&|entry| values(&entry["response_times"])), requests - throttled - failures);
        let text = &files["baseline_report_T.txt"];
        let line = text.lines().find(|line| line.trim_start().starts_with("light_load ")).unwrap();
        prop_assert_eq!(line.split_whitespace().nth(2).unwrap(), requests.to_string());
    }

    #[test]
    fn percentiles_are_those_of_sorting_the_samples(samples in any_samples()) {
        let step = step_of("s", 5, &samples);
        let times = Summary::of(&step).unwrap().total.success().clone();
        for (percent, quantile) in [(50, Quantile::P50), (95, Quantile::P95), (99, Quantile::P99)] {
            let (found, exact) = (times.quantile_ns(quantile), sorted_rank(&samples, percent));
            prop_assert_eq!(found.is_some(), exact.is_some());
            if let (Some(found), Some(exact)) = (found, exact) {
                prop_assert!(found >= exact && found - exact <= exact / 1_000, "{} is not {}", found, exact);
                prop_assert!(Some(found) <= times.max_ns());
            }
        }
        let exact_sum: u64 = samples.iter().filter(|sample| sample.outcome == Outcome::Success)
            .map(Sample::service_ns).sum();
        prop_assert_eq!(times.sum_ns, exact_sum);
        let off = times.mean_ns().map(|mean| (mean * times.count).abs_diff(exact_sum) * 2);
        prop_assert!(off.is_none_or(|off| off <= times.count), "the mean is rounded to the nearest");
    }

    #[test]
    fn the_live_view_ends_as_the_summary(samples in any_samples()) {
        let mut steps = StepRecorder::new(2, TimesKind::Service);
        let mut recorder = Recorder::new(2);
        samples.iter().for_each(|sample| recorder.record(sample, None));
        steps.push_second(1_000_000_000, 5, 0, &mut recorder);
        prop_assert!(recorder.is_empty());
        let live = steps.live();
        let total = Summary::of(&step_of("s", 5, &samples)).unwrap().total;
        prop_assert_eq!((live.requests, live.failures), (total.requests(), total.failures()));
        prop_assert_eq!(live.p95_ns, total.success().quantile_ns(Quantile::P95));
        prop_assert_eq!(live.recent_p95_ns, live.p95_ns, "one second is all of the window");
        prop_assert_eq!(live.rps, samples.len() as f64);
    }

    #[test]
    fn a_run_read_back_derives_the_same_bytes(samples in any_samples(), spawn_rate_per_s in 0.001f64..1e6) {
        let mut step = step_of("s", 5, &samples);
        step.load = LoadRecord::Closed { users: 5, spawn_rate_per_s };
        step.run_time_s = Some(spawn_rate_per_s / 7.0);
        let run = run_of(vec![step]);
        let read = Run::from_json(&run.to_json()).unwrap();
        prop_assert_eq!(&read, &run);
        prop_assert_eq!(read.to_json(), run.to_json());
        prop_assert_eq!(results_folder(&read, "T").unwrap(), results_folder(&run, "T").unwrap());
    }
}

#[test]
fn headers_to_the_byte() {
    let run = run_of(vec![step_of("s", 5, &asks(1, 1, 1))]);
    let summary = Summary::of(&run.steps[0]).unwrap();
    let headers = [
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\r\n",
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size\r\n",
        "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n",
        "Count,Message,Traceback,Nodes\r\n",
    ];
    for (file, header) in CsvFile::all(true).into_iter().zip(headers) {
        let csv = file.write(&run, &run.steps[0], &summary).unwrap();
        assert!(csv.starts_with(header), "{file:?}: {csv}");
        let columns = parsed(header)[0].len();
        assert!(parsed(&csv).iter().all(|row| row.len() == columns));
    }
}

#[test]
fn one_step_to_the_byte() {
    let mut samples = asks(3, 400_000_000, 11_234_567);
    samples.push(sample(1, Outcome::Failure, 2_500_000_000, 5_000_000));
    let run = run_of(vec![step_of("s", 5, &samples)]);
    let summary = Summary::of(&run.steps[0]).unwrap();
    let rows: Vec<Vec<String>> = parsed(&stats_csv(&summary));
    assert_eq!(rows[1][..9].join("|"), "POST|/ask|3|0|11.235|11.235|11.235|11.235|10");
    assert_eq!(rows[2][..9].join("|"), "GET|/health|1|1|N/A|N/A|N/A|N/A|10");
    assert_eq!(rows[3][..9].join("|"), "|Aggregated|4|1|11.235|11.235|11.235|11.235|10");
    assert_eq!(summary.elapsed_ns, 2_505_000_001);
    assert_eq!(rows[3][9..11].join("|"), "1.596806|0.399202");
    let history = stats_history_csv(&run, &run.steps[0], true).unwrap();
    let heads: Vec<String> = parsed(&history)[1..].iter().map(|row| row[..7].join("|")).collect();
    assert_eq!(
        heads,
        [
            "1795427149|5|POST|/ask|3.000000|0.000000|11.235",
            "1795427149|5||Aggregated|3.000000|0.000000|11.235",
            "1795427150|5|POST|/ask|1.197605|0.000000|11.235",
            "1795427150|5|GET|/health|0.399202|0.399202|N/A",
            "1795427150|5||Aggregated|1.596806|0.399202|11.235",
        ]
    );
    let failures = CsvFile::Failures.write(&run, &run.steps[0], &summary).unwrap();
    assert!(failures.ends_with(
        "GET,/health,\"HTTPError('500 Server Error, \"\"x\"\"')\",1,2026-11-23T09:45:50Z,2026-11-23T09:45:50Z\r\n"
    ));
}

#[test]
fn the_current_figures_forget_after_ten_seconds() {
    const S: u64 = 1_000_000_000;
    let mut samples = vec![sample(0, Outcome::Success, 0, S / 2)];
    samples.extend((1..20).map(|at| sample(0, Outcome::Success, at * S, 1_000_000)));
    let run = run_of(vec![step_of("s", 5, &samples)]);
    let rows = parsed(&stats_history_csv(&run, &run.steps[0], false).unwrap());
    let slowest: Vec<&str> = rows[1..20].iter().map(|row| row[16].as_str()).collect();
    assert_eq!(slowest[..10], ["500"; 10]);
    assert_eq!(slowest[10..], ["1"; 9]);
    assert!(rows[1..20].iter().all(|row| row[22] == "500"), "the total maximum does not forget");
}

#[test]
fn files_of_a_folder() {
    let mut run = run_of(vec![step_of("single_user", 1, &asks(1, 1, 1))]);
    assert_eq!(timestamp(&run), "20261123_094548");
    let names = |run: &Run| -> Vec<String> {
        results_folder(run, &timestamp(run)).unwrap().into_iter().map(|(name, _)| name).collect()
    };
    let csv = ["stats", "stats_history", "failures", "exceptions", "times"]
        .map(|kind| format!("single_user_{kind}.csv"));
    let mut expected =
        vec!["baseline_20261123_094548.json".to_owned(), "baseline_report_20261123_094548.txt".to_owned()];
    expected.extend(csv);
    expected.extend(["single_user.html", "report.html", "plotly.min.js"].map(str::to_owned));
    assert_eq!(names(&run), expected);
    run.kind = RunKind::Run;
    assert_eq!(names(&run)[..2], ["run_20261123_094548.json", "run_report_20261123_094548.txt"]);
}

#[test]
fn another_file_is_refused_by_name() {
    let run = run_of(vec![]);
    let newer = run.to_json().replace("weaver-bench.run/2", "weaver-bench.run/3");
    for (text, words) in [
        (newer.as_str(), "has the format `weaver-bench.run/3`"),
        ("{}", "missing field `format`"),
        ("not json", "cannot be read"),
        ("{\"format\":\"weaver-bench.run/2\"}", "missing field"),
    ] {
        let error = Run::from_json(text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
