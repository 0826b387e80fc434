//! Arrivals that were due and did not leave.
//! It must not know of chance: what is tested is in `checks`.

use crate::{Limits, LoadRecord, StepRun, units};

/// Dropped, since too many were in progress.
pub(super) fn dropped(step: &StepRun, limits: &Limits) -> Option<String> {
    let arrivals = step.arrivals.as_ref()?;
    let in_flight_max = match &step.load {
        LoadRecord::Open { in_flight_max, .. } => *in_flight_max,
        LoadRecord::Closed { .. } => 0,
    };
    (units::ratio(arrivals.dropped, arrivals.due) > limits.dropped_ratio_max).then(|| {
        format!(
            "{} of {} arrivals were dropped, since {in_flight_max} were in progress: the server was asked for less than planned, \
             just when it was slow; offer a lower rate, or allow more in flight",
            arrivals.dropped, arrivals.due
        )
    })
}

/// Due, and not come to.
pub(super) fn unsent(step: &StepRun, limits: &Limits) -> Option<String> {
    let arrivals = step.arrivals.as_ref()?;
    (units::ratio(arrivals.unsent, arrivals.due) > limits.rate_error_ratio_max).then(|| {
        format!(
            "{} of {} arrivals were due and not sent when the load ended: the generator did not keep up; use a lower rate, or more \
             --threads",
            arrivals.unsent, arrivals.due
        )
    })
}
