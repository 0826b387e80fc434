//! One connection that hears channels of Redis, for ever: after a loss it dials again.
//!
//! A message is handed over as it is read, so nothing waits in between; whoever takes it must not block. It must
//! not know what is said.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::dial::Wire;
use super::error::RedisError;
use super::server::Server;

/// Takes channel and payload of a message.
pub(crate) type OnMessage = Arc<dyn Fn(&[u8], Vec<u8>) + Send + Sync>;

/// Longest time for connecting and subscribing, and for the answer to a sign of life.
const LIMIT: Duration = Duration::from_secs(5);
/// A connection that says nothing is asked for a sign of life this often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Waits between attempts double from the first to the last.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_LAST: Duration = Duration::from_secs(2);

/// Hears until it is dropped.
pub(crate) struct Ear {
    task: JoinHandle<()>,
    hears: watch::Receiver<bool>,
}

impl Ear {
    /// Hears as soon as it returns.
    pub(crate) async fn open(
        server: &Server,
        channels: &[String],
        on_message: OnMessage,
    ) -> Result<Self, RedisError> {
        let hearing = Hearing { server: server.clone(), channels: channels.to_vec(), on_message };
        let first = hearing.begin().await?;
        Ok(Self::spawn(hearing, Some(first)))
    }

    /// Hears as soon as Redis is there.
    pub(crate) fn open_some_time(server: &Server, channels: &[String], on_message: OnMessage) -> Self {
        Self::spawn(Hearing { server: server.clone(), channels: channels.to_vec(), on_message }, None)
    }

    fn spawn(hearing: Hearing, first: Option<Wire>) -> Self {
        let (tell, hears) = watch::channel(first.is_some());
        let task = tokio::spawn(hearing.run(first, tell));
        Self { task, hears }
    }

    /// Whether it hears now.
    pub(crate) fn hears(&self) -> bool {
        *self.hears.borrow()
    }

    /// Waits until it hears, or until it does not.
    pub(crate) async fn until(&self, hears: bool) {
        until(self.watch(), hears).await;
    }

    /// Whether it hears, for [`until`].
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.hears.clone()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until an ear hears, or until it does not.
pub(crate) async fn until(mut ear: watch::Receiver<bool>, hears: bool) {
    // It fails with the ear alone, and then there is nothing to wait for.
    let _ = ear.wait_for(|now| *now == hears).await;
}

/// How long to wait after the `failures`-th failure in a row.
fn wait(failures: u32) -> Duration {
    (WAIT_FIRST * 2u32.pow(failures.saturating_sub(1).min(10))).min(WAIT_LAST)
}

struct Hearing {
    server: Server,
    channels: Vec<String>,
    on_message: OnMessage,
}

impl Hearing {
    /// Connects and subscribes.
    async fn begin(&self) -> Result<Wire, RedisError> {
        let begun = async {
            let mut wire = self.server.dialler().dial(Some(&self.on_message)).await?;
            let subscribed = wire.connection.subscribe(&self.channels).await;
            subscribed.map_err(|error| RedisError::of(&error))?;
            Ok(wire)
        };
        self.server.clock().timeout(LIMIT, begun).await.unwrap_or(Err(RedisError::TimedOut))
    }

    async fn run(self, mut open: Option<Wire>, hears: watch::Sender<bool>) {
        let mut failures = 0;
        loop {
            match open.take() {
                Some(wire) => {
                    failures = 0;
                    hears.send_replace(true);
                    self.until_lost(wire).await;
                    hears.send_replace(false);
                    tracing::warn!(redis = ?self.server, "redis is no longer heard; dialling again");
                }
                None => {
                    failures += 1;
                    self.server.clock().sleep(wait(failures)).await;
                }
            }
            open = self.begin().await.ok();
        }
    }

    /// Keeps the connection until it breaks or shows no sign of life.
    async fn until_lost(&self, mut wire: Wire) {
        let clock = self.server.clock();
        loop {
            if clock.timeout(SIGN_OF_LIFE, &mut wire.driver).await.is_ok() {
                return;
            }
            let ping = redis::cmd("PING");
            let alive = clock.timeout(LIMIT, ping.query_async::<()>(&mut wire.connection)).await;
            if !matches!(alive, Ok(Ok(()))) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_seconds() {
        for (failures, ms) in [(1, 100), (2, 200), (5, 1_600), (6, 2_000), (7, 2_000), (u32::MAX, 2_000)] {
            assert_eq!(wait(failures), Duration::from_millis(ms), "after {failures}");
        }
    }
}
