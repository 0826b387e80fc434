//! `run`: one load from scenario files.

use std::path::PathBuf;
use std::time::Duration;

use harness::{Load, Plan, Scenario, ScenarioFile, StepPlan, TagFilter, check_stop_timeout, read_scenarios};
use measure::export::{CsvFile, Document, locust_json};
use measure::{RunKind, Summary, conclude};
use wire::Mistakes;

use crate::args::{RunArgs, target_host};
use crate::embedded;
use crate::exit::{Exit, Failure, both};
use crate::files::scenario_files;
use crate::fleet_args::worker_args;
use crate::load::{Ended, carry_out, draw_seed, owner};
use crate::log::start_log;
use crate::page::page;
use crate::place::place;
use crate::report::show;
use crate::results::{check_writable, put};
use crate::resume::resume;
use crate::say::Stream;
use crate::tui;
use crate::worker::worker;

/// The name of the only step.
const STEP: &str = "run";

pub(crate) fn run(args: RunArgs) -> Result<Exit, Failure> {
    if let Some(folder) = &args.load.fleet.resume {
        return resume(folder, &args.load);
    }
    if args.load.fleet.worker {
        return worker(&worker_args(args)?);
    }
    if args.list {
        let plan = plan(&args)?;
        for scenario in &plan.scenarios {
            Stream::Out.line(&format!("{} (weight {})", scenario.class, scenario.weight));
        }
        return Ok(Exit::PASSED);
    }
    if !(args.load.headless || args.load.simulate || args.load.tui) {
        return page(args);
    }
    let host = target_host(args.host.as_deref());
    let place = match (&host, args.load.simulate) {
        (None, false) => Err(Failure::usage("--host: no server was named; give -H URL, or --simulate")),
        _ => place(&args.load, host.as_deref()),
    };
    let around = both(tui::check(&args.load), start_log(&args.load.log));
    let ((plan, place), _) = both(both(plan(&args), place), around)?;
    outputs(&args).try_for_each(|path| check_writable(&path))?;
    let ended = carry_out(plan, place, &args.load, args.out.as_deref())?;
    hand_out(&args, &ended)
}

/// The files that were asked for, those of a results folder aside.
pub(crate) fn outputs(args: &RunArgs) -> impl Iterator<Item = PathBuf> {
    let json = args.json.iter().filter(|file| *file != "-").map(PathBuf::from);
    let csv = args.csv.iter().flat_map(|prefix| {
        CsvFile::all(args.csv_full_history).map(|file| PathBuf::from(file.file_name(prefix)))
    });
    json.chain(csv).chain(args.html.iter().cloned())
}

/// What one run is asked to be.
pub(crate) struct Ask {
    /// What loads the server.
    pub(crate) load: Load,
    /// How long, unless the load ends of itself.
    pub(crate) run_time: Option<Duration>,
    /// The classes that take part, all if none is named, each with its weight unless it keeps its own.
    pub(crate) classes: Vec<(String, Option<u32>)>,
}

impl Ask {
    /// As the command line says.
    pub(crate) fn of(args: &RunArgs, mistakes: &mut Mistakes) -> Self {
        let classes = args.classes.iter().map(|class| (class.clone(), None)).collect();
        Self { load: args.arrivals.load(mistakes), run_time: args.run_time, classes }
    }
}

/// All mistakes of files and flags at once.
fn plan(args: &RunArgs) -> Result<Plan, Failure> {
    let mut mistakes = Mistakes::default();
    let ask = Ask::of(args, &mut mistakes);
    Ok(plan_of(args, ask, "command line", mistakes)?)
}

/// The plan of one run, unless there are `mistakes`, to which all others are added; `place` is what they call the load.
pub(crate) fn plan_of(
    args: &RunArgs,
    ask: Ask,
    place: &str,
    mut mistakes: Mistakes,
) -> Result<Plan, Mistakes> {
    let run_time = ask.run_time.or(ask.load.lasts());
    let step = StepPlan { name: STEP.to_owned(), load: ask.load, run_time, gate: true };
    step.check(place, &mut mistakes);
    check_stop_timeout(args.load.stop_timeout, "command line", &mut mistakes);
    let endless = step.run_time.is_none() && args.arrivals.iterations.is_none();
    if args.load.simulate && endless && !args.list {
        mistakes.push("--simulate", "without a run time", "give one with -t, such as -t 60s");
    }
    let thresholds = args.load.thresholds().map_err(|found| mistakes.append(found)).ok();
    let mut scenarios = scenarios(args).map_err(|found| mistakes.append(found)).ok();
    for scenario in scenarios.iter_mut().flat_map(|(_, scenarios)| scenarios) {
        let asked = ask.classes.iter().find(|(class, _)| *class == scenario.class);
        scenario.weight = asked.and_then(|(_, weight)| *weight).unwrap_or(scenario.weight);
    }
    let classes: Vec<String> = ask.classes.into_iter().map(|(class, _)| class).collect();
    let tags = TagFilter { include: args.tags.clone(), exclude: args.exclude_tags.clone() };
    let seed = draw_seed(args.load.seed);
    let mut plan = scenarios.and_then(|(files, scenarios)| {
        Plan::new(RunKind::Run, seed, scenarios, &classes, &tags)
            .map_err(|found| mistakes.append(found))
            .map(|plan| Plan { files, ..plan })
            .ok()
    });
    if let (Some(plan), Some(thresholds)) = (&mut plan, thresholds) {
        plan.watch(thresholds).map_err(|found| mistakes.append(found)).ok();
    }
    let mut plan = match plan {
        Some(plan) => mistakes.or(plan)?,
        None => return Err(mistakes),
    };
    plan.steps.push(step);
    plan.iterations = args.arrivals.iterations;
    plan.stop_timeout = args.load.stop_timeout.unwrap_or(plan.stop_timeout);
    Ok(plan)
}

/// The scenario files and their classes.
pub(crate) fn scenarios(args: &RunArgs) -> Result<(Vec<ScenarioFile>, Vec<Scenario>), Mistakes> {
    let files = if args.files.is_empty() { embedded::scenarios() } else { scenario_files(&args.files)? };
    let mut scenarios = read_scenarios(&files, &args.load.bindings()?)?;
    if args.equal_weights {
        scenarios.iter_mut().for_each(|scenario| scenario.weight = scenario.weight.min(1));
    }
    Ok((files, scenarios))
}

/// Shows the report and writes what was asked for.
pub(crate) fn hand_out(args: &RunArgs, ended: &Ended) -> Result<Exit, Failure> {
    let run = &ended.run;
    // With `--json` alone, standard output is the document's.
    let stream = if args.json.as_deref() == Some("-") { Stream::Error } else { Stream::Out };
    let exit = show(run, stream)?;
    let Some(step) = run.steps.first() else { return Ok(exit) };
    let summary = Summary::of(step).map_err(Failure::usage)?;
    let owner = owner(&args.load);
    match args.json.as_deref() {
        Some("-") => Stream::Out.line(&locust_json(run, step, &summary)),
        Some(file) => put(file.as_ref(), locust_json(run, step, &summary).as_bytes(), owner)?,
        None => {}
    }
    for file in args.csv.iter().flat_map(|_| CsvFile::all(args.csv_full_history)) {
        let name = file.file_name(args.csv.as_deref().unwrap_or_default());
        put(name.as_ref(), file.write(run, step, &summary).map_err(Failure::usage)?.as_bytes(), owner)?;
    }
    if let Some(file) = &args.html {
        let page = conclude(run).and_then(|conclusion| Document::Html.write(run, &conclusion));
        put(file, page.map_err(Failure::usage)?.as_bytes(), owner)?;
    }
    ended.say_where();
    // A run that passes but had failures ends as Locust's users expect.
    let failed = !step.errors.is_empty();
    Ok(if exit == Exit::PASSED && failed { Exit(args.exit_code_on_error) } else { exit })
}
