//! What a start form asks for, checked: all mistakes at once, each with the field that it is in.
//! It must not know how a form travels.

use std::time::Duration;

use harness::{Arrivals, IN_FLIGHT_MAX, Load, Stage};
use serde_json::{Value, json};
use wire::{Mistakes, format_duration, parse_duration};

use super::params::Params;
use super::run_thread::Order;
use super::session::Session;
use super::stub_door;
use crate::args::target_host;
use crate::baseline;
use crate::exit::Failure;
use crate::place::place;
use crate::run::{Ask, plan_of, scenarios};

/// Fields of a form, whichever way they came.
#[derive(Debug, Default)]
pub(super) struct Form {
    user_count: Option<Value>,
    spawn_rate: Option<Value>,
    host: Option<String>,
    run_time: Option<String>,
    classes: Vec<(String, Option<Value>)>,
    process: Option<String>,
    rate: Option<Value>,
    in_flight_max: Option<Value>,
    stages: Option<String>,
    stub_profile: Option<Value>,
}

impl Form {
    /// As Locust's scripts send it.
    pub(super) fn of_params(params: &Params) -> Self {
        let text = |name: &str| params.get(name).map(|text| Value::String(text.to_owned()));
        let classes = params.all("user_classes").map(|class| (class.to_owned(), None)).collect();
        Self {
            user_count: text("user_count"),
            spawn_rate: text("spawn_rate"),
            host: params.get("host").map(str::to_owned),
            run_time: params.get("run_time").map(str::to_owned),
            classes,
            ..Self::default()
        }
    }

    /// As the page sends it.
    pub(super) fn of_json(json: &Value) -> Self {
        let given = |value: &Value| Some(value.clone()).filter(|value| !value.is_null());
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let class = |class: &Value| {
            let name = class["name"].as_str().or(class.as_str())?;
            Some((name.to_owned(), class.get("weight").and_then(given)))
        };
        let arrivals = &json["arrivals"];
        Self {
            user_count: given(&json["user_count"]),
            spawn_rate: given(&json["spawn_rate"]),
            host: text(&json["host"]),
            run_time: text(&json["run_time"]),
            classes: json["classes"].as_array().into_iter().flatten().filter_map(class).collect(),
            process: text(&arrivals["process"]),
            rate: given(&arrivals["rate"]),
            in_flight_max: given(&arrivals["in_flight_max"]),
            stages: text(&json["stages"]),
            stub_profile: given(&json["stub_profile"]),
        }
    }
}

fn number(field: &str, value: Option<&Value>, mistakes: &mut Mistakes) -> Option<f64> {
    let found = match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let found = found.filter(|number: &f64| number.is_finite());
    if found.is_none() {
        let shown = value.map_or("nothing".to_owned(), Value::to_string);
        mistakes.push(field, format!("{shown} is not a number"), "give one, such as 10");
    }
    found
}

/// A whole number that fits.
pub(super) fn whole(field: &str, value: Option<&Value>, mistakes: &mut Mistakes) -> Option<u32> {
    let number = number(field, value, mistakes)?;
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    if !fits {
        mistakes.push(field, format!("{number} is not a whole number from 0 up"), "give one, such as 10");
    }
    fits.then_some(number as u32)
}

/// Users and rate, of a start or of an edit.
pub(super) fn users(form: &Form, mistakes: &mut Mistakes) -> Option<(u32, f64)> {
    let users = whole("user_count", form.user_count.as_ref(), mistakes);
    let rate = number("spawn_rate", form.spawn_rate.as_ref(), mistakes);
    let (users, rate) = (users?, rate?);
    if users == 0 || users > 1_000_000 {
        mistakes.push("user_count", format!("{users} users"), "give 1 to 1000000");
    }
    if !(1e-3..=1e6).contains(&rate) {
        mistakes.push("spawn_rate", format!("{rate} a second"), "give 0.001 to 1000000");
    }
    Some((users, rate))
}

fn load(form: &Form, mistakes: &mut Mistakes) -> Load {
    // Whatever is missing has left a mistake.
    let nothing = Load::Closed { users: 1, spawn_rate_per_s: 1.0 };
    if form.process.is_none() && form.stages.is_none() {
        let closed = users(form, mistakes);
        return closed.map_or(nothing, |(users, spawn_rate_per_s)| Load::Closed { users, spawn_rate_per_s });
    }
    let (field, rate) = match &form.stages {
        Some(stages) => ("stages", Some(Value::String(stages.clone()))),
        None => ("arrivals.rate", form.rate.clone()),
    };
    let text = rate.map(|rate| rate.as_str().map_or_else(|| rate.to_string(), str::to_owned));
    let stages = text.as_deref().map_or_else(|| Err("is missing".to_owned()), Stage::list);
    let stages =
        stages.map_err(|problem| mistakes.push(field, problem, "give 100, or 0-100/30s,100/60s")).ok();
    let max = form.in_flight_max.as_ref();
    let in_flight_max =
        max.map_or(Some(IN_FLIGHT_MAX), |max| whole("arrivals.in_flight_max", Some(max), mistakes));
    let Some((stages, in_flight_max)) = stages.zip(in_flight_max) else { return nothing };
    match form.process.as_deref().unwrap_or("poisson") {
        "constant" => Load::Open { arrivals: Arrivals::Constant(stages), in_flight_max },
        "poisson" => Load::Open { arrivals: Arrivals::Poisson(stages), in_flight_max },
        other => {
            mistakes.push("arrivals_process", format!("`{other}`"), "give constant or poisson");
            nothing
        }
    }
}

/// A duration, also a bare number of seconds as Locust takes it; empty means until it is stopped.
fn run_time(text: Option<&str>, mistakes: &mut Mistakes) -> Option<Duration> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let seconds = text.parse::<u32>().map(|seconds| format!("{seconds}s"));
    match parse_duration(seconds.as_deref().unwrap_or(text)) {
        Ok(time) => Some(time),
        Err(error) => {
            mistakes.push("run_time", error.to_string(), "give one like 30s, 20m or 1h30m");
            None
        }
    }
}

/// A start, checked.
pub(super) fn order(session: &Session, form: &Form) -> Result<Order, Failure> {
    let mut mistakes = Mistakes::default();
    let load = load(form, &mut mistakes);
    let run_time = run_time(form.run_time.as_deref(), &mut mistakes);
    let given = form.host.as_deref().map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned);
    let host = given.or_else(|| known_host(session));
    if host.is_none() {
        mistakes.push("host", "no server was named", "give one like http://127.0.0.1:8000");
    }
    let mut classes: Vec<(String, Option<u32>)> = vec![];
    for (at, (class, weight)) in form.classes.iter().enumerate() {
        let field = format!("class-{at}");
        let weight = weight.as_ref().map(|weight| whole(&field, Some(weight), &mut mistakes).unwrap_or(1));
        if weight != Some(0) {
            classes.push((class.clone(), weight));
        }
    }
    if classes.is_empty() {
        classes = session.args.classes.iter().map(|class| (class.clone(), None)).collect();
    }
    let stub_profile = stub_door::wanted(form.stub_profile.as_ref(), &mut mistakes);
    let place = place(&session.args.load, host.as_deref());
    let plan = plan_of(&session.args, Ask { load, run_time, classes }, "user_count", mistakes);
    let (plan, place) = crate::exit::both(plan.map_err(Failure::from), place)?;
    Ok(Order { plan, place, host: host.unwrap_or_default(), stub_profile })
}

/// The server of the run before, or of the command line.
pub(super) fn known_host(session: &Session) -> Option<String> {
    let runs = session.runs();
    super::view::host(session, runs.current.as_ref(), runs.last.as_ref())
}

/// What the command line asks for, to be started at once.
pub(super) fn of_command_line(session: &Session) -> Result<Order, Failure> {
    let args = &session.args;
    let mut mistakes = Mistakes::default();
    let ask = Ask::of(args, &mut mistakes);
    let host = target_host(args.host.as_deref());
    if host.is_none() {
        mistakes.push("--host", "no server was named", "give -H URL with --autostart");
    }
    let plan = plan_of(args, ask, "command line", mistakes).map_err(Failure::from);
    let (plan, place) = crate::exit::both(plan, place(&args.load, host.as_deref()))?;
    Ok(Order { plan, place, host: host.unwrap_or_default(), stub_profile: None })
}

/// The six-step baseline against the known server, or against a stub inside this process when there is none.
pub(super) fn baseline(session: &Session, quick: bool, host: Option<&str>) -> Result<Order, Failure> {
    let given = host.map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned);
    let host = given.or_else(|| known_host(session));
    let plan = baseline::plan(None, quick, &session.args.load);
    let (plan, place) = crate::exit::both(plan, place(&session.args.load, host.as_deref()))?;
    let host = host.unwrap_or_else(|| "a stub inside this process".to_owned());
    Ok(Order { plan, place, host, stub_profile: None })
}

/// What the form shows before anybody has typed; profiles only when the known server is a stub of ours.
pub(super) fn defaults(session: &Session, is_stub: bool) -> Result<Value, Failure> {
    let args = &session.args;
    let mut mistakes = Mistakes::default();
    let ask = Ask::of(args, &mut mistakes);
    let classes: Vec<Value> = scenarios(args)?
        .1
        .iter()
        .filter(|class| args.classes.is_empty() || args.classes.contains(&class.class))
        .map(|class| {
            let mut tags: Vec<&String> = class.tasks.iter().flat_map(|task| &task.tags).collect();
            tags.sort();
            tags.dedup();
            json!({"name": class.class, "weight": class.weight, "tags": tags})
        })
        .collect();
    let suite = baseline::plan(None, false, &args.load)?;
    let steps: Vec<Value> = suite
        .steps
        .iter()
        .map(|step| {
            let time = step.run_time.map(format_duration);
            json!({"name": step.name, "users": step.load.users(), "run_time": time})
        })
        .collect();
    Ok(json!({
        "host": known_host(session), "user_count": ask.load.users().max(1),
        "spawn_rate": ask.load.record().spawn_rate_per_s().max(1.0),
        "run_time": ask.run_time.map(format_duration),
        "classes": classes, "class_picker": args.page.class_picker, "stub": is_stub,
        "stub_profiles": if is_stub { stub_door::names() } else { vec![] }, "suite": {"steps": steps}, "arrivals": ["constant", "poisson"],
    }))
}
