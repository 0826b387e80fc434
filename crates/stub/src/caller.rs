//! Who asks: the caller behind an API key or a token, and what that caller may do.
//!
//! It must not know limits, routes or answers.

use std::sync::Arc;

use http::{HeaderMap, header::AUTHORIZATION};
use wire::Clock;

use crate::jwt::Tokens;
use crate::keys::ApiKeys;
use crate::policies::Roles;
use crate::quirk::Quirk;
use crate::refusal::Refusal;
use crate::settings::{AuthMode, Settings};

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) user: Arc<str>,
    pub(crate) roles: Vec<String>,
    pub(crate) scopes: Vec<String>,
}

impl Caller {
    pub(crate) fn new(user: &str, roles: Vec<String>, scopes: Vec<String>) -> Self {
        Self { user: user.into(), roles, scopes }
    }

    /// Whether the caller has this scope, by itself or by one of its roles.
    pub(crate) fn may(&self, scope: &str, roles: &Roles) -> bool {
        self.scopes.iter().any(|own| own == scope) || self.roles.iter().any(|role| roles.bring(role, scope))
    }
}

/// The one way to prove who one is that the settings chose.
pub(crate) enum Authenticator {
    /// The keys, and whether one with bytes above 127 is merely wrong.
    ApiKeys(ApiKeys, bool),
    Tokens(Tokens),
}

impl Authenticator {
    pub(crate) fn new(settings: &Settings) -> Self {
        match settings.auth_mode {
            AuthMode::ApiKey => {
                Self::ApiKeys(settings.api_keys.clone(), settings.repairs.has(Quirk::NonAsciiKey))
            }
            AuthMode::Jwt => {
                let key = settings.jwt_key.as_ref().map(|key| key.0.as_str());
                Self::Tokens(Tokens::new(key, settings.repairs))
            }
        }
    }

    pub(crate) fn caller(&self, headers: &HeaderMap, clock: &Clock) -> Result<Arc<Caller>, Refusal> {
        match self {
            Self::ApiKeys(keys, takes_all_bytes) => by_key(keys, *takes_all_bytes, headers),
            Self::Tokens(tokens) => {
                let header = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
                tokens.caller(header.unwrap_or_default(), clock.unix_ns()).map(Arc::new)
            }
        }
    }
}

fn by_key(keys: &ApiKeys, takes_all_bytes: bool, headers: &HeaderMap) -> Result<Arc<Caller>, Refusal> {
    let first = |name| headers.get(name).map(http::HeaderValue::as_bytes).filter(|value| !value.is_empty());
    let key = first("x-api-key").filter(|key| !key.trim_ascii().is_empty()).ok_or(Refusal::ApiKeyMissing)?;
    // The real server fails in the first comparison; without keys there is none.
    if !key.is_ascii() && !takes_all_bytes && !keys.is_empty() {
        return Err(Refusal::Crash("an API key with bytes above 127"));
    }
    let caller = keys.find(key).ok_or(Refusal::ApiKeyInvalid)?;
    match first("x-user-id") {
        Some(user) if user != caller.user.as_bytes() => Err(Refusal::UserMismatch),
        _ => Ok(caller),
    }
}
