//! The access log: a line an answer, for whoever asked for it.
//!
//! It must not tell what a request carried: no header, no query, no body.

use std::borrow::Cow;

use http::request::Parts;

use crate::address::peer;
use crate::ledger::Entry;

/// Longest path that is written down.
const PATH_BYTES_MAX: usize = 256;

/// Logs one answer, at the level `info` and for the target `access`.
pub(crate) fn log(head: &Parts, entry: &Entry, status: u16) {
    tracing::info!(
        target: "access",
        method = %head.method,
        path = &*shown(head.uri.path()),
        status,
        duration_ms = (entry.fired_ns - entry.arrived_ns) as f64 / 1e6,
        id = &*entry.request_id,
        peer = %peer(&head.extensions),
    );
}

/// The path with its end cut off if it is long. A URI holds no control characters, so that a line stays a line.
fn shown(path: &str) -> Cow<'_, str> {
    if path.len() <= PATH_BYTES_MAX {
        return Cow::Borrowed(path);
    }
    let end = path.floor_char_boundary(PATH_BYTES_MAX);
    Cow::Owned(format!("{}…", &path[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_cut() {
        let long = "/ä".repeat(200);
        assert_eq!(shown("/ask"), "/ask");
        assert_eq!(shown(&long), format!("{}/…", "/ä".repeat(85)));
    }
}
