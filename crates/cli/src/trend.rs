//! `trend`: all runs of one plan below a folder, and where they changed.

use std::path::{Path, PathBuf};

use measure::Run;
use measure::compare::{Waivers, refusals, trend as trend_of, trend_markdown, trend_text, trouble};

use crate::compare::{Named, json, read};
use crate::compare_args::{CompareFormat, TrendArgs};
use crate::exit::{Exit, Failure};
use crate::results::RUN_FILE;
use crate::say::Stream;

/// So many runs are read at most, the newest.
const RUNS_MAX: usize = 200;

pub(crate) fn trend(args: &TrendArgs) -> Result<Exit, Failure> {
    let mut runs: Vec<Named> = vec![];
    for path in folders(&args.results)? {
        match read(&path, Path::new("")) {
            // A run that was saved as a baseline is there twice.
            Ok(run) if runs.iter().any(|known: &Named| known.run == run.run) => {}
            Ok(run) => runs.push(run),
            Err(failure) => Stream::Error.line(&format!("left out: {}", failure.text)),
        }
    }
    runs.sort_by_key(|run| run.run.started_unix_ns);
    if runs.len() > RUNS_MAX {
        let dropped = runs.len() - RUNS_MAX;
        Stream::Error.line(&format!("left out: the oldest {dropped} runs, beyond {RUNS_MAX}"));
        runs.drain(..dropped);
    }
    let place = args.results.display();
    let Some(newest) = newest(&runs, args) else {
        return Err(Failure::usage(format!(
            "{place}: holds no results folder with a whole run; give a folder that does"
        )));
    };
    let alike: Vec<(&Run, &str)> =
        runs.iter().filter(|run| fits(run, newest, args)).map(|run| (&run.run, run.name.as_str())).collect();
    let found = trend_of(&alike).map_err(Failure::usage)?;
    Stream::Out.put(&match args.format {
        CompareFormat::Text => trend_text(&found),
        CompareFormat::Markdown => trend_markdown(&found),
        CompareFormat::Json => json(&found),
    });
    Ok(Exit::PASSED)
}

/// What speaks against a run by itself.
fn own_troubles(run: &Run, args: &TrendArgs) -> Vec<String> {
    if args.allow_invalid { Ok(vec![]) } else { trouble(run) }.unwrap_or_else(|error| vec![error.to_string()])
}

/// The newest run that can be compared at all says which plan it is about.
fn newest<'a>(runs: &'a [Named], args: &TrendArgs) -> Option<&'a Named> {
    runs.iter().rev().find(|run| !run.run.steps.is_empty() && own_troubles(&run.run, args).is_empty())
}

/// Whether the run is of the newest one's plan; if not, says why.
fn fits(run: &Named, newest: &Named, args: &TrendArgs) -> bool {
    let waivers = Waivers { any_host: args.any_host, allow_invalid: true };
    let mut said = refusals(&run.run, &newest.run, waivers).unwrap_or_else(|error| vec![error.to_string()]);
    said.extend(own_troubles(&run.run, args));
    if let Some(first) = said.first() {
        let more = if said.len() > 1 { format!(" (and {} more)", said.len() - 1) } else { String::new() };
        Stream::Error.line(&format!("left out: A = {}, B = {}: {first}{more}", run.name, newest.name));
    }
    said.is_empty()
}

/// The folders in `results`, and in its `baselines`, that hold a run.
fn folders(results: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = inside(results)?;
    let baselines = results.join("baselines");
    if baselines.is_dir() {
        found.extend(inside(&baselines)?);
    }
    found.sort();
    Ok(found)
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| {
        Failure::usage(format!("{}: cannot be read: {error}; give a folder that is there", folder.display()))
    })?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.join(RUN_FILE).is_file()).collect())
}
