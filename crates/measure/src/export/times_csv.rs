//! `NAME_times.csv`: service time, response time and lateness beside each other, a row each for every entry.
//! It must not know which of them the step is judged by.

use super::csv::{percentiles, push_row, time};
use crate::histogram::Quantile;
use crate::{Outcome, Row, Summary, Times};

const HEADER: &str = "Type,Name,Times,Count,Average,Min,\
50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\r\n";

/// Cells of a row's head.
const HEAD: usize = 6;

/// The file's content, in ms. `service` and `response` (where requests have due times of their own) are of successes,
/// `lateness` is of all requests that ended; of single entries it has a mean and a maximum, percentiles of all together.
pub fn times_csv(summary: &Summary) -> String {
    let mut csv = HEADER.to_owned();
    for row in summary.rows_sent().chain([&summary.total]) {
        let success = Outcome::Success as usize;
        let mut push = |cells: Vec<String>| push_row(&mut csv, cells.iter().map(String::as_str));
        push(times_cells(row, "service", &row.service[success]));
        if let Some(response) = &row.response {
            push(times_cells(row, "response", &response[success]));
        }
        push(lateness_cells(row, std::ptr::eq(row, &summary.total).then_some(summary)));
    }
    csv
}

fn head(row: &Row, times: &str, count: u64, mean_ns: Option<u64>, min_ns: Option<u64>) -> Vec<String> {
    let name = [row.method.as_str(), &row.name, times].map(str::to_owned);
    let mut cells = Vec::with_capacity(HEAD + Quantile::COLUMNS.len());
    cells.extend(name);
    cells.extend([count.to_string(), time(mean_ns), time(min_ns)]);
    cells
}

fn times_cells(row: &Row, name: &str, times: &Times) -> Vec<String> {
    let mut cells = head(row, name, times.count, times.mean_ns(), times.min_ns());
    cells.extend(percentiles(times.quantiles_ns(&Quantile::COLUMNS)));
    cells
}

fn lateness_cells(row: &Row, all: Option<&Summary>) -> Vec<String> {
    let requests = row.requests();
    let max_ns = (requests > 0).then_some(row.late_ns.1);
    let mut cells = head(row, "lateness", requests, row.late_mean_ns(), None);
    let found = all.filter(|_| requests > 0).map(|summary| {
        let ranks = Quantile::COLUMNS.map(|quantile| quantile.rank(summary.late.total()));
        let capped = |ns: u64| ns.min(row.late_ns.1);
        summary.late.at_ranks_ns(&ranks).into_iter().map(capped).collect()
    });
    cells.extend(percentiles(found));
    if let Some(last) = cells.last_mut() {
        *last = time(max_ns);
    }
    cells
}
