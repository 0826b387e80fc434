//! Exit codes: 0 passed, 1 failed, 2 usage or file mistake, 3 unreachable or aborted, 4 invalid, 70 a bug.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::say::Stream;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    pub(crate) const PASSED: Exit = Exit(0);
    const BUG: Exit = Exit(70);

    /// Whether a run was aborted or is invalid.
    pub(crate) fn is_untrusted(self) -> bool {
        matches!(self.0, 3 | 4)
    }
}

/// Why the program ends early: the exit code and what to say.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) text: String,
}

impl Failure {
    /// A mistake in the command line or a file.
    pub(crate) fn usage(text: impl Display) -> Self {
        Self { exit: Exit(2), text: text.to_string() }
    }

    /// Something of ours went wrong.
    pub(crate) fn bug(text: impl Display) -> Self {
        Self { exit: Exit::BUG, text: text.to_string() }
    }

    /// The target cannot be reached, or the run was aborted.
    pub(crate) fn unreachable(text: impl Display) -> Self {
        Self { exit: Exit(3), text: text.to_string() }
    }
}

/// Both values, or the mistakes of both: all at once.
pub(crate) fn both<A, B>(a: Result<A, Failure>, b: Result<B, Failure>) -> Result<(A, B), Failure> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(Failure { exit: a.exit, text: format!("{}\n{}", a.text, b.text) }),
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
    }
}

impl From<wire::Mistakes> for Failure {
    fn from(mistakes: wire::Mistakes) -> Self {
        Self::usage(mistakes)
    }
}

/// Runs `work` and turns its end into an exit code; a panic is a bug.
pub(crate) fn guarded(work: impl FnOnce() -> Result<Exit, Failure>) -> ExitCode {
    let exit = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            for line in failure.text.lines() {
                Stream::Error.line(&format!("error: {line}"));
            }
            failure.exit
        }
        Err(_) => {
            Stream::Error.line("this is a bug in weaver-bench: please report it with the text above");
            Exit::BUG
        }
    };
    ExitCode::from(exit.0)
}
