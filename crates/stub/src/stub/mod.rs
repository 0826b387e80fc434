//! The stub as one value, and what there is to ask it.
//!
//! It must not know sockets: requests come from [`crate::serve`] or straight from a test.

mod agents;
mod bodies;
mod build;
mod flow;
mod in_force;
mod several;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::extract::{Request, State};
use bytes::Bytes;
use serde::Serialize;
use wire::{Audit, Clock, Seed, Truth};

use self::bodies::Bodies;
pub(crate) use self::in_force::Change;
pub use self::in_force::Revision;
use self::in_force::{Force, InForce};
pub(crate) use self::several::Unchanged;
use crate::a2a::A2a;
use crate::address::Proxies;
use crate::agents::AgentsStatus;
use crate::answer::Dates;
use crate::caller::Authenticator;
use crate::fault::FaultStatus;
use crate::gate::Gate;
use crate::histogram::hdr;
use crate::input::Input;
use crate::ledger::{Ledger, LedgerPage};
use crate::limiter::Limiter;
use crate::mesh::{self, MemoryMesh, Mesh};
use crate::metrics::Pool;
use crate::prometheus::{ProcessUse, Throttled};
use crate::quirk::Repairs;
use crate::redis::{Backing, Embedded};
use crate::replicas::Replicas;
use crate::response_cache::ResponseCache;
use crate::store::Unavailable;
use crate::{answer, operator, prometheus};

/// The server that tells the truth. Cloning it is cheap, and all clones are the same server.
#[derive(Clone)]
pub struct Stub(Arc<Inner>);

struct Inner {
    authenticator: Authenticator,
    proxies: Proxies,
    limiter: Limiter,
    force: Force,
    /// No profile's deadline is later.
    deadline: Option<Duration>,
    bodies: Bodies,
    input: Input,
    ledger: Arc<Ledger>,
    redis: Backing,
    /// Where Redis answered at the start.
    pool: Option<Pool>,
    response_cache: Option<ResponseCache>,
    mesh: MemoryMesh,
    /// The stub's own agents that listen to the mesh, once somebody speaks there.
    listening: Mutex<Option<BTreeSet<String>>>,
    a2a: A2a,
    /// All stubs that share a Redis server, and the task that keeps in touch with them.
    replicas: Option<Replicas>,
    in_touch: OnceLock<Background>,
    gate: Gate,
    repairs: Repairs,
    own_headers: bool,
    access_log: bool,
    throttled: Throttled,
    /// How its process is read.
    process: OnceLock<fn() -> Option<ProcessUse>>,
    operator_token: Option<String>,
    clock: Clock,
    seed: Seed,
    requests: AtomicU64,
    dates: Dates,
}

/// What operators are told of the stub's workings.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<&'a str>,
    revision: Revision,
    #[serde(flatten)]
    agents: AgentsStatus<'a>,
    faults: Vec<FaultStatus>,
    mesh: MeshStatus,
}

#[derive(Serialize)]
struct MeshStatus {
    /// By subscribers in this process that were too slow.
    messages_missed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_redis: Option<mesh::Figures>,
}

fn with_hdr(mut truth: Truth) -> Truth {
    for route in &mut truth.routes {
        for times in [&mut route.service, &mut route.planned] {
            times.hdr = hdr(times);
        }
    }
    truth
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

    /// What truly happened so far, with histograms that others can merge.
    pub fn truth(&self) -> Truth {
        with_hdr(self.counts())
    }

    /// The same without those histograms, which take their time.
    pub(crate) fn counts(&self) -> Truth {
        self.0.ledger.truth()
    }

    /// Whether the delays so far were as the profile has them.
    pub fn audit(&self) -> Audit {
        self.0.force.now().agents.audit()
    }

    /// The entries of at most `limit` requests that are over, oldest first, from the number `from` on. Numbers count
    /// from 0 in the order in which entries were closed.
    pub fn entries(&self, from: u64, limit: usize) -> LedgerPage {
        let mut page = self.0.ledger.page(from, limit);
        if let Some(replica) = self.replica() {
            page.entries.iter_mut().for_each(|entry| entry.replica = Some(replica.to_owned()));
        }
        page
    }

    /// What happened so far, as Prometheus reads it.
    pub(crate) fn prometheus(&self) -> String {
        let inner = &self.0;
        let mut text =
            prometheus::exposition(&self.counts(), &inner.throttled, inner.repairs, inner.clock.now_ns());
        if let Some(used) = inner.process.get().and_then(|read| read()) {
            text.push_str(&prometheus::process(used));
        }
        text
    }

    /// How the metrics page reads what the process uses; the first one counts.
    pub fn read_process_by(&self, read: fn() -> Option<ProcessUse>) {
        // A second one would say the same.
        let _ = self.0.process.set(read);
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn repairs(&self) -> Repairs {
        self.0.repairs
    }

    /// The profile in force, and what its switches, its faults and the event mesh did so far; JSON.
    pub(crate) fn status(&self) -> Bytes {
        let over_redis = match self.0.a2a.mesh() {
            Mesh::Redis(mesh) => Some(mesh.figures()),
            Mesh::Memory(_) => None,
        };
        let mesh = MeshStatus { messages_missed: self.0.mesh.missed(), over_redis };
        let InForce { revision, agents, faults } = &*self.0.force.now();
        answer::json(&Status {
            replica: self.replica(),
            revision: *revision,
            agents: agents.status(),
            faults: faults.status(),
            mesh,
        })
    }

    pub(crate) fn operator_token(&self) -> Option<&str> {
        self.0.operator_token.as_deref()
    }
}
