//! The stream of views: the newest one a second to everybody who reads, and what a slow reader misses is counted.
//! It must not know what a view holds.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Readers at most.
pub(super) const READERS_MAX: usize = 64;

/// A view that was made, and the newest announcement.
#[derive(Clone, Debug, Default)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) view: Arc<str>,
    pub(super) note: (u64, Arc<str>),
}

/// Where views go out.
#[derive(Debug)]
pub(super) struct Events {
    issues: watch::Sender<Issue>,
    room: Arc<Semaphore>,
    dropped: Arc<AtomicU64>,
}

struct Reader {
    issues: watch::Receiver<Issue>,
    number: u64,
    note: u64,
    dropped: Arc<AtomicU64>,
    _permit: OwnedSemaphorePermit,
}

impl Events {
    pub(super) fn new() -> Self {
        let room = Arc::new(Semaphore::new(READERS_MAX));
        Self { issues: watch::channel(Issue::default()).0, room, dropped: Arc::default() }
    }

    /// Whether anybody reads.
    pub(super) fn has_readers(&self) -> bool {
        self.issues.receiver_count() > 0
    }

    /// Views that slow readers did not get.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Sends a view to everybody.
    pub(super) fn issue(&self, view: String) {
        self.issues.send_modify(|issue| {
            issue.number += 1;
            issue.view = view.into();
        });
    }

    /// Sends an announcement to everybody.
    pub(super) fn note(&self, text: &str) {
        let text = serde_json::json!({"text": text}).to_string();
        self.issues.send_modify(|issue| issue.note = (issue.note.0 + 1, text.into()));
    }

    /// A stream for one more reader, or a refusal when there are as many as there may be.
    pub(super) fn stream(&self) -> Response {
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            let text = format!("{READERS_MAX} readers have all places; close one and try again");
            return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "5")], text).into_response();
        };
        let mut issues = self.issues.subscribe();
        issues.mark_changed();
        let (number, note) = {
            let newest = issues.borrow();
            (newest.number.saturating_sub(1), newest.note.0)
        };
        let reader = Reader { issues, number, note, dropped: self.dropped.clone(), _permit: permit };
        Sse::new(unfold(reader, next)).into_response()
    }
}

async fn next(mut reader: Reader) -> Option<(Result<Event, Infallible>, Reader)> {
    loop {
        reader.issues.changed().await.ok()?;
        let issue = reader.issues.borrow_and_update().clone();
        if issue.note.0 > reader.note {
            reader.note = issue.note.0;
            // The view that may have come with it is looked at next.
            reader.issues.mark_changed();
            return Some((Ok(Event::default().event("note").data(&*issue.note.1)), reader));
        }
        if issue.number <= reader.number {
            continue;
        }
        let missed = issue.number - reader.number - 1;
        reader.dropped.fetch_add(missed, Ordering::Relaxed);
        reader.number = issue.number;
        let event = Event::default().event("view").id(issue.number.to_string()).data(&*issue.view);
        return Some((Ok(event), reader));
    }
}
