//! The bodies that are read, each no longer than its route allows, and all in hand together within a bound.
//!
//! It must not know what a body holds.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;

/// All bodies in hand together.
const BYTES_MAX: usize = 1 << 30;

/// Room for bodies.
pub(super) struct Bodies(Arc<Semaphore>);

/// A whole body; its room is free again once it is dropped.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _room: Vec<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BYTES_MAX)))
    }

    /// Reads a body of at most `bytes_max`.
    pub(super) async fn read(&self, mut body: Body, bytes_max: usize) -> Result<Whole, Refusal> {
        let (mut whole, mut room) = (BytesMut::new(), vec![]);
        let mut first = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::BodyBrokenOff)?.into_data() else { continue };
            if whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > bytes_max {
                return Err(Refusal::BodyTooLarge);
            }
            let bytes = u32::try_from(data.len()).map_err(|_| Refusal::BodyTooLarge)?;
            let permit = Arc::clone(&self.0).try_acquire_many_owned(bytes);
            room.push(permit.map_err(|_| Refusal::BodyTooLarge)?);
            // Most bodies come in one piece, which needs no copy.
            match first.take() {
                None if whole.is_empty() => first = Some(data),
                None => whole.extend_from_slice(&data),
                Some(piece) => {
                    whole.extend_from_slice(&piece);
                    whole.extend_from_slice(&data);
                }
            }
        }
        Ok(Whole { bytes: first.unwrap_or_else(|| whole.freeze()), _room: room })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn pieces_are_joined_and_limits_hold() {
        let bodies = Bodies::new();
        for (pieces, bytes_max, expected) in [
            (&[][..], 0, Some("")),
            (&["ab"], 2, Some("ab")),
            (&["ab"], 1, None),
            (&["ab", "", "c"], 3, Some("abc")),
            (&["ab", "c"], 2, None),
        ] {
            let frames =
                pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
            let read = bodies.read(Body::from_stream(stream::iter(frames)), bytes_max).await;
            assert_eq!(
                read.ok().as_ref().map(|whole| &whole.bytes[..]),
                expected.map(str::as_bytes),
                "{pieces:?}"
            );
        }
        assert_eq!(bodies.0.available_permits(), BYTES_MAX, "all room is free again");
        let held = bodies.read(Body::from(vec![0; 1_000]), 1_000).await.ok();
        assert_eq!(bodies.0.available_permits(), BYTES_MAX - 1_000);
        drop(held);
    }
}
