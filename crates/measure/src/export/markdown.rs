//! A summary in Markdown, short enough for the summary of a CI job: what was found first, then the steps.
//! It must not decide anything: every word about good or bad comes from the conclusion.

use super::figures::{
    clipped, errors, exit_word, findings, host, percentiles_ms, percentiles_note, repeat_command,
    repeat_note, shown, target, title, validity_word, verdict_words,
};
use crate::{Conclusion, Run, StepConclusion, StepRun, analysis, analyze, units};

/// Errors that are listed, of all steps together.
const ERRORS_SHOWN: usize = 10;
/// Warnings that are listed, of all steps together.
const WARNINGS_SHOWN: usize = 10;
/// Thresholds that are listed, of all steps together.
const THRESHOLDS_SHOWN: usize = 100;
/// Steps that are listed.
const STEPS_SHOWN: usize = 100;
/// Characters of a text from outside.
const TEXT_MAX: usize = 200;

/// The summary: CommonMark with GitHub's tables.
pub fn markdown(run: &Run, conclusion: &Conclusion) -> String {
    let word = exit_word(conclusion.exit);
    let mut text = format!("## {}: {word} (exit code {})\n\n", title(run), conclusion.exit.code());
    for why in &conclusion.exit_reasons {
        text.push_str(&format!("- **{}**\n", escaped(why)));
    }
    if !conclusion.exit_reasons.is_empty() {
        text.push('\n');
    }
    text.push_str(&steps(run, conclusion));
    for (name, what) in findings(run, conclusion) {
        text.push_str(&format!("- {name}: {}\n", escaped(&what)));
    }
    text.push_str(&targets_missed(conclusion));
    text.push_str(&thresholds(conclusion));
    text.push_str(&failures(run));
    text.push_str(&warnings(conclusion));
    // A run that was concluded can be analysed.
    if let Ok(found) = analyze(run, conclusion) {
        text.push_str(&format!("\n{}", analysis::markdown_part(&found)));
    }
    text.push_str(&foot(run));
    text
}

fn steps(run: &Run, conclusion: &Conclusion) -> String {
    let mut text = "| step | load | requests | failed | throttled | accepted/s | p50 ms | p95 ms | p99 ms | verdict | validity |\n\
                    | :-- | :-- | --: | --: | --: | --: | --: | --: | --: | :-- | :-- |\n"
        .to_owned();
    for (record, step) in run.steps.iter().zip(&conclusion.steps).take(STEPS_SHOWN) {
        let mut cells = vec![escaped(&record.name), escaped(&record.load.words())];
        cells.extend(counts(step));
        cells.push(format!("{:.2}", step.summary.accepted_rps()));
        cells.extend(percentiles_ms(step).map(shown));
        let gate = if record.gate { "" } else { ", no gate" };
        cells.push(format!(
            "{}{gate}",
            bold_if_bad(verdict_words(step), step.verdict.passed() == Some(false))
        ));
        cells.push(bold_if_bad(validity_word(step).to_owned(), !step.validity.is_valid()));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str(&left_out(run.steps.len(), STEPS_SHOWN, "steps"));
    text.push_str(&format!(
        "\n{} – means too few of them.\n\n",
        escaped(&percentiles_note(run, run.steps.first()))
    ));
    text
}

fn counts(step: &StepConclusion) -> [String; 3] {
    let total = &step.summary.total;
    [total.requests(), total.failures(), total.of(crate::Outcome::Throttled).count].map(|n| n.to_string())
}

fn bold_if_bad(words: String, bad: bool) -> String {
    if bad { format!("**{words}**") } else { words }
}

fn targets_missed(conclusion: &Conclusion) -> String {
    let mut text = String::new();
    for step in &conclusion.steps {
        let missed =
            step.verdict.metrics.iter().filter(|metric| {
                metric.judgement.level().is_some_and(|level| level > crate::Level::Acceptable)
            });
        for metric in missed {
            let value = super::figures::value_words(metric);
            let (name, key) = (escaped(&step.name), metric.metric.key());
            text.push_str(&format!("- {name}: {key} is {value}, {}\n", metric.judgement));
        }
        for why in &step.verdict.reasons {
            text.push_str(&format!("- {}: {}\n", escaped(&step.name), escaped(why)));
        }
        for why in step.validity.reasons() {
            text.push_str(&format!("- {} is invalid: {}\n", escaped(&step.name), escaped(why)));
        }
    }
    text
}

fn thresholds(conclusion: &Conclusion) -> String {
    let of_step = |step: &'_ StepConclusion| {
        let name = escaped(&step.name);
        let row = |verdict: &crate::ThresholdVerdict| {
            let bad = verdict.is_broken() && verdict.threshold.gate;
            let found = bold_if_bad(escaped(&super::thresholds::found(step, verdict)), bad);
            format!("| {name} | {} | {found} |\n", escaped(&verdict.threshold.words()))
        };
        step.thresholds.iter().map(row).collect::<Vec<_>>()
    };
    let rows: Vec<String> = conclusion.steps.iter().flat_map(of_step).collect();
    if rows.is_empty() {
        return String::new();
    }
    let shown: String = rows.iter().take(THRESHOLDS_SHOWN).map(String::as_str).collect();
    let head = "\n### Thresholds\n\n| step | threshold | found |\n| :-- | :-- | :-- |\n";
    format!("{head}{shown}{}", left_out(rows.len(), THRESHOLDS_SHOWN, "thresholds"))
}

fn failures(run: &Run) -> String {
    let all: usize = run.steps.iter().map(|step| step.errors.len()).sum();
    if all == 0 {
        return String::new();
    }
    let of_step = |step| errors(step).into_iter().map(move |error| (step, error));
    let mut found: Vec<(&StepRun, _)> = run.steps.iter().flat_map(of_step).collect();
    found.sort_by_key(|(_, error)| std::cmp::Reverse(error.occurrences));
    let mut text = "\n### Failures\n\n| step | request | what | times | first seen | last seen |\n\
                    | :-- | :-- | :-- | --: | :-- | :-- |\n"
        .to_owned();
    for (step, error) in found.into_iter().take(ERRORS_SHOWN) {
        let entry = step.names.get(usize::from(error.name.0));
        let name = entry.map(|entry| format!("{} {}", entry.method, entry.name)).unwrap_or_default();
        let [first, last] = [error.first_ns, error.last_ns].map(|ns| units::utc_second(run.unix_ns(ns)));
        let cells = [
            escaped(&step.name),
            escaped(&name),
            escaped(&error.error),
            error.occurrences.to_string(),
            first,
            last,
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str(&left_out(all, ERRORS_SHOWN, "kinds of failure"));
    text
}

fn warnings(conclusion: &Conclusion) -> String {
    let of_step = |step: &'_ StepConclusion| {
        let name = escaped(&step.name);
        let line = |warning: &crate::Warning| {
            let [what, why, remedy] =
                [&warning.what, &warning.why, &warning.remedy].map(|text| escaped(text));
            format!("- {name}: {what}: {why}; {remedy}\n")
        };
        step.warnings.iter().map(line).collect::<Vec<_>>()
    };
    let lines: Vec<String> = conclusion.steps.iter().flat_map(of_step).collect();
    if lines.is_empty() {
        return String::new();
    }
    let shown: String = lines.iter().take(WARNINGS_SHOWN).map(String::as_str).collect();
    format!("\n### Warnings\n\n{shown}{}", left_out(lines.len(), WARNINGS_SHOWN, "warnings"))
}

fn left_out(all: usize, shown: usize, what: &str) -> String {
    if all > shown { format!("\nand {} more {what}.\n", all - shown) } else { String::new() }
}

fn foot(run: &Run) -> String {
    let mut text = format!(
        "\nStarted {}, target {}, seed {}, weaver-bench {}",
        units::utc_second(run.started_unix_ns),
        escaped(&target(run)),
        run.seed,
        escaped(&run.version)
    );
    text.push_str(&host(run).map(|host| format!(", on {}", escaped(&host))).unwrap_or_default());
    // Indented code needs no fence that the text could close.
    text.push_str(&format!(
        ".\n\n{}\n\n    {}\n",
        escaped(&format!("Repeat it with this. {}", repeat_note(run))),
        one_line(&repeat_command(run))
    ));
    text
}

/// Text from outside as inline text or a table's cell: every character that Markdown or HTML could read is escaped
/// (CommonMark 0.31.2, 2.4: any ASCII punctuation may be).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(&clipped(text, TEXT_MAX)).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // GitHub turns a name behind it into a mention, backslash or not.
            '@' => out.push_str("@\u{200b}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use crate::conclude;
    use crate::testing::{asks, run_of, sample, step_of};

    #[test]
    fn what_was_found_comes_first() {
        let mut samples = asks(400, 50_000_000, 3_000_000_000);
        samples.push(sample(1, Outcome::Failure, 1_000_000_000, 5_000_000));
        let run = run_of(vec![step_of("light_load", 5, &samples)]);
        let text = markdown(&run, &conclude(&run).unwrap());
        assert!(
            text.starts_with("## Baseline: failed (exit code 1)\n\n- **step light\\_load is critical**\n"),
            "{text}"
        );
        assert!(text.contains("| light\\_load | 5 users | 401 | 1 | 0 |"), "{text}");
        assert!(
            text.contains("| light\\_load | GET /health | HTTPError('500 Server Error, \"x\"') | 1 |"),
            "{text}"
        );
        assert!(text.contains("\n    weaver-bench baseline --simulate --seed 7\n"), "{text}");
    }

    #[test]
    fn hostile_text_is_text() {
        assert_eq!(escaped("<b>|`a`\n[x](y) @me"), "&lt;b&gt;\\|\\`a\\` \\[x\\](y) @\u{200b}me");
        assert_eq!(escaped(&"x".repeat(10_000)).len(), TEXT_MAX + "… (9800 more characters)".len());
    }

    #[test]
    fn it_stays_short() {
        let mut step = step_of("s", 5, &asks(3, 1, 1));
        let error = |at| crate::ErrorRecord {
            name: crate::NameId(0),
            error: format!("{at}{}", "|".repeat(10_000)),
            occurrences: 0,
            first_ns: 0,
            last_ns: 0,
        };
        step.errors = (0..500).map(error).collect();
        let run = run_of(vec![step; 300]);
        let text = markdown(&run, &conclude(&run).unwrap());
        assert!(text.len() < 100_000, "{}", text.len());
        assert!(
            text.contains("and 200 more steps.") && text.contains("and 149990 more kinds of failure."),
            "{text}"
        );
    }
}
