//! The stub as one value, and what happens to one request, from its arrival to its answer.
//!
//! It must not know sockets: requests come from [`crate::serve`] or straight from a test.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use wire::{Clock, REQUEST_ID_HEADER, Seed, Truth};

use crate::agents::Agents;
use crate::caller::{Authenticator, Caller};
use crate::ledger::{Entry, Ledger};
use crate::limiter::Limiter;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::routes::{self, Route};
use crate::settings::Settings;
use crate::{answer, body, guard, redact};

/// Longest body that is read; the real server has no limit.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Longest request id that is taken over from a client.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// Longest client address that is taken over from `X-Forwarded-For`.
const ADDRESS_BYTES_MAX: usize = 64;

/// The server that tells the truth. Cloning it is cheap, and all clones are the same server.
#[derive(Clone)]
pub struct Stub(Arc<Inner>);

struct Inner {
    authenticator: Authenticator,
    limiter: Limiter,
    agents: Agents,
    ledger: Arc<Ledger>,
    operator_token: Option<String>,
    clock: Clock,
    requests: AtomicU64,
}

impl std::fmt::Debug for Stub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stub")
    }
}

impl Stub {
    /// A stub that has not served yet. All its time comes from `clock`, all its chance from `seed`.
    pub fn new(settings: Settings, profile: Profile, clock: Clock, seed: Seed) -> Self {
        let names = profile.agents.iter().map(|agent| agent.name.clone()).collect();
        Self(Arc::new(Inner {
            authenticator: Authenticator::new(&settings),
            limiter: Limiter::new(settings.limits, clock),
            agents: Agents::new(profile, clock, seed),
            ledger: Arc::new(Ledger::new(clock, names, settings.ledger_entries_max)),
            operator_token: settings.operator_token,
            clock,
            requests: AtomicU64::new(0),
        }))
    }

    /// The stub as a service, to be called in process. The peer is a `ConnectInfo<SocketAddr>` among the
    /// request's extensions; without one it is taken for loopback.
    pub fn router(&self) -> axum::Router {
        routes::router(self.clone())
    }

    /// What truly happened so far.
    pub fn truth(&self) -> Truth {
        self.0.ledger.truth()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    pub(crate) fn operator_token(&self) -> Option<&str> {
        self.0.operator_token.as_deref()
    }

    /// One request: its entry opens, the route decides, the answer is written.
    pub(crate) async fn handle(self, route: Route, request: Request) -> Response<Body> {
        let id = self.request_id(request.headers());
        let mut entry = self.0.ledger.open(id, route.name(request.method()));
        let outcome = match route {
            Route::Health => self.health(&mut entry).await,
            Route::Metrics => self.metrics(&mut entry).await,
            Route::Whoami => self.whoami(request, &mut entry).await,
            Route::Ask => self.ask(request, &mut entry).await,
            Route::WrongMethod { allowed, .. } => Err(Refusal::MethodNotAllowed(allowed)),
            Route::Unknown => Err(Refusal::NotFound),
        };
        answer::write(outcome, entry, &self.0.clock)
    }

    async fn health(&self, entry: &mut Entry) -> Result<Bytes, Refusal> {
        self.0.agents.route(|profile| &profile.health, entry).await;
        Ok(answer::HEALTH)
    }

    async fn metrics(&self, entry: &mut Entry) -> Result<Bytes, Refusal> {
        self.0.agents.route(|profile| &profile.metrics, entry).await;
        Ok(answer::METRICS)
    }

    async fn whoami(&self, request: Request, entry: &mut Entry) -> Result<Bytes, Refusal> {
        let (head, _) = request.into_parts();
        let caller = self.admit(&head, entry)?;
        self.0.agents.route(|profile| &profile.whoami, entry).await;
        Ok(answer::whoami(&caller))
    }

    /// Caller, limits, body, guard, agents, redaction, answer: in the real server's order.
    async fn ask(&self, request: Request, entry: &mut Entry) -> Result<Bytes, Refusal> {
        let (head, body) = request.into_parts();
        let caller = self.admit(&head, entry)?;
        let query = body::query(&read(body).await?)?;
        if guard::is_blocked(&query) {
            return Err(Refusal::Blocked);
        }
        if guard::is_sum(&query) {
            let crash = Refusal::Crash("the calculator is registered under another name");
            return Err(if caller.may_calculate() { crash } else { Refusal::ScopeMissing });
        }
        self.0.agents.run(&query, entry).await?;
        let text = redact::redacted(Cow::Owned(format!("[MODEL RESPONSE] {query}")));
        let latency_ns = self.0.clock.now_ns() - entry.arrived_ns;
        Ok(answer::ask(&query, text.trim(), latency_ns))
    }

    /// The caller, authenticated and within its limits.
    fn admit(&self, head: &Parts, entry: &mut Entry) -> Result<Arc<Caller>, Refusal> {
        let caller = self.0.authenticator.caller(&head.headers, &self.0.clock)?;
        entry.caller = Some(Arc::clone(&caller.user));
        self.0.limiter.admit(&caller.user, &address(head))?;
        Ok(caller)
    }

    /// The client's own id for the request if it is short and visible, or else one of ours.
    fn request_id(&self, headers: &HeaderMap) -> Box<str> {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|id| id.to_str().ok());
        let fits = |id: &&str| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
        };
        match given.filter(fits) {
            Some(id) => id.into(),
            None => format!("stub-{}", self.0.requests.fetch_add(1, Ordering::Relaxed)).into(),
        }
    }
}

/// The peer's address.
pub(crate) fn peer(extensions: &http::Extensions) -> IpAddr {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(Ipv4Addr::LOCALHOST.into(), |info| info.0.ip().to_canonical())
}

/// The client's address as limits see it: from 127.0.0.1 the last entry of `X-Forwarded-For` that is not
/// 127.0.0.1 itself counts, as it does in the real server; from anywhere else the peer does.
fn address(head: &Parts) -> Cow<'_, str> {
    let peer = peer(&head.extensions);
    if peer != Ipv4Addr::LOCALHOST {
        return Cow::Owned(peer.to_string());
    }
    let header =
        head.headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let mut hosts = header.unwrap_or_default().split(',').map(str::trim);
    let client = hosts.rfind(|host| *host != "127.0.0.1" && (1..=ADDRESS_BYTES_MAX).contains(&host.len()));
    Cow::Borrowed(client.unwrap_or("127.0.0.1"))
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Err(_) => Err(Refusal::BodyBrokenOff),
    }
}
