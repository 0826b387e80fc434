//! What rules may look at: a run's steps, summed up and second by second, decoded once.
//!
//! It is what any target shows. It must not know a ledger, a fault's switch or `Server-Timing`.

use crate::file::CellReader;
use crate::times::Times;
use crate::{Conclusion, IntervalRecord, NameId, Outcome, Run, RunError, StepConclusion, StepRun};

/// A run, as the rules see it.
#[derive(Debug)]
pub(crate) struct Observed<'a> {
    /// The run.
    pub(crate) run: &'a Run,
    /// Its steps, in order.
    pub(crate) steps: Vec<ObservedStep<'a>>,
}

/// A step, as the rules see it.
#[derive(Debug)]
pub(crate) struct ObservedStep<'a> {
    /// What was recorded.
    pub(crate) record: &'a StepRun,
    /// What it amounts to.
    pub(crate) conclusion: &'a StepConclusion,
    /// One an interval of the record.
    pub(crate) seconds: Vec<Second<'a>>,
}

/// One second of a step.
#[derive(Debug)]
pub(crate) struct Second<'a> {
    /// Its begin, since the step's start.
    pub(crate) begin_ns: u64,
    /// What was recorded; its end, users and requests in flight are there.
    pub(crate) record: &'a IntervalRecord,
    /// What ended in it, in the record's order.
    pub(crate) cells: Vec<Cell>,
}

/// What ended in one second under one entry with one outcome.
#[derive(Debug)]
pub(crate) struct Cell {
    /// The entry.
    pub(crate) name: NameId,
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// Service times: from sending to the last byte.
    pub(crate) service: Times,
}

impl<'a> Observed<'a> {
    /// Decodes a run whose conclusion is known.
    ///
    /// # Errors
    /// [`RunError::Damaged`] when a step contradicts itself.
    pub(crate) fn of(run: &'a Run, conclusion: &'a Conclusion) -> Result<Self, RunError> {
        let pairs = run.steps.iter().zip(&conclusion.steps);
        let steps = pairs.map(|(record, conclusion)| ObservedStep::of(record, conclusion));
        Ok(Self { run, steps: steps.collect::<Result<_, _>>()? })
    }
}

impl<'a> ObservedStep<'a> {
    fn of(record: &'a StepRun, conclusion: &'a StepConclusion) -> Result<Self, RunError> {
        let mut reader = CellReader::new(record);
        let mut begin_ns = 0;
        let mut seconds = Vec::with_capacity(record.intervals.len());
        for (at, interval) in record.intervals.iter().enumerate() {
            let mut cells = Vec::with_capacity(interval.cells.len());
            for cell in &interval.cells {
                let mut service = Times::default();
                service.add(cell, &cell.service, reader.cell(at, cell, &cell.service)?);
                cells.push(Cell { name: cell.name, outcome: cell.outcome, service });
            }
            seconds.push(Second { begin_ns, record: interval, cells });
            begin_ns = interval.end_ns;
        }
        Ok(Self { record, conclusion, seconds })
    }
}
