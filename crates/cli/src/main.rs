//! `weaver-bench`: parse, build, run, drain, exit code.

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a closed pipe must not end a run: `say::Stream`"
)]

mod analyze;
mod args;
mod arrivals;
mod baseline;
mod baselines;
mod compare;
mod compare_args;
mod dial;
mod dotenv;
mod embedded;
mod embedded_stub;
mod exit;
mod files;
mod fleet;
mod fleet_args;
mod healthcheck;
mod host;
mod keyboard;
mod load;
mod log;
mod page;
mod place;
mod proc;
mod progress;
mod prometheus;
mod report;
mod results;
mod resume;
mod rounds;
mod run;
mod runtime;
mod say;
mod serve;
mod stub_args;
mod token;
mod trend;
mod tui;
mod typed;
mod usage;
mod validate;
mod validate_args;
mod watch;
mod worker;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::guarded;

fn main() -> std::process::ExitCode {
    guarded(|| match Cli::parse().command {
        Command::Serve(args) => serve::serve(&args),
        Command::Run(args) => run::run(*args),
        Command::Baseline(args) => baseline::baseline(*args),
        Command::Worker(args) => worker::worker(&args),
        Command::Report(args) => report::report(&args),
        Command::Analyze(args) => analyze::analyze(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Trend(args) => trend::trend(&args),
        Command::Healthcheck(args) => healthcheck::healthcheck(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Token(args) => token::token(&args),
    })
}
