//! The arguments of `validate`. What they mean is `validate`'s.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sim::proof::Group;

use crate::args::{DEFAULT_API_KEY, HttpChoice, LogArgs, Owner, owner};

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// A running stub, such as http://127.0.0.1:8000, of this version; its profile is changed meanwhile and put back
    /// at the end. Without it a stub is started inside this process.
    #[arg(short = 'H', long)]
    pub(crate) host: Option<String>,
    /// In virtual time, with a stub in this process: 10^6 requests in under a minute.
    #[arg(long, conflicts_with = "host")]
    pub(crate) simulate: bool,
    /// Requests of each trial of queues and quantiles in virtual time; from 4000000 on, mean waits of one server at
    /// utilisations of 0.5 and below must be within 1 % as well.
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(crate) requests: u64,
    /// Only these groups of claims; may be repeated, or given as one list with commas.
    #[arg(long, value_enum, value_name = "GROUP", value_delimiter = ',')]
    pub(crate) only: Vec<GroupChoice>,
    /// Only trials whose name holds this text, such as "M/M/1" or "heavy".
    #[arg(long, value_name = "TEXT")]
    pub(crate) trial: Option<String>,
    /// Seed of all choices; drawn and printed when not given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Trials at once in virtual time; by default as many as there are processors.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Folder in which a folder with truth.json is made.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) out: PathBuf,
    /// Token of the running stub's operator.
    #[arg(long, env = wire::OPERATOR_TOKEN_VARIABLE, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) operator_token: Option<String>,
    /// Key that the running stub takes.
    #[arg(long, env = "WEAVER_API_KEY", default_value = DEFAULT_API_KEY, hide_env_values = true)]
    pub(crate) api_key: String,
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
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupChoice {
    /// Every request once on both sides, and all outputs count the same.
    Join,
    /// Quantiles against the sorted ledger.
    Quantiles,
    /// A server that stands still.
    Freeze,
    /// Waits in queues against the recursion and the theory.
    Queues,
    /// Arrivals sent against arrivals asked.
    Arrivals,
    /// Faults against what the ledger marks.
    Faults,
}

impl GroupChoice {
    /// The groups that are meant; all, if none is.
    pub(crate) fn groups(chosen: &[Self]) -> Vec<Group> {
        if chosen.is_empty() {
            return Group::ALL.to_vec();
        }
        let group = |choice: &Self| match choice {
            Self::Join => Group::Join,
            Self::Quantiles => Group::Quantiles,
            Self::Freeze => Group::Freeze,
            Self::Queues => Group::Queues,
            Self::Arrivals => Group::Arrivals,
            Self::Faults => Group::Faults,
        };
        chosen.iter().map(group).collect()
    }
}
