//! Reads [`Settings`] out of variables, with every mistake reported at once.
//!
//! It must not know where the variables come from; unknown ones are ignored, as the real server does.

use std::collections::BTreeMap;

use wire::{Mistakes, OPERATOR_TOKEN_VARIABLE};

use super::{Limits, Settings};
use crate::quirk::{Quirk, Repairs};
use crate::settings::AuthMode;

mod groups;
mod value;

use value::Reader;

const PREFIX: &str = "WEAVER_";
/// Variables without the prefix that count.
const UNPREFIXED: [&str; 6] =
    ["ALLOWED_HOSTS", "CSRF_SECRET_KEY", "FORWARDED_ALLOW_IPS", "REDIS_HOST", "REDIS_PORT", "REDIS_URL"];
/// What the real server reads, checks and never uses.
const NUMBERS_WITHOUT_EFFECT: [&str; 3] =
    ["WEAVER_REQUEST_MAX_TOKENS", "WEAVER_REQUEST_MAX_TOOLS", "WEAVER_REQUEST_TIMEOUT_MS"];
const LISTS_WITHOUT_EFFECT: [&str; 2] = ["WEAVER_URL_ALLOWLIST", "WEAVER_URL_DENYLIST"];
const SWITCHES_WITHOUT_EFFECT: [&str; 2] = ["WEAVER_ENABLE_PYTHON_EVAL", "WEAVER_TELEMETRY_ENABLED"];
const PROVIDERS: [&str; 5] = ["openai", "anthropic", "vllm", "tgi", "stub"];

/// The name that a variable is known by: those with the prefix `WEAVER_` are so in any case, others as they are.
pub fn name_of_variable(name: String) -> String {
    let upper = name.to_ascii_uppercase();
    if upper.starts_with(PREFIX) { upper } else { name }
}

impl Settings {
    /// Reads the settings out of all variables of a process; of names, see [`name_of_variable`].
    ///
    /// # Errors
    /// Every variable whose value cannot be used.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        let named = variables.into_iter().map(|(name, value)| (name_of_variable(name), value));
        let counts = |name: &str| name.starts_with(PREFIX) || UNPREFIXED.contains(&name);
        let values: BTreeMap<_, _> = named.filter(|(name, _)| counts(name)).collect();
        let mut reader = Reader::new(values);
        let settings = settings(&mut reader);
        without_effect(&mut reader);
        reader.wrong.or(settings)
    }
}

fn settings(reader: &mut Reader) -> Settings {
    let default = Settings::default();
    let repairs = repairs(reader);
    reader.repairs = repairs;
    let (address, global) = ("WEAVER_STUB_RATELIMIT_ADDRESS", "WEAVER_STUB_RATELIMIT_GLOBAL");
    let user = reader.limit("WEAVER_RATELIMIT", default.limits.user);
    let redis = groups::redis(reader);
    let global_is_repaired = repairs.has(Quirk::GlobalLimit);
    let base = if global_is_repaired { Limits::of_user_repaired(user) } else { Limits::of_user(user) };
    Settings {
        repairs,
        auth_mode: reader
            .one_of("WEAVER_AUTH_MODE", &["api_key", "jwt"])
            .map_or(default.auth_mode, |at| if at == 0 { AuthMode::ApiKey } else { AuthMode::Jwt }),
        api_keys: reader.api_keys().unwrap_or_default(),
        jwt_key: reader.secret("WEAVER_JWT_PUBLIC_KEY"),
        limits: Limits {
            user,
            address: reader.limit(address, base.address),
            global: reader.limit(global, base.global),
        },
        forwarded_allow_ips: reader.raw("FORWARDED_ALLOW_IPS").map(str::to_owned),
        allowed_hosts: reader.comma_list("ALLOWED_HOSTS"),
        cors: groups::cors(reader),
        csrf: groups::csrf(reader),
        security: groups::security(reader),
        pii_redact: reader.switch("WEAVER_PII_REDACT").unwrap_or(true),
        policies: reader.text("WEAVER_STUB_POLICIES").map(Into::into),
        a2a: groups::a2a(reader),
        replica_of: groups::replica_of(reader, &redis),
        redis,
        redis_ca: reader.plain("WEAVER_STUB_REDIS_CA").map(Into::into),
        stages_on_mesh: reader.one_of("WEAVER_STUB_STAGES", &["local", "mesh"]) == Some(1),
        answer_cache_ttl: reader.duration("WEAVER_STUB_ANSWER_CACHE_TTL"),
        deadline: groups::deadline(reader),
        own_headers: reader.switch("WEAVER_STUB_HEADERS").unwrap_or(true),
        access_log: reader.switch("WEAVER_STUB_ACCESS_LOG").unwrap_or(false),
        operator_token: reader.secret(OPERATOR_TOKEN_VARIABLE),
        ledger_entries_max: reader.ledger_entries_max().unwrap_or(default.ledger_entries_max),
    }
}

/// `WEAVER_STUB_FIDELITY`, and the names in `WEAVER_STUB_REPAIR`.
fn repairs(reader: &mut Reader) -> Repairs {
    let all = reader.one_of("WEAVER_STUB_FIDELITY", &["faithful", "repaired"]) == Some(1);
    let mut repairs = if all { Repairs::ALL } else { Repairs::NONE };
    for name in reader.comma_list("WEAVER_STUB_REPAIR") {
        match Quirk::ALL.iter().find(|quirk| quirk.name() == name) {
            Some(quirk) => repairs = repairs.with(*quirk),
            None => {
                let names: Vec<_> = Repairs::ALL.names().collect();
                let remedy = format!("give some of {}", names.join(", "));
                reader.wrong.push("WEAVER_STUB_REPAIR", format!("`{name}` is no quirk"), remedy);
            }
        }
    }
    repairs
}

/// The real server refuses to start over these, so the stub does too.
fn without_effect(reader: &mut Reader) {
    reader.one_of("WEAVER_MODEL_PROVIDER", &PROVIDERS);
    for name in NUMBERS_WITHOUT_EFFECT {
        reader.number(name);
    }
    for name in LISTS_WITHOUT_EFFECT {
        reader.list(name);
    }
    for name in SWITCHES_WITHOUT_EFFECT {
        reader.switch(name);
    }
}

#[cfg(test)]
mod tests;
