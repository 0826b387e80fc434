//! What each output of a run counts, read back from its text as a stranger would.
//!
//! It must not know how any of them is written.

use measure::export::{baseline_json, failures_csv, locust_json, report_text, stats_csv, stats_history_csv};
use measure::{Run, Summary, conclude};
use serde_json::Value;

use super::ProofError;

/// One output's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Requests that ended; `None` where it does not count them.
    pub(crate) requests: Option<u64>,
    /// Those that failed.
    pub(crate) failures: Option<u64>,
}

/// All outputs of a run of one step.
pub(crate) fn outputs(run: &Run) -> Result<Vec<Output>, ProofError> {
    let conclusion = conclude(run)?;
    let step = run.steps.first().ok_or(ProofError::Aborted)?;
    let summary = Summary::of(step)?;
    let cells = || step.intervals.iter().flat_map(|interval| &interval.cells);
    let file = Output {
        name: "run file",
        requests: Some(cells().map(|cell| cell.count).sum()),
        failures: Some(step.errors.iter().map(|error| error.occurrences).sum()),
    };
    let stats = stats_csv(&summary);
    let history = stats_history_csv(run, step, false)?;
    let failures = failures_csv(run, step)?;
    let sum = |rows: Vec<Option<u64>>| rows.into_iter().sum::<Option<u64>>();
    Ok(vec![
        file,
        Output {
            name: "stats CSV",
            requests: last(&column(&stats, "Request Count")),
            failures: last(&column(&stats, "Failure Count")),
        },
        Output {
            name: "history CSV",
            requests: last(&column(&history, "Total Request Count")),
            failures: last(&column(&history, "Total Failure Count")),
        },
        Output { name: "failures CSV", requests: None, failures: sum(column(&failures, "Occurrences")) },
        json("Locust JSON", &locust_json(run, step, &summary), "num_requests", "num_failures"),
        json("baseline JSON", &baseline_json(run, &conclusion), "total_requests", "failure_count"),
        text(&report_text(run, &conclusion)),
    ])
}

fn last(column: &[Option<u64>]) -> Option<u64> {
    column.last().copied().flatten()
}

/// The numbers below a column's head.
fn column(csv: &str, head: &str) -> Vec<Option<u64>> {
    let mut rows = csv.lines().map(fields);
    let heads = rows.next().unwrap_or_default();
    let Some(place) = heads.iter().position(|name| name == head) else { return vec![None] };
    rows.map(|row| row.get(place).and_then(|cell| cell.parse().ok())).collect()
}

/// The fields of a line: quotes around some, doubled within (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (vec![], String::new(), false);
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

/// A list of objects, each with its counts.
fn json(name: &'static str, text: &str, requests: &str, failures: &str) -> Output {
    let list: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let sum = |field: &str| list.iter().map(|object| object[field].as_u64()).sum::<Option<u64>>();
    Output { name, requests: sum(requests), failures: sum(failures) }
}

/// The first table of the report: a line of heads, then a line a step.
fn text(report: &str) -> Output {
    let lines = || report.lines().map(split_columns).filter(|cells| !cells.is_empty());
    let heads = lines().find(|cells| cells.contains(&"requests") && cells.contains(&"failed"));
    let cell = |head: &str| {
        let heads = heads.as_ref()?;
        // Cells to the right of what may hold blanks are counted from the right.
        let place = heads.len() - heads.iter().position(|name| *name == head)?;
        // Below the heads there is a rule.
        let row = lines().skip_while(|cells| cells != heads).nth(2)?;
        row.get(row.len().checked_sub(place)?)?.parse().ok()
    };
    Output { name: "text report", requests: cell("requests"), failures: cell("failed") }
}

/// Columns stand two blanks apart at least.
fn split_columns(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_strangers_read_them() {
        assert_eq!(fields("a,\"b, \"\"c\"\"\",,d\r"), ["a", "b, \"c\"", "", "d"]);
        assert_eq!(column("Name,Count\r\nx,3\r\ny,N/A\r\n", "Count"), [Some(3), None]);
        assert_eq!(column("Name\r\n", "Count"), [None]);
        let report = "TITLE\n\nSteps\n  step  requests  failed  validity\n  ----  --------  ------  --------\n  \
                      one a  12  3  valid\n";
        let found = text(report);
        assert_eq!((found.requests, found.failures), (Some(12), Some(3)));
        assert_eq!(text("nothing").requests, None);
        let found = json("", "[{\"n\": 2, \"f\": 1}, {\"n\": 3}]", "n", "f");
        assert_eq!((found.requests, found.failures), (Some(5), None));
    }
}
