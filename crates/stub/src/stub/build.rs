//! How a stub is made out of its settings. It must not know requests.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use wire::{Clock, Seed};

use super::bodies::Bodies;
use super::in_force::Force;
use super::{Inner, Stub};
use crate::a2a::{A2a, Nonces, SharedNonces};
use crate::address::Proxies;
use crate::agents::Agents;
use crate::answer::Dates;
use crate::caller::Authenticator;
use crate::fault::Faults;
use crate::gate::Gate;
use crate::input::Input;
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::mesh::{Door, MemoryMesh, Mesh, RedisMesh};
use crate::metrics::Pool;
use crate::profile::Profile;
use crate::prometheus::Throttled;
use crate::quirk::Quirk;
use crate::redis::{Backing, Server, Target, TargetError, temper};
use crate::replicas::Replicas;
use crate::response_cache::ResponseCache;
use crate::settings::{RedisSettings, Settings};
use crate::store::Store;

/// How long a start waits for the agents to hear the mesh.
const LISTENING: Duration = Duration::from_secs(1);

impl Stub {
    /// A stub that has not served yet, without a Redis server. All its time comes from `clock`, all its chance from
    /// `seed`.
    ///
    /// # Panics
    /// If the settings name a Redis server: then [`Stub::connect`] is the way.
    pub fn new(settings: Settings, profile: Profile, clock: Clock, seed: Seed) -> Self {
        let redis = Backing::local(&settings.redis, settings.repairs, clock);
        Self::with(redis.expect("no Redis server is named"), settings, profile, clock, seed)
    }

    /// A stub that has not served yet, with the Redis server that the settings name, if they do.
    ///
    /// # Errors
    /// When that name is wrong. A server that does not answer is none.
    pub async fn connect(
        settings: Settings,
        profile: Profile,
        clock: Clock,
        seed: Seed,
    ) -> Result<Self, TargetError> {
        let redis = Backing::connect(&settings, clock).await?;
        let stages_on_mesh = settings.stages_on_mesh;
        let stub = Self::with(redis, settings, profile, clock, seed);
        if let Mesh::Redis(mesh) = stub.0.a2a.mesh() {
            stub.listen_over(mesh);
            if stages_on_mesh {
                stub.0.force.now().agents.send_over(mesh.clone());
            }
            // Where Redis is away, agents listen as soon as it is back, and nobody waits for that.
            if stub.0.redis.up_at_start() {
                let _ = clock.timeout(LISTENING, mesh.until_serving()).await;
            }
        }
        if stub.0.replicas.is_some() {
            // What is in force for all is so here before the first request, if Redis answers.
            let _ = clock.timeout(LISTENING, stub.touch()).await;
            stub.keep_in_touch();
        }
        Ok(stub)
    }

    fn with(redis: Backing, settings: Settings, profile: Profile, clock: Clock, seed: Seed) -> Self {
        let repairs = settings.repairs;
        let profile = profile.within(settings.deadline);
        let profile = match settings.answer_cache_ttl {
            Some(ttl) => profile.with_answer_cache(ttl),
            None => profile,
        };
        let cached = redis.up_at_start();
        let door = match &redis {
            Backing::Embedded(embedded) => Some(Door::new(embedded.clone(), repairs)),
            Backing::Off | Backing::Server(_) => None,
        };
        let mesh = MemoryMesh::behind(door, clock);
        let ledger = Arc::new(Ledger::new(clock, settings.ledger_entries_max));
        let faults = Faults::new(&profile.faults, clock, seed);
        redis.play(faults.outages());
        let store = |prefix| Store::of(&redis, prefix, clock);
        Self(Arc::new(Inner {
            authenticator: Authenticator::new(&settings),
            proxies: Proxies::new(settings.forwarded_allow_ips.as_deref(), repairs),
            limiter: Limiter::new(settings.limits, repairs, clock, &redis),
            force: Force::new(Agents::new(profile, &redis, clock, seed), faults),
            deadline: settings.deadline,
            seed,
            bodies: Bodies::new(),
            input: Input::new(repairs, settings.pii_redact, settings.policies.clone()),
            replicas: match &redis {
                Backing::Server(server) => {
                    Some(Replicas::new(server, settings.replica_of.as_deref(), clock, seed))
                }
                Backing::Off | Backing::Embedded(_) => None,
            },
            in_touch: OnceLock::new(),
            ledger,
            pool: cached.then(|| Pool::new(&redis, clock.unix_ns())),
            response_cache: cached.then(|| ResponseCache::new(store("weaver:http:"), repairs)),
            a2a: a2a(&settings, &redis, &mesh, clock, seed),
            mesh,
            listening: Mutex::default(),
            gate: Gate::new(&settings, seed),
            repairs,
            own_headers: settings.own_headers,
            access_log: settings.access_log,
            throttled: Throttled::default(),
            process: OnceLock::new(),
            operator_token: settings.operator_token.map(|token| token.0),
            clock,
            requests: AtomicU64::new(0),
            dates: Dates::default(),
            redis,
        }))
    }
}

/// Messages between agents: over Redis where there is a server, and their nonces too.
fn a2a(settings: &Settings, redis: &Backing, mesh: &MemoryMesh, clock: Clock, seed: Seed) -> A2a {
    let repairs = settings.repairs;
    let Backing::Server(server) = redis else {
        return A2a::new(&settings.a2a, Mesh::Memory(mesh.clone()), clock, repairs);
    };
    let own_place = matches!(settings.redis, RedisSettings::Url(_)) || repairs.has(Quirk::RedisUrl);
    // The real server keeps nonces on localhost:6379, wherever its Redis is.
    let nonces = if own_place {
        server.clone()
    } else {
        Server::new(Target::at("localhost", 6379), temper(repairs), clock)
    };
    let nonces = Nonces::Redis(SharedNonces::new(nonces));
    let mesh = Mesh::Redis(RedisMesh::new(server.clone(), seed, repairs));
    A2a::with_nonces(&settings.a2a, mesh, nonces, clock, repairs)
}
