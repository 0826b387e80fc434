//! The server's time: it runs like ours, or once it has begun it stands still and is set from moment to moment.
//!
//! Rate limits go by the wall clock. Where recorded pauses decide, a clock that is set makes the server decide at the
//! recorded time, however busy the machine is. It must not know what happens when.

use std::fs;
use std::path::{Path, PathBuf};

use speedate::DateTime;
use wire::Clock;

/// Where the server's time is written while it stands still.
const FILE: &str = "now";

/// How the server's time passes.
#[derive(Debug)]
pub(crate) enum Pace {
    /// Like ours.
    Running {
        /// When it began, on our clock.
        start_ns: u64,
    },
    /// Before the recorded time it runs, so that the server can begin; then it stands still until it is set.
    Set {
        /// The file that tells the server.
        file: PathBuf,
        /// The recorded beginning, in Unix seconds.
        start_unix_s: u64,
    },
}

/// Between the server's beginning and the recorded one, for [`Pace::Set`].
const AHEAD_S: i64 = 600;

impl Pace {
    /// A time that will be set from `start_unix_s` on, by a file in `folder`.
    pub(crate) fn set(folder: &Path, start_unix_s: u64) -> Self {
        let file = folder.join(FILE);
        replace(&file, &format!("@{}", moment(start_unix_s, -AHEAD_S, 0)));
        Self::Set { file, start_unix_s }
    }

    /// The variables that make `faketime` follow it from `start_unix_s` on.
    pub(crate) fn variables(&self, start_unix_s: u64) -> Vec<(&'static str, String)> {
        match self {
            Self::Running { .. } => vec![("FAKETIME", format!("@{}", moment(start_unix_s, 0, 0)))],
            Self::Set { file, .. } => vec![
                ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
                ("FAKETIME_NO_CACHE", "1".to_owned()),
            ],
        }
    }

    /// Waits until so long after the recorded beginning, or makes it so. Time does not go back.
    pub(crate) async fn until(&self, clock: Clock, after_ns: u64) {
        match self {
            Self::Running { start_ns } => clock.sleep_until(start_ns + after_ns).await,
            Self::Set { file, start_unix_s } => {
                let after_s = i64::try_from(after_ns / 1_000_000_000).expect("hours at most");
                let rest_us = u32::try_from(after_ns % 1_000_000_000 / 1_000).expect("below a million");
                replace(file, &moment(*start_unix_s, after_s, rest_us));
            }
        }
    }
}

/// So long after `start_unix_s`, as `faketime` reads it.
fn moment(start_unix_s: u64, after_s: i64, rest_us: u32) -> String {
    let unix_s = i64::try_from(start_unix_s).expect("a time") + after_s;
    let time = DateTime::from_timestamp(unix_s, rest_us).expect("a time").to_string();
    time.replace('T', " ").trim_end_matches('Z').to_owned()
}

/// Whoever reads the file finds what was there or what is there, but never half of it.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, format!("{text}\n")).expect("a file");
    fs::rename(new, file).expect("the same folder");
}

#[tokio::test]
async fn time_is_told_as_faketime_reads_it() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let pace = Pace::set(folder.path(), 1_795_426_121);
    let told = || fs::read_to_string(folder.path().join(FILE)).expect("a file");
    assert_eq!(told(), "@2026-11-23 09:18:41\n");
    for (after_ns, expected) in [
        (0, "2026-11-23 09:28:41\n"),
        (1_999, "2026-11-23 09:28:41.000001\n"),
        (61_250_000_000, "2026-11-23 09:29:42.250000\n"),
    ] {
        pace.until(Clock::system(), after_ns).await;
        assert_eq!(told(), expected);
    }
}
