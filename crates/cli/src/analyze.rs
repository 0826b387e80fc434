//! `analyze`: what a run means, from its run file alone.

use std::path::Path;

use measure::{Run, analysis, analyze as analyze_run, conclude};

use crate::args::{AnalyzeArgs, AnalyzeFormat};
use crate::compare::read;
use crate::exit::{Exit, Failure};
use crate::results::{Owner, check_writable, put};
use crate::say::Stream;

pub(crate) fn analyze(args: &AnalyzeArgs) -> Result<Exit, Failure> {
    args.output.iter().try_for_each(|path| check_writable(path))?;
    let named = read(&args.results, &args.baselines)?;
    let text = document(&named.run, args.format)
        .map_err(|failure| Failure::usage(format!("{}: {}", named.name, failure.text)))?;
    match args.output.as_deref() {
        Some(path) if path != Path::new("-") => put(path, text.as_bytes(), Owner::default())?,
        _ => Stream::Out.put(&text),
    }
    Ok(Exit::PASSED)
}

/// The analysis of a run in one of its forms.
pub(crate) fn document(run: &Run, format: AnalyzeFormat) -> Result<String, Failure> {
    let conclusion = conclude(run).map_err(Failure::usage)?;
    let found = analyze_run(run, &conclusion).map_err(Failure::usage)?;
    Ok(match format {
        AnalyzeFormat::Text => analysis::text(&found),
        AnalyzeFormat::Json => analysis::json(run, &found),
        AnalyzeFormat::Markdown => analysis::markdown(&found),
    })
}
