//! What happens to one request, from its arrival to its answer.
//!
//! It must not know how a stub is made.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use wire::{REQUEST_ID_HEADER, SERVER_TIMING_HEADER};

use super::Stub;
use super::in_force::Terms;
use crate::agents::PlainRoute;
use crate::answer::Answer;
use crate::caller::Caller;
use crate::ledger::Entry;
use crate::location::location;
use crate::metrics::Counters;
use crate::quirk::Quirk;
use crate::refusal::Refusal;
use crate::response_cache::{ResponseCache, Slot};
use crate::routes::{self, Route};
use crate::{access, answer, metrics, pages};

/// Longest body of a question; the real server has no limit.
const QUESTION_BYTES_MAX: usize = 64 << 20;
/// Longest message between agents, which anyone may send; neither has it here.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Longest request id that is taken over from a client.
const REQUEST_ID_BYTES_MAX: usize = 128;

impl Stub {
    /// One request: its entry opens, the layers and the route decide, the answer is written.
    pub(crate) async fn handle(self, request: Request) -> Answer {
        let (head, body) = request.into_parts();
        let path = routes::decoded(head.uri.path());
        let route = Route::of(&head.method, &path, self.0.repairs.has(Quirk::Head));
        let id = self.request_id(&head.headers);
        let mut entry = self.0.ledger.open(id, route.name(&head.method));
        let terms = self.terms(&mut entry).await;
        let slot = self.0.response_cache.as_ref().and_then(|cache| cache.slot(&head, &path));
        let slot = slot.filter(|_| !terms.struck.loses_cache(&mut entry));
        let is_cut_off = (slot.is_some() || route == Route::Message) && terms.struck.asks_redis(&mut entry);
        let cached = self.cached(slot.as_ref(), &head, &path);
        let mut answer = match self.held(is_cut_off, &mut entry, cached).await {
            Some(answer) => answer,
            None => self.layered(route, &head, &path, body, &terms, &mut entry).await,
        };
        if let Some((cache, slot)) = self.0.response_cache.as_ref().zip(slot.filter(|_| !answer.is_cached)) {
            self.held(is_cut_off, &mut entry, cache.put(&slot, &answer)).await;
        }
        if let Some(allowance) = entry.allowance {
            answer.allow(allowance);
        }
        entry.fired_ns = self.0.clock.now_ns();
        terms.struck.hold(&mut entry).await;
        let answer = terms.struck.deform(answer, head.method == Method::HEAD, &mut entry);
        self.hand_over(answer, &head, entry)
    }

    /// What comes of `work`, whose time is a fault's if `is_faults`.
    async fn held<T>(&self, is_faults: bool, entry: &mut Entry, work: impl Future<Output = T>) -> T {
        let from_ns = self.0.clock.now_ns();
        let done = work.await;
        if is_faults {
            entry.held_ns += self.0.clock.now_ns() - from_ns;
        }
        done
    }

    /// What holds for a request that has just arrived.
    async fn terms(&self, entry: &mut Entry) -> Terms {
        let force = self.0.force.now();
        entry.agents = Arc::clone(force.agents.names());
        let struck = force.faults.arrive(entry.route, &entry.request_id);
        if force.faults.wants_flush() {
            force.agents.forget_answers().await;
            // A Redis that cannot be asked has no answers either.
            let _ = self.flush_response_cache().await;
        }
        Terms { force, struck }
    }

    /// The answer that is kept in this slot. Where that quirk is repaired, what concerns one client is made anew.
    async fn cached(&self, slot: Option<&Slot>, head: &Parts, path: &str) -> Option<Answer> {
        let mut answer = self.0.response_cache.as_ref()?.get(slot?).await?;
        if self.0.repairs.has(Quirk::CacheHeaders) {
            self.0.gate.for_this_client(head, path, self.unix_s(), &mut answer);
        }
        Some(answer)
    }

    /// What the layers and the route say.
    async fn layered(
        &self,
        route: Route,
        head: &Parts,
        path: &str,
        body: Body,
        terms: &Terms,
        entry: &mut Entry,
    ) -> Answer {
        let outcome = match self.0.gate.before(head, path, self.unix_s()) {
            Some(Ok(answer)) => return answer,
            Some(Err(refusal)) => Err(refusal),
            None => match terms.struck.refusal(entry) {
                Some(refusal) => Err(refusal),
                None => self.endpoint(route, head, body, terms, entry).await,
            },
        };
        let mut answer = self.written(outcome, entry);
        self.0.gate.after(head, path, self.unix_s(), &mut answer);
        answer
    }

    /// What the route says, before any layer adds to it.
    async fn endpoint(
        &self,
        route: Route,
        head: &Parts,
        body: Body,
        terms: &Terms,
        entry: &mut Entry,
    ) -> Result<Answer, Refusal> {
        if route != Route::Ask {
            // An answer to a question takes longer within its deadline.
            terms.struck.delay(entry).await;
        }
        match route {
            Route::Health => self.health(terms, entry).await,
            Route::Metrics => self.metrics(terms, entry).await,
            Route::Whoami => self.whoami(head, terms, entry).await,
            Route::Ask => self.ask(head, body, terms, entry).await,
            Route::Page(page) => Ok(pages::page(page, self.0.repairs)),
            Route::Unknown => {
                let file = pages::file(&head.method, &routes::decoded(head.uri.path()), self.0.repairs);
                file.ok_or(Refusal::NotFound)
            }
            Route::Card => Ok(Answer::json(self.0.a2a.card())),
            Route::Message => self.message(head, body).await,
            Route::Slash { pattern } => {
                let scheme = self.0.proxies.scheme(head);
                Ok(Answer::redirect(location(head, scheme, "", pattern)))
            }
            Route::WrongMethod { allowed, .. } => Err(Refusal::MethodNotAllowed(allowed)),
        }
    }

    /// A refusal written down as an answer, with its reason in the ledger.
    fn written(&self, outcome: Result<Answer, Refusal>, entry: &mut Entry) -> Answer {
        outcome.unwrap_or_else(|refusal| {
            let reason = refusal.reason();
            self.0.throttled.count(&refusal);
            tracing::debug!(id = &*entry.request_id, status = refusal.status().as_u16(), %reason, "refused");
            entry.reason = Some(reason);
            entry.allowance = refusal.allowance().or(entry.allowance);
            Answer::refusal(&refusal)
        })
    }

    /// Makes the answer complete and hands it over, with the receipt that closes the entry.
    fn hand_over(&self, mut answer: Answer, head: &Parts, entry: Entry) -> Answer {
        if self.0.own_headers {
            if let Ok(id) = HeaderValue::from_str(&entry.request_id) {
                answer.push(HeaderName::from_static(REQUEST_ID_HEADER), id);
            }
            answer.push(HeaderName::from_static(SERVER_TIMING_HEADER), answer::server_timing(&entry));
        }
        let status = answer.status.as_u16();
        if self.0.access_log {
            access::log(head, &entry, status);
        }
        let answer = answer.complete(head.method == Method::HEAD, self.date());
        Answer { receipt: Some(entry.ready(status)), ..answer }
    }

    /// The time as HTTP writes it.
    pub(crate) fn date(&self) -> HeaderValue {
        self.0.dates.at(self.unix_s())
    }

    fn unix_s(&self) -> u64 {
        self.0.clock.unix_ns() / 1_000_000_000
    }

    async fn health(&self, terms: &Terms, entry: &mut Entry) -> Result<Answer, Refusal> {
        terms.force.agents.route(PlainRoute::Health, entry).await;
        Ok(Answer::json(answer::HEALTH))
    }

    async fn metrics(&self, terms: &Terms, entry: &mut Entry) -> Result<Answer, Refusal> {
        terms.force.agents.route(PlainRoute::Metrics, entry).await;
        let now_s = self.0.clock.unix_ns() as f64 / 1e9;
        let (counters, cache) = if self.0.repairs.has(Quirk::Metrics) {
            let cache = self.0.response_cache.as_ref().map(ResponseCache::figures).unwrap_or_default();
            (Counters::of(&self.0.redis), Some(cache))
        } else {
            (Counters::default(), None)
        };
        Ok(Answer::json(metrics::body(self.0.pool.as_ref(), counters, cache, now_s)))
    }

    async fn whoami(&self, head: &Parts, terms: &Terms, entry: &mut Entry) -> Result<Answer, Refusal> {
        let caller = self.admit(head, terms, entry).await?;
        terms.force.agents.route(PlainRoute::Whoami, entry).await;
        Ok(Answer::json(answer::whoami(&caller)))
    }

    /// Caller, limits, body, guard, agents, redaction, answer: in the real server's order.
    async fn ask(
        &self,
        head: &Parts,
        body: Body,
        terms: &Terms,
        entry: &mut Entry,
    ) -> Result<Answer, Refusal> {
        let caller = self.admit(head, terms, entry).await?;
        let body = self.0.bodies.read(body, QUESTION_BYTES_MAX).await?;
        let query = self.0.input.query(&caller, &body.bytes)?;
        drop(body);
        let said = terms.force.agents.run(&query.text, &terms.struck, entry).await?;
        let reply = self.0.input.answer(query, said)?;
        Ok(Answer::json(answer::ask(&reply, self.0.clock.now_ns() - entry.arrived_ns)))
    }

    /// A message of another agent, which is its own proof: no key, no limit.
    async fn message(&self, head: &Parts, body: Body) -> Result<Answer, Refusal> {
        let content_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        self.listen();
        let body = self.0.bodies.read(body, MESSAGE_BYTES_MAX).await?;
        let said = self.0.a2a.message(content_type, &body.bytes).await?;
        Ok(Answer::json(said))
    }

    /// The caller, authenticated and within its limits.
    async fn admit(&self, head: &Parts, terms: &Terms, entry: &mut Entry) -> Result<Arc<Caller>, Refusal> {
        let caller = self.0.authenticator.caller(&head.headers, &self.0.clock)?;
        entry.caller = Some(Arc::clone(&caller.user));
        let address = self.0.proxies.client(head);
        if let Some(refusal) = terms.struck.throttled(&self.0.limiter, &caller.user, &address, entry) {
            return Err(refusal);
        }
        entry.allowance = self.0.limiter.admit(&caller.user, &address).await?;
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
            None => {
                let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
                match self.replica() {
                    None => format!("stub-{number}").into(),
                    Some(replica) => format!("stub-{replica}-{number}").into(),
                }
            }
        }
    }
}
