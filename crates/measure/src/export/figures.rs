//! What several documents say in the same words: who was asked, what was found, and how the run is repeated.
//! It must not know how a document is laid out.

use crate::histogram::Quantile;
use crate::{
    Conclusion, ErrorRecord, LoadRecord, Metric, MetricVerdict, Process, RateStage, Run, RunExit, RunKind,
    StepConclusion, StepRun, Times, samples_needed, units,
};

/// Stands where a figure is withheld.
pub(super) const NONE: &str = "–";

/// What the document is called.
pub(super) fn title(run: &Run) -> &'static str {
    match run.kind {
        RunKind::Baseline => "Baseline",
        RunKind::Run => "Load test",
    }
}

/// What was asked.
pub(super) fn target(run: &Run) -> String {
    match (&run.target_url, run.simulated) {
        (_, true) => "the stub, in virtual time".to_owned(),
        (Some(url), _) if embedded(run) => format!("a stub in the same process, {url}"),
        (Some(url), _) => url.clone(),
        (None, _) => "not known".to_owned(),
    }
}

/// The generator's machine, if it is known.
pub(super) fn host(run: &Run) -> Option<String> {
    let host = run.host.as_ref()?;
    let gib = units::ratio(host.memory_bytes, 1 << 30);
    Some(format!("{} ({}, {} x {}, {gib:.1} GiB)", host.name, host.system, host.cpus, host.cpu_model))
}

/// How the run ended, in a word.
pub(super) fn exit_word(exit: RunExit) -> &'static str {
    match exit {
        RunExit::Passed => "passed",
        RunExit::Failed => "failed",
        RunExit::Invalid => "invalid",
        RunExit::Aborted => "aborted",
    }
}

/// `valid` or `invalid`.
pub(super) fn validity_word(step: &StepConclusion) -> &'static str {
    if step.validity.is_valid() { "valid" } else { "invalid" }
}

/// The level, and how many of the targets it rests on when that is not all.
pub(super) fn verdict_words(step: &StepConclusion) -> String {
    let metrics = &step.verdict.metrics;
    let judged = metrics.iter().filter(|metric| metric.judgement.level().is_some()).count();
    match judged == metrics.len() {
        true => step.verdict.judgement.to_string(),
        false => format!("{} ({judged} of {})", step.verdict.judgement, metrics.len()),
    }
}

/// P50, P95 and P99 in ms: as judged if they were, otherwise of all entries.
pub(super) fn percentiles_ms(step: &StepConclusion) -> [Option<f64>; 3] {
    let pairs = [(Metric::P50, Quantile::P50), (Metric::P95, Quantile::P95), (Metric::P99, Quantile::P99)];
    pairs.map(|(metric, quantile)| match step.verdict.metric(metric) {
        Some(verdict) => verdict.value,
        None => trusted_ms(step.summary.total.success(), quantile),
    })
}

/// A percentile of enough requests to say anything.
pub(super) fn trusted_ms(times: &Times, quantile: Quantile) -> Option<f64> {
    let enough = times.count >= samples_needed(quantile);
    times.quantile_ns(quantile).filter(|_| enough).map(units::ms)
}

/// A figure, or that there is none.
pub(super) fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// A judged number with its unit.
pub(super) fn value_words(verdict: &MetricVerdict) -> String {
    let unit = match verdict.metric {
        Metric::P50 | Metric::P95 | Metric::P99 => " ms",
        Metric::FailureRatio => "",
        Metric::Rps => " successes/s",
    };
    verdict.value.map_or_else(|| "withheld".to_owned(), |value| format!("{value}{unit}"))
}

/// What percentiles are of.
pub(super) fn percentiles_note(run: &Run, step: Option<&StepRun>) -> String {
    let times = step.map_or_else(String::new, |step| format!("{} times ", step.load.times().word()));
    match &run.targets {
        Some(targets) => {
            format!("Percentiles are {times}of the successes of {}…, as judged.", targets.judged_path)
        }
        None => format!("Percentiles are {times}of the successes of all entries."),
    }
}

/// Steps that were planned and never began.
pub(super) fn steps_not_run(run: &Run) -> Vec<&str> {
    let missing = run.planned_steps.iter().filter(|name| !run.steps.iter().any(|step| step.name == **name));
    missing.map(String::as_str).collect()
}

/// What the steps together say, as name and words.
pub(super) fn findings(run: &Run, conclusion: &Conclusion) -> Vec<(&'static str, String)> {
    let mut found = vec![];
    if run.targets.is_some() {
        let none = || "none".to_owned();
        found.push(("Last step that met the targets", conclusion.last_met.clone().unwrap_or_else(none)));
        found.push(("First step that did not", conclusion.first_failed.clone().unwrap_or_else(none)));
    }
    if let Some(scalability) = conclusion.scalability {
        let range = format!("{} to {} users, 1 is linear", scalability.users_min, scalability.users_max);
        let words = format!("{:.2} ({}; {range})", scalability.factor, scalability.words());
        found.push(("Scalability factor", words));
    }
    let missing = steps_not_run(run);
    if !missing.is_empty() {
        found.push(("Steps that were not run", missing.join(", ")));
    }
    found
}

/// A step's errors, the most frequent first.
pub(super) fn errors(step: &StepRun) -> Vec<&ErrorRecord> {
    let mut errors: Vec<_> = step.errors.iter().collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.occurrences));
    errors
}

/// At most this many characters, and how many are left out.
pub(super) fn clipped(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} more characters)", &text[..end], text[end..].chars().count()),
    }
}

/// Whether the stub ran in the harness's own process.
fn embedded(run: &Run) -> bool {
    run.plan.pointer("/setup/stub").is_some()
}

/// The command that repeats the run: as it was typed, with the server and the seed that the run file knows; of a run that
/// nobody typed, what the file tells of its load.
pub(crate) fn repeat_command(run: &Run) -> String {
    if let Some(mut words) = typed(run) {
        if let Some(url) = run.target_url.as_ref().filter(|_| !run.simulated && !embedded(run)) {
            words.push(format!("--host {}", quoted(url)));
        }
        words.push(format!("--seed {}", run.seed));
        return words.join(" ");
    }
    let mut words = vec!["weaver-bench".to_owned()];
    match (run.kind, run.steps.first()) {
        (RunKind::Baseline, _) => {
            words.push("baseline".to_owned());
            if run.plan.pointer("/setup/quick").and_then(serde_json::Value::as_bool) == Some(true) {
                words.push("--quick".to_owned());
            }
        }
        (RunKind::Run, None) => words.push("run".to_owned()),
        (RunKind::Run, Some(step)) => {
            words.push("run".to_owned());
            words.push(load_flags(&step.load));
            words.extend(step.run_time_s.map(|seconds| format!("-t {seconds}s")));
        }
    }
    match (&run.target_url, run.simulated) {
        (_, true) => words.push("--simulate".to_owned()),
        (Some(url), false) if !embedded(run) => words.push(format!("--host {}", quoted(url))),
        _ => {}
    }
    words.push(format!("--seed {}", run.seed));
    words.join(" ")
}

/// What the command leaves out, in words.
pub(super) fn repeat_note(run: &Run) -> &'static str {
    match typed(run) {
        Some(words) if words.iter().any(|word| word.contains("***")) => {
            "As it was typed, but for the files that were written; secrets stand as ***. Variables of the environment are not in it: the plan says what they led to."
        }
        Some(_) => {
            "As it was typed, but for the files that were written. Variables of the environment are not in it: the plan says what they led to."
        }
        None => {
            "Keys, scenario files, thresholds and the stub's own flags are not in the command: the plan says what they led to."
        }
    }
}

/// What was typed, as words that a shell takes; `None` where nothing is recorded.
fn typed(run: &Run) -> Option<Vec<String>> {
    let typed = run.plan.pointer("/setup/command")?.as_array()?;
    let words = typed.iter().map(|word| word.as_str().map(quoted));
    let words: Option<Vec<String>> = words.collect();
    Some(["weaver-bench".to_owned()].into_iter().chain(words?).collect())
}

fn load_flags(load: &LoadRecord) -> String {
    match load {
        LoadRecord::Closed { users, spawn_rate_per_s } => format!("-u {users} -r {spawn_rate_per_s}"),
        LoadRecord::Open { process, stages, in_flight_max } => {
            let rate = |stage: &RateStage| {
                let rate = match stage.from_per_s == stage.to_per_s {
                    true => stage.to_per_s.to_string(),
                    false => format!("{}-{}", stage.from_per_s, stage.to_per_s),
                };
                stage.duration_s.map_or(rate.clone(), |seconds| format!("{rate}/{seconds}s"))
            };
            let rates = stages.iter().map(rate).collect::<Vec<_>>().join(",");
            let flags = match process {
                Process::Constant => format!("--arrivals constant --rate {rates}"),
                Process::Poisson => format!("--arrivals poisson --rate {rates}"),
                Process::Replay => "--replay FILE".to_owned(),
            };
            format!("{flags} --in-flight-max {in_flight_max}")
        }
    }
}

/// A word that a shell takes as it stands.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/[]%@+=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asks, run_of, step_of};

    #[test]
    fn long_text_is_cut_with_a_count() {
        assert_eq!(clipped("abc", 3), "abc");
        assert_eq!(clipped("äöü!", 3), "äöü… (1 more characters)");
    }

    #[test]
    fn the_command_holds_what_the_file_knows() {
        let check = |change: &dyn Fn(&mut Run), command: &str| {
            let mut run = run_of(vec![step_of("s", 5, &asks(3, 1, 1))]);
            change(&mut run);
            assert_eq!(repeat_command(&run), command);
        };
        check(&|_| {}, "weaver-bench baseline --simulate --seed 7");
        check(&|run| run.kind = RunKind::Run, "weaver-bench run -u 5 -r 1 -t 30s --simulate --seed 7");
        let stage = |from_per_s, to_per_s, duration_s| RateStage { from_per_s, to_per_s, duration_s };
        check(
            &|run| {
                run.kind = RunKind::Run;
                run.steps[0].load = LoadRecord::Open {
                    process: Process::Poisson,
                    stages: vec![stage(0.0, 100.0, Some(30.0)), stage(100.0, 100.0, Some(0.5))],
                    in_flight_max: 9,
                };
            },
            "weaver-bench run --arrivals poisson --rate 0-100/30s,100/0.5s --in-flight-max 9 -t 30s --simulate --seed 7",
        );
        check(
            &|run| {
                (run.simulated, run.target_url) = (false, Some("http://h:1/$(x)'".to_owned()));
                run.plan = serde_json::json!({"setup": {"quick": true}});
            },
            "weaver-bench baseline --quick --host 'http://h:1/$(x)'\\''' --seed 7",
        );
        check(
            &|run| {
                (run.simulated, run.target_url) = (false, Some("http://127.0.0.1:1".to_owned()));
                run.plan = serde_json::json!({"setup": {"stub": {}}});
            },
            "weaver-bench baseline --seed 7",
        );
        let command = serde_json::json!([
            "run",
            "-f",
            "my file.toml",
            "--threshold",
            "p95 < 1s on /ask",
            "--api-key",
            "***"
        ]);
        check(
            &|run| {
                (run.simulated, run.target_url) = (false, Some("http://h:1".to_owned()));
                run.plan = serde_json::json!({"setup": {"command": command}});
                assert!(repeat_note(run).contains("secrets stand as ***"));
            },
            "weaver-bench run -f 'my file.toml' --threshold 'p95 < 1s on /ask' --api-key '***' --host http://h:1 --seed 7",
        );
    }
}
