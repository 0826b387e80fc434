//! Watches, while a step runs, the thresholds that may stop it: the same judgement as afterwards, over the seconds so far.
//! It must not know how a step is stopped.

use measure::{IntervalRecord, ThresholdTracker, TimesKind};

use crate::Plan;

/// The thresholds of a step that may stop it.
#[derive(Debug)]
pub(crate) struct Watch(Vec<ThresholdTracker>);

impl Watch {
    /// Begins with the step; those that stop nothing are judged afterwards alone.
    pub(crate) fn begin(plan: &Plan, step: usize) -> Self {
        let shown: TimesKind = plan.steps[step].load.record().times();
        let rules = plan.thresholds_of(step).into_iter().filter(|rule| rule.abort_after_s.is_some());
        Self(rules.map(|rule| ThresholdTracker::new(rule, shown)).collect())
    }

    /// A second more; why the run is to stop, once it is. All users have been there since `steady_ns` after the step's
    /// start.
    pub(crate) fn second(&mut self, interval: &IntervalRecord, steady_ns: Option<u64>) -> Option<String> {
        let mut why = None;
        for tracker in &mut self.0 {
            tracker.second(interval, steady_ns).expect("a second that was just written can be read");
            why = why.or_else(|| tracker.abort());
        }
        why
    }
}
