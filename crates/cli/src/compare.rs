//! `compare`: two runs, or rounds of runs, held against each other.

use std::path::{Path, PathBuf};

use measure::Run;
use measure::compare::{Comparison, Verdict, compare as compare_runs, markdown, refusals, text};
use wire::Mistakes;

use crate::compare_args::{CompareArgs, CompareFormat, FailOn, Rules};
use crate::exit::{Exit, Failure, both};
use crate::files::read_text;
use crate::results::RUN_FILE;
use crate::rounds::rounds;
use crate::say::Stream;

/// A run, and what it is called.
pub(crate) struct Named {
    pub(crate) run: Run,
    pub(crate) name: String,
}

pub(crate) fn compare(args: &CompareArgs) -> Result<Exit, Failure> {
    let (Some(a), Some(b)) = (&args.a, &args.b) else {
        return rounds(args);
    };
    let (a, b) = both(read(a, &args.baselines), read(b, &args.baselines))?;
    let comparison = compared(&a, &b, &args.rules)?;
    Stream::Out.put(&match args.format {
        CompareFormat::Text => text(&comparison),
        CompareFormat::Markdown => markdown(&comparison),
        CompareFormat::Json => json(&comparison),
    });
    Ok(exit(comparison.decision.verdict, &args.rules))
}

/// One line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    format!("{}\n", serde_json::to_string(value).expect("string keys and numbers"))
}

/// What a verdict leads to.
pub(crate) fn exit(verdict: Verdict, rules: &Rules) -> Exit {
    match (verdict, rules.fail_on) {
        (Verdict::Worse, Some(FailOn::Worse)) => Exit(1),
        _ => Exit::PASSED,
    }
}

/// The comparison, unless something speaks against one: all of it at once.
pub(crate) fn compared(a: &Named, b: &Named, rules: &Rules) -> Result<Comparison, Failure> {
    refused(a, b, rules)?;
    compare_runs((&a.run, &a.name), (&b.run, &b.name), rules.margin_ratio()).map_err(Failure::usage)
}

/// Every reason against comparing two runs.
pub(crate) fn refused(a: &Named, b: &Named, rules: &Rules) -> Result<(), Failure> {
    let reasons = refusals(&a.run, &b.run, rules.waivers())
        .map_err(|error| Failure::usage(format!("{} and {}: {error}", a.name, b.name)))?;
    let mut mistakes = Mistakes::default();
    for reason in reasons {
        mistakes.push(format!("{} and {}", a.name, b.name), reason.as_str(), remedy(&reason));
    }
    mistakes.or(()).map_err(Failure::from)
}

fn remedy(reason: &str) -> &'static str {
    if reason.contains("host is another") {
        "measure both on one machine, or compare anyway with --any-host"
    } else if reason.contains("is not whole") {
        "measure it again, or compare anyway with --allow-invalid"
    } else {
        "measure both in the same way"
    }
}

/// Reads a run: of a results folder, of its run.json, or of a saved baseline.
pub(crate) fn read(path: &Path, baselines: &Path) -> Result<Named, Failure> {
    let saved = baselines.join(path);
    let chosen: PathBuf = match (path.is_dir(), path.exists()) {
        (true, _) => path.join(RUN_FILE),
        (false, true) => path.to_owned(),
        (false, false) if saved.is_dir() => saved.join(RUN_FILE),
        (false, false) => {
            let (given, saved) = (path.display(), saved.display());
            return Err(Failure::usage(format!(
                "{given}: neither it nor {saved} is there; give a results folder, a run.json or a saved baseline's name"
            )));
        }
    };
    let file = read_text(&chosen)?;
    let run =
        Run::from_json(&file.text).map_err(|error| Failure::usage(format!("{}: {error}", file.name)))?;
    Ok(Named { run, name: path.display().to_string() })
}
