//! `baseline`: the suite of steps, judged.

use std::path::{Path, PathBuf};

use harness::{Plan, check_stop_timeout, read_suite};
use wire::Mistakes;

use crate::args::{BaselineArgs, target_host};
use crate::embedded::{self, SUITE_PATH};
use crate::exit::{Exit, Failure, both};
use crate::files::{read_text, scenario_files};
use crate::load::{carry_out, draw_seed};
use crate::log::start_log;
use crate::place::place;
use crate::report::show;
use crate::say::Stream;

pub(crate) fn baseline(args: BaselineArgs) -> Result<Exit, Failure> {
    let host = target_host(args.host.as_deref());
    let place = place(&args.load, host.as_deref());
    let ((plan, place), ()) = both(both(plan(&args), place), start_log(&args.load.log))?;
    let ended = carry_out(plan, place, &args.load, Some(&args.out))?;
    let exit = show(&ended.run, Stream::Out)?;
    ended.say_where();
    Ok(exit)
}

fn plan(args: &BaselineArgs) -> Result<Plan, Failure> {
    let path = match &args.plan {
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(SUITE_PATH)).filter(|path| path.exists()),
    };
    let file = path.as_deref().map_or_else(|| Ok(embedded::suite()), read_text)?;
    let suite = read_suite(&file.name, &file.text)?;
    let mut mistakes = Mistakes::default();
    check_stop_timeout(args.load.stop_timeout, "command line", &mut mistakes);
    let suite = mistakes.or(suite)?;
    let suite = if args.quick { suite.quick() } else { suite };
    let files = match &path {
        Some(path) => scenario_files(&[path.parent().unwrap_or(Path::new("")).join(&suite.scenarios)])?,
        None => embedded::scenarios(),
    };
    let bindings = args.load.bindings()?;
    let mut plan = suite.plan(&file.name, &files, &bindings, draw_seed(args.load.seed))?;
    plan.setup = serde_json::json!({"quick": args.quick});
    plan.stop_timeout = args.load.stop_timeout.unwrap_or(plan.stop_timeout);
    Ok(plan)
}
