//! What a load could offer if every answer took no time: the cap that the load, not the server, sets.
//! It must not know what came of it.

use crate::schedule::class_counts;
use crate::{Load, Plan, Scenario, Step, StepPlan, Task};

/// Requests a second that a step offers at most, if every answer takes no time; `None` when a class never waits, so
/// that nothing but the server bounds it. Of arrivals it is the mean over the step. `users` are the most that it had.
pub(crate) fn offered_rps_max(plan: &Plan, step: &StepPlan, users: u32) -> Option<f64> {
    let weights: Vec<u32> = plan.scenarios.iter().map(|scenario| scenario.weight).collect();
    match &step.load {
        Load::Closed { .. } => users_rps(&plan.scenarios, &class_counts(weights, users)),
        Load::Open { arrivals, .. } => {
            let time = step.run_time_limit();
            let total: f64 = weights.iter().copied().map(f64::from).sum();
            let requests = plan.scenarios.iter().map(|s| f64::from(s.weight) / total * mean_requests(s));
            Some(arrivals.mean_within(time) / time.as_secs_f64() * requests.sum::<f64>())
        }
    }
}

/// Of closed users, by class.
fn users_rps(scenarios: &[Scenario], users: &[u32]) -> Option<f64> {
    let classes = scenarios.iter().zip(users).filter(|(_, users)| **users > 0);
    classes.map(|(scenario, users)| class_rps(scenario).map(|rps| rps * f64::from(*users))).sum()
}

/// One user's rate: mean requests of a task over the mean time from task to task.
fn class_rps(scenario: &Scenario) -> Option<f64> {
    let cycle_s = mean(scenario, |task| scenario.wait.mean_cycle_s(think_s(task)));
    (cycle_s > 0.0).then(|| mean_requests(scenario) / cycle_s)
}

fn mean_requests(scenario: &Scenario) -> f64 {
    mean(scenario, requests_of)
}

/// Over the tasks, by weight.
fn mean(scenario: &Scenario, of: impl Fn(&Task) -> f64) -> f64 {
    let weights: f64 = scenario.tasks.iter().map(|task| f64::from(task.weight)).sum();
    scenario.tasks.iter().map(|task| f64::from(task.weight) / weights * of(task)).sum()
}

fn repeats(task: &Task) -> f64 {
    (f64::from(task.repeat.0) + f64::from(task.repeat.1)) / 2.0
}

fn requests_of(task: &Task) -> f64 {
    repeats(task) * task.steps.iter().filter(|step| matches!(step, Step::Request(_))).count() as f64
}

fn think_s(task: &Task) -> f64 {
    let thinks = task.steps.iter().filter_map(|step| match step {
        Step::Think(span) => Some(span.mean_s()),
        Step::Request(_) => None,
    });
    let pauses = task.pause.map_or(0.0, |pause| pause.mean_s() * (repeats(task) - 1.0));
    thinks.sum::<f64>() * repeats(task) + pauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bindings, ScenarioFile, read_scenario};

    fn check(text: &str, users: u32, expected: Option<f64>) {
        let file = ScenarioFile { name: "t.toml".into(), text: text.into() };
        let scenario = read_scenario(&file, &Bindings::default()).unwrap_or_else(|e| panic!("{e}"));
        let got = users_rps(&[scenario], &[users]);
        match (got, expected) {
            (Some(got), Some(expected)) => assert!((got - expected).abs() < 1e-9, "{got} is not {expected}"),
            _ => assert_eq!(got, expected),
        }
    }

    #[test]
    fn the_cap_is_requests_over_the_cycle() {
        let simple = "class = \"A\"\nwait_time = { between = [\"1s\", \"3s\"] }\n[[task]]\nname = \"t\"\n\
                      [[task.step]]\nmethod = \"GET\"\npath = \"/health\"\n";
        check(simple, 4, Some(2.0));
        // 5 to 10 requests 0.1 s apart, then 5 to 10 s: 7.5 / (7.5 + 0.65).
        let burst = "class = \"B\"\nwait_time = { between = [\"5s\", \"10s\"] }\n[[task]]\nname = \"t\"\n\
                     repeat = [5, 10]\npause = \"100ms\"\n[[task.step]]\nmethod = \"GET\"\npath = \"/health\"\n";
        check(burst, 1, Some(7.5 / 8.15));
        let busy = "class = \"C\"\nwait_time = { constant = \"0s\" }\n[[task]]\nname = \"t\"\n\
                    [[task.step]]\nmethod = \"GET\"\npath = \"/health\"\n";
        check(busy, 1, None);
    }
}
