//! The report's words on times: which of them a step shows, all of them beside each other, and its arrivals.
//! It must not know what is judged.

use super::table::table;
use crate::histogram::Quantile;
use crate::{ArrivalsRecord, Outcome, StepRun, Summary, Times, TimesKind, samples_needed, units};

/// What the times of the step's tables are.
pub(super) fn times_line(step: &StepRun) -> &'static str {
    match step.load.times() {
        TimesKind::Service => {
            "  service time: closed users; from sending to the last byte of the answer, before which its user sends no \
             other\n"
        }
        TimesKind::Response => {
            "  response time: arrivals; from when the request was due to the last byte of the answer\n"
        }
    }
}

/// Service time, response time (where requests have due times of their own) and lateness of all entries.
pub(super) fn times_table(summary: &Summary) -> String {
    let names = ["times", "average ms", "p50 ms", "p95 ms", "p99 ms", "max ms"];
    let (total, success) = (&summary.total, Outcome::Success as usize);
    let mut rows = vec![names.map(str::to_owned).to_vec(), times_row("service", &total.service[success])];
    rows.extend(total.response.as_ref().map(|times| times_row("response", &times[success])));
    if let Some(late) = summary.lateness {
        let found = [total.late_mean_ns(), Some(late.p50_ns), Some(late.p95_ns), Some(late.p99_ns)];
        let mut cells = vec!["lateness".to_owned()];
        cells.extend(found.into_iter().chain([Some(late.max_ns)]).map(shown));
        rows.push(cells);
    }
    let note = "Service and response are of successes; lateness, the generator's own, is of all requests.";
    format!("{}  {note}\n", table(&rows))
}

fn times_row(name: &str, times: &Times) -> Vec<String> {
    let trusted = |quantile| times.quantile_ns(quantile).filter(|_| times.count >= samples_needed(quantile));
    let mut cells = vec![name.to_owned(), shown(times.mean_ns())];
    cells.extend([Quantile::P50, Quantile::P95, Quantile::P99].map(|quantile| shown(trusted(quantile))));
    cells.push(shown(times.max_ns()));
    cells
}

fn shown(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), |ns| units::ms(ns).to_string())
}

/// How the arrivals came about; empty of closed users.
pub(super) fn arrivals_line(step: &StepRun) -> String {
    let Some(ArrivalsRecord { due, due_mean, sent, dropped, unsent, .. }) = &step.arrivals else {
        return String::new();
    };
    let mean = (due_mean * 1e3).round() / 1e3;
    format!(
        "  arrivals: {due} due ({mean} in the mean), {sent} sent, {dropped} dropped (too many in progress), {unsent} \
         unsent\n"
    )
}
