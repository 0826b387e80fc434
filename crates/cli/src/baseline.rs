//! `baseline`: the suite of steps, judged.

use std::path::{Path, PathBuf};

use harness::{Plan, check_stop_timeout, read_suite_with};
use wire::Mistakes;

use crate::args::{BaselineArgs, LoadArgs, target_host};
use crate::arrivals::replay;
use crate::baselines::Keeping;
use crate::embedded::{self, SUITE_PATH};
use crate::exit::{Exit, Failure, both};
use crate::files::{read_text, scenario_files};
use crate::load::{Ended, carry_out, draw_seed};
use crate::log::start_log;
use crate::place::{Place, place};
use crate::report::show;
use crate::resume::resume;
use crate::say::Stream;
use crate::tui;

pub(crate) fn baseline(args: BaselineArgs) -> Result<Exit, Failure> {
    if let Some(folder) = &args.load.fleet.resume {
        return resume(folder, &args.load);
    }
    if args.load.fleet.worker {
        return Err(Failure::usage(
            "--worker: a worker has no baseline of its own; start it with `run --worker` or `worker`",
        ));
    }
    let (keeping, ready) = (Keeping::prepare(&args), prepared(&args));
    let ((keeping, ready), ()) = both(both(keeping, ready), start_log(&args.load.log))?;
    let ended = carried_out(ready, &args)?;
    let exit = show(&ended.run, Stream::Out)?;
    ended.say_where();
    let folder = ended.results.as_ref().map(|results| results.folder.display().to_string());
    keeping.finish(&ended.run, folder.as_deref().unwrap_or("this run"), exit)
}

/// The run alone: nothing is shown or logged.
pub(crate) fn measured(args: &BaselineArgs) -> Result<Ended, Failure> {
    carried_out(prepared(args)?, args)
}

fn prepared(args: &BaselineArgs) -> Result<(Plan, Place), Failure> {
    let host = target_host(args.host.as_deref());
    let place = place(&args.load, host.as_deref());
    let (ready, ()) =
        both(both(plan(args.plan.as_deref(), args.quick, &args.load), place), tui::check(&args.load))?;
    Ok(ready)
}

fn carried_out((plan, place): (Plan, Place), args: &BaselineArgs) -> Result<Ended, Failure> {
    carry_out(plan, place, &args.load, Some(&args.out))
}

/// The suite's plan.
pub(crate) fn plan(plan: Option<&Path>, quick: bool, load: &LoadArgs) -> Result<Plan, Failure> {
    let path = match plan {
        Some(path) => Some(path.to_owned()),
        None => Some(PathBuf::from(SUITE_PATH)).filter(|path| path.exists()),
    };
    let file = path.as_deref().map_or_else(|| Ok(embedded::suite()), read_text)?;
    let folder = path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let suite = read_suite_with(&file.name, &file.text, &|name| replay(&folder.join(name)))?;
    let mut mistakes = Mistakes::default();
    check_stop_timeout(load.stop_timeout, "command line", &mut mistakes);
    let thresholds = load.thresholds().map_err(|found| mistakes.append(found)).ok();
    let suite = mistakes.or(suite)?;
    let suite = if quick { suite.quick() } else { suite };
    let files = match &path {
        Some(_) => scenario_files(&[folder.join(&suite.scenarios)])?,
        None => embedded::scenarios(),
    };
    let bindings = load.bindings()?;
    let mut plan = suite.plan(&file.name, &files, &bindings, draw_seed(load.seed))?;
    plan.watch(thresholds.unwrap_or_default())?;
    plan.setup = serde_json::json!({"quick": quick});
    plan.stop_timeout = load.stop_timeout.unwrap_or(plan.stop_timeout);
    Ok(plan)
}
