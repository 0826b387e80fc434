//! What the program says. A closed pipe or terminal is no reason to end a run: what cannot be said is not said. While
//! something else has the terminal, what is said waits.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output: results.
    Out,
    /// Standard error: everything else, and the report where standard output is a document's.
    Error,
}

impl Stream {
    /// Says `text` as it stands.
    pub(crate) fn put(self, text: &str) {
        let mut held = waiting();
        if let Some(waiting) = &mut *held {
            waiting.push(self, text);
            return;
        }
        // A reader of one stream who is slow must not keep the other from being written.
        drop(held);
        self.put_now(text);
    }

    fn put_now(self, text: &str) {
        // Nobody listens any more; the files and the exit code still tell.
        let _ = match self {
            Self::Out => std::io::stdout().lock().write_all(text.as_bytes()),
            Self::Error => std::io::stderr().lock().write_all(text.as_bytes()),
        };
    }

    /// Says a line.
    pub(crate) fn line(self, text: &str) {
        self.put(&format!("{text}\n"));
    }
}

/// Standard error for those who write bytes.
#[derive(Debug)]
pub(crate) struct Errors;

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Stream::Error.put(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes that wait at most.
const WAITING_BYTES_MAX: usize = 1 << 18;

/// What waits to be said.
#[derive(Debug, Default)]
struct Waiting {
    said: Vec<(Stream, String)>,
    bytes: usize,
    dropped: u64,
}

impl Waiting {
    fn push(&mut self, stream: Stream, text: &str) {
        if self.bytes + text.len() > WAITING_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.bytes += text.len();
        self.said.push((stream, text.to_owned()));
    }
}

static WAITING: Mutex<Option<Waiting>> = Mutex::new(None);

fn waiting() -> MutexGuard<'static, Option<Waiting>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on what is said waits.
pub(crate) fn hold() {
    waiting().get_or_insert_default();
}

/// Says what has waited, and from now on all at once.
pub(crate) fn release() {
    let Some(held) = waiting().take() else { return };
    for (stream, text) in held.said {
        stream.put_now(&text);
    }
    if held.dropped > 0 {
        Stream::Error.line(&format!("{} more lines were not kept", held.dropped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_the_rest_counted() {
        let mut waiting = Waiting::default();
        for _ in 0..3 {
            waiting.push(Stream::Error, &"x".repeat(WAITING_BYTES_MAX / 2));
        }
        assert_eq!((waiting.said.len(), waiting.dropped), (2, 1));
    }
}
