//! The open entry of a request, and the receipt that travels with its answer until the last byte is handed over.
//!
//! Whichever of the two is dropped early, the entry closes as abandoned. It must not know sockets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

use super::{Ledger, Record};
use crate::limiter::Allowance;

/// The open entry of one request. Dropped without an answer, it counts as abandoned.
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    /// `Some` until closed.
    record: Option<Record>,
    /// What rate limits leave to the caller, if the answer says so.
    pub(crate) allowance: Option<Allowance>,
}

impl Entry {
    pub(super) fn new(ledger: Arc<Ledger>, record: Record) -> Self {
        Self { ledger, record: Some(record), allowance: None }
    }

    /// The answer with this status is ready and goes its way with a receipt.
    pub(crate) fn ready(mut self, status: u16) -> Receipt {
        self.status = Some(status);
        Receipt(self)
    }
}

impl std::ops::Deref for Entry {
    type Target = Record;

    fn deref(&self) -> &Record {
        self.record.as_ref().expect("an entry is closed by value")
    }
}

impl std::ops::DerefMut for Entry {
    fn deref_mut(&mut self) -> &mut Record {
        self.record.as_mut().expect("an entry is closed by value")
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.ledger.close(record);
        }
    }
}

/// Goes with an answer, and is signed when its first and its last byte are handed over. Dropped before the last, the
/// answer counts as abandoned, with the status that it would have had.
pub(crate) struct Receipt(Entry);

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipt of {:?}", self.0.request_id)
    }
}

impl Receipt {
    /// The first byte is handed over now.
    pub(crate) fn first_byte(&mut self) {
        self.0.first_byte_ns = self.0.ledger.clock.now_ns();
    }

    /// The last byte was handed over now.
    pub(crate) fn written(mut self) {
        let now_ns = self.0.ledger.clock.now_ns();
        let record = &mut *self.0;
        record.written_ns = now_ns;
        record.is_whole = true;
        if record.first_byte_ns == 0 {
            record.first_byte_ns = now_ns;
        }
    }
}

/// A whole body whose receipt is signed as it is taken. One without a byte is signed at once: nobody asks for it.
pub(crate) fn receipted(body: Bytes, receipt: Option<Receipt>) -> Body {
    match receipt {
        None => Body::from(body),
        Some(receipt) if body.is_empty() => {
            receipt.written();
            Body::empty()
        }
        Some(receipt) => Body::new(Receipted { body: Full::new(body), receipt: Some(receipt) }),
    }
}

/// A body of one frame and its receipt.
struct Receipted {
    body: Full<Bytes>,
    receipt: Option<Receipt>,
}

impl HttpBody for Receipted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Some(receipt) = self.receipt.take() {
            receipt.written();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use wire::Clock;

    use super::super::RouteName;
    use super::*;

    const ASK: RouteName = RouteName { method: "POST", pattern: "/ask" };

    /// What became of one request whose answer was treated so: status, whether it was abandoned, and the times of its
    /// first and last byte in milliseconds.
    async fn check(name: &str, treat: impl AsyncFnOnce(Receipt, Clock), expected: (bool, u64, u64)) {
        let clock = Clock::at(0);
        let ledger = Arc::new(Ledger::new(clock, 10));
        let receipt = ledger.open("one".into(), ASK).ready(200);
        assert_eq!(ledger.truth().in_flight, 1, "{name}: it is open until its last byte");
        treat(receipt, clock).await;
        let page = ledger.page(0, 10);
        let [only] = &page.entries[..] else { panic!("{name}: {page:?}") };
        let ms = |ns: u64| ns / 1_000_000;
        assert_eq!((only.abandoned, ms(only.first_byte_ns), ms(only.written_ns)), expected, "{name}");
        assert_eq!(only.status, Some(200), "{name}");
        let truth = ledger.truth();
        let counts = [truth.answered, truth.abandoned, truth.in_flight];
        assert_eq!(counts, if expected.0 { [0, 1, 0] } else { [1, 0, 0] }, "{name}");
    }

    async fn wait(clock: Clock) {
        clock.sleep(std::time::Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_closes_with_the_last_byte_and_not_before() {
        check(
            "written in two steps",
            async |mut receipt, clock| {
                wait(clock).await;
                receipt.first_byte();
                wait(clock).await;
                receipt.written();
            },
            (false, 1, 2),
        )
        .await;
        check(
            "the connection broke after the first byte",
            async |mut receipt, clock| {
                wait(clock).await;
                receipt.first_byte();
                drop(receipt);
            },
            (true, 1, 0),
        )
        .await;
        check(
            "a body that is taken",
            async |receipt, clock| {
                let body = receipted(Bytes::from_static(b"hi"), Some(receipt));
                assert_eq!((body.is_end_stream(), body.size_hint().exact()), (false, Some(2)));
                wait(clock).await;
                let taken = body.collect().await.expect("it cannot break off").to_bytes();
                assert_eq!(taken, "hi");
            },
            (false, 1, 1),
        )
        .await;
        check(
            "a body that nobody takes",
            async |receipt, _| drop(receipted(Bytes::from_static(b"hi"), Some(receipt))),
            (true, 0, 0),
        )
        .await;
        check(
            "no body at all",
            async |receipt, clock| {
                wait(clock).await;
                assert!(receipted(Bytes::new(), Some(receipt)).is_end_stream());
            },
            (false, 1, 1),
        )
        .await;
    }
}
