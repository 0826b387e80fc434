//! The bus over Redis Streams: one connection to append over, and one for each who reads, because reading waits.
//!
//! It must not know what the entries hold. No message and no `Debug` holds the password.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisError};
use tokio::sync::Mutex;
use wire::{Clock, Mistakes};

use super::{BusError, ENTRIES_MAX, Entry, Position, READ_MAX};

/// For connecting and for an answer; the library's own limits are off where reading waits.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The field that holds an entry.
const FIELD: &str = "m";

/// Where Redis is and who we are there.
#[derive(Clone)]
pub struct BusTarget {
    client: Client,
    place: String,
}

impl BusTarget {
    /// Reads `redis://[user][:password@]host[:port][/database]`, or `rediss://…` for TLS. `authorities_pem` are trusted
    /// instead of the system's roots.
    ///
    /// # Errors
    /// When it is no such address; the address itself is not repeated, for it may hold a password.
    pub fn parse(url: &str, authorities_pem: Option<Vec<u8>>) -> Result<Self, Mistakes> {
        let wrong = |problem: String| {
            let mut mistakes = Mistakes::default();
            let remedy = "give redis://[user][:password@]host[:port][/database], or rediss://… for TLS";
            mistakes.push("--redis", problem, remedy);
            mistakes
        };
        let info = url.trim().into_connection_info();
        let info = info.map_err(|error| wrong(format!("no address of redis: {}", reason(&error))))?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
            ConnectionAddr::TcpTls { host, port, .. } => format!("{host}:{port} over TLS"),
            _ => return Err(wrong("neither redis:// nor rediss://".to_owned())),
        };
        let tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        let client = match authorities_pem.filter(|_| tls) {
            None => Client::open(info),
            Some(pem) => {
                let certificates = redis::TlsCertificates { client_tls: None, root_cert: Some(pem) };
                Client::build_with_tls(info, certificates)
            }
        };
        let client = client.map_err(|error| wrong(format!("no use of redis: {}", reason(&error))))?;
        Ok(Self { client, place })
    }

    /// `host:port`.
    pub fn shown(&self) -> &str {
        &self.place
    }

    fn away(&self, reason: impl Into<String>) -> BusError {
        BusError::Away { place: self.place.clone(), reason: reason.into() }
    }
}

impl fmt::Debug for BusTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis at {}", self.place)
    }
}

/// What an error says without what was asked for.
fn reason(error: &RedisError) -> String {
    error
        .detail()
        .map_or_else(|| error.category().to_owned(), |detail| format!("{}: {detail}", error.category()))
}

/// Streams of a Redis; clones share the connection that is appended over.
#[derive(Clone, Debug)]
pub struct RedisBus {
    line: Arc<Mutex<Line>>,
    target: BusTarget,
    clock: Clock,
}

/// A connection that is made when it is needed, and made again after it failed.
struct Line {
    connection: Option<MultiplexedConnection>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("up", &self.connection.is_some()).finish()
    }
}

impl Line {
    async fn ask<T: FromRedisValue>(
        &mut self,
        (target, clock): (&BusTarget, Clock),
        command: &redis::Cmd,
        patience: Duration,
    ) -> Result<T, BusError> {
        let answer = async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => {
                    let config =
                        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
                    target.client.get_multiplexed_async_connection_with_config(&config).await?
                }
            };
            let answer = command.query_async(&mut connection).await;
            // One that failed is given up: it may owe answers to what was asked before.
            self.connection = answer.is_ok().then_some(connection);
            answer
        };
        match clock.timeout(patience, answer).await {
            Ok(answer) => answer.map_err(|error: RedisError| target.away(reason(&error))),
            Err(_) => Err(target.away("no answer in time")),
        }
    }
}

impl RedisBus {
    /// The Redis at `target`; it is not asked before the first entry.
    pub fn new(target: BusTarget, clock: Clock) -> Self {
        Self { line: Arc::new(Mutex::new(Line { connection: None })), target, clock }
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, BusError> {
        self.line.lock().await.ask((&self.target, self.clock), command, PATIENCE).await
    }

    pub(super) async fn append(&self, stream: &str, entry: &[u8]) -> Result<(), BusError> {
        let mut command = redis::cmd("XADD");
        command.arg(stream).arg("MAXLEN").arg("~").arg(ENTRIES_MAX).arg("*").arg(FIELD).arg(entry);
        self.ask(&command).await
    }

    pub(super) async fn newest(&self, stream: &str) -> Result<Position, BusError> {
        let command = redis::cmd("XREVRANGE").arg(stream).arg("+").arg("-").arg("COUNT").arg(1).clone();
        let found: Vec<(String, HashMap<String, Vec<u8>>)> = self.ask(&command).await?;
        Ok(found.first().and_then(|(id, _)| position(id)).unwrap_or_default())
    }

    pub(super) async fn trim(&self, stream: &str, read: Position) -> Result<(), BusError> {
        let next = Position { low: read.low.saturating_add(1), ..read };
        let command = redis::cmd("XTRIM").arg(stream).arg("MINID").arg(id(next)).clone();
        self.ask(&command).await
    }

    pub(super) async fn remove(&self, stream: &str) -> Result<(), BusError> {
        self.ask(redis::cmd("DEL").arg(stream)).await
    }

    pub(super) fn reader(&self) -> Ear {
        Ear { line: Line { connection: None }, target: self.target.clone(), clock: self.clock }
    }
}

/// Reads over a connection of its own.
#[derive(Debug)]
pub(super) struct Ear {
    line: Line,
    target: BusTarget,
    clock: Clock,
}

type Streams = Option<Vec<(String, Vec<(String, HashMap<String, Vec<u8>>)>)>>;

impl Ear {
    pub(super) async fn next(
        &mut self,
        stream: &str,
        after: Position,
        patience: Duration,
    ) -> Result<Vec<Entry>, BusError> {
        let wait_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(READ_MAX).arg("BLOCK").arg(wait_ms);
        command.arg("STREAMS").arg(stream).arg(id(after));
        let found: Streams = self.line.ask((&self.target, self.clock), &command, patience + PATIENCE).await?;
        let entries = found.into_iter().flatten().flat_map(|(_, entries)| entries);
        // What is no entry of ours has no bytes, and fails whatever check its reader makes.
        let entry = |(id, mut fields): (String, HashMap<String, Vec<u8>>)| {
            Some((position(&id)?, fields.remove(FIELD).unwrap_or_default()))
        };
        Ok(entries.filter_map(entry).collect())
    }
}

fn id(position: Position) -> String {
    format!("{}-{}", position.high, position.low)
}

fn position(id: &str) -> Option<Position> {
    let (high, low) = id.split_once('-')?;
    Some(Position { high: high.parse().ok()?, low: low.parse().ok()? })
}
