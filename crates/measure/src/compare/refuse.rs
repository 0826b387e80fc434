//! What must be the same in two runs for their difference to mean anything. It must not know of any figure.

use serde_json::Value;

use crate::{Host, Run, RunError, StepRun, conclude};

/// What may be waived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waivers {
    /// Runs of different machines may be compared.
    pub any_host: bool,
    /// Runs that are invalid or incomplete may be compared.
    pub allow_invalid: bool,
}

/// Every reason against a comparison, in words; empty when there is none.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn refusals(a: &Run, b: &Run, waivers: Waivers) -> Result<Vec<String>, RunError> {
    let mut reasons = vec![];
    same(&mut reasons, "the kind of run", &format!("{:?}", a.kind), &format!("{:?}", b.kind));
    if a.simulated != b.simulated {
        let words = |run: &Run| if run.simulated { "in virtual time" } else { "in real time" };
        reasons.push(format!("A was measured {}, B {}", words(a), words(b)));
    }
    if !waivers.any_host {
        hosts(&mut reasons, a, b);
    }
    plans(&mut reasons, a, b);
    let path = |run: &Run| run.targets.as_ref().map_or("none".to_owned(), |t| t.judged_path.clone());
    same(&mut reasons, "the judged path", &path(a), &path(b));
    if a.planned_steps != b.planned_steps {
        same(&mut reasons, "the planned steps", &a.planned_steps.join(", "), &b.planned_steps.join(", "));
    }
    for (step_a, step_b) in pairs(a, b) {
        steps(&mut reasons, step_a, step_b);
    }
    if !waivers.allow_invalid {
        for (side, run) in [("A", a), ("B", b)] {
            reasons.extend(trouble(run)?.into_iter().map(|why| format!("{side} is not whole: {why}")));
        }
    }
    if pairs(a, b).next().is_none() {
        reasons.push("the runs have no step in common".to_owned());
    }
    Ok(reasons)
}

/// The steps that both runs have.
pub(crate) fn pairs<'a>(a: &'a Run, b: &'a Run) -> impl Iterator<Item = (&'a StepRun, &'a StepRun)> {
    a.steps.iter().filter_map(|step| Some((step, b.steps.iter().find(|other| other.name == step.name)?)))
}

/// Why a run cannot be trusted, or is not complete.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn trouble(run: &Run) -> Result<Vec<String>, RunError> {
    let mut reasons: Vec<String> = run.aborted.iter().map(|why| format!("it was aborted: {why}")).collect();
    if run.steps.len() < run.planned_steps.len() {
        reasons.push(format!("{} of {} steps were run", run.steps.len(), run.planned_steps.len()));
    }
    let cut = run.steps.iter().filter(|step| step.cut);
    reasons.extend(cut.map(|step| format!("step {} was cut short", step.name)));
    for step in conclude(run)?.steps {
        reasons.extend(step.validity.reasons().iter().map(|why| format!("step {}: {why}", step.name)));
    }
    Ok(reasons)
}

fn same(reasons: &mut Vec<String>, what: &str, a: &str, b: &str) {
    if a != b {
        reasons.push(format!("{what} is another: `{a}` in A, `{b}` in B"));
    }
}

fn hosts(reasons: &mut Vec<String>, a: &Run, b: &Run) {
    let words = |host: &Option<Host>| match host {
        Some(host) => format!("{}, {}, {} × {}", host.name, host.system, host.cpus, host.cpu_model),
        None => "none".to_owned(),
    };
    // Virtual time has no host; that it differs from real time is told already.
    if a.host.is_some() && b.host.is_some() {
        same(reasons, "the generator's host", &words(&a.host), &words(&b.host));
    }
}

/// The scenarios, weights and waits; how the run was set up (`setup`: the server under test among others) may differ.
fn plans(reasons: &mut Vec<String>, a: &Run, b: &Run) {
    let (Some(plan_a), Some(plan_b)) = (a.plan.as_object(), b.plan.as_object()) else {
        if a.plan != b.plan {
            reasons.push("the plan is another".to_owned());
        }
        return;
    };
    let keys: std::collections::BTreeSet<&String> = plan_a.keys().chain(plan_b.keys()).collect();
    for key in keys.into_iter().filter(|key| *key != "setup") {
        let (one, other) = (plan_a.get(key), plan_b.get(key));
        if one != other {
            reasons.push(format!("the plan's `{key}` is another: {}", differing(one, other)));
        }
    }
}

/// Where two values first differ, in words short enough to read.
fn differing(a: Option<&Value>, b: Option<&Value>) -> String {
    match (a, b) {
        (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
            let first = a.iter().zip(b).enumerate().find(|(_, (a, b))| a != b);
            first.map_or_else(String::new, |(at, (a, b))| format!("[{at}] {}", differing(Some(a), Some(b))))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) if a.keys().eq(b.keys()) => {
            let first = a.iter().find(|(key, value)| b.get(*key) != Some(value));
            first.map_or_else(String::new, |(key, value)| {
                format!("{key} {}", differing(Some(value), b.get(key)))
            })
        }
        _ => {
            let short = |value: Option<&Value>| {
                let text = value.map_or("nothing".to_owned(), Value::to_string);
                if text.chars().count() > 80 { text.chars().take(79).chain(['…']).collect() } else { text }
            };
            format!("`{}` in A, `{}` in B", short(a), short(b))
        }
    }
}

fn steps(reasons: &mut Vec<String>, a: &StepRun, b: &StepRun) {
    let mut same = |what: &str, a: &str, b: &str| {
        same(reasons, what, a, b);
    };
    let name = &a.name;
    let load = |step: &StepRun| match &step.load {
        crate::LoadRecord::Closed { spawn_rate_per_s, .. } => {
            format!("{}, {spawn_rate_per_s} started a second", step.load.words())
        }
        crate::LoadRecord::Open { in_flight_max, .. } => {
            format!("{}, {in_flight_max} in flight at most", step.load.words())
        }
    };
    let edits = |step: &StepRun| {
        let since = |at_ns: u64| at_ns.saturating_sub(step.phases.started_ns) / 1_000_000_000;
        let edit = |edit: &crate::EditRecord| {
            format!(", {} users at {}/s from {} s on", edit.users, edit.spawn_rate_per_s, since(edit.at_ns))
        };
        step.edits.iter().map(edit).collect::<String>()
    };
    let load = |step: &StepRun| load(step) + &edits(step);
    same(&format!("the load of step {name}"), &load(a), &load(b));
    let time = |step: &StepRun| step.run_time_s.map_or("until stopped".to_owned(), |s| format!("{s} s"));
    same(&format!("the duration of step {name}"), &time(a), &time(b));
    let mix = |step: &StepRun| {
        let classes = step.classes.iter().map(|class| format!("{} {}", class.name, class.weight));
        classes.collect::<Vec<_>>().join(", ")
    };
    same(&format!("the mix of step {name}"), &mix(a), &mix(b));
    let entries = |step: &StepRun| {
        let entries =
            step.names.iter().map(|entry| format!("{} {} {}", entry.method, entry.name, entry.path));
        entries.collect::<Vec<_>>().join(", ")
    };
    same(&format!("the requests of step {name}"), &entries(a), &entries(b));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asks, run_of, step_of};
    use crate::{LoadRecord, RunKind};

    fn run() -> Run {
        let host = Host {
            name: "one".to_owned(),
            system: "linux".to_owned(),
            cpus: 2,
            cpu_model: "c".to_owned(),
            memory_bytes: 1,
        };
        let mut run = run_of(vec![step_of("s", 1, &asks(5, 100_000_000, 1_000_000))]);
        run.simulated = false;
        run.host = Some(host);
        run.plan = serde_json::json!({"classes": [{"class": "X", "weight": 1}], "setup": {"quick": false}});
        run
    }

    /// What is said against a comparison with a run that was changed, with nothing waived and with all.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Run), words: &str, can_be_waived: bool) {
        let (a, mut b) = (run(), run());
        change(&mut b);
        let all = Waivers { any_host: true, allow_invalid: true };
        let said = |waivers| refusals(&a, &b, waivers).expect("whole runs").join("\n");
        assert!(
            said(Waivers::default()).contains(words),
            "`{words}` is not in: {}",
            said(Waivers::default())
        );
        assert_eq!(said(all).is_empty(), can_be_waived, "{}", said(all));
    }

    #[test]
    fn what_differs_is_named() {
        check(|b| b.kind = RunKind::Run, "the kind of run", false);
        check(|b| b.simulated = true, "A was measured in real time, B in virtual time", false);
        check(|b| b.host.as_mut().expect("set").name = "two".to_owned(), "the generator's host", true);
        check(|b| b.host.as_mut().expect("set").cpus = 9, "9 × c", true);
        check(
            |b| b.plan["classes"][0]["weight"] = 2.into(),
            "the plan's `classes` is another: [0] weight `1` in A, `2` in B",
            false,
        );
        check(|b| b.plan["cool_down"] = "1s".into(), "`cool_down` is another: `nothing` in A", false);
        check(|b| b.targets.as_mut().expect("set").judged_path = "/x".to_owned(), "the judged path", false);
        check(|b| b.planned_steps.push("t".to_owned()), "the planned steps", false);
        check(|b| b.steps[0].run_time_s = Some(60.0), "the duration of step s", false);
        let load = LoadRecord::Closed { users: 2, spawn_rate_per_s: 1.0 };
        check(|b| b.steps[0].load = load, "the load of step s is another: `1 user", false);
        check(|b| b.steps[0].classes[0].weight = 9, "the mix of step s", false);
        check(|b| b.steps[0].names[0].path = "/x".to_owned(), "the requests of step s", false);
        check(|b| b.aborted = Some("gone".to_owned()), "B is not whole: it was aborted: gone", true);
        check(|b| b.steps[0].cut = true, "B is not whole: step s was cut short", true);
        check(|b| b.steps.clear(), "no step in common", false);
        check(|b| b.steps[0].classes[0].task_requests = 0, "B is not whole: step s: class", true);
    }

    #[test]
    fn what_may_differ_may_differ() {
        let (a, mut b) = (run(), run());
        b.seed = 99;
        b.started_unix_ns += 1;
        b.target_url = Some("http://other".to_owned());
        b.plan["setup"] = serde_json::json!({"stub": {"profile": "x.toml"}});
        assert_eq!(refusals(&a, &b, Waivers::default()).expect("whole runs"), Vec::<String>::new());
    }

    #[test]
    fn everything_is_said_at_once() {
        let (a, mut b) = (run(), run());
        b.simulated = true;
        b.steps[0].cut = true;
        b.steps[0].classes[0].weight = 9;
        assert_eq!(refusals(&a, &b, Waivers::default()).expect("whole runs").len(), 3);
    }
}
