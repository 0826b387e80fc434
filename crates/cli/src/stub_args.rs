//! Flags of the stub, for `serve` and for the stub inside `run --simulate` and `baseline`.
//!
//! Each flag stands for one of the stub's variables, so that there is one reader and one list of mistakes.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use stub::{ApiKeys, Profile, Settings};
use wire::Mistakes;

use crate::exit::Failure;
use crate::files::read_text;

/// Names the profile where the flag does not; `serve` alone sees the environment.
const PROFILE_VARIABLE: &str = "WEAVER_STUB_PROFILE";

#[derive(Debug, Args)]
#[command(next_help_heading = "Stub")]
pub(crate) struct StubArgs {
    /// Profile of workflows, agents and delays; by default the one in the binary (load_tests/stub/default.toml).
    /// `serve` also reads the variable WEAVER_STUB_PROFILE.
    #[arg(long, value_name = "FILE")]
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
        let variables: Vec<_> = variables.into_iter().chain(self.variables()).collect();
        let named =
            variables.iter().rfind(|(name, _)| name == PROFILE_VARIABLE).map(|(_, path)| path.as_str());
        let mut mistakes = Mistakes::default();
        let profile = self.profile(named).map_err(|found| mistakes.append(found)).ok();
        let settings = Settings::from_variables(variables).map_err(|found| mistakes.append(found)).ok();
        match (settings, profile) {
            (Some(settings), Some(profile)) => Ok((settings, profile)),
            _ => Err(mistakes.into()),
        }
    }

    /// The suite's own stub: the limits of the real compose file, and the key that scenarios send; the
    /// environment has no say, so that the flags tell all.
    pub(crate) fn build_for_suite(&self, api_key: &str) -> Result<(Settings, Profile), Failure> {
        let limits = [("WEAVER_RATELIMIT_RPS", "100"), ("WEAVER_RATELIMIT_BURST", "200")];
        let limits = limits.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (mut settings, profile) = self.build(limits)?;
        if self.allowed_api_keys.is_none() {
            settings.api_keys = ApiKeys::single(api_key)
                .map_err(|error| Failure::usage(format!("--api-key: {}; {}", error.problem, error.remedy)))?;
        }
        Ok((settings, profile))
    }

    /// For the record: what the suite's own stub was told.
    pub(crate) fn describe(&self) -> serde_json::Value {
        let shown = |(name, _): &(String, String)| {
            !["WEAVER_ALLOWED_API_KEYS", "WEAVER_JWT_PUBLIC_KEY"].contains(&name.as_str())
        };
        let variables: BTreeMap<_, _> = self.variables().into_iter().filter(shown).collect();
        let file = self
            .profile
            .as_deref()
            .and_then(|path| Path::new(path).file_name())
            .map(|name| name.to_string_lossy());
        serde_json::json!({"profile": file.unwrap_or("default".into()), "variables": variables})
    }

    fn profile(&self, variable: Option<&str>) -> Result<Profile, Mistakes> {
        // Compose files pass an empty variable on.
        let Some(path) = self.profile.as_deref().or(variable).filter(|path| !path.is_empty()) else {
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
