//! The body of `/metrics`: the real server's JSON about its Redis pool. It must not know the pool itself.

use bytes::Bytes;
use serde::Serialize;

use crate::answer::json;
use crate::redis::Backing;
use crate::response_cache::Figures as CacheFigures;

/// The real server's pool has this many connections at most.
const CONNECTIONS_MAX: u32 = 100;

/// What is known of the pool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pool {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) db: u32,
    /// Unix time in seconds at which it was made.
    pub(crate) initialized_at_s: f64,
}

impl Pool {
    /// The pool of this Redis, made at `unix_ns`.
    pub(crate) fn new(redis: &Backing, unix_ns: u64) -> Self {
        let (host, port, db) = match redis {
            Backing::Server(server) => {
                let target = server.target();
                (target.host().to_owned(), target.port(), target.database())
            }
            Backing::Off | Backing::Embedded(_) => ("localhost".to_owned(), 6379, 0),
        };
        Self { host, port, db, initialized_at_s: unix_ns as f64 / 1e9 }
    }
}

impl Counters {
    pub(crate) fn of(redis: &Backing) -> Self {
        let server = match redis {
            Backing::Off => return Self::default(),
            Backing::Embedded(embedded) => {
                let [commands_executed, errors] = embedded.counts();
                return Self { commands_executed, errors, ..Self::default() };
            }
            Backing::Server(server) => server,
        };
        let figures = server.figures();
        Self {
            connections_created: figures.connections_created,
            commands_executed: figures.commands_executed,
            errors: figures.errors,
            in_use: figures.commands_in_hand,
        }
    }
}

/// Counters that the real server shows and never moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) connections_created: u64,
    pub(crate) commands_executed: u64,
    pub(crate) errors: u64,
    pub(crate) in_use: u64,
}

#[derive(Serialize)]
struct Metrics<'a> {
    service: &'a str,
    status: &'a str,
    redis_pool: RedisPool<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_cache: Option<CacheFigures>,
}

#[derive(Serialize)]
struct RedisPool<'a> {
    total_connections_created: u64,
    total_commands_executed: u64,
    total_errors: u64,
    pool_initialized_at: Option<f64>,
    last_health_check: Option<f64>,
    #[serde(flatten)]
    up: Option<Up<'a>>,
}

#[derive(Serialize)]
struct Up<'a> {
    config: Config<'a>,
    pool_info: PoolInfo,
    uptime_seconds: f64,
    uptime_hours: f64,
    seconds_since_last_health_check: f64,
}

#[derive(Serialize)]
struct Config<'a> {
    host: &'a str,
    port: u16,
    db: u32,
    password: Option<&'a str>,
    max_connections: u32,
    socket_timeout: f64,
    socket_connect_timeout: f64,
    socket_keepalive: bool,
    socket_keepalive_options: Option<&'a str>,
    health_check_interval: u32,
    retry_on_timeout: bool,
    decode_responses: bool,
    max_idle_time: u32,
    retry_on_error: Option<&'a str>,
}

#[derive(Serialize)]
struct PoolInfo {
    max_connections: u32,
    available_connections: u64,
    in_use_connections: u64,
}

/// The body; without a pool that of a server that started without Redis. `cache` is shown where it is given.
pub(crate) fn body(
    pool: Option<&Pool>,
    counters: Counters,
    cache: Option<CacheFigures>,
    now_s: f64,
) -> Bytes {
    json(&Metrics {
        service: "weaver-ai",
        status: "healthy",
        redis_pool: RedisPool {
            total_connections_created: counters.connections_created,
            total_commands_executed: counters.commands_executed,
            total_errors: counters.errors,
            pool_initialized_at: pool.map(|pool| pool.initialized_at_s),
            last_health_check: pool.map(|pool| pool.initialized_at_s),
            up: pool.map(|pool| up(pool, counters.in_use, now_s)),
        },
        http_cache: cache,
    })
}

fn up(pool: &Pool, in_use: u64, now_s: f64) -> Up<'_> {
    let uptime_s = (now_s - pool.initialized_at_s).max(0.0);
    let rounded = |number: f64| (number * 100.0).round_ties_even() / 100.0;
    Up {
        config: Config {
            host: &pool.host,
            port: pool.port,
            db: pool.db,
            // It may be one, but nobody is told.
            password: None,
            max_connections: CONNECTIONS_MAX,
            socket_timeout: 5.0,
            socket_connect_timeout: 5.0,
            socket_keepalive: true,
            socket_keepalive_options: None,
            health_check_interval: 30,
            retry_on_timeout: true,
            decode_responses: false,
            max_idle_time: 300,
            retry_on_error: None,
        },
        pool_info: PoolInfo {
            max_connections: CONNECTIONS_MAX,
            available_connections: 1,
            in_use_connections: in_use,
        },
        uptime_seconds: rounded(uptime_s),
        uptime_hours: rounded(uptime_s / 3_600.0),
        seconds_since_last_health_check: rounded(uptime_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bodies_are_the_recorded_ones() {
        let down = r#"{"service":"weaver-ai","status":"healthy","redis_pool":{"total_connections_created":0,"total_commands_executed":0,"total_errors":0,"pool_initialized_at":null,"last_health_check":null}}"#;
        assert_eq!(body(None, Counters::default(), None, 7.0), down);
        let pool = Pool { host: "localhost".into(), port: 6379, db: 0, initialized_at_s: 1_795_425_829.5 };
        let up = r#"{"service":"weaver-ai","status":"healthy","redis_pool":{"total_connections_created":0,"total_commands_executed":0,"total_errors":0,"pool_initialized_at":1795425829.5,"last_health_check":1795425829.5,"config":{"host":"localhost","port":6379,"db":0,"password":null,"max_connections":100,"socket_timeout":5.0,"socket_connect_timeout":5.0,"socket_keepalive":true,"socket_keepalive_options":null,"health_check_interval":30,"retry_on_timeout":true,"decode_responses":false,"max_idle_time":300,"retry_on_error":null},"pool_info":{"max_connections":100,"available_connections":1,"in_use_connections":0},"uptime_seconds":2.05,"uptime_hours":0.0,"seconds_since_last_health_check":2.05}}"#;
        assert_eq!(body(Some(&pool), Counters::default(), None, 1_795_425_831.55), up);
        let counted = Counters { connections_created: 1, commands_executed: 2, errors: 3, in_use: 0 };
        let cache = CacheFigures { hits: 4, misses: 5 };
        let text = body(None, counted, Some(cache), 7.0);
        assert!(text.ends_with(br#","http_cache":{"hits":4,"misses":5}}"#), "{text:?}");
    }
}
