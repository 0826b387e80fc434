//! `compare --repeat`: measures A B A B … and compares within the rounds.

use clap::Parser;
use measure::compare::{Named as Borrowed, rounds as compare_rounds, rounds_markdown, rounds_text};

use crate::args::{BaselineArgs, Cli, Command};
use crate::baseline::measured;
use crate::compare::{Named, exit, json, refused};
use crate::compare_args::{CompareArgs, CompareFormat};
use crate::exit::{Exit, Failure, both};
use crate::log::start_log;
use crate::say::Stream;

pub(crate) fn rounds(args: &CompareArgs) -> Result<Exit, Failure> {
    let count = args.repeat.unwrap_or_default();
    let a = side(args, "a", args.host_a.as_deref(), args.profile_a.as_deref());
    let b = side(args, "b", args.host_b.as_deref(), args.profile_b.as_deref());
    let (mut a, mut b) = both(a, b)?;
    start_log(&a.load.log)?;
    let first_seed = a.load.seed;
    let mut pairs: Vec<(Named, Named)> = vec![];
    for round in 0..count {
        let one = |letter: &str, args: &mut BaselineArgs, at: u32| {
            // Every run has a seed of its own: with one seed for all, runs would not be independent.
            args.load.seed = first_seed.map(|seed| seed + u64::from(at));
            Stream::Error.line(&format!("round {} of {count}: {letter}", round + 1));
            let ended = measured(args)?;
            ended.say_where();
            let folder = ended.results.as_ref().map(|results| results.folder.display().to_string());
            Ok(Named { name: folder.unwrap_or_else(|| letter.to_owned()), run: ended.run })
        };
        let pair: Result<_, Failure> =
            one("A", &mut a, 2 * round).and_then(|a| Ok((a, one("B", &mut b, 2 * round + 1)?)));
        let (run_a, run_b) = pair?;
        refused(&run_a, &run_b, &args.rules)?;
        if let Some((first, _)) = pairs.first() {
            refused(first, &run_a, &args.rules)?;
        }
        pairs.push((run_a, run_b));
    }
    let named: Vec<(Borrowed<'_>, Borrowed<'_>)> =
        pairs.iter().map(|(a, b)| ((&a.run, a.name.as_str()), (&b.run, b.name.as_str()))).collect();
    let found = compare_rounds(&named, args.rules.margin_ratio()).map_err(Failure::usage)?;
    Stream::Out.put(&match args.format {
        CompareFormat::Text => rounds_text(&found),
        CompareFormat::Markdown => rounds_markdown(&found),
        CompareFormat::Json => json(&found),
    });
    Ok(exit(found.decision.verdict, &args.rules))
}

/// The runs of one side, as `baseline` would be told to make them.
fn side(
    args: &CompareArgs,
    letter: &str,
    host: Option<&str>,
    profile: Option<&str>,
) -> Result<BaselineArgs, Failure> {
    let mut words = vec!["weaver-bench", "baseline"];
    words.extend(host.iter().flat_map(|host| ["--host", host]));
    words.extend(profile.iter().flat_map(|profile| ["--profile", profile]));
    words.extend(args.flags.iter().map(String::as_str));
    let parsed = Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        Failure::usage(format!("side {letter}: {}", text.trim().trim_start_matches("error: ")))
    })?;
    match parsed.command {
        Command::Baseline(args) if !args.keep.is_asked() => Ok(*args),
        _ => Err(Failure::usage(format!(
            "side {letter}: --save, --against and --fail-on are not for single runs of a round; give --fail-on before --"
        ))),
    }
}
