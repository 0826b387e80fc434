//! Every expected "no": its status, its exact `detail`, and a reason for operators.
//!
//! It must not know how an answer is written.

use std::borrow::Cow;

use http::StatusCode;

use crate::limiter::Allowance;

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
    /// With what the limits leave, if the answer is to say so; so the next two.
    UserLimit(Option<Allowance>),
    AddressLimit(Option<Allowance>),
    GlobalLimit(Option<Allowance>),
    JsonInvalid,
    /// The client stopped sending.
    BodyBrokenOff,
    BodyTooLarge,
    NotAnObject,
    /// With the mistakes of all fields.
    Validation(String),
    Blocked,
    ScopeMissing,
    /// A body that is no JSON for another reason than its syntax.
    BodyUnparsable,
    /// With the ready JSON list of what is wrong with a message between agents.
    MessageInvalid(String),
    TimestampOutside,
    /// With the sender's id.
    SenderUnknown(String),
    /// With what is wrong with it.
    SignatureInvalid(&'static str),
    /// With what the client is told.
    RoutingFailed(String),
    /// An exception that the real server's endpoint for messages catches, with its cause.
    Internal(&'static str),
    /// An exception in the real server, with its cause.
    Crash(&'static str),
    /// Ours, where the real server crashes.
    CsrfInvalid,
    NotFound,
    /// With the method that is allowed.
    MethodNotAllowed(&'static str),
    /// An agent's queue is full; ours, from the profile.
    QueueFull,
    /// The profile's deadline has passed; ours.
    DeadlinePassed,
    /// A fault of the profile's, with its status; ours.
    Fault(StatusCode),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::JsonInvalid
            | Self::BodyBrokenOff
            | Self::NotAnObject
            | Self::Blocked
            | Self::BodyUnparsable
            | Self::TimestampOutside => StatusCode::BAD_REQUEST,
            Self::ApiKeyMissing
            | Self::ApiKeyInvalid
            | Self::AuthorizationMissing
            | Self::AuthorizationMalformed
            | Self::TokenMissing
            | Self::TokenExpired
            | Self::TokenInvalid(_)
            | Self::SenderUnknown(_)
            | Self::SignatureInvalid(_) => StatusCode::UNAUTHORIZED,
            Self::UserMismatch | Self::ScopeMissing | Self::CsrfInvalid => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Validation(_) | Self::MessageInvalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UserLimit(_) | Self::AddressLimit(_) | Self::GlobalLimit(_) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::JwtKeyMissing | Self::RoutingFailed(_) | Self::Internal(_) | Self::Crash(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::QueueFull => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlinePassed => StatusCode::GATEWAY_TIMEOUT,
            Self::Fault(status) => *status,
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
            Self::UserLimit(_) => "Rate limit exceeded for user",
            Self::AddressLimit(_) => "Rate limit exceeded for IP",
            Self::GlobalLimit(_) => "System rate limit exceeded",
            Self::JsonInvalid | Self::BodyBrokenOff => "Invalid JSON in request body",
            Self::BodyTooLarge => "Request body too large",
            Self::NotAnObject => "Invalid request data",
            Self::Validation(mistakes) => return Cow::Owned(format!("Validation error: {mistakes}")),
            Self::BodyUnparsable => "There was an error parsing the body",
            // The ready list takes the text's place: see `detail_json`.
            Self::MessageInvalid(_) => "Validation error",
            Self::TimestampOutside => "Message timestamp outside acceptable window",
            Self::SenderUnknown(id) => return Cow::Owned(format!("Unknown sender: {id}")),
            Self::SignatureInvalid(_) => "Invalid message signature",
            Self::RoutingFailed(why) => return Cow::Owned(format!("Routing failed: {why}")),
            Self::Internal(_) => "Internal server error",
            Self::Blocked => "Input blocked by security policy",
            Self::ScopeMissing => "Access denied: missing required scope 'tool:python_eval'",
            Self::Crash(_) => "Internal Server Error",
            Self::CsrfInvalid => "CSRF token missing or invalid",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed(_) => "Method Not Allowed",
            Self::QueueFull => "Agent queue full",
            Self::DeadlinePassed => "Request deadline exceeded",
            // What the real server's framework says by itself.
            Self::Fault(status) => status.canonical_reason().unwrap_or("Error"),
        })
    }

    /// What rate limits leave, if one of them refused and says so.
    pub(crate) fn allowance(&self) -> Option<Allowance> {
        match self {
            Self::UserLimit(allowance) | Self::AddressLimit(allowance) | Self::GlobalLimit(allowance) => {
                *allowance
            }
            _ => None,
        }
    }

    /// The JSON that stands for the detail in an answer, where it is no text.
    pub(crate) fn detail_json(&self) -> Option<&str> {
        match self {
            Self::MessageInvalid(list) => Some(list),
            _ => None,
        }
    }

    /// What operators are told beyond the detail.
    pub(crate) fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::TokenInvalid(why) => Cow::Owned(format!("invalid token: {why}")),
            Self::SignatureInvalid(why) => Cow::Owned(format!("invalid signature: {why}")),
            Self::Internal(why) => Cow::Owned(format!("internal error: {why}")),
            Self::Crash(why) => Cow::Owned(format!("crash: {why}")),
            Self::BodyBrokenOff => Cow::Borrowed("the client stopped sending its body"),
            other => other.detail(),
        }
    }
}
