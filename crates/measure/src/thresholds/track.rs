//! Follows one threshold, second by second: while a step runs, and again when it is judged, so that both agree.
//! It must not know where the seconds come from, nor what is done about a broken threshold.

use super::verdict::{ThresholdOutcome, ThresholdVerdict, ThresholdWindows};
use super::{Threshold, ThresholdFigure};
use crate::codec::Decoder;
use crate::times::Times;
use crate::{IntervalRecord, Outcome, TimesKind, samples_needed, units};

const SECOND_NS: u64 = 1_000_000_000;

/// What ended in a span of a step.
#[derive(Debug, Default)]
struct Gathered {
    begin_ns: u64,
    successes: Times,
    requests: [u64; Outcome::ALL.len()],
}

/// For how long a threshold has been broken, without a span that held.
#[derive(Clone, Copy, Debug)]
struct Streak {
    broken_ns: u64,
    value: f64,
}

/// A threshold on its way through a step.
#[derive(Debug)]
pub struct ThresholdTracker {
    rule: Threshold,
    shown: TimesKind,
    decoder: Decoder,
    span: Gathered,
    end_ns: u64,
    windows: ThresholdWindows,
    worst: Option<f64>,
    /// Why a span could not be judged: of the last one that could not.
    why: Option<String>,
    streak: Option<Streak>,
}

/// The part of a step in which its whole load is there, nanoseconds since its start, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steady {
    /// All users are there.
    pub(super) from_ns: Option<u64>,
    /// Nothing new is sent.
    pub(super) until_ns: Option<u64>,
}

impl ThresholdTracker {
    /// Nothing is known yet; `shown` are the times that the step shows.
    pub fn new(rule: Threshold, shown: TimesKind) -> Self {
        Self {
            rule,
            shown,
            decoder: Decoder::new(),
            span: Gathered::default(),
            end_ns: 0,
            windows: ThresholdWindows::default(),
            worst: None,
            why: None,
            streak: None,
        }
    }

    /// A second more; all users have been there since `steady_ns` after the step's start, `None` while they are not.
    ///
    /// # Errors
    /// What is wrong with the second's histograms.
    pub fn second(&mut self, interval: &IntervalRecord, steady_ns: Option<u64>) -> Result<(), String> {
        self.take(interval, Steady { from_ns: steady_ns, until_ns: None })
    }

    pub(super) fn take(&mut self, interval: &IntervalRecord, steady: Steady) -> Result<(), String> {
        self.gather(interval)?;
        let length_ns = interval.end_ns.saturating_sub(self.end_ns);
        self.end_ns = interval.end_ns;
        match self.rule.window_s {
            None => {
                let found = self.value(steady);
                self.follow(found.as_ref().ok().copied(), length_ns);
            }
            Some(window_s) => {
                if self.end_ns - self.span.begin_ns >= u64::from(window_s) * SECOND_NS {
                    self.close(steady);
                }
            }
        }
        Ok(())
    }

    /// Why the run is to stop, once it is.
    pub fn abort(&self) -> Option<String> {
        let after_s = self.rule.abort_after_s?;
        let streak = self.streak.filter(|streak| streak.broken_ns as f64 >= after_s * 1e9)?;
        let value = self.rule.figure.unit().shown(streak.value);
        Some(format!(
            "the threshold `{}` was broken for {} s: {} was {value}",
            self.rule.words(),
            units::seconds(streak.broken_ns),
            self.rule.figure.word()
        ))
    }

    /// What the whole step amounts to.
    pub(super) fn finish(mut self, steady: Steady) -> ThresholdVerdict {
        let windows = match self.rule.window_s {
            Some(_) => {
                // What is left is shorter than a window; a rate there would be that of the load's end.
                if self.end_ns > self.span.begin_ns && self.rule.figure != ThresholdFigure::Rps {
                    self.close(steady);
                }
                Some(self.windows)
            }
            None => {
                // All of it: as the report's own figure, ramp and wind-down included.
                let found = self.value(Steady { from_ns: Some(0), until_ns: None });
                self.count(&found);
                None
            }
        };
        let outcome = match (self.windows.broken, self.windows.judged) {
            (1.., _) => ThresholdOutcome::Broken,
            (0, 1..) => ThresholdOutcome::Held,
            (0, 0) => ThresholdOutcome::NotJudged,
        };
        let short = || "the load was never whole for as long as a window".to_owned();
        let why = if outcome == ThresholdOutcome::NotJudged { self.why.or(Some(short())) } else { self.why };
        ThresholdVerdict { threshold: self.rule, outcome, value: self.worst, windows, why }
    }

    fn gather(&mut self, interval: &IntervalRecord) -> Result<(), String> {
        let needs_counts = matches!(self.rule.figure, ThresholdFigure::Percentile(_));
        for cell in interval.cells.iter().filter(|cell| self.rule.covers(cell.name)) {
            self.span.requests[cell.outcome as usize] += cell.count;
            if cell.outcome != Outcome::Success {
                continue;
            }
            let times = cell.times(self.shown);
            let counts = match needs_counts {
                true => self.decoder.decode(&times.histogram).map_err(|error| error.to_string())?,
                false => &[],
            };
            self.span.successes.add(cell, times, counts);
        }
        Ok(())
    }

    /// A window ends with the last second, and the next one begins.
    fn close(&mut self, steady: Steady) {
        let found = self.value(steady);
        self.count(&found);
        self.follow(found.ok(), self.end_ns - self.span.begin_ns);
        self.span = Gathered { begin_ns: self.end_ns, ..Gathered::default() };
    }

    fn count(&mut self, found: &Result<f64, String>) {
        match found {
            Err(why) => {
                self.windows.not_judged += 1;
                self.why = Some(why.clone());
            }
            Ok(value) => {
                let worse = |worst| self.rule.comparison.worse(worst, *value);
                self.worst = Some(self.worst.map_or(*value, worse));
                self.windows.judged += 1;
                if !self.rule.comparison.holds(*value, self.rule.bound) {
                    self.windows.broken += 1;
                    let span = (units::seconds(self.span.begin_ns), units::seconds(self.end_ns));
                    self.windows.first_broken_s.get_or_insert(span);
                }
            }
        }
    }

    /// A span that could not be judged neither ends a streak nor makes it longer.
    fn follow(&mut self, value: Option<f64>, length_ns: u64) {
        let Some(value) = value else { return };
        if self.rule.comparison.holds(value, self.rule.bound) {
            self.streak = None;
            return;
        }
        let broken_ns = self.streak.map_or(0, |streak| streak.broken_ns) + length_ns;
        self.streak = Some(Streak { broken_ns, value });
    }

    /// The figure of the span, in its unit, or why there is none.
    fn value(&self, steady: Steady) -> Result<f64, String> {
        let [successes, throttled, failures] = self.span.requests;
        let requests = successes + throttled + failures;
        let times = &self.span.successes;
        let time = |ns: Option<u64>| ns.map(units::ms).ok_or_else(|| "no request succeeded".to_owned());
        let share = |part| match requests {
            0 => Err("no request ended".to_owned()),
            _ => Ok(units::ratio(part, requests)),
        };
        match self.rule.figure {
            ThresholdFigure::Percentile(quantile) => match samples_needed(quantile) {
                needed if times.count < needed => Err(format!("{} of {needed} successes", times.count)),
                _ => time(times.quantile_ns(quantile)),
            },
            ThresholdFigure::Mean => time(times.mean_ns()),
            ThresholdFigure::Max => time(times.max_ns()),
            ThresholdFigure::Min => time(times.min_ns()),
            ThresholdFigure::FailureRatio => share(failures),
            ThresholdFigure::ThrottledRatio => share(throttled),
            ThresholdFigure::Failures => Ok(failures as f64),
            ThresholdFigure::Rps => {
                let begin_ns = if self.rule.window_s.is_some() { self.span.begin_ns } else { self.end_ns };
                let begun = steady.from_ns.is_some_and(|from_ns| from_ns <= begin_ns);
                if !begun || steady.until_ns.is_some_and(|until_ns| until_ns < self.end_ns) {
                    return Err("not all of the load was there".to_owned());
                }
                Ok(units::per_s(successes, self.end_ns - self.span.begin_ns))
            }
        }
    }
}
