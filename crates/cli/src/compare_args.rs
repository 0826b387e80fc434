//! The flags of `compare`, `trend`, and of keeping baselines.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use measure::compare::Waivers;

/// `compare`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("side_a").args(["host_a", "profile_a"]).requires("repeat")))]
#[command(group(clap::ArgGroup::new("side_b").args(["host_b", "profile_b"]).requires("repeat")))]
pub(crate) struct CompareArgs {
    /// The old run: a results folder, the run.json in it, or the name of a saved baseline.
    #[arg(required_unless_present = "repeat", conflicts_with = "repeat", requires = "b")]
    pub(crate) a: Option<PathBuf>,
    /// The new run.
    pub(crate) b: Option<PathBuf>,
    /// Folder that saved baselines are looked for in.
    #[arg(long, value_name = "DIR", default_value = "results/baselines")]
    pub(crate) baselines: PathBuf,
    /// How it is shown.
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    pub(crate) format: CompareFormat,
    #[command(flatten)]
    pub(crate) rules: Rules,
    /// Measures N rounds itself, A B A B …, and compares within them: for a machine that drifts. Needs both sides.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=100),
          requires = "side_a", requires = "side_b", help_heading = "Rounds")]
    pub(crate) repeat: Option<u32>,
    /// Server A, such as http://old:8000.
    #[arg(long, value_name = "URL", help_heading = "Rounds")]
    pub(crate) host_a: Option<String>,
    /// Server B.
    #[arg(long, value_name = "URL", help_heading = "Rounds")]
    pub(crate) host_b: Option<String>,
    /// Side A is the stub inside this process, with this profile.
    #[arg(long, value_name = "FILE", help_heading = "Rounds")]
    pub(crate) profile_a: Option<String>,
    /// Side B is the stub inside this process, with this profile.
    #[arg(long, value_name = "FILE", help_heading = "Rounds")]
    pub(crate) profile_b: Option<String>,
    /// Flags of `baseline` for all runs of both sides, after --, such as -- --quick --out results.
    #[arg(last = true, value_name = "FLAGS", requires = "repeat", help_heading = "Rounds")]
    pub(crate) flags: Vec<String>,
}

/// What is refused, what counts as a change, and what follows from one.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// Exit code 1 when the deciding test says so.
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Comparison")]
    pub(crate) fail_on: Option<FailOn>,
    /// Changes of times by less than so many percent are the same.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = margin, help_heading = "Comparison")]
    pub(crate) margin: f64,
    /// Compares runs of different machines.
    #[arg(long, help_heading = "Comparison")]
    pub(crate) any_host: bool,
    /// Compares runs that are invalid or incomplete.
    #[arg(long, help_heading = "Comparison")]
    pub(crate) allow_invalid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// B is worse.
    Worse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// For a CI job's summary.
    Markdown,
}

/// `trend`.
#[derive(Debug, Args)]
pub(crate) struct TrendArgs {
    /// Folder of results folders.
    #[arg(default_value = "results")]
    pub(crate) results: PathBuf,
    /// How it is shown.
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    pub(crate) format: CompareFormat,
    /// Takes runs of different machines together.
    #[arg(long)]
    pub(crate) any_host: bool,
    /// Takes runs that are invalid or incomplete as well.
    #[arg(long)]
    pub(crate) allow_invalid: bool,
}

/// What `baseline` keeps of its run, and what it compares it with.
#[derive(Debug, Args)]
pub(crate) struct KeepArgs {
    /// Keeps the run as the baseline NAME, in the folder baselines below --out.
    #[arg(long, value_name = "NAME", value_parser = name, help_heading = "Comparison")]
    pub(crate) save: Option<String>,
    /// What changed since the baseline before, for the log of baselines.
    #[arg(long, value_name = "TEXT", requires = "save", help_heading = "Comparison")]
    pub(crate) note: Option<String>,
    /// Replaces a baseline of this name, and saves runs that are invalid or incomplete.
    #[arg(long, requires = "save", help_heading = "Comparison")]
    pub(crate) force: bool,
    /// Compares the run with the baseline NAME at the end.
    #[arg(long, value_name = "NAME", value_parser = name, help_heading = "Comparison")]
    pub(crate) against: Option<String>,
    #[command(flatten)]
    pub(crate) rules: Rules,
}

impl KeepArgs {
    /// Whether anything is to be kept or compared.
    pub(crate) fn is_asked(&self) -> bool {
        self.save.is_some() || self.against.is_some() || self.rules.fail_on.is_some()
    }
}

impl Rules {
    pub(crate) fn waivers(&self) -> Waivers {
        Waivers { any_host: self.any_host, allow_invalid: self.allow_invalid }
    }

    /// The margin as a ratio.
    pub(crate) fn margin_ratio(&self) -> f64 {
        self.margin / 100.0
    }
}

fn margin(text: &str) -> Result<f64, String> {
    let percent: f64 = text.trim_end_matches('%').parse().map_err(|error| format!("{error}"))?;
    if (0.1..=100.0).contains(&percent) { Ok(percent) } else { Err("give 0.1 to 100 percent".to_owned()) }
}

/// A baseline is a folder: its name must not lead anywhere else.
fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_name = (1..=100).contains(&text.len()) && text.chars().all(fits) && !text.starts_with(['.', '-']);
    if is_name { Ok(text.to_owned()) } else { Err("give letters, digits, `_`, `-` and `.`".to_owned()) }
}
