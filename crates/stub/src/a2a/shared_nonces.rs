//! Nonces in Redis, where all replicas see them; while it is out of reach, in this process.
//!
//! It must not know who sends them.

use aws_lc_rs::digest::{SHA256, digest};
use redis::Cmd;

use super::nonces::MemoryNonces;
use crate::redis::Server;

/// Where the real server keeps a nonce, and for how long.
const KEY_PREFIX: &[u8] = b"a2a:nonce:";
const KEPT_S: u64 = 300;
/// Longest nonce that stands in a key; of a longer one its hash does.
const NONCE_BYTES_MAX: usize = 1_024;

/// Nonces that all replicas remember.
pub(crate) struct SharedNonces {
    server: Server,
    here: MemoryNonces,
}

impl SharedNonces {
    /// Nonces in `server`.
    pub(crate) fn new(server: Server) -> Self {
        let here = MemoryNonces::new(*server.clock());
        Self { server, here }
    }

    pub(super) async fn first_time(&self, nonce: &[u8]) -> bool {
        match self.server.run::<Option<String>>(&remember(nonce)).await {
            // It may have come during an outage.
            Ok(set) => set.is_some() && !self.here.knows(nonce),
            // What an outage leaves undecided is decided here; the server tells of the outage.
            Err(_) => self.here.first_time(nonce),
        }
    }
}

/// Sets the nonce unless it is there.
fn remember(nonce: &[u8]) -> Cmd {
    let mut remember = redis::cmd("SET");
    let key = if nonce.len() > NONCE_BYTES_MAX {
        let hash = digest(&SHA256, nonce);
        let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        [KEY_PREFIX, b"sha256:", hex.as_bytes()].concat()
    } else {
        [KEY_PREFIX, nonce].concat()
    };
    remember.arg(key).arg("1").arg("NX").arg("EX").arg(KEPT_S);
    remember
}

#[cfg(test)]
mod tests {
    use wire::Clock;

    use super::super::nonces::Nonces;
    use super::*;
    use crate::redis::{Target, Temper};
    use crate::redis_server::RedisServer;

    fn nonces(port: u16, temper: Temper) -> Nonces {
        let server = Server::new(Target::at("127.0.0.1", port), temper, Clock::system());
        Nonces::Redis(SharedNonces::new(server))
    }

    /// What nonces do wherever they are kept: each comes for the first time once.
    async fn conforms(nonces: &Nonces) {
        let (long, longer) = (vec![b'x'; NONCE_BYTES_MAX], vec![b'x'; 100_000]);
        let all: [&[u8]; 6] = [b"", b"n", b"n ", b"\0\xff\r\n", &long, &longer];
        for expected in [true, false, false] {
            for nonce in all {
                assert_eq!(nonces.first_time(nonce).await, expected, "{} bytes", nonce.len());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_conforms() {
        conforms(&Nonces::Memory(MemoryNonces::new(Clock::at(0)))).await;
    }

    #[tokio::test]
    async fn redis_conforms_and_replicas_share() {
        let redis = RedisServer::start();
        conforms(&nonces(redis.port(), Temper::Patient)).await;
        let replica = nonces(redis.port(), Temper::Brisk);
        assert!(!replica.first_time(b"n").await && replica.first_time(b"m").await);
        let ttl = redis.ask("TTL a2a:nonce:n");
        assert!(ttl.starts_with(":29") || ttl == ":300\r\n", "{ttl}");
        assert_eq!(redis.ask("DBSIZE"), ":7\r\n");
    }

    #[tokio::test]
    async fn replays_are_seen_through_an_outage() {
        let mut redis = RedisServer::start();
        for temper in [Temper::Patient, Temper::Brisk] {
            let nonces = nonces(redis.port(), temper);
            redis.kill();
            conforms(&nonces).await;
            redis.restart();
            Clock::system().sleep(std::time::Duration::from_millis(1_010)).await;
            assert!(!nonces.first_time(b"n").await, "{temper:?}: a replay after the outage");
            assert!(nonces.first_time(b"up").await && !nonces.first_time(b"up").await, "{temper:?}");
            assert_eq!(redis.ask("DBSIZE"), ":2\r\n", "{temper:?}: it is kept in redis again");
        }
    }
}
