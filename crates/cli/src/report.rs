//! `report`: every other file again, from `run.json` alone.

use std::path::Path;

use measure::export::report_text;
use measure::{Run, conclude};

use crate::args::ReportArgs;
use crate::exit::{Exit, Failure};
use crate::files::read_text;
use crate::results::{Owner, RUN_FILE, Results};
use crate::say::Stream;

pub(crate) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    let path = if args.results.is_dir() { args.results.join(RUN_FILE) } else { args.results.clone() };
    let file = read_text(&path)?;
    let run =
        Run::from_json(&file.text).map_err(|error| Failure::usage(format!("{}: {error}", file.name)))?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).to_owned();
    let results = Results { folder, owner: Owner::default() };
    let named = |failure: Failure| Failure::usage(format!("{}: {}", file.name, failure.text));
    results.derive(&run).map_err(named)?;
    let exit = show(&run, Stream::Out)?;
    Stream::Error.line(&format!("derived again in {}", results.folder.display()));
    Ok(exit)
}

/// Shows the report, and gives the exit code that the run's own file leads to.
pub(crate) fn show(run: &Run, stream: Stream) -> Result<Exit, Failure> {
    let conclusion = conclude(run).map_err(Failure::usage)?;
    stream.put(&report_text(run, &conclusion));
    Ok(Exit(conclusion.exit.code()))
}
