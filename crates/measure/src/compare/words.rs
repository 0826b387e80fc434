//! A comparison for people: plain text and Markdown. It must not decide anything.

use crate::compare::cells::{Cell, FAILURES_MARGIN};
use crate::compare::figure::Figure;
use crate::compare::rounds::Rounds;
use crate::compare::trend::{FALSE_ALARM, RUNS_MIN, Trend};
use crate::compare::{Change, Comparison, Decision, RunLabel, Scale, Verdict};
use crate::export::table::table;
use crate::units;

/// The comparison as plain text.
pub fn text(comparison: &Comparison) -> String {
    let mut text = heading("COMPARISON");
    text.push_str(&format!("  A  {}\n  B  {}\n", label(&comparison.a), label(&comparison.b)));
    text.push_str(&format!("\nVerdict: {}\n", comparison.decision.verdict.words()));
    text.push_str(&lines("  ", &decision(&comparison.decision)));
    text.push_str("\nSteps: the same time, step by step\n");
    text.push_str(&table(&steps(comparison)));
    for step in &comparison.steps {
        let told = |cell: &&Cell| cell.step == step.step && cell.change.is_some();
        if comparison.cells.iter().any(|cell| told(&cell)) {
            text.push_str(&format!("\n{}\n", step.step));
            text.push_str(&table(&cells(comparison.cells.iter().filter(told), false)));
        }
    }
    text.push('\n');
    text.push_str(&lines("  ", &[footnote(comparison)]));
    text
}

/// The comparison as Markdown: what decides, and the figures that changed; all of them folded away.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = format!("## Comparison: {}\n\n", comparison.decision.verdict.words());
    text.push_str(&format!(
        "- A: {}\n- B: {}\n",
        escaped(&label(&comparison.a)),
        escaped(&label(&comparison.b))
    ));
    text.push_str(&lines("- ", &decision(&comparison.decision).map(|line| escaped(&line))));
    text.push_str("\n### Steps\n\n");
    text.push_str(&markdown_table(&steps(comparison)));
    let changed = |cell: &&Cell| matches!(cell.verdict, Verdict::Better | Verdict::Worse);
    text.push_str("\n### Figures that changed\n\n");
    if comparison.cells.iter().any(|cell| changed(&cell)) {
        text.push_str(&markdown_table(&cells(comparison.cells.iter().filter(changed), true)));
    } else {
        text.push_str("None by more than chance explains.\n");
    }
    text.push_str("\n<details><summary>All figures</summary>\n\n");
    let told = comparison.cells.iter().filter(|cell| cell.change.is_some());
    text.push_str(&markdown_table(&cells(told, true)));
    text.push_str(&format!("\n</details>\n\n{}\n", footnote(comparison)));
    text
}

/// Repeated comparisons as plain text.
pub fn rounds_text(rounds: &Rounds) -> String {
    let mut text = heading("COMPARISON IN ROUNDS");
    text.push_str(&format!("Verdict: {}\n", rounds.decision.verdict.words()));
    text.push_str(&lines("  ", &decision(&rounds.decision)));
    text.push_str("\nRounds\n");
    text.push_str(&table(&round_rows(rounds)));
    text
}

/// Repeated comparisons as Markdown.
pub fn rounds_markdown(rounds: &Rounds) -> String {
    let mut text = format!("## Comparison in rounds: {}\n\n", rounds.decision.verdict.words());
    text.push_str(&lines("- ", &decision(&rounds.decision).map(|line| escaped(&line))));
    text.push_str(&format!("\n{}", markdown_table(&round_rows(rounds))));
    text
}

/// The trend as plain text.
pub fn trend_text(trend: &Trend) -> String {
    let mut text = heading("TREND");
    text.push_str(&format!("  typical time of the successes of `{}…`\n\n", trend.judged_path));
    text.push_str(&table(&trend_rows(trend)));
    text.push_str(&lines("  ", &[trend_note(trend)]));
    text
}

/// The trend as Markdown.
pub fn trend_markdown(trend: &Trend) -> String {
    let note = trend_note(trend);
    format!("## Trend of `{}…`\n\n{}\n{note}\n", trend.judged_path, markdown_table(&trend_rows(trend)))
}

fn heading(words: &str) -> String {
    format!("{words}\n{}\n", "=".repeat(words.len()))
}

fn lines(indent: &str, lines: &[String]) -> String {
    lines.iter().map(|line| format!("{indent}{line}\n")).collect()
}

fn label(run: &RunLabel) -> String {
    let target = run.target_url.as_deref().unwrap_or("in virtual time");
    format!("{} (started {}, seed {}, {target}, version {})", run.name, run.started, run.seed, run.version)
}

fn decision(decision: &Decision) -> [String; 5] {
    let [a, b] = decision.requests;
    let needed = decision.requests_needed.map_or_else(
        || "how many it would take to tell cannot be said".to_owned(),
        |needed| format!("a change as small as the margin is told by {needed} each"),
    );
    let time = decision.time.as_ref().map_or_else(|| "cannot be told".to_owned(), in_full);
    let answered = decision.answered.as_ref().map_or_else(|| "cannot be told".to_owned(), in_full);
    [
        decision.why.clone(),
        format!("typical time of the successes of `{}…`: {time}", decision.judged_path),
        format!("share of requests that were answered: {answered}"),
        format!("{a} successes in A, {b} in B; {needed}"),
        "decided by the typical time over all steps and entries, stratified, and the share answered, at 3.5 %".to_owned(),
    ]
}

fn amount(scale: Scale, value: f64) -> String {
    match scale {
        Scale::Ratio => format!("{:+.1} %", value * 100.0),
        Scale::Difference => format!("{:+.2} points", value * 100.0),
    }
}

fn interval(change: &Change) -> String {
    let digits = if change.scale == Scale::Ratio { 1 } else { 2 };
    format!("{:+.digits$} to {:+.digits$}", change.low * 100.0, change.high * 100.0)
}

fn in_full(change: &Change) -> String {
    format!(
        "{} (95 % interval {}; could have seen {}; effect size {:+.2}; {})",
        amount(change.scale, change.change),
        interval(change),
        amount(change.scale, change.detectable).trim_start_matches('+'),
        change.effect_size,
        chance(change.p),
    )
}

fn chance(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn steps(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut rows = vec![row(["step", "successes A", "B", "change", "95 % interval", "could see"])];
    rows.extend(comparison.steps.iter().map(|step| {
        let [a, b] = step.requests.map(|count| count.to_string());
        let mut cells = vec![step.step.clone(), a, b];
        cells.extend(change_cells(step.time.as_ref()));
        cells
    }));
    rows
}

fn change_cells(change: Option<&Change>) -> [String; 3] {
    change.map_or_else(
        || ["-", "-", "-"].map(str::to_owned),
        |change| {
            let seen = amount(change.scale, change.detectable);
            [amount(change.scale, change.change), interval(change), seen.trim_start_matches('+').to_owned()]
        },
    )
}

/// A row a cell; with the step where rows of several stand in one table.
fn cells<'a>(cells: impl Iterator<Item = &'a Cell>, with_step: bool) -> Vec<Vec<String>> {
    let head =
        ["entry", "figure", "A", "B", "change", "95 % interval", "could see", "effect", "verdict", "takes"];
    let mut rows = vec![row(head)];
    rows.extend(cells.map(|cell| {
        let step = if with_step { format!("{}: ", cell.step) } else { String::new() };
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| figure(cell.figure, v));
        let mut row = vec![format!("{step}{} {}", cell.method, cell.name), cell.figure.words().to_owned()];
        row.extend([shown(cell.a), shown(cell.b)]);
        row.extend(change_cells(cell.change.as_ref()));
        row.push(cell.change.as_ref().map_or_else(|| "-".to_owned(), |c| format!("{:+.2}", c.effect_size)));
        row.push(cell.verdict.words().to_owned());
        let needed = cell.requests_needed.filter(|_| cell.verdict == Verdict::CannotTell);
        row.push(needed.map_or_else(|| "-".to_owned(), |needed| needed.to_string()));
        row
    }));
    rows
}

fn figure(figure: Figure, value: f64) -> String {
    if figure == Figure::FailureRatio { format!("{:.2} %", value * 100.0) } else { format!("{value}") }
}

fn footnote(comparison: &Comparison) -> String {
    let tested = comparison.cells.iter().filter(|cell| cell.change.is_some()).count();
    format!(
        "{} figures have too few requests, or seconds, and are left out. The other {tested} are corrected for being many (Holm, 5 %). `same`: the interval lies within {:.1} % ({:.0} point of failures). \
         `could see`: the smallest change that would have been found in 97.5 of 100 cases. `takes`: requests that each run would need to \
         tell a change as small as the margin.",
        comparison.cells.len() - tested,
        comparison.margin * 100.0,
        FAILURES_MARGIN * 100.0,
    )
}

fn round_rows(rounds: &Rounds) -> Vec<Vec<String>> {
    let mut rows = vec![row(["round", "A", "B", "change", "95 % interval", "could see", "verdict alone"])];
    rows.extend(rounds.rounds.iter().enumerate().map(|(at, round)| {
        let mut cells = vec![(at + 1).to_string(), round.a.name.clone(), round.b.name.clone()];
        cells.extend(change_cells(round.decision.time.as_ref()));
        cells.push(round.decision.verdict.words().to_owned());
        cells
    }));
    rows
}

fn trend_rows(trend: &Trend) -> Vec<Vec<String>> {
    let mut rows = vec![row(["run", "started", "typical ms", "from here on"])];
    rows.extend(trend.runs.iter().enumerate().map(|(at, run)| {
        let point = trend.changes.iter().find(|point| point.first == at);
        let words = point.map_or_else(String::new, |point| {
            let change = amount(Scale::Ratio, point.change);
            format!("{change} ({} to {} ms, {})", point.before_ms, point.after_ms, chance(point.p))
        });
        vec![run.name.clone(), run.started.clone(), run.typical_ms.to_string(), words]
    }));
    rows
}

fn trend_note(trend: &Trend) -> String {
    if trend.runs.len() < RUNS_MIN {
        return format!("too few to find a change: it takes {RUNS_MIN} runs");
    }
    let found = units::counted(trend.changes.len() as u64, "change point");
    format!(
        "{found}; in runs without a change one is found in at most {:.0} of 100 cases",
        FALSE_ALARM * 100.0
    )
}

/// Nothing in a name may end a cell or begin a tag.
fn escaped(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|")
}

fn markdown_table(rows: &[Vec<String>]) -> String {
    let line = |cells: &Vec<String>| {
        format!("| {} |\n", cells.iter().map(|c| escaped(c)).collect::<Vec<_>>().join(" | "))
    };
    let mut lines = rows.iter().map(line);
    let columns = rows.first().map_or(0, Vec::len);
    let rule = format!("| --- {}|\n", "| ---: ".repeat(columns.saturating_sub(1)));
    format!("{}{rule}{}", lines.next().unwrap_or_default(), lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::testing::{asks, run_of, step_of};

    #[test]
    fn a_hostile_name_does_no_harm() {
        let mut run = run_of(vec![step_of("s", 1, &asks(200, 100_000_000, 1_000_000))]);
        run.steps[0].names[0].name = "</td><script>alert(1)</script> | a\nb".to_owned();
        run.target_url = Some("http://<b>|x".to_owned());
        let page = markdown(&compare((&run, "a|<i>"), (&run, "b"), 0.05).expect("a whole run"));
        for harm in ["<script>", "<b>", "<i>", " | a", "a\nb"] {
            assert!(!page.contains(harm), "{harm} is in {page}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; \\| a b"), "{page}");
        assert!(page.contains("None by more than chance explains."), "{page}");
    }

    #[test]
    fn changes_have_their_sign_and_unit() {
        assert_eq!(amount(Scale::Ratio, 0.049), "+4.9 %");
        assert_eq!(amount(Scale::Difference, -0.012_3), "-1.23 points");
        assert_eq!(figure(Figure::FailureRatio, 0.05), "5.00 %");
        assert_eq!(figure(Figure::P95, 1.5), "1.5");
        assert_eq!((chance(0.5).as_str(), chance(1e-9).as_str()), ("p = 0.5000", "p < 0.0001"));
    }
}
