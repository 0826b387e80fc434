//! What the users could offer if every answer took no time: the cap that the load, not the server, sets.

use crate::{Scenario, Step, Task};

/// Requests a second that `users` of each class offer at most; `None` when a class never waits, so that
/// nothing but the server bounds it.
pub(crate) fn offered_rps_max(scenarios: &[Scenario], users: &[u32]) -> Option<f64> {
    let classes = scenarios.iter().zip(users).filter(|(_, users)| **users > 0);
    classes.map(|(scenario, users)| class_rps(scenario).map(|rps| rps * f64::from(*users))).sum()
}

/// One user's rate: mean requests of a task over the mean time from task to task.
fn class_rps(scenario: &Scenario) -> Option<f64> {
    let weights: f64 = scenario.tasks.iter().map(|task| f64::from(task.weight)).sum();
    let mean = |of: &dyn Fn(&Task) -> f64| -> f64 {
        scenario.tasks.iter().map(|task| f64::from(task.weight) / weights * of(task)).sum()
    };
    let requests = mean(&|task| requests_of(task));
    let cycle_s = mean(&|task| scenario.wait.mean_cycle_s(think_s(task)));
    (cycle_s > 0.0).then(|| requests / cycle_s)
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
        let got = offered_rps_max(&[scenario], &[users]);
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
