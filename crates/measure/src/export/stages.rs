//! Where the server says that the time went: the figures that text and pages show. It must not decide anything.

use super::table::table;
use crate::codec::Decoder;
use crate::histogram::{Histogram, Quantile};
use crate::{EntryStages, RunError, StageRecord, StagesRecord, StepRun, samples_needed, units};

/// What servers call the whole of their own time.
const TOTAL: &str = "total";

/// One stage of an entry, or what is left beside the stages; times in ns.
pub(super) struct Stage {
    pub(super) name: String,
    /// Successes that named it; `None` of what is left.
    pub(super) count: Option<u64>,
    /// Its part of an answer's mean time: of all answers, also those that did not name it.
    pub(super) share_ns: u64,
    /// Its 95th percentile in the answers that named it; `None` of what is left, and of too few.
    pub(super) p95_ns: Option<u64>,
    pub(super) max_ns: Option<u64>,
}

/// An entry's stages.
pub(super) struct Split {
    pub(super) entry: String,
    pub(super) answers: u64,
    pub(super) mean_ns: u64,
    pub(super) stages: Vec<Stage>,
    /// The stages add up to more than passed: some went side by side.
    pub(super) is_parallel: bool,
}

/// By entry, those that said anything.
///
/// # Errors
/// [`RunError::Damaged`] when a histogram cannot be read.
pub(super) fn splits(step: &StepRun) -> Result<Vec<Split>, RunError> {
    let Some(said) = &step.stages else { return Ok(vec![]) };
    let mut decoder = Decoder::new();
    said.entries.iter().map(|entry| split(step, said, entry, &mut decoder)).collect()
}

fn split(
    step: &StepRun,
    said: &StagesRecord,
    entry: &EntryStages,
    decoder: &mut Decoder,
) -> Result<Split, RunError> {
    let (mut stages, mut total_ns) = (vec![], None);
    for record in &entry.stages {
        let name = &said.names[usize::from(record.stage)];
        if name.eq_ignore_ascii_case(TOTAL) {
            total_ns = Some(record.times.sum_ns);
            continue;
        }
        stages.push(Stage {
            name: name.clone(),
            count: Some(record.count),
            share_ns: mean(record.times.sum_ns, entry.answers),
            p95_ns: p95(step, record, decoder)?,
            max_ns: Some(record.times.max_ns),
        });
    }
    let named: u64 = entry.stages.iter().filter(|one| !is_total(said, one)).map(|one| one.times.sum_ns).sum();
    let server = total_ns.unwrap_or(named);
    let mut rest = |name: &str, ns: u64| {
        let share_ns = mean(ns, entry.answers);
        stages.push(Stage { name: name.to_owned(), count: None, share_ns, p95_ns: None, max_ns: None });
    };
    if total_ns.is_some() {
        rest("rest of the server", server.saturating_sub(named));
    }
    rest("network and client", entry.service_sum_ns.saturating_sub(server.max(named)));
    let about = &step.names[usize::from(entry.name.0)];
    Ok(Split {
        entry: format!("{} {}", about.method, about.name),
        answers: entry.answers,
        mean_ns: mean(entry.service_sum_ns, entry.answers),
        stages,
        is_parallel: named > server,
    })
}

fn is_total(said: &StagesRecord, record: &StageRecord) -> bool {
    said.names[usize::from(record.stage)].eq_ignore_ascii_case(TOTAL)
}

fn mean(sum_ns: u64, count: u64) -> u64 {
    (sum_ns + count / 2).checked_div(count).unwrap_or(0)
}

fn p95(step: &StepRun, record: &StageRecord, decoder: &mut Decoder) -> Result<Option<u64>, RunError> {
    let damaged = |error| RunError::damaged(step, format!("{error}, of a stage"));
    let counts = decoder.decode(&record.times.histogram).map_err(damaged)?;
    let mut histogram = Histogram::default();
    histogram.add(counts.iter().copied());
    if histogram.total() != record.count {
        return Err(RunError::damaged(
            step,
            "a stage's histogram holds another number of times than it says",
        ));
    }
    let enough = record.count >= samples_needed(Quantile::P95);
    let found = histogram.at_rank_ns(Quantile::P95.rank(record.count)).filter(|_| enough);
    Ok(found.map(|ns| ns.clamp(record.times.min_ns, record.times.max_ns)))
}

/// What could not be told apart or read; empty when nothing.
pub(super) fn notes(step: &StepRun, splits: &[Split]) -> Vec<String> {
    let mut notes = vec![];
    if splits.iter().any(|split| split.is_parallel) {
        notes.push("Stages that go side by side add up to more than passed.".to_owned());
    }
    if let Some(said) = &step.stages {
        if said.unreadable > 0 {
            let answers = units::counted(said.unreadable, "answer");
            notes.push(format!("The Server-Timing of {answers} could not be read, and is not in it."));
        }
        if said.left_out > 0 {
            let (times, most) = (units::counted(said.left_out, "time"), crate::STAGES_MAX);
            notes.push(format!("{times} of stages beyond the first {most} are left out."));
        }
    }
    notes
}

/// The report's table; empty where the server said nothing, or what it said is damaged, which the pages tell.
pub(super) fn text(step: &StepRun) -> String {
    let splits = splits(step).unwrap_or_default();
    let mut rows = vec![
        ["where the time went", "stage", "answers", "mean ms", "% of it", "p95 ms", "max ms"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for split in &splits {
        for (at, stage) in split.stages.iter().enumerate() {
            let entry = if at == 0 { split.entry.clone() } else { String::new() };
            let mut row = vec![entry, stage.name.clone()];
            row.extend(cells(split, stage, "-"));
            rows.push(row);
        }
    }
    if rows.len() == 1 {
        return String::new();
    }
    let notes: String = notes(step, &splits).iter().map(|note| format!("  {note}\n")).collect();
    let about = "As the server says in Server-Timing of successes; means are of all of them.";
    format!("{}  {about}\n{notes}", table(&rows))
}

/// Answers, mean, share, p95 and greatest.
pub(super) fn cells(split: &Split, stage: &Stage, none: &str) -> [String; 5] {
    let ms = |ns: Option<u64>| ns.map_or_else(|| none.to_owned(), |ns| units::ms(ns).to_string());
    [
        stage.count.unwrap_or(split.answers).to_string(),
        units::ms(stage.share_ns).to_string(),
        format!("{:.1}", units::ratio(stage.share_ns, split.mean_ns) * 100.0),
        ms(stage.p95_ns),
        ms(stage.max_ns),
    ]
}
