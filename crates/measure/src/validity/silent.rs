//! Classes and tasks that had users and sent nothing: what was planned is not what was measured.
//! It must not know of times.

use crate::{ClassRecord, StepRun, Summary, TaskRecord, units};

/// A task that should have begun this often and never did is no accident: by chance it happens once in e²⁰.
const BEGINS_EXPECTED_MIN: f64 = 20.0;

/// Why what was planned was not sent.
pub(super) fn silent(step: &StepRun, summary: &Summary) -> Vec<String> {
    let mut reasons = Vec::new();
    if summary.total.sent() == 0 {
        reasons.push("no request was sent at all".to_owned());
    } else if summary.total.requests() == 0 {
        reasons.push(format!("{} sent and none answered", units::counted(summary.total.sent(), "request")));
    }
    for class in step.classes.iter().filter(|class| class.users > 0) {
        if class.task_requests == 0 {
            reasons.push(silent_class(class));
        } else {
            reasons.extend(class.tasks.iter().filter_map(|task| silent_task(class, task)));
        }
    }
    reasons
}

fn silent_class(class: &ClassRecord) -> String {
    let users = units::counted(u64::from(class.users), "user");
    format!("class {} had {users} and sent nothing of what its tasks plan", class.name)
}

/// A task that chance or the step's end cannot excuse.
fn silent_task(class: &ClassRecord, task: &TaskRecord) -> Option<String> {
    let (class_name, name, begun) = (&class.name, &task.name, task.begun);
    let expected = begins_expected(class, task);
    if begun == 0 && expected >= BEGINS_EXPECTED_MIN {
        return Some(format!(
            "task {name} of class {class_name} never began; by its weight it should have about {expected:.0} times"
        ));
    }
    // The end of the step can cut one task a user before its first request, not more.
    let begun_words = units::counted(begun, "time");
    (task.requests == 0 && begun > u64::from(class.users))
        .then(|| format!("task {name} of class {class_name} began {begun_words} and sent nothing"))
}

fn begins_expected(class: &ClassRecord, task: &TaskRecord) -> f64 {
    let begun: u64 = class.tasks.iter().map(|task| task.begun).sum();
    let weights: u64 = class.tasks.iter().map(|task| u64::from(task.weight)).sum();
    if weights == 0 { 0.0 } else { begun as f64 * f64::from(task.weight) / weights as f64 }
}
