//! The stub as one value, and what there is to ask it.
//!
//! It must not know sockets: requests come from [`crate::serve`] or straight from a test.

mod agents;
mod bodies;
mod build;
mod flow;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Once};

use axum::extract::{Request, State};
use serde::Serialize;
use wire::{Clock, Truth};

use self::bodies::Bodies;
use crate::a2a::A2a;
use crate::address::Proxies;
use crate::agents::{Agents, AgentsStatus};
use crate::answer::Dates;
use crate::caller::Authenticator;
use crate::gate::Gate;
use crate::input::Input;
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::mesh::{self, MemoryMesh, Mesh};
use crate::metrics::Pool;
use crate::prometheus::Throttled;
use crate::quirk::Repairs;
use crate::redis::{Backing, Embedded, RedisError};
use crate::response_cache::ResponseCache;
use crate::store::Unavailable;
use crate::totals::Totals;
use crate::{operator, prometheus};

/// The server that tells the truth. Cloning it is cheap, and all clones are the same server.
#[derive(Clone)]
pub struct Stub(Arc<Inner>);

struct Inner {
    authenticator: Authenticator,
    proxies: Proxies,
    limiter: Limiter,
    agents: Agents,
    bodies: Bodies,
    input: Input,
    ledger: Arc<Ledger>,
    redis: Backing,
    /// Where Redis answered at the start.
    pool: Option<Pool>,
    response_cache: Option<ResponseCache>,
    mesh: MemoryMesh,
    /// Whether the stub's own agents listen to the mesh.
    listening: Once,
    a2a: A2a,
    /// The sums of all stubs that share a Redis server, and the task that writes them.
    totals: Option<(Arc<Totals>, Background)>,
    gate: Gate,
    repairs: Repairs,
    own_headers: bool,
    access_log: bool,
    throttled: Throttled,
    operator_token: Option<String>,
    clock: Clock,
    requests: AtomicU64,
    dates: Dates,
}

/// What operators are told of the stub's workings.
#[derive(Serialize)]
pub(crate) struct Status<'a> {
    #[serde(flatten)]
    agents: AgentsStatus<'a>,
    mesh: MeshStatus,
}

#[derive(Serialize)]
struct MeshStatus {
    /// By subscribers in this process that were too slow.
    messages_missed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_redis: Option<mesh::Figures>,
}

/// A task that ends with the stub.
struct Background(tokio::task::AbortHandle);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Stub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stub")
    }
}

impl Stub {
    /// The embedded Redis, if that is what the stub has: to play outages.
    pub fn embedded_redis(&self) -> Option<&Embedded> {
        match &self.0.redis {
            Backing::Embedded(embedded) => Some(embedded),
            Backing::Off | Backing::Server(_) => None,
        }
    }

    /// Forgets all cached answers, here and in Redis.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn flush_response_cache(&self) -> Result<(), Unavailable> {
        match &self.0.response_cache {
            Some(cache) => cache.flush().await,
            None => Ok(()),
        }
    }

    /// The stub as a service, to be called in process. The peer is a `ConnectInfo<SocketAddr>` among the
    /// request's extensions; without one it is taken for loopback.
    pub fn router(&self) -> axum::Router {
        operator::routes()
            .fallback(|State(stub): State<Self>, request: Request| async move {
                stub.handle(request).await.response()
            })
            .with_state(self.clone())
    }

    /// What truly happened so far.
    pub fn truth(&self) -> Truth {
        self.0.ledger.truth()
    }

    /// What truly happened so far at all stubs that share a Redis server, this one among them.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub async fn truth_of_all(&self) -> Result<Truth, RedisError> {
        match &self.0.totals {
            Some((totals, _)) => totals.all(&self.truth()).await,
            None => Ok(self.truth()),
        }
    }

    /// Writes the truth of this stub where the others find it, for the last time.
    pub(crate) async fn close_books(&self) {
        if let Some((totals, _)) = &self.0.totals {
            // A Redis that is away tells so itself, and nobody is left to try again.
            let _ = totals.write(&self.truth()).await;
        }
    }

    /// What happened so far, as Prometheus reads it.
    pub(crate) fn prometheus(&self) -> String {
        let inner = &self.0;
        prometheus::exposition(&self.truth(), &inner.throttled, inner.repairs, inner.clock.now_ns())
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn repairs(&self) -> Repairs {
        self.0.repairs
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// The profile in force, and what its switches and the event mesh did so far.
    pub(crate) fn status(&self) -> Status<'_> {
        let over_redis = match self.0.a2a.mesh() {
            Mesh::Redis(mesh) => Some(mesh.figures()),
            Mesh::Memory(_) => None,
        };
        let mesh = MeshStatus { messages_missed: self.0.mesh.missed(), over_redis };
        Status { agents: self.0.agents.status(), mesh }
    }

    pub(crate) fn operator_token(&self) -> Option<&str> {
        self.0.operator_token.as_deref()
    }
}
