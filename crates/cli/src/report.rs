//! `report`: every other file again, or one document, from `run.json` alone.

use std::path::Path;

use measure::export::{Document, report_text};
use measure::{Run, conclude};

use crate::args::{ReportArgs, ReportFormat};
use crate::exit::{Exit, Failure};
use crate::files::read_text;
use crate::results::{Owner, RUN_FILE, Results, check_writable, put};
use crate::say::Stream;

pub(crate) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    args.output.iter().try_for_each(|path| check_writable(path))?;
    let path = if args.results.is_dir() { args.results.join(RUN_FILE) } else { args.results.clone() };
    let file = read_text(&path)?;
    let run =
        Run::from_json(&file.text).map_err(|error| Failure::usage(format!("{}: {error}", file.name)))?;
    let named = |failure: Failure| Failure::usage(format!("{}: {}", file.name, failure.text));
    if let Some(format) = args.format {
        return document(&run, format.into(), args.output.as_deref(), named);
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).to_owned();
    let results = Results { folder, owner: Owner::default() };
    results.derive(&run).map_err(named)?;
    let exit = show(&run, Stream::Out)?;
    Stream::Error.line(&format!("derived again in {}", results.folder.display()));
    Ok(exit)
}

/// Shows the run as one document; the exit code is the run's.
fn document(
    run: &Run,
    document: Document,
    output: Option<&Path>,
    named: impl Fn(Failure) -> Failure,
) -> Result<Exit, Failure> {
    let damaged = |error| named(Failure::usage(error));
    let conclusion = conclude(run).map_err(&damaged)?;
    let text = document.write(run, &conclusion).map_err(&damaged)?;
    match output {
        Some(path) => put(path, text.as_bytes(), Owner::default())?,
        None => Stream::Out.put(&text),
    }
    Ok(Exit(conclusion.exit.code()))
}

impl From<ReportFormat> for Document {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Text => Self::Text,
            ReportFormat::Markdown => Self::Markdown,
            ReportFormat::Junit => Self::Junit,
            ReportFormat::Prometheus => Self::Prometheus,
            ReportFormat::Html => Self::Html,
            ReportFormat::Json => Self::Json,
        }
    }
}

/// Shows the report, and gives the exit code that the run's own file leads to.
pub(crate) fn show(run: &Run, stream: Stream) -> Result<Exit, Failure> {
    let conclusion = conclude(run).map_err(Failure::usage)?;
    stream.put(&report_text(run, &conclusion));
    Ok(Exit(conclusion.exit.code()))
}
