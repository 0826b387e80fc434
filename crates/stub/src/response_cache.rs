//! The cache of whole answers in front of everything else, as the real server keeps it in Redis.
//!
//! What it leaves out is what the real server leaves out: the API key is no part of an entry's key, and one client's
//! cookie goes to all, unless those quirks are repaired. It must not know endpoints.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::quirk::{Quirk, Repairs};
use crate::store::{Store, Unavailable};

/// How long answers under a path's beginning are kept.
const LIFETIMES: [(&str, Duration); 3] = [
    ("/health", Duration::from_secs(60)),
    ("/whoami", Duration::from_secs(30)),
    ("/metrics", Duration::from_secs(10)),
];

/// An entry as it is stored: everything but `date` and `server`.
#[derive(Serialize, Deserialize)]
struct Stored {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// What became of those who asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

/// Whole answers to GET and HEAD.
pub(crate) struct ResponseCache {
    store: Store,
    repairs: Repairs,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Where an answer is kept, and for how long.
pub(crate) struct Slot {
    key: Vec<u8>,
    lifetime: Duration,
}

impl ResponseCache {
    pub(crate) fn new(store: Store, repairs: Repairs) -> Self {
        Self { store, repairs, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Where the answer to this request would be; `None` if such answers are not kept.
    pub(crate) fn slot(&self, head: &Parts, path: &str) -> Option<Slot> {
        if head.method != Method::GET && head.method != Method::HEAD {
            return None;
        }
        let (_, lifetime) = LIFETIMES.into_iter().find(|(prefix, _)| path.starts_with(prefix))?;
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut add = |part: &[u8]| {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(path.as_bytes());
        add(head.uri.query().unwrap_or_default().as_bytes());
        let header = |name: HeaderName| head.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        add(header(AUTHORIZATION));
        if self.repairs.has(Quirk::CacheIdentity) {
            add(header(HeaderName::from_static("x-api-key")));
            add(header(HeaderName::from_static("x-user-id")));
        }
        Some(Slot { key: hash.finish().as_ref().to_vec(), lifetime })
    }

    /// The answer that is kept there. A store that cannot be asked has none.
    pub(crate) async fn get(&self, slot: &Slot) -> Option<Answer> {
        let found = self.store.get(&slot.key).await.ok().flatten().and_then(|bytes| restored(&bytes));
        if found.is_some() { &self.hits } else { &self.misses }.fetch_add(1, Relaxed);
        found
    }

    /// Keeps a successful answer.
    pub(crate) async fn put(&self, slot: &Slot, answer: &Answer) {
        if !answer.status.is_success() {
            return;
        }
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let keeps = |name: &HeaderName| !self.repairs.has(Quirk::CacheHeaders) || !is_one_clients(name);
        let headers = answer.headers.iter().filter(|(name, _)| keeps(name));
        let stored = Stored {
            status: answer.status.as_u16(),
            headers: headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        };
        let bytes = serde_json::to_vec(&stored).expect("an answer is JSON");
        // Whether it is kept changes nothing for this client.
        let _ = self.store.put(&slot.key, bytes.into(), slot.lifetime).await;
    }

    pub(crate) async fn flush(&self) -> Result<(), Unavailable> {
        self.store.flush().await
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures { hits: self.hits.load(Relaxed), misses: self.misses.load(Relaxed) }
    }
}

fn restored(bytes: &[u8]) -> Option<Answer> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    let header = |(name, value): (String, String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    Some(Answer {
        status: StatusCode::from_u16(stored.status).ok()?,
        headers: stored.headers.into_iter().map(header).collect::<Option<_>>()?,
        body: Bytes::from(stored.body),
        is_bare: false,
        is_cached: true,
        policy: None,
        receipt: None,
        fault: None,
    })
}

/// Headers that the layers make for one client.
fn is_one_clients(name: &HeaderName) -> bool {
    *name == SET_COOKIE
        || name == "x-csrf-token"
        || name == "vary"
        || name.as_str().starts_with("access-control-")
}
