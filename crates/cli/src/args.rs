//! The command line. Names are Locust's where Locust has one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use harness::{Bindings, ThresholdPlan, read_threshold};
use wire::Mistakes;
use wire::token::PrivateKey;

use crate::arrivals::ArrivalArgs;
use crate::compare_args::{CompareArgs, KeepArgs, TrendArgs};
use crate::files::read_text;
use crate::fleet_args::{FleetArgs, WorkerArgs};
use crate::page::PageArgs;
use crate::stub_args::StubArgs;
use crate::token::TokenArgs;
use crate::usage::MetricsAddress;
use crate::validate_args::ValidateArgs;

/// A load harness that proves its numbers, and the stub of Weaver AI that it proves them against.
#[derive(Debug, Parser)]
#[command(name = "weaver-bench", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers as Weaver AI does, after simulated delays, and keeps a ledger of what it truly did.
    Serve(Box<ServeArgs>),
    /// Sends loads from scenario files, driven by a page at http://localhost:8089; with --headless one, at once.
    Run(Box<RunArgs>),
    /// Runs the six-step baseline; without --host against a stub inside this process.
    Baseline(Box<BaselineArgs>),
    /// Proves the harness: what it reports is held against what a stub truly did. Exit code 1 if a claim fails.
    Validate(Box<ValidateArgs>),
    /// Sends what a coordinator elsewhere orders: see `run --master`.
    Worker(Box<WorkerArgs>),
    /// Derives every other file of a results folder again from its run.json, or shows it as one document.
    Report(ReportArgs),
    /// Says what a run means: how the target scales, what limits it, and what to do next.
    Analyze(AnalyzeArgs),
    /// Holds two runs against each other: refused, or better, worse, the same, or no telling.
    Compare(Box<CompareArgs>),
    /// Finds where the runs of one plan changed.
    Trend(TrendArgs),
    /// Asks a server for its health: exit code 0 or 3.
    Healthcheck(HealthcheckArgs),
    /// Makes keys, tokens and signed messages, offline.
    Token(Box<TokenArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on.
    #[arg(long, default_value = "0.0.0.0")]
    pub(crate) host: std::net::IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// Seed of all delays; drawn and printed when not given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Folder of guardrails.yaml and roles.yaml (WEAVER_STUB_POLICIES); by default weaver_ai/policies where it is
    /// there, as the real server has it, else the rules in the binary.
    #[arg(long, value_name = "DIR", help_heading = "Stub")]
    pub(crate) policies: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) stub: StubArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// What is logged: error, warn, info, debug or trace, or a filter such as stub=debug.
    #[arg(short = 'L', long, default_value = "info")]
    pub(crate) loglevel: String,
    /// File to log to, instead of the terminal.
    #[arg(long)]
    pub(crate) logfile: Option<PathBuf>,
    /// How it is logged: lines of text, or of JSON.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line, for machines.
    Json,
}

/// How requests leave, for `run` and `baseline`.
#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// Key that the scenarios send.
    #[arg(long, env = "WEAVER_API_KEY", default_value = DEFAULT_API_KEY, hide_env_values = true)]
    api_key: String,
    /// File with what scenarios sign tokens and messages with: a private RSA key in PEM, or else a secret.
    #[arg(long, env = "WEAVER_SIGNING_KEY", value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// Answers in flight at the end are waited for so long; the rest is counted as cut off. By default 30s.
    #[arg(short = 's', long, value_parser = duration)]
    pub(crate) stop_timeout: Option<Duration>,
    /// Seed of all choices and delays; drawn and printed when not given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Runs against a stub in the same process, in virtual time: minutes take a fraction of a second.
    #[arg(long, conflicts_with = "host")]
    pub(crate) simulate: bool,
    /// Worker threads that users live on; by default half of the processors.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Process of the server, if it runs on this machine: what it uses stands in the run file.
    #[arg(long, value_name = "PID", conflicts_with = "simulate")]
    pub(crate) target_pid: Option<u32>,
    /// Page of Prometheus text that tells what the server uses, such as http://127.0.0.1:8000/_stub/metrics.
    #[arg(long, value_name = "URL", conflicts_with_all = ["simulate", "target_pid"])]
    pub(crate) target_metrics: Option<MetricsAddress>,
    /// What must hold, such as 'p95 < 800ms on /ask every 30s abort after 1m'; may be repeated. See load_tests/README.md.
    #[arg(long = "threshold", value_name = "SENTENCE")]
    pub(crate) thresholds: Vec<String>,
    /// Version of HTTP.
    #[arg(long, value_enum, default_value_t = HttpChoice::Auto)]
    pub(crate) http: HttpChoice,
    /// Accept any TLS certificate.
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// File with further root certificates, PEM.
    #[arg(long)]
    pub(crate) cacert: Option<PathBuf>,
    /// Numeric owner that results are given to, where root writes them for somebody else.
    #[arg(long, env = "RESULTS_UID", value_name = "UID", value_parser = owner)]
    pub(crate) results_uid: Option<Owner>,
    /// Numeric group that results are given to.
    #[arg(long, env = "RESULTS_GID", value_name = "GID", value_parser = owner)]
    pub(crate) results_gid: Option<Owner>,
    /// No progress while it runs, only the summary.
    #[arg(long)]
    pub(crate) only_summary: bool,
    /// Progress as lines, also on a terminal.
    #[arg(long, conflicts_with = "only_summary")]
    pub(crate) print_stats: bool,
    /// `run` starts at once and without its page; `baseline` has none. On a terminal w and W add 1 and 10 users, s and
    /// S take as many away.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Starts at once and shows the run on the whole terminal, with keys; ? tells which.
    #[arg(long, conflicts_with_all = ["print_stats", "only_summary"])]
    pub(crate) tui: bool,
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) stub: StubArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HttpChoice {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    Auto,
    /// HTTP/1.1 always.
    #[value(name = "1.1")]
    Http1,
    /// HTTP/2 always, also without TLS.
    #[value(name = "2")]
    Http2,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenario files or folders; may be repeated, or given as one list with commas. By default the five
    /// classes of the baseline.
    #[arg(short = 'f', long = "scenarios", visible_alias = "locustfile", value_delimiter = ',')]
    pub(crate) files: Vec<PathBuf>,
    /// User classes that take part; all, if none is named.
    pub(crate) classes: Vec<String>,
    /// The server, such as http://127.0.0.1:8000; by default the variable TARGET_HOST.
    #[arg(short = 'H', long)]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) arrivals: ArrivalArgs,
    /// How long, such as 30s, 20m or 1h30m; until Ctrl-C when not given, or until the arrivals of stages or a replay
    /// are over.
    #[arg(short = 't', long, value_parser = duration)]
    pub(crate) run_time: Option<Duration>,
    /// Writes PREFIX_stats.csv, _stats_history.csv, _failures.csv, _exceptions.csv and _times.csv.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) csv: Option<String>,
    /// Every entry in each second of the history, not only the sum.
    #[arg(long)]
    pub(crate) csv_full_history: bool,
    /// Writes the final statistics as JSON to FILE, or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<String>,
    /// Writes a page with charts, tables and everything they need inside to FILE.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Writes a results folder a run, with the run file that `report` reads, below DIR; with the page by default
    /// below results.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Only tasks with one of these tags.
    #[arg(short = 'T', long, num_args = 1.., value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
    /// No task with one of these tags.
    #[arg(short = 'E', long, num_args = 1.., value_delimiter = ',')]
    pub(crate) exclude_tags: Vec<String>,
    /// All classes with the same weight.
    #[arg(long)]
    pub(crate) equal_weights: bool,
    /// Exit code when a request failed.
    #[arg(long, default_value_t = 1)]
    pub(crate) exit_code_on_error: u8,
    /// Lists the user classes and ends.
    #[arg(short = 'l', long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) page: PageArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BaselineArgs {
    /// The server, such as http://127.0.0.1:8000; without it, and without the variable TARGET_HOST, a stub
    /// is started inside this process.
    #[arg(short = 'H', long)]
    pub(crate) host: Option<String>,
    /// A tenth of every duration, users spawned ten times as fast.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The suite file; by default load_tests/baseline.toml, or the copy in the binary where that is absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Folder in which the results folder is made.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A results folder, or the run.json in it.
    pub(crate) results: PathBuf,
    /// Shows the run as one document, on standard output, and leaves the folder as it is.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,
    /// Writes the document to FILE instead.
    #[arg(short = 'o', long, value_name = "FILE", requires = "format")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// The report for people who read text.
    Text,
    /// A summary that fits a CI job's.
    Markdown,
    /// JUnit XML: a suite a step, a case a target.
    Junit,
    /// Prometheus's text format.
    Prometheus,
    /// A page with everything inside, to open without a network.
    Html,
    /// A list, one object a step.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct AnalyzeArgs {
    /// A results folder, the run.json in it, or the name of a saved baseline.
    pub(crate) results: PathBuf,
    /// Folder that saved baselines are looked for in.
    #[arg(long, value_name = "DIR", default_value = "results/baselines")]
    pub(crate) baselines: PathBuf,
    /// How it is shown.
    #[arg(long, value_enum, default_value_t = AnalyzeFormat::Text)]
    pub(crate) format: AnalyzeFormat,
    /// Writes it to FILE instead of standard output.
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnalyzeFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// For a CI job's summary.
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// The server; by default the variable TARGET_HOST, else http://127.0.0.1:8000.
    #[arg(short = 'H', long)]
    pub(crate) host: Option<String>,
    /// What is asked.
    #[arg(long, default_value = "/health")]
    pub(crate) path: String,
    /// How long the answer may take.
    #[arg(long, value_parser = duration, default_value = "5s")]
    pub(crate) timeout: Duration,
}

pub(crate) const DEFAULT_API_KEY: &str = "test-api-key";

impl LoadArgs {
    /// What scenarios may put into their requests.
    pub(crate) fn bindings(&self) -> Result<Bindings, Mistakes> {
        // Compose files pass an empty variable on.
        let path = self.signing_key.as_deref().filter(|path| !path.as_os_str().is_empty());
        let signing_key = path.map(signing_key).transpose()?;
        Ok(Bindings { api_key: self.api_key(), signing_key })
    }

    /// The text of what scenarios sign with.
    pub(crate) fn signing_text(&self) -> Result<Option<String>, Mistakes> {
        let path = self.signing_key.as_deref().filter(|path| !path.as_os_str().is_empty());
        path.map(|path| read_text(path).map(|file| file.text)).transpose()
    }

    /// The thresholds that were given: all mistakes at once.
    pub(crate) fn thresholds(&self) -> Result<Vec<ThresholdPlan>, Mistakes> {
        let mut mistakes = Mistakes::default();
        let read = |text: &String| {
            let found = read_threshold(&format!("--threshold '{text}'"), text);
            found.map_err(|found| mistakes.append(found)).ok()
        };
        let thresholds = self.thresholds.iter().filter_map(read).collect();
        mistakes.or(thresholds)
    }

    /// The key that scenarios send; an empty one, as compose files pass it on, is none given.
    pub(crate) fn api_key(&self) -> String {
        let given = Some(&self.api_key).filter(|key| !key.is_empty());
        given.map_or(DEFAULT_API_KEY, String::as_str).to_owned()
    }
}

/// The server: as given, or as the variable `TARGET_HOST` says; an empty variable says nothing.
pub(crate) fn target_host(given: Option<&str>) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
    let variable = || std::env::var("TARGET_HOST").ok().filter(|host| !host.is_empty());
    given.map(str::to_owned).or_else(variable)
}

/// A user's or group's number; an empty text, as compose files pass it on, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) Option<u32>);

pub(crate) fn owner(text: &str) -> Result<Owner, std::num::ParseIntError> {
    if text.is_empty() { Ok(Owner(None)) } else { text.parse().map(|id| Owner(Some(id))) }
}

/// A private RSA key if the file says so, or else the secret that is its text.
fn signing_key(path: &Path) -> Result<PrivateKey, Mistakes> {
    let file = read_text(path)?;
    PrivateKey::read(&file.text).map_err(|error| {
        let mut mistakes = Mistakes::default();
        let text = error.to_string();
        let (problem, remedy) = text.split_once("; ").unwrap_or((&text, "give another key"));
        mistakes.push(format!("--signing-key: {}", file.name), problem, remedy);
        mistakes
    })
}

pub(crate) fn duration(text: &str) -> Result<Duration, wire::DurationError> {
    wire::parse_duration(text)
}
