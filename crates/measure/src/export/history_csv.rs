//! `NAME_stats_history.csv`: one row a second. Percentiles and rates are of the last ten seconds, totals are
//! cumulative, as Locust's. It must not know of verdicts.

use super::csv::{percentiles, push_row, time};
use crate::file::CellReader;
use crate::histogram::{Count, Quantile};
use crate::times::Times;
use crate::window::Window;
use crate::{CellRecord, EntryName, IntervalRecord, Outcome, Run, RunError, StepRun, TimesRecord, units};

const HEADER: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,\
50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,\
Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,\
Total Min Response Time,Total Max Response Time,Total Average Content Size\r\n";

/// The file's content: one Aggregated row a second; if `full`, before it one an entry that was used so far.
///
/// # Errors
/// [`RunError::Damaged`] when the step contradicts itself.
pub fn stats_history_csv(run: &Run, step: &StepRun, full: bool) -> Result<String, RunError> {
    let mut csv = HEADER.to_owned();
    let mut reader = CellReader::new(step);
    let mut total = Track::default();
    let tracked = if full { step.names.len() } else { 0 };
    let mut tracks: Vec<Track> = (0..tracked).map(|_| Track::default()).collect();
    let mut shown: Vec<(&EntryName, usize)> = step.names.iter().zip(0..tracked).collect();
    shown.sort_by_key(|(entry, _)| (&entry.name, &entry.method));
    let mut begin_ns = 0;
    for (second, interval) in step.intervals.iter().enumerate() {
        let duration_ns = interval.end_ns.saturating_sub(begin_ns);
        begin_ns = interval.end_ns;
        tracks.iter_mut().chain([&mut total]).for_each(|track| track.window.begin(duration_ns));
        for cell in &interval.cells {
            let times = cell.times(step.load.times());
            let counts = reader.cell(second, cell, times)?;
            total.add(cell, times, counts);
            if let Some(track) = tracks.get_mut(usize::from(cell.name.0)) {
                track.add(cell, times, counts);
            }
        }
        let ends_s = unix_s(run, step, interval);
        // The last interval may be short; were it to end in the same second, that second's row is its.
        if step.intervals.get(second + 1).is_some_and(|next| unix_s(run, step, next) == ends_s) {
            continue;
        }
        let head = [ends_s.to_string(), interval.users.to_string()];
        for (entry, at) in shown.iter().filter(|(_, at)| tracks[*at].requests > 0) {
            tracks[*at].push_row(&mut csv, &head, &entry.method, &entry.name);
        }
        total.push_row(&mut csv, &head, "", "Aggregated");
    }
    Ok(csv)
}

fn unix_s(run: &Run, step: &StepRun, interval: &IntervalRecord) -> u64 {
    run.unix_ns(step.phases.started_ns + interval.end_ns) / 1_000_000_000
}

/// One line's numbers, as they grow.
#[derive(Debug, Default)]
struct Track {
    window: Window,
    successes: Times,
    requests: u64,
    failures: u64,
    body_bytes: u64,
}

impl Track {
    fn add(&mut self, cell: &CellRecord, times: &TimesRecord, counts: &[Count]) {
        self.window.add(cell, times, counts);
        self.requests += cell.count;
        self.body_bytes += cell.body_bytes;
        match cell.outcome {
            Outcome::Success => self.successes.add(cell, times, counts),
            Outcome::Throttled => {}
            Outcome::Failure => self.failures += cell.count,
        }
    }

    fn push_row(&self, csv: &mut String, head: &[String; 2], method: &str, name: &str) {
        let mut cells = head.to_vec();
        cells.extend([method.to_owned(), name.to_owned()]);
        cells.extend([self.window.rps(), self.window.failures_per_s()].map(|rate| format!("{rate:.6}")));
        cells.extend(percentiles(self.window.quantiles_ns(&Quantile::COLUMNS)));
        cells.extend([
            self.requests.to_string(),
            self.failures.to_string(),
            time(self.successes.quantile_ns(Quantile::P50)),
            time(self.successes.mean_ns()),
            time(self.successes.min_ns()),
            time(self.successes.max_ns()),
            units::ratio(self.body_bytes, self.requests).to_string(),
        ]);
        push_row(csv, cells.iter().map(String::as_str));
    }
}
