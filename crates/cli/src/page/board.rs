//! What is known of the run that is shown: its steps that ended, the one that runs, and a point a second.
//!
//! It is put together from what the harness gives, so that the page's figures are the run file's. It must not know how
//! they are shown.

use std::sync::Arc;

use harness::{Glimpse, Known};
use measure::{
    Current, Lateness, Limits, Run, RunError, Standing, StepRun, StepVerdict, TrackedSecond, Tracker,
    Validity, checks, judge, validity, validity_so_far,
};

/// One run, as far as it is known.
#[derive(Default)]
pub(crate) struct Board {
    /// The run without steps, or up to the last step that ended.
    run: Option<Arc<Run>>,
    /// The step that runs, or the last one that ran.
    tracker: Option<(usize, Tracker)>,
    known: Known,
    points: Vec<Point>,
    /// Points of steps that ended.
    points_done: usize,
    /// Steps whose points are there.
    steps_done: usize,
}

/// One second of charts.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) step: usize,
    /// Its end, on the run's clock.
    pub(crate) at_ns: u64,
    pub(crate) second: TrackedSecond,
    pub(crate) valid: bool,
    pub(crate) generator_cpu_ratio: Option<f64>,
    pub(crate) target_cpu_ratio: Option<f64>,
}

/// How the shown step stands, with what is concluded from it.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) step: usize,
    pub(crate) record: StepHead,
    pub(crate) standing: Standing,
    pub(crate) verdict: StepVerdict,
    pub(crate) validity: Validity,
    pub(crate) warnings: Vec<measure::Warning>,
    pub(crate) lateness: Option<Lateness>,
    /// Requests that were sent later than the limit of lateness.
    pub(crate) late_ratio: f64,
    pub(crate) last: Option<Point>,
    pub(crate) points: usize,
}

/// A step's record without its seconds, but for the last.
#[derive(Clone)]
pub(crate) struct StepHead(pub(crate) StepRun);

impl Board {
    /// Of a whole run.
    pub(crate) fn of(run: Arc<Run>) -> Result<Self, RunError> {
        let mut board = Self::default();
        board.finished(run)?;
        Ok(board)
    }

    /// Takes the run up to the last step that ended.
    pub(crate) fn finished(&mut self, run: Arc<Run>) -> Result<(), RunError> {
        for (at, step) in run.steps.iter().enumerate().skip(self.steps_done) {
            let tracker = Tracker::new(step.clone())?;
            self.points.truncate(self.points_done);
            self.points.extend(points(at, &tracker, 0, &run.limits));
            self.points_done = self.points.len();
            self.steps_done = at + 1;
            self.tracker = Some((at, tracker));
        }
        self.run = Some(run);
        Ok(())
    }

    /// What is known already of the step that runs.
    pub(crate) fn known(&self) -> Known {
        self.known
    }

    /// Takes what is new of the step that runs.
    pub(crate) fn glimpse(&mut self, glimpse: Glimpse) -> Result<(), RunError> {
        let step = glimpse.known.step;
        if step < self.steps_done {
            return Ok(());
        }
        let goes_on = glimpse.skipped > 0 && glimpse.skipped == self.known.seconds;
        match &mut self.tracker {
            Some((at, tracker)) if *at == step && goes_on => tracker.extend(glimpse.record)?,
            _ => {
                self.tracker = Some((step, Tracker::new(glimpse.record)?));
                self.points.truncate(self.points_done);
            }
        }
        self.known = glimpse.known;
        if let (Some((_, tracker)), Some(run)) = (&self.tracker, &self.run) {
            let from = self.points.len() - self.points_done;
            self.points.extend(points(step, tracker, from, &run.limits));
        }
        Ok(())
    }

    /// All points so far.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The run so far, as its file would stand if it ended now.
    pub(crate) fn run(&self) -> Option<Run> {
        let mut run = self.run.as_deref()?.clone();
        if let Some((at, tracker)) = &self.tracker
            && *at >= run.steps.len()
        {
            run.steps.push(tracker.record().clone());
        }
        Some(run)
    }

    /// When the run began.
    pub(crate) fn started_unix_ns(&self) -> Option<u64> {
        self.run.as_ref().map(|run| run.started_unix_ns)
    }

    /// How the shown step stands; `None` before there is one.
    pub(crate) fn shown(&self) -> Result<Option<Shown>, RunError> {
        let (Some((step, tracker)), Some(run)) = (&self.tracker, &self.run) else { return Ok(None) };
        let (standing, record) = (tracker.standing()?, tracker.record());
        let summary = &standing.summary;
        let validity = if *step < run.steps.len() {
            let checks = checks(record, summary, &run.limits, run.planned_steps.len());
            validity(record, summary, &run.limits, &checks)
        } else {
            validity_so_far(record, summary, &run.limits)
        };
        let limit_ns = run.limits.lateness_floor_ns;
        let later: u64 = summary.late.iter().filter(|(ns, _)| *ns > limit_ns).map(|(_, count)| count).sum();
        Ok(Some(Shown {
            step: *step,
            verdict: judge(run.targets.as_ref(), record, summary),
            validity,
            warnings: measure::warnings(record, summary),
            lateness: summary.lateness,
            late_ratio: measure::units::ratio(later, summary.late.total()),
            last: self.points.last().copied(),
            points: self.points.len(),
            record: StepHead(head(record)),
            standing,
        }))
    }
}

fn head(record: &StepRun) -> StepRun {
    let last = record.intervals.last().cloned().into_iter().collect();
    // Cloned field by field: the seconds may be many.
    StepRun {
        name: record.name.clone(),
        load: record.load.clone(),
        phases: record.phases,
        edits: record.edits.clone(),
        reset_ns: record.reset_ns,
        names: record.names.clone(),
        classes: record.classes.clone(),
        arrivals: None,
        intervals: last,
        statuses: vec![],
        errors: record.errors.clone(),
        refusals: vec![],
        stages: None,
        thresholds: record.thresholds.clone(),
        cut_off: record.cut_off.clone(),
        losses: record.losses.clone(),
        absence: record.absence,
        ..*record
    }
}

fn points<'a>(
    step: usize,
    tracker: &'a Tracker,
    from: usize,
    limits: &'a Limits,
) -> impl Iterator<Item = Point> + 'a {
    let record = tracker.record();
    let each = tracker.seconds().iter().zip(&record.intervals).skip(from);
    each.map(move |(second, interval)| {
        let ratio = |cpu_ns: u64| cpu_ns as f64 / second.duration_ns.max(1) as f64;
        let generator = interval.generator.as_ref();
        let lag_ns = generator.map_or(0, |read| read.loop_lag_ns_max);
        let worker_ns = interval.pulse.map_or(0, |pulse| pulse.lag_ns_max);
        let jump_ns = generator.map_or(0, |read| read.clock_jump_ns.unsigned_abs());
        Point {
            step,
            at_ns: record.phases.started_ns + second.end_ns,
            second: *second,
            valid: lag_ns.max(worker_ns) <= limits.stopped_ns_max && jump_ns <= limits.clock_jump_ns_max,
            generator_cpu_ratio: generator.and_then(|read| read.process).map(|used| ratio(used.cpu_ns)),
            target_cpu_ratio: interval.target.map(|used| ratio(used.cpu_ns)),
        }
    })
}

impl Shown {
    /// The rows with their current figures, then those of all together.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&measure::Row, &Current)> {
        let standing = &self.standing;
        standing.summary.rows.iter().zip(&standing.current).filter(|(row, _)| row.sent() > 0)
    }

    /// All rows together.
    pub(crate) fn total(&self) -> (&measure::Row, &Current) {
        (&self.standing.summary.total, &self.standing.current_total)
    }
}
