//! Makes one connection to Redis: TCP, TLS if asked for, the greeting, and the task that drives it.
//!
//! It must not know limits of time or when to dial again; that is for those who hold a connection.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::ear::OnMessage;
use super::error::RedisError;
use super::target::Target;
use super::tls;

/// Commands that wait to be written; more wait in their own tasks.
const WRITES_WAITING_MAX: usize = 1_024;

/// A place and what is needed to reach it, made once.
pub(super) struct Dialler {
    target: Target,
    connector: Option<Result<TlsConnector, RedisError>>,
}

/// One open connection. Dropped, it is closed.
pub(super) struct Wire {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Dialler {
    pub(super) fn new(target: Target) -> Self {
        let address = target.address();
        let connector = target.tls().map(super::tls::Tls::connector);
        let connector = connector.map(|made| made.map_err(|error| RedisError::refused(&address, &error)));
        Self { target, connector }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// A connection; with `on_message` one that can be subscribed.
    pub(super) async fn dial(&self, on_message: Option<&OnMessage>) -> Result<Wire, RedisError> {
        let refused = |error| RedisError::refused(&self.target.address(), &error);
        let place = (self.target.host(), self.target.port());
        let stream = TcpStream::connect(place).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        match &self.connector {
            None => self.greet(stream, on_message).await,
            Some(connector) => {
                let connector = connector.as_ref().map_err(RedisError::clone)?;
                let stream = tls::wrap(connector, self.target.host(), stream).await.map_err(refused)?;
                self.greet(stream, on_message).await
            }
        }
    }

    async fn greet<S>(&self, stream: S, on_message: Option<&OnMessage>) -> Result<Wire, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The library's own limits are off: ours are the clock's.
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WRITES_WAITING_MAX);
        let mut greeting = self.target.greeting();
        if let Some(on_message) = on_message.cloned() {
            greeting = greeting.set_protocol(ProtocolVersion::RESP3);
            config = config.set_push_sender(move |push| hand_over(push, &on_message));
        }
        let made = MultiplexedConnection::new_with_config(&greeting, stream, config).await;
        let (connection, driver) = made.map_err(|error| match RedisError::of(&error) {
            // It does not let us in: there is no connection.
            RedisError::Answer(text) => {
                RedisError::Refused { text: format!("Error connecting to {}. {text}", self.target.address()) }
            }
            other => other,
        })?;
        Ok(Wire { connection, driver: tokio::spawn(driver) })
    }
}

/// What Redis said of its own accord: channel and payload of a message, nothing else is wanted.
fn hand_over(push: PushInfo, on_message: &OnMessage) -> Result<(), ()> {
    if push.kind == PushKind::Message
        && let Ok([Value::BulkString(channel), Value::BulkString(payload)]) =
            <[Value; 2]>::try_from(push.data)
    {
        on_message(&channel, payload);
    }
    Ok(())
}
