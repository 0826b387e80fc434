//! Who asks: the caller behind an API key or a token, and what that caller may do.
//!
//! It must not know limits, routes or answers.

use std::sync::Arc;

use http::{HeaderMap, header::AUTHORIZATION};
use wire::Clock;

use crate::jwt::Tokens;
use crate::keys::ApiKeys;
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

    /// Whether the caller may use the calculator: by its own scope, or because the role `user` brings it.
    pub(crate) fn may_calculate(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "tool:python_eval")
            || self.roles.iter().any(|role| role == "user")
    }
}

/// The one way to prove who one is that the settings chose.
pub(crate) enum Authenticator {
    ApiKeys(ApiKeys),
    Tokens(Tokens),
}

impl Authenticator {
    pub(crate) fn new(settings: &Settings) -> Self {
        match settings.auth_mode {
            AuthMode::ApiKey => Self::ApiKeys(settings.api_keys.clone()),
            AuthMode::Jwt => Self::Tokens(Tokens::new(settings.jwt_key.as_deref())),
        }
    }

    pub(crate) fn caller(&self, headers: &HeaderMap, clock: &Clock) -> Result<Arc<Caller>, Refusal> {
        match self {
            Self::ApiKeys(keys) => by_key(keys, headers),
            Self::Tokens(tokens) => {
                let header = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
                tokens.caller(header.unwrap_or_default(), clock.unix_ns()).map(Arc::new)
            }
        }
    }
}

fn by_key(keys: &ApiKeys, headers: &HeaderMap) -> Result<Arc<Caller>, Refusal> {
    let first = |name| headers.get(name).map(http::HeaderValue::as_bytes).filter(|value| !value.is_empty());
    let key = first("x-api-key").filter(|key| !key.trim_ascii().is_empty()).ok_or(Refusal::ApiKeyMissing)?;
    if !key.is_ascii() {
        return Err(Refusal::Crash("an API key with bytes above 127"));
    }
    let caller = keys.find(key).ok_or(Refusal::ApiKeyInvalid)?;
    match first("x-user-id") {
        Some(user) if user != caller.user.as_bytes() => Err(Refusal::UserMismatch),
        _ => Ok(caller),
    }
}
