//! Flags of the stub, for `serve` and for the stub inside `run --simulate` and `baseline`.
//!
//! Each flag stands for one of the stub's variables, so that there is one reader and one list of mistakes.

use std::path::Path;

use clap::Args;
use stub::{Profile, Settings};
use wire::Mistakes;

use crate::exit::Failure;
use crate::files::read_text;

#[derive(Debug, Args)]
#[command(next_help_heading = "Stub")]
pub(crate) struct StubArgs {
    /// Profile of workflows, agents and delays; by default the one in the binary (load_tests/stub/default.toml).
    #[arg(long, value_name = "FILE", env = "WEAVER_STUB_PROFILE")]
    profile: Option<String>,
    /// Requests a second that one user may send; 0 refuses all, off lifts the limit.
    #[arg(long, value_name = "N")]
    ratelimit_rps: Option<String>,
    /// Requests that one user may send at once.
    #[arg(long, value_name = "N")]
    ratelimit_burst: Option<String>,
    /// The same for one client address; by default half of a user's.
    #[arg(long, value_name = "N")]
    ratelimit_address_rps: Option<String>,
    /// The same for one client address; by default half of a user's.
    #[arg(long, value_name = "N")]
    ratelimit_address_burst: Option<String>,
    /// The same for all together; by default 100.
    #[arg(long, value_name = "N")]
    ratelimit_global_rps: Option<String>,
    /// The same for all together; by default 100.
    #[arg(long, value_name = "N")]
    ratelimit_global_burst: Option<String>,
    /// Lifts all limits.
    #[arg(long)]
    no_ratelimit: bool,
    /// How callers prove who they are: api_key or jwt (WEAVER_AUTH_MODE).
    #[arg(long, value_name = "MODE")]
    auth_mode: Option<String>,
    /// Keys that are let in: a comma list or a JSON list (WEAVER_ALLOWED_API_KEYS).
    #[arg(long, value_name = "KEYS")]
    allowed_api_keys: Option<String>,
    /// Secret of HS256, or PEM of RS256 (WEAVER_JWT_PUBLIC_KEY).
    #[arg(long, value_name = "KEY")]
    jwt_public_key: Option<String>,
    /// Entries that the ledger keeps (WEAVER_STUB_LEDGER_ENTRIES_MAX).
    #[arg(long, value_name = "N")]
    ledger_entries_max: Option<String>,
}

impl StubArgs {
    /// Settings from `variables`, overridden by the flags, and the profile: all mistakes at once.
    pub(crate) fn build(
        &self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Settings, Profile), Failure> {
        let variables = variables.into_iter().chain(self.variables());
        let mut mistakes = Mistakes::default();
        let settings = Settings::from_variables(variables).map_err(|found| mistakes.append(found)).ok();
        let profile = self.profile().map_err(|found| mistakes.append(found)).ok();
        match (settings, profile) {
            (Some(settings), Some(profile)) => Ok((settings, profile)),
            _ => Err(mistakes.into()),
        }
    }

    fn profile(&self) -> Result<Profile, Mistakes> {
        // Compose files pass an empty variable on.
        let Some(path) = self.profile.as_deref().filter(|path| !path.is_empty()) else {
            return Ok(Profile::default());
        };
        let file = read_text(Path::new(path))?;
        Profile::parse(&file.name, &file.text)
    }

    fn variables(&self) -> Vec<(String, String)> {
        let flags = [
            ("WEAVER_RATELIMIT_RPS", &self.ratelimit_rps),
            ("WEAVER_RATELIMIT_BURST", &self.ratelimit_burst),
            ("WEAVER_STUB_RATELIMIT_ADDRESS_RPS", &self.ratelimit_address_rps),
            ("WEAVER_STUB_RATELIMIT_ADDRESS_BURST", &self.ratelimit_address_burst),
            ("WEAVER_STUB_RATELIMIT_GLOBAL_RPS", &self.ratelimit_global_rps),
            ("WEAVER_STUB_RATELIMIT_GLOBAL_BURST", &self.ratelimit_global_burst),
            ("WEAVER_AUTH_MODE", &self.auth_mode),
            ("WEAVER_ALLOWED_API_KEYS", &self.allowed_api_keys),
            ("WEAVER_JWT_PUBLIC_KEY", &self.jwt_public_key),
            ("WEAVER_STUB_LEDGER_ENTRIES_MAX", &self.ledger_entries_max),
        ];
        let lifted = |(name, value): &(&str, &Option<String>)| match value {
            Some(value) => Some((name.to_string(), value.clone())),
            None if self.no_ratelimit && name.ends_with("_RPS") => Some((name.to_string(), "off".to_owned())),
            None => None,
        };
        flags.iter().filter_map(lifted).collect()
    }
}

/// The settings of the suite's own stub: the limits of the real compose file, and the key that scenarios send.
pub(crate) fn suite_variables(api_key: &str) -> [(String, String); 3] {
    // As a JSON list, a key may hold commas and colons are the only separators.
    let keys = serde_json::json!([api_key]).to_string();
    [
        ("WEAVER_RATELIMIT_RPS".to_owned(), "100".to_owned()),
        ("WEAVER_RATELIMIT_BURST".to_owned(), "200".to_owned()),
        ("WEAVER_ALLOWED_API_KEYS".to_owned(), keys),
    ]
}
