//! Taking samples in: one recorder a worker thread, no lock, swapped and merged once a second.
//!
//! It must not know of files, seconds or verdicts.

use crate::spread::Spread;
use crate::stages::Stages;
use crate::tally::Tally;
use crate::{CellRecord, NameId, Outcome, PulseRecord, Sample};

/// What one entry and outcome gathers.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) body_bytes: u64,
    pub(crate) late_sum_ns: u64,
    pub(crate) late_max_ns: u64,
    pub(crate) service: Spread,
    pub(crate) response: Option<Spread>,
}

impl Cell {
    fn new(response: bool) -> Self {
        Self {
            body_bytes: 0,
            late_sum_ns: 0,
            late_max_ns: 0,
            service: Spread::new(),
            response: response.then(Spread::new),
        }
    }

    fn record(&mut self, sample: &Sample) {
        self.service.record(sample.service_ns());
        if let Some(response) = &mut self.response {
            response.record(sample.response_ns());
        }
        let late_ns = sample.lateness_ns();
        self.body_bytes += sample.body_bytes;
        self.late_sum_ns += late_ns;
        self.late_max_ns = self.late_max_ns.max(late_ns);
    }

    fn merge(&mut self, other: &mut Self) {
        self.service.merge(&mut other.service);
        if let Some(response) = &mut other.response {
            self.response.get_or_insert_with(Spread::new).merge(response);
        }
        self.body_bytes += other.body_bytes;
        self.late_sum_ns += other.late_sum_ns;
        self.late_max_ns = self.late_max_ns.max(other.late_max_ns);
        other.clear();
    }

    /// Forgets everything but the times, which are emptied by being taken.
    pub(crate) fn clear(&mut self) {
        (self.body_bytes, self.late_sum_ns, self.late_max_ns) = (0, 0, 0);
    }
}

/// What one worker thread measured since it was last emptied.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// By entry and outcome; a cell is made by its first sample and kept.
    cells: Vec<Option<Box<Cell>>>,
    /// Whether response times are kept too.
    response: bool,
    pub(crate) lateness: Spread,
    pub(crate) tally: Tally,
    pub(crate) stages: Stages,
    /// What the worker's timer saw.
    pub pulse: PulseRecord,
}

impl Recorder {
    /// A recorder of service times for the entries 0 to `names` − 1; others are taken too, at the price of an
    /// allocation.
    pub fn new(names: usize) -> Self {
        Self {
            cells: vec![None; names * Outcome::ALL.len()],
            response: false,
            lateness: Spread::new(),
            tally: Tally::new(names),
            stages: Stages::default(),
            pulse: PulseRecord::default(),
        }
    }

    /// The same with response times beside the service times, for requests that have due times of their own.
    pub fn with_response(names: usize) -> Self {
        Self { response: true, ..Self::new(names) }
    }

    /// Takes one finished request. `text` says what happened to a failure, or what a limit's answer says; it is ignored of a
    /// success.
    pub fn record(&mut self, sample: &Sample, text: Option<&str>) {
        self.cell(sample.name, sample.outcome).record(sample);
        self.pulse.waited_ns += sample.intended_ns.saturating_sub(sample.ready_ns);
        self.lateness.record(sample.lateness_ns());
        self.tally.status(sample.name, sample.status, 1);
        match sample.outcome {
            Outcome::Success => {}
            Outcome::Throttled => self.tally.refusal(sample.name, text, sample.done_ns),
            Outcome::Failure => self.tally.error(sample.name, text, sample.done_ns),
        }
    }

    /// Takes where the server says that the time of a recorded success went: stages and ns, each stage once; `None`
    /// where what it says cannot be read.
    pub fn stages(&mut self, sample: &Sample, said: Option<&[(&str, u64)]>) {
        match said {
            _ if sample.outcome != Outcome::Success => {}
            Some(stages) => self.stages.record(sample.name, sample.service_ns(), stages),
            None => self.stages.unreadable += 1,
        }
    }

    /// Counts a request whose answer is not waited for any longer.
    pub fn cut_off(&mut self, name: NameId) {
        self.tally.cut_off(name);
    }

    /// Whether nothing was taken since it was last emptied.
    pub fn is_empty(&self) -> bool {
        self.lateness.count == 0 && self.tally.is_empty()
    }

    /// Takes all of `other` and leaves it empty, its buffers kept for what comes next.
    pub fn merge(&mut self, other: &mut Self) {
        for (at, from) in other.cells.iter_mut().enumerate() {
            if let Some(from) = from.as_deref_mut().filter(|cell| cell.service.count > 0) {
                self.cell_at(at).merge(from);
            }
        }
        self.lateness.merge(&mut other.lateness);
        self.tally.merge(&mut other.tally);
        self.stages.merge(&mut other.stages);
        self.pulse.merge(&mut other.pulse);
    }

    /// Adds the times and sums of a cell that was recorded elsewhere.
    pub(crate) fn take_in(&mut self, record: &CellRecord, service: Spread, response: Option<Spread>) {
        let CellRecord { body_bytes, late_sum_ns, late_max_ns, .. } = *record;
        let mut other = Cell { body_bytes, late_sum_ns, late_max_ns, service, response };
        self.cell(record.name, record.outcome).merge(&mut other);
    }

    /// The cells that hold anything, by entry, then outcome.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = (NameId, Outcome, &mut Cell)> {
        let outcomes = Outcome::ALL.len();
        self.cells.iter_mut().enumerate().filter_map(move |(at, cell)| {
            let cell = cell.as_deref_mut().filter(|cell| cell.service.count > 0)?;
            let name = u16::try_from(at / outcomes).expect("cells are made for 16-bit names");
            Some((NameId(name), Outcome::ALL[at % outcomes], cell))
        })
    }

    fn cell(&mut self, name: NameId, outcome: Outcome) -> &mut Cell {
        self.cell_at(usize::from(name.0) * Outcome::ALL.len() + outcome as usize)
    }

    fn cell_at(&mut self, at: usize) -> &mut Cell {
        if at >= self.cells.len() {
            self.cells.resize(at + 1, None);
        }
        let response = self.response;
        self.cells[at].get_or_insert_with(|| Box::new(Cell::new(response)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimesRecord;
    use crate::codec::Encoder;
    use crate::testing::sample;

    type Seen = (NameId, Outcome, [u64; 3], TimesRecord, Option<TimesRecord>);

    fn seen(recorder: &mut Recorder) -> Vec<Seen> {
        let (mut encoder, mut counts) = (Encoder::new(), Vec::new());
        let mut take = |(name, outcome, cell): (NameId, Outcome, &mut Cell)| {
            let exact = [cell.service.count, cell.body_bytes, cell.late_sum_ns + cell.late_max_ns];
            let service = cell.service.take(&mut encoder, &mut counts);
            let response = cell.response.as_mut().map(|response| response.take(&mut encoder, &mut counts));
            (name, outcome, exact, service, response)
        };
        recorder.cells_mut().map(&mut take).collect()
    }

    #[test]
    fn merged_is_what_one_recorder_would_have_seen() {
        let make = || Recorder::with_response(2);
        let (mut one, mut left, mut right) = (make(), make(), make());
        for number in 0u64..2_000 {
            let outcome = Outcome::ALL[number as usize % 3];
            let sample = sample((number % 5) as u16, outcome, number * 1_000, number.pow(3));
            let sample = Sample { intended_ns: sample.sent_ns / 3, ready_ns: sample.sent_ns / 2, ..sample };
            one.record(&sample, Some("broken"));
            if number % 7 < 3 { &mut left } else { &mut right }.record(&sample, Some("broken"));
        }
        left.merge(&mut right);
        assert!(right.is_empty() && !left.is_empty());
        assert_eq!(right.cells_mut().count(), 0);
        assert_eq!(left.lateness.count, 2_000);
        assert_eq!(seen(&mut left), seen(&mut one));
        assert_eq!(left.tally.into_records(), one.tally.into_records());
    }

    #[test]
    fn an_emptied_recorder_starts_over() {
        let (mut worker, mut merged) = (Recorder::new(1), Recorder::new(1));
        for ns in [5, 9] {
            worker.record(&sample(0, Outcome::Success, 0, ns), None);
            merged = Recorder::new(1);
            merged.merge(&mut worker);
        }
        let [(_, _, exact, service, response)] = seen(&mut merged).try_into().expect("one cell");
        assert_eq!((exact, response), ([1, 10, 0], None));
        assert_eq!((service.sum_ns, service.min_ns, service.max_ns), (9, 9, 9));
    }

    #[test]
    fn cut_off_alone_is_not_nothing() {
        let mut recorder = Recorder::new(1);
        assert!(recorder.is_empty());
        recorder.cut_off(NameId(0));
        assert!(!recorder.is_empty());
    }
}
