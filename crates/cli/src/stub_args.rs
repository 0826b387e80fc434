//! Flags of the stub, for `serve` and for the stub inside `run --simulate` and `baseline`.
//!
//! Each flag stands for one of the stub's variables, so that there is one reader and one list of mistakes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use stub::{ApiKeys, Profile, Quirk, RedisSettings, Settings};
use wire::Mistakes;

use crate::exit::Failure;
use crate::files::read_text;

/// Names the profile where the flag does not; `serve` alone sees the environment.
const PROFILE_VARIABLE: &str = "WEAVER_STUB_PROFILE";
const REDIS_VARIABLE: &str = "WEAVER_STUB_REDIS";
/// What the record of a run does not repeat.
const SECRET_VARIABLES: [&str; 2] = ["WEAVER_ALLOWED_API_KEYS", "WEAVER_JWT_PUBLIC_KEY"];

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
    /// How true to the real server: faithful, with all its quirks, or repaired, with none
    /// (WEAVER_STUB_FIDELITY).
    #[arg(long, value_name = "MODE")]
    fidelity: Option<String>,
    #[arg(long, value_name = "NAME,…", help = REPAIR_HELP, long_help = repair_help())]
    repair: Option<String>,
    /// Redis: a URL such as redis://:password@host:6379/0 or rediss://…, memory for one inside this process, or off
    /// (WEAVER_STUB_REDIS). A password is better kept in the variable: other users of a machine see flags.
    #[arg(long, value_name = "URL|memory|off")]
    redis: Option<String>,
    /// File with the root certificates of a rediss:// URL, PEM (WEAVER_STUB_REDIS_CA).
    #[arg(long, value_name = "FILE")]
    redis_ca: Option<String>,
    /// The stub is one of several behind one address, which go by this name: over Redis they share truth, ledger and
    /// what an operator changes (WEAVER_STUB_REPLICA_OF). Wants --redis URL.
    #[arg(long, value_name = "NAME")]
    replica_of: Option<String>,
    /// How a workflow's stages travel: local in this process, or mesh over the event mesh (WEAVER_STUB_STAGES).
    #[arg(long, value_name = "local|mesh")]
    stages: Option<String>,
    /// Answers are kept and given again for so long, such as 5m (WEAVER_STUB_ANSWER_CACHE_TTL).
    #[arg(long, value_name = "DURATION")]
    answer_cache_ttl: Option<String>,
    /// Answers without X-Request-Id and Server-Timing, which the real server does not send
    /// (WEAVER_STUB_HEADERS=false).
    #[arg(long)]
    no_own_headers: bool,
    /// Logs a line an answer, target `access` (WEAVER_STUB_ACCESS_LOG=true).
    #[arg(long)]
    access_log: bool,
}

const REPAIR_HELP: &str =
    "Quirks of the real server that are repaired, by name (WEAVER_STUB_REPAIR); --help lists them";

/// All quirks, a line each: what the real server does, and after the arrow what it does repaired.
fn repair_help() -> String {
    let line = |quirk: &Quirk| format!("\n  {}: {}", quirk.name(), quirk.about());
    let lines: String = Quirk::ALL.iter().map(line).collect();
    format!(
        "Quirks of the real server that are repaired, by name, with commas between (WEAVER_STUB_REPAIR):{lines}"
    )
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
        if let Some(path) = settings.as_ref().and_then(|settings| settings.redis_ca.as_deref()) {
            read_text(path).map_err(|found| mistakes.append(found)).ok();
        }
        match (settings, profile) {
            (Some(settings), Some(profile)) => Ok((mistakes.or(settings)?, profile)),
            _ => Err(mistakes.into()),
        }
    }

    /// The suite's own stub: the limits of the real compose file, and the key that scenarios send; the
    /// environment has no say, so that the flags tell all. Nothing outside the process takes part in virtual time.
    pub(crate) fn build_for_suite(
        &self,
        api_key: &str,
        is_virtual: bool,
    ) -> Result<(Settings, Profile), Failure> {
        let limits = [("WEAVER_RATELIMIT_RPS", "100"), ("WEAVER_RATELIMIT_BURST", "200")];
        let limits = limits.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (mut settings, profile) = self.build(limits)?;
        if self.allowed_api_keys.is_none() {
            settings.api_keys = ApiKeys::single(api_key)
                .map_err(|error| Failure::usage(format!("--api-key: {}; {}", error.problem, error.remedy)))?;
        }
        if is_virtual && let RedisSettings::At { .. } | RedisSettings::Url(_) = settings.redis {
            return Err(Failure::usage(
                "--redis: a Redis outside this process cannot take part in virtual time; give --redis memory, or leave \
                 --simulate out",
            ));
        }
        Ok((settings, profile))
    }

    /// Redis and its root certificates, which a fleet is led over too.
    pub(crate) fn redis(&self) -> (Option<String>, Option<PathBuf>) {
        #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
        let variable = || std::env::var("WEAVER_FLEET_REDIS").ok();
        (self.redis.clone().or_else(variable), self.redis_ca.as_ref().map(PathBuf::from))
    }

    /// For the record: what the suite's own stub was told.
    pub(crate) fn describe(&self) -> serde_json::Value {
        let told = |(name, value): (String, String)| match name.as_str() {
            name if SECRET_VARIABLES.contains(&name) => None,
            REDIS_VARIABLE => Some((name, shown_redis(&value))),
            _ => Some((name, value)),
        };
        let variables: BTreeMap<_, _> = self.variables().into_iter().filter_map(told).collect();
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
        let own_headers = self.no_own_headers.then(|| "false".to_owned());
        let access_log = self.access_log.then(|| "true".to_owned());
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
            ("WEAVER_STUB_FIDELITY", &self.fidelity),
            ("WEAVER_STUB_REPAIR", &self.repair),
            (REDIS_VARIABLE, &self.redis),
            ("WEAVER_STUB_REDIS_CA", &self.redis_ca),
            ("WEAVER_STUB_REPLICA_OF", &self.replica_of),
            ("WEAVER_STUB_STAGES", &self.stages),
            ("WEAVER_STUB_ANSWER_CACHE_TTL", &self.answer_cache_ttl),
            ("WEAVER_STUB_HEADERS", &own_headers),
            ("WEAVER_STUB_ACCESS_LOG", &access_log),
        ];
        let lifted = |(name, value): &(&str, &Option<String>)| match value {
            Some(value) => Some((name.to_string(), value.clone())),
            None if self.no_ratelimit && name.ends_with("_RPS") => Some((name.to_string(), "off".to_owned())),
            None => None,
        };
        flags.iter().filter_map(lifted).collect()
    }
}

/// Where Redis is, for the record: host, port and database, but no user, password or parameter.
fn shown_redis(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return if ["memory", "memory-down", "off"].contains(&value) { value } else { "***" }.to_owned();
    };
    let (user, place) = rest.split_once('@').map_or(("", rest), |(_, place)| ("***@", place));
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]/".contains(c);
    let scheme = if scheme.chars().all(plain) { scheme } else { "***" };
    // What is left of a password with an @ or a ? in it would stand here.
    if place.chars().all(plain) { format!("{scheme}://{user}{place}") } else { format!("{scheme}://***") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_record_tells_a_password() {
        for (value, shown) in [
            ("memory", "memory"),
            ("off", "off"),
            ("redis://localhost", "redis://localhost"),
            ("redis://cache.example:6380/2", "redis://cache.example:6380/2"),
            ("redis://:s3cret@host/0", "redis://***@host/0"),
            ("rediss://user:s3cret@[::1]:6380", "rediss://***@[::1]:6380"),
            ("redis://:s3@cret@host/0", "redis://***"),
            ("redis://:s3?cret@host", "redis://***@host"),
            ("redis://host/0?password=s3cret", "redis://***"),
            ("redis+unix:///run/redis.sock?pass=s3cret", "***://***"),
            ("s3cret@host:6379", "***"),
        ] {
            assert_eq!(shown_redis(value), shown, "{value}");
        }
    }

    #[test]
    fn the_long_help_names_every_quirk() {
        let help = repair_help();
        for quirk in Quirk::ALL {
            assert!(help.contains(&format!("\n  {}: {}", quirk.name(), quirk.about())), "{quirk:?}");
        }
    }
}
