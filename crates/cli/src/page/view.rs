//! The view: all that the page shows at once, as JSON. It must not know how it travels.

use measure::{StepVerdict, Validity, units};
use serde_json::{Value, json};

use super::board::{Point, Shown};
use super::figures;
use super::session::{Current, Last, Session};

/// The view of now; `shown` are the figures of the step that runs, or ran last.
pub(super) fn view(session: &Session, shown: Option<&Shown>) -> Value {
    let phase = session.phase();
    let runs = session.runs();
    let (current, last) = (runs.current.as_ref(), runs.last.as_ref());
    let record = shown.map(|shown| &shown.record.0);
    let elapsed_ns = shown.map_or(0, |shown| shown.standing.summary.elapsed_ns);
    let edits = record.map(|record| {
        let edit = |edit: &measure::EditRecord| {
            let at_s = units::seconds(edit.at_ns.saturating_sub(record.phases.started_ns));
            json!({"at_s": at_s, "users": edit.users, "spawn_rate": edit.spawn_rate_per_s})
        };
        record.edits.iter().map(edit).collect::<Vec<_>>()
    });
    let live = current.map(|current| current.view.borrow().clone());
    let (users, in_flight) = live.as_ref().map_or((0, 0), |view| (view.users, view.in_flight));
    let point = shown.and_then(|shown| shown.last);
    let started_unix_ns = live.as_ref().and_then(|view| view.head.as_ref()).map(|run| run.started_unix_ns);
    let started_unix_ns = started_unix_ns.or(last.map(|last| last.run.started_unix_ns)).unwrap_or(0);
    let kind = current.map(|current| current.plan.kind).or(last.map(|last| last.run.kind));
    json!({
        "state": phase.word(),
        "kind": kind,
        "run_id": runs.number,
        "version": env!("CARGO_PKG_VERSION"),
        "host": host(session, current, last),
        "seed": current.map(|current| current.plan.seed.0).or(last.map(|last| last.run.seed)),
        "step": step(current, last, shown),
        "users": users, "in_flight": in_flight,
        "edits": edits.unwrap_or_default(),
        "reset_at_s": record.and_then(|record| record.reset_ns).map(units::seconds),
        "total": shown.map(|shown| { let (row, now) = shown.total(); figures::row(row, now, elapsed_ns) }),
        "names_count": shown.map_or(0, |shown| shown.rows().count()),
        "errors_count": record.map_or(0, |record| record.errors.len()),
        "verdict": shown.map(|shown| verdict(&shown.verdict)),
        "validity": shown.map(|shown| validity(&shown.validity, &shown.warnings)),
        "lateness": shown.and_then(|shown| {
            let late = shown.lateness?;
            Some(json!({
                "p50_ms": units::ms(late.p50_ns), "p99_ms": units::ms(late.p99_ns), "max_ms": units::ms(late.max_ns),
                "late_share": shown.late_ratio,
            }))
        }),
        "classes": classes(current, shown),
        "generator": generator(shown), "target": target(shown, point.as_ref()),
        "dropped_views": session.events.dropped(),
        "point": point.map(|point| figures::point(&point, started_unix_ns)),
        "series_length": shown.map_or(0, |shown| shown.points),
        "stub": runs.truth_before.is_some(),
        "last_result": last.and_then(|last| last.folder.clone()),
    })
}

/// The server, as the run in hand or the command line says.
pub(super) fn host(session: &Session, current: Option<&Current>, last: Option<&Last>) -> Option<String> {
    let of_last = || last.and_then(|last| last.run.target_url.clone());
    let of_args = || crate::args::target_host(session.args.host.as_deref());
    current.map(|current| current.host.clone()).or_else(of_last).or_else(of_args)
}

fn step(current: Option<&Current>, last: Option<&Last>, shown: Option<&Shown>) -> Value {
    if let Some(current) = current {
        let (at, step) = current.step();
        let view = current.view.borrow();
        let (users, rate) = if view.asked.0 > 0 {
            view.asked
        } else {
            (step.load.users(), step.load.record().spawn_rate_per_s())
        };
        return json!({
            "index": at, "count": current.plan.steps.len(), "name": step.name, "users_target": users,
            "spawn_rate": rate, "elapsed_s": view.elapsed.as_secs_f64(),
            "run_time_s": step.run_time.map(|time| time.as_secs_f64()),
            "load": step.load.record().words(), "open": step.load.is_open(),
        });
    }
    let (Some(last), Some(shown)) = (last, shown) else { return Value::Null };
    let record = &shown.record.0;
    let users = record.edits.last().map_or(record.load.users(), |edit| edit.users);
    let rate = record.edits.last().map_or(record.load.spawn_rate_per_s(), |edit| edit.spawn_rate_per_s);
    json!({
        "index": shown.step, "count": last.run.planned_steps.len(), "name": record.name, "users_target": users,
        "spawn_rate": rate, "elapsed_s": units::seconds(shown.standing.summary.elapsed_ns),
        "run_time_s": record.run_time_s, "load": record.load.words(), "open": record.load.is_open(),
    })
}

fn verdict(verdict: &StepVerdict) -> Value {
    let word = match verdict.passed() {
        None => "not judged",
        Some(true) => "passed",
        Some(false) => match verdict.judgement.level() {
            Some(measure::Level::Degraded) => "degraded",
            _ => "failed",
        },
    };
    let mut words: Vec<String> = verdict.judgement.why().map(str::to_owned).into_iter().collect();
    words.extend(verdict.reasons.iter().cloned());
    for metric in &verdict.metrics {
        words.push(format!("{}: {}", metric.metric.key(), metric.judgement));
    }
    json!({"judgement": word, "words": words.join("; ")})
}

fn validity(validity: &Validity, warnings: &[measure::Warning]) -> Value {
    json!({"valid": validity.is_valid(), "reasons": validity.reasons(), "warnings": warnings})
}

fn classes(current: Option<&Current>, shown: Option<&Shown>) -> Value {
    let of_record = |shown: &Shown| {
        let class = |class: &measure::ClassRecord| {
            let answers: u64 = class.task_requests;
            json!({"name": class.name, "weight": class.weight, "users": class.users, "requests": answers})
        };
        shown.record.0.classes.iter().map(class).collect::<Vec<_>>()
    };
    let of_plan = |current: &Current| {
        let class =
            |class: &harness::Scenario| json!({"name": class.class, "weight": class.weight, "users": 0});
        current.plan.scenarios.iter().map(class).collect::<Vec<_>>()
    };
    json!(shown.map(of_record).or_else(|| current.map(of_plan)).unwrap_or_default())
}

fn generator(shown: Option<&Shown>) -> Value {
    let interval = shown.and_then(|shown| shown.record.0.intervals.last());
    let Some(read) = interval.and_then(|interval| interval.generator.as_ref()) else { return Value::Null };
    let share = |ns: u64| ns as f64 / read.span_ns.max(1) as f64;
    let thread = |thread: &measure::ThreadRecord| json!({"name": thread.name, "cpu_share": share(thread.cpu_ns), "waited_share": share(thread.waited_ns)});
    json!({
        "cpu_share": read.process.map(|process| share(process.cpu_ns)),
        "memory_bytes": read.process.and_then(|process| process.memory_bytes),
        "sockets": read.process.and_then(|process| process.sockets),
        "loop_lag_ms_max": units::ms(read.loop_lag_ns_max),
        "threads": read.threads.iter().take(THREADS_SHOWN).map(thread).collect::<Vec<_>>(),
    })
}

/// Threads in a view; all of them stand in the run file.
const THREADS_SHOWN: usize = 32;

fn target(shown: Option<&Shown>, point: Option<&Point>) -> Value {
    let interval = shown.and_then(|shown| shown.record.0.intervals.last());
    let Some(target) = interval.and_then(|interval| interval.target) else { return Value::Null };
    json!({
        "cpu_share": point.and_then(|point| point.target_cpu_ratio), "memory_bytes": target.memory_bytes,
        "sockets": target.sockets,
    })
}
