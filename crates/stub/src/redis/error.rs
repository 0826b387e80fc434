//! How Redis fails, as its callers tell it apart.
//!
//! It must not know what a caller makes of it. No text holds a password: the server never repeats one, and
//! neither do we.

use std::fmt;
use std::io;

use redis::ErrorKind;

/// Why Redis gave no value. The texts are those of the real server's client, because one of them reaches the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisError {
    /// No connection could be made: the text says to where and why.
    Refused {
        /// Such as `Error 111 connecting to localhost:6379. Connection refused.`
        text: String,
    },
    /// Nothing came within the limit. The command may have been carried out.
    TimedOut,
    /// The connection broke before the answer. The command may have been carried out.
    Lost,
    /// Redis failed within the last second; nothing was sent.
    Resting,
    /// As many commands are in hand as may be; nothing was sent.
    Busy,
    /// Redis answered with an error, or with something that was not asked for.
    Answer(String),
}

impl RedisError {
    /// Whether Redis was out of reach, as opposed to having answered no.
    pub fn is_outage(&self) -> bool {
        !matches!(self, Self::Answer(_) | Self::Busy)
    }

    /// What an operation of the client library came to.
    pub(super) fn of(error: &redis::RedisError) -> Self {
        match error.kind() {
            // After an answer that cannot be read, the next one cannot be found either.
            ErrorKind::Io | ErrorKind::Parse => Self::Lost,
            _ => Self::Answer(error.to_string()),
        }
    }

    /// No connection to `address`, in the words of the real server's client.
    pub(super) fn refused(address: &str, error: &io::Error) -> Self {
        let reason = reason(error);
        let text = match number(error, &reason) {
            Some(number) => format!("Error {number} connecting to {address}. {reason}."),
            None => format!("Error connecting to {address}. {reason}."),
        };
        Self::Refused { text }
    }
}

/// The system's words, without what the standard library adds to them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    text.split(" (os error").next().unwrap_or(text).to_owned()
}

/// The system's number of the error; failures of name resolution have numbers of their own.
fn number(error: &io::Error, reason: &str) -> Option<i32> {
    error.raw_os_error().or(match reason {
        "Name or service not known" => Some(-2),
        "Temporary failure in name resolution" => Some(-3),
        "No address associated with hostname" => Some(-5),
        _ => None,
    })
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused { text } | Self::Answer(text) => text,
            Self::TimedOut => "Timeout reading from socket",
            Self::Lost => "Connection closed by server.",
            Self::Resting => "redis failed within the last second and is not asked yet",
            Self::Busy => "too many commands wait for redis already",
        })
    }
}

impl std::error::Error for RedisError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_as_the_real_servers_do() {
        let other = |text: &str| io::Error::other(text.to_owned());
        for (error, text) in [
            (
                io::Error::from_raw_os_error(111),
                "Error 111 connecting to localhost:6379. Connection refused.",
            ),
            (io::Error::from_raw_os_error(113), "Error 113 connecting to localhost:6379. No route to host."),
            (
                other("failed to lookup address information: Name or service not known"),
                "Error -2 connecting to localhost:6379. Name or service not known.",
            ),
            (other("bad certificate"), "Error connecting to localhost:6379. bad certificate."),
        ] {
            assert_eq!(RedisError::refused("localhost:6379", &error).to_string(), text);
        }
    }
}
