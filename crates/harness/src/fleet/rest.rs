//! What a coordinator that goes on needs of the plan beside what workers are told.
//!
//! It must not know what is secret: that is sealed with the errand.

use std::time::Duration;

use measure::{Limits, Targets};
use serde::{Deserialize, Serialize};

use crate::{Plan, ThresholdPlan};

/// The rest of a plan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rest {
    /// How long each step runs, and whether it decides.
    steps: Vec<(Option<Duration>, bool)>,
    cool_down: Duration,
    stop_timeout: Duration,
    targets: Option<Targets>,
    limits: Limits,
    thresholds: Vec<ThresholdPlan>,
    setup: serde_json::Value,
}

impl Rest {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            steps: plan.steps.iter().map(|step| (step.run_time, step.gate)).collect(),
            cool_down: plan.cool_down,
            stop_timeout: plan.stop_timeout,
            targets: plan.targets.clone(),
            limits: plan.limits.clone(),
            thresholds: plan.thresholds.clone(),
            setup: plan.setup.clone(),
        }
    }

    /// The whole plan, from what workers are told.
    pub(crate) fn onto(self, mut plan: Plan) -> Plan {
        for (step, (run_time, gate)) in plan.steps.iter_mut().zip(self.steps) {
            (step.run_time, step.gate) = (run_time, gate);
        }
        let Self { cool_down, stop_timeout, targets, limits, thresholds, setup, .. } = self;
        Plan { cool_down, stop_timeout, targets, limits, thresholds, setup, ..plan }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errand::Errand;
    use super::super::errand::tests::plan_and_sources;
    use super::*;

    #[test]
    fn the_plan_is_whole_again() {
        let (mut plan, sources) = plan_and_sources(5);
        plan.cool_down = Duration::from_secs(7);
        plan.stop_timeout = Duration::from_secs(8);
        let told = Errand::of(&plan, sources).plan().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_ne!(told.steps, plan.steps, "workers need not know when a step ends");
        let text = serde_json::to_string(&Rest::of(&plan)).expect("JSON");
        let rest: Rest = serde_json::from_str(&text).expect("the same");
        let whole = rest.onto(told);
        assert_eq!(whole.steps, plan.steps);
        assert_eq!((whole.cool_down, whole.stop_timeout), (plan.cool_down, plan.stop_timeout));
        assert_eq!(whole.describe(), plan.describe());
    }
}
