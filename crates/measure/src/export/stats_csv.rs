//! `NAME_stats.csv`: one row an entry and the Aggregated row. It must not know of seconds.

use super::csv::{percentiles, push_row, time};
use crate::histogram::Quantile;
use crate::{Row, Summary};

const HEADER: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,\
50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\r\n";

/// The file's content. Times are of successes, ms with up to 3 decimals, `N/A` without any; counts, rates and
/// sizes are of all requests that ended.
pub fn stats_csv(summary: &Summary) -> String {
    let mut csv = HEADER.to_owned();
    for row in summary.rows_sent().chain([&summary.total]) {
        let cells = cells(summary, row);
        push_row(&mut csv, cells.iter().map(String::as_str));
    }
    csv
}

fn cells(summary: &Summary, row: &Row) -> Vec<String> {
    let times = row.success();
    let mut cells = vec![
        row.method.clone(),
        row.name.clone(),
        row.requests().to_string(),
        row.failures().to_string(),
        time(times.quantile_ns(Quantile::P50)),
        time(times.mean_ns()),
        time(times.min_ns()),
        time(times.max_ns()),
        row.body_bytes_mean().to_string(),
        summary.per_s(row.requests()).to_string(),
        summary.per_s(row.failures()).to_string(),
    ];
    cells.extend(percentiles(times.quantiles_ns(&Quantile::COLUMNS)));
    cells
}
