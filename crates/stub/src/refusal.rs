//! Every expected "no": its status, its exact `detail`, and a reason for operators.
//!
//! It must not know how an answer is written.

use std::borrow::Cow;

use http::StatusCode;

/// Why a request is not answered as it wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ApiKeyMissing,
    ApiKeyInvalid,
    UserMismatch,
    AuthorizationMissing,
    AuthorizationMalformed,
    TokenMissing,
    TokenExpired,
    /// With what is wrong about it.
    TokenInvalid(&'static str),
    JwtKeyMissing,
    UserLimit,
    AddressLimit,
    GlobalLimit,
    JsonInvalid,
    /// The client stopped sending.
    BodyBrokenOff,
    BodyTooLarge,
    NotAnObject,
    /// With the mistakes of all fields.
    Validation(String),
    Blocked,
    ScopeMissing,
    /// An exception in the real server, with its cause.
    Crash(&'static str),
    NotFound,
    /// With the method that is allowed.
    MethodNotAllowed(&'static str),
    /// An agent's queue is full; ours, from the profile.
    QueueFull,
    /// The profile's deadline has passed; ours.
    DeadlinePassed,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::JsonInvalid | Self::BodyBrokenOff | Self::NotAnObject | Self::Blocked => {
                StatusCode::BAD_REQUEST
            }
            Self::ApiKeyMissing
            | Self::ApiKeyInvalid
            | Self::AuthorizationMissing
            | Self::AuthorizationMalformed
            | Self::TokenMissing
            | Self::TokenExpired
            | Self::TokenInvalid(_) => StatusCode::UNAUTHORIZED,
            Self::UserMismatch | Self::ScopeMissing => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UserLimit | Self::AddressLimit | Self::GlobalLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::JwtKeyMissing | Self::Crash(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::QueueFull => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlinePassed => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The text that the client is told.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::ApiKeyMissing => "Missing API key",
            Self::ApiKeyInvalid => "Invalid API key",
            Self::UserMismatch => "User ID does not match API key authorization",
            Self::AuthorizationMissing => "Missing authorization header",
            Self::AuthorizationMalformed => "Invalid authorization header format",
            Self::TokenMissing => "Missing token",
            Self::TokenExpired => "Token expired",
            Self::TokenInvalid(_) => "Invalid token",
            Self::JwtKeyMissing => "JWT key not configured",
            Self::UserLimit => "Rate limit exceeded for user",
            Self::AddressLimit => "Rate limit exceeded for IP",
            Self::GlobalLimit => "System rate limit exceeded",
            Self::JsonInvalid | Self::BodyBrokenOff => "Invalid JSON in request body",
            Self::BodyTooLarge => "Request body too large",
            Self::NotAnObject => "Invalid request data",
            Self::Validation(mistakes) => return Cow::Owned(format!("Validation error: {mistakes}")),
            Self::Blocked => "Input blocked by security policy",
            Self::ScopeMissing => "Access denied: missing required scope 'tool:python_eval'",
            Self::Crash(_) => "Internal Server Error",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed(_) => "Method Not Allowed",
            Self::QueueFull => "Agent queue full",
            Self::DeadlinePassed => "Request deadline exceeded",
        })
    }

    /// What operators are told beyond the detail.
    pub(crate) fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::TokenInvalid(why) => Cow::Owned(format!("invalid token: {why}")),
            Self::Crash(why) => Cow::Owned(format!("crash: {why}")),
            Self::BodyBrokenOff => Cow::Borrowed("the client stopped sending its body"),
            other => other.detail(),
        }
    }
}
