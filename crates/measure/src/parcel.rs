//! What a recorder holds as a value that travels: packed on one machine, taken in on another, and nothing changed on the way.
//!
//! It must not know how it travels.

use serde::{Deserialize, Serialize};

use crate::arrivals::ArrivalsTally;
use crate::codec::{Decoder, Encoder};
use crate::histogram::Count;
use crate::recorder::Recorder;
use crate::spread::Spread;
use crate::stages::{Stages, StagesRecord};
use crate::{CellRecord, CutOff, ErrorRecord, GapsRecord, NameId, PulseRecord, StatusCount, TimesRecord};

/// All that a [`Recorder`] held. Histograms are written as in the run file, so that adding them up is exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// Times by entry and outcome.
    pub cells: Vec<CellRecord>,
    /// |sent − due| of all requests; `None` without any.
    pub lateness: Option<TimesRecord>,
    /// Requests by entry and status.
    pub statuses: Vec<StatusCount>,
    /// Failures by entry and error.
    pub errors: Vec<ErrorRecord>,
    /// Refusals by entry and reason.
    pub refusals: Vec<ErrorRecord>,
    /// Requests cut off, by entry.
    pub cut_off: Vec<CutOff>,
    /// Where the server says that the time went; `None` where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<StagesRecord>,
    /// What the timers saw.
    pub pulse: PulseRecord,
}

/// All that an [`ArrivalsTally`] held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArrivalsParcel {
    due: u64,
    sent: u64,
    dropped: u64,
    lateness: Option<TimesRecord>,
    gaps: GapsRecord,
}

/// Why a parcel was not taken in; nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a parcel is damaged: {0}")]
pub struct ParcelError(String);

/// Packs and unpacks; keeps its buffers.
#[derive(Debug)]
pub struct Packer {
    encoder: Encoder,
    decoder: Decoder,
    counts: Vec<Count>,
}

impl Default for Packer {
    fn default() -> Self {
        Self { encoder: Encoder::new(), decoder: Decoder::new(), counts: Vec::new() }
    }
}

impl Parcel {
    /// Requests that ended.
    pub fn ended(&self) -> u64 {
        self.cells.iter().map(|cell| cell.count).sum()
    }

    /// Requests that were given up.
    pub fn given_up(&self) -> u64 {
        self.cut_off.iter().map(|cut_off| cut_off.count).sum()
    }

    /// Moves the moments in it to a clock that is `ahead_ns` ahead of the one they were read on.
    pub fn shift(&mut self, ahead_ns: i64) {
        for error in self.errors.iter_mut().chain(&mut self.refusals) {
            error.first_ns = error.first_ns.saturating_add_signed(ahead_ns);
            error.last_ns = error.last_ns.saturating_add_signed(ahead_ns);
        }
    }
}

impl Packer {
    /// Empties a recorder.
    pub fn pack(&mut self, recorder: &mut Recorder) -> Parcel {
        let mut cells = vec![];
        for (name, outcome, cell) in recorder.cells_mut() {
            let count = cell.service.count;
            let service = cell.service.take(&mut self.encoder, &mut self.counts);
            let response =
                cell.response.as_mut().map(|spread| spread.take(&mut self.encoder, &mut self.counts));
            let (body_bytes, late_sum_ns, late_max_ns) =
                (cell.body_bytes, cell.late_sum_ns, cell.late_max_ns);
            cell.clear();
            cells.push(CellRecord {
                name,
                outcome,
                count,
                body_bytes,
                late_sum_ns,
                late_max_ns,
                service,
                response,
            });
        }
        let lateness = self.times(&mut recorder.lateness);
        let (statuses, errors, refusals, cut_off) = std::mem::take(&mut recorder.tally).into_records();
        let pulse = std::mem::take(&mut recorder.pulse);
        let stages = std::mem::take(&mut recorder.stages).record_of();
        Parcel { cells, lateness, statuses, errors, refusals, cut_off, stages, pulse }
    }

    /// Adds all of a parcel to a recorder of `names` entries.
    ///
    /// # Errors
    /// When the parcel contradicts itself or names an entry that there is not; nothing of it is taken in then.
    pub fn unpack(
        &mut self,
        parcel: &Parcel,
        recorder: &mut Recorder,
        names: usize,
    ) -> Result<(), ParcelError> {
        self.check(parcel, names)?;
        for record in &parcel.cells {
            let (service, response) = (self.spread(&record.service)?, record.response.as_ref());
            let response = response.map(|times| self.spread(times)).transpose()?;
            recorder.take_in(record, service, response);
        }
        if let Some(times) = &parcel.lateness {
            recorder.lateness.merge(&mut self.spread(times)?);
        }
        if let Some(record) = &parcel.stages {
            recorder.stages.merge(&mut self.stages(record)?);
        }
        recorder.tally.take_in(parcel);
        recorder.pulse.merge(&mut parcel.pulse.clone());
        Ok(())
    }

    /// Empties a tally.
    pub fn pack_arrivals(&mut self, mut tally: ArrivalsTally) -> ArrivalsParcel {
        let lateness = self.times(&mut tally.lateness);
        let ArrivalsTally { due, sent, dropped, gaps, .. } = tally;
        ArrivalsParcel { due, sent, dropped, lateness, gaps }
    }

    /// The tally again.
    ///
    /// # Errors
    /// When the parcel contradicts itself.
    pub fn unpack_arrivals(&mut self, parcel: &ArrivalsParcel) -> Result<ArrivalsTally, ParcelError> {
        let mut tally = ArrivalsTally { due: parcel.due, sent: parcel.sent, ..ArrivalsTally::default() };
        tally.dropped = parcel.dropped;
        if let Some(times) = &parcel.lateness {
            tally.lateness = self.spread(times)?;
        }
        if parcel.gaps.bins.len() != tally.gaps.bins.len() || tally.lateness.count != parcel.sent {
            return Err(ParcelError("its arrivals do not add up".to_owned()));
        }
        tally.gaps = parcel.gaps.clone();
        Ok(tally)
    }

    fn times(&mut self, spread: &mut Spread) -> Option<TimesRecord> {
        (spread.count > 0).then(|| spread.take(&mut self.encoder, &mut self.counts))
    }

    fn spread(&mut self, times: &TimesRecord) -> Result<Spread, ParcelError> {
        let counts = self.decoder.decode(&times.histogram).map_err(|error| ParcelError(error.to_string()))?;
        Ok(Spread::of(times, counts))
    }

    fn stages(&mut self, record: &StagesRecord) -> Result<Stages, ParcelError> {
        Stages::of(record, &mut self.decoder).map_err(|error| ParcelError(error.to_string()))
    }

    /// Whether all of it can be taken in.
    fn check(&mut self, parcel: &Parcel, names: usize) -> Result<(), ParcelError> {
        let damaged = |text: &str| Err(ParcelError(text.to_owned()));
        let known = |name: NameId| usize::from(name.0) < names;
        let all_known = parcel.cells.iter().all(|cell| known(cell.name))
            && parcel.statuses.iter().all(|status| known(status.name))
            && parcel.refusals.iter().all(|refusal| known(refusal.name))
            && parcel.errors.iter().all(|error| known(error.name))
            && parcel.cut_off.iter().all(|cut_off| known(cut_off.name));
        if !all_known {
            return damaged("it names an entry that the plan does not have");
        }
        for cell in &parcel.cells {
            for times in [Some(&cell.service), cell.response.as_ref()].into_iter().flatten() {
                if self.spread(times)?.count != cell.count || cell.count == 0 {
                    return damaged("the counts of a cell do not add up");
                }
            }
        }
        if let Some(record) = &parcel.stages {
            if !record.entries.iter().all(|entry| known(entry.name)) {
                return damaged("it names an entry that the plan does not have");
            }
            self.stages(record)?;
        }
        let late = parcel.lateness.as_ref().map(|times| self.spread(times)).transpose()?;
        if late.map_or(0, |spread| spread.count) != parcel.ended() {
            return damaged("its lateness is of other requests");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;
    use crate::{Outcome, Sample};

    fn filled(make: impl Fn() -> Recorder, numbers: impl Iterator<Item = u64>) -> Recorder {
        let mut recorder = make();
        for number in numbers {
            let outcome = Outcome::ALL[number as usize % 3];
            let sample = sample((number % 5) as u16, outcome, number * 1_000, number.pow(3));
            let sample = Sample { intended_ns: sample.sent_ns / 3, ready_ns: sample.sent_ns / 2, ..sample };
            recorder.record(&sample, Some("broken"));
            recorder.pulse.samples += 1;
        }
        recorder.cut_off(NameId(4));
        recorder
    }

    #[test]
    fn what_travels_in_parcels_is_what_one_recorder_would_have_seen() {
        for make in [|| Recorder::new(5), || Recorder::with_response(5)] {
            let mut packer = Packer::default();
            let mut whole = filled(make, 0..2_000);
            whole.cut_off(NameId(4));
            let mut merged = make();
            for part in [filled(make, 0..700), filled(make, 700..2_000)] {
                let mut part = part;
                let parcel = packer.pack(&mut part);
                assert!(part.is_empty());
                let text = serde_json::to_string(&parcel).expect("JSON");
                let parcel: Parcel = serde_json::from_str(&text).expect("the same");
                packer.unpack(&parcel, &mut merged, 5).expect("whole");
            }
            assert_eq!(packer.pack(&mut merged), packer.pack(&mut whole));
        }
    }

    #[test]
    fn a_damaged_parcel_changes_nothing() {
        let mut packer = Packer::default();
        let whole = packer.pack(&mut filled(|| Recorder::new(5), 0..50));
        let damages: [fn(&mut Parcel); 4] = [
            |parcel| parcel.cells[0].count += 1,
            |parcel| parcel.cells[0].name = NameId(5),
            |parcel| parcel.lateness = None,
            |parcel| parcel.cells[0].service.histogram = "AAAA".to_owned(),
        ];
        for damage in damages {
            let mut parcel = whole.clone();
            damage(&mut parcel);
            let mut recorder = Recorder::new(5);
            packer.unpack(&parcel, &mut recorder, 5).expect_err("damaged");
            assert!(recorder.is_empty());
        }
        assert_eq!((whole.ended(), whole.given_up()), (50, 1));
    }

    #[test]
    fn arrivals_travel_too() {
        let mut packer = Packer::default();
        let mut tally = ArrivalsTally::default();
        tally.due(3);
        tally.sent(1_500);
        tally.dropped();
        tally.gap(0.25);
        let parcel = packer.pack_arrivals(tally.clone());
        let again = packer.unpack_arrivals(&parcel).expect("whole");
        assert_eq!(again.into_record(3.0, true), tally.into_record(3.0, true));
    }
}
