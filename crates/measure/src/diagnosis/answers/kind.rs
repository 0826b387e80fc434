//! What kind of failure a text tells of. It must not know counts or times.

/// What went wrong with a request, as the reader of a failures file would sort it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// No answer in time, here or behind the target.
    Timeout,
    /// The connection was reset in place of an answer.
    Reset,
    /// The answer was cut short.
    CutShort,
    /// The answer came whole and is not what it says it is.
    Garbled,
    /// Nobody took the connection.
    Unreachable,
    /// Who asks is not let in.
    Denied,
    /// A limit of the rate that the scenario does not expect.
    Limited,
    /// The target says that it failed.
    Server,
    /// Anything else.
    Other,
}

/// Beginnings of what is written where there was no answer.
const SILENCES: [(&str, Kind); 8] = [
    ("ReadTimeout(", Kind::Timeout),
    ("ConnectTimeout(", Kind::Timeout),
    ("ConnectionResetError(", Kind::Reset),
    ("RemoteDisconnected(", Kind::CutShort),
    ("RequestError(", Kind::Garbled),
    ("ConnectionRefusedError(", Kind::Unreachable),
    ("ConnectionError(", Kind::Unreachable),
    ("NameResolutionError(", Kind::Unreachable),
];

impl Kind {
    /// Of an error's text.
    pub(super) fn of(text: &str) -> Self {
        if let Some((_, kind)) = SILENCES.iter().find(|(begin, _)| text.starts_with(begin)) {
            return *kind;
        }
        if text.contains("answer is not JSON") {
            return Self::Garbled;
        }
        match status(text) {
            Some(408 | 504) => Self::Timeout,
            Some(401 | 403 | 407) => Self::Denied,
            Some(429) => Self::Limited,
            Some(500..=599) => Self::Server,
            _ => Self::Other,
        }
    }

    /// In words, for evidence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Timeout => "had no answer in time",
            Self::Reset => "were reset by the target",
            Self::CutShort => "were closed before the answer was complete",
            Self::Garbled => "were answered with something that is not what it says it is",
            _ => "failed",
        }
    }
}

/// The status in `HTTPError('503 Server Error: …')` or in `CatchResponseError('status 503 is not …')`.
pub(super) fn status(text: &str) -> Option<u16> {
    let rest =
        text.strip_prefix("HTTPError('").or_else(|| text.strip_prefix("CatchResponseError('status "))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|status| (100..1_000).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_of_their_kind() {
        for (text, kind) in [
            ("ReadTimeout('no complete answer within 20 s')", Kind::Timeout),
            ("HTTPError('504 Server Error: Gateway Timeout for url: /ask')", Kind::Timeout),
            ("ConnectionResetError(104, 'Connection reset by peer')", Kind::Reset),
            ("RemoteDisconnected('connection closed before the answer was complete')", Kind::CutShort),
            ("CatchResponseError('the answer is not JSON')", Kind::Garbled),
            ("HTTPError('401 Client Error: Unauthorized for url: /ask')", Kind::Denied),
            ("HTTPError('429 Client Error: Too Many Requests for url: /ask')", Kind::Limited),
            ("HTTPError('503 Server Error: Service Unavailable for url: /504')", Kind::Server),
            ("CatchResponseError('status 403 is not 200')", Kind::Denied),
            ("CatchResponseError('/answer is absent')", Kind::Other),
            ("HTTPError('x", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
    }
}
