//! The log: level, format and file. It goes to standard error unless a file is given.

use std::fs::File;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use wire::Mistakes;

use crate::args::{LogArgs, LogFormat};
use crate::exit::Failure;
use crate::page::RingLayer;
use crate::say::Errors;

/// Levels by their names here and in Locust's command lines.
const LEVELS: [(&str, &str); 7] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("info", "info"),
    ("warn", "warn"),
    ("warning", "warn"),
    ("error", "error"),
    ("critical", "error"),
];
const REMEDY: &str = "give error, warn, info, debug or trace, or a filter such as stub=debug";

/// Starts logging.
pub(crate) fn start_log(args: &LogArgs) -> Result<(), Failure> {
    start_log_with(args, None)
}

/// The same, with a place that remembers the newest lines.
pub(crate) fn start_log_with(args: &LogArgs, ring: Option<RingLayer>) -> Result<(), Failure> {
    let mut mistakes = Mistakes::default();
    let filter = filter(&args.loglevel, &mut mistakes);
    let file = args.logfile.as_ref().and_then(|path| {
        let opened = File::options().create(true).append(true).open(path);
        let mut told = |error| {
            mistakes.push(
                "--logfile",
                format!("{}: {error}", path.display()),
                "give a file that can be written",
            );
        };
        opened.map_err(&mut told).ok()
    });
    let filter = match filter {
        Some(filter) => mistakes.or(filter)?,
        None => return Err(mistakes.into()),
    };
    let writer = match file {
        Some(file) => BoxMakeWriter::new(Mutex::new(file)),
        None => BoxMakeWriter::new(|| Errors),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer);
    match args.log_format {
        LogFormat::Text => log.finish().with(ring).init(),
        LogFormat::Json => log.json().flatten_event(true).finish().with(ring).init(),
    }
    Ok(())
}

fn filter(text: &str, mistakes: &mut Mistakes) -> Option<EnvFilter> {
    let word = text.to_lowercase();
    let level = LEVELS.iter().find(|(name, _)| *name == word).map(|(_, level)| *level);
    // A lone word that is no level would be taken for a module's name.
    let parsed = match level {
        Some(level) => level.parse::<EnvFilter>().map_err(|error| error.to_string()),
        None if text.contains('=') => text.parse::<EnvFilter>().map_err(|error| error.to_string()),
        None => Err("no such level".to_owned()),
    };
    parsed.map_err(|error| mistakes.push("--loglevel", format!("`{text}`: {error}"), REMEDY)).ok()
}
