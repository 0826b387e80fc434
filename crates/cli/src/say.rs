//! What the program says. A closed pipe or terminal is no reason to end a run: what cannot be said is not said.

use std::io::Write;

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
