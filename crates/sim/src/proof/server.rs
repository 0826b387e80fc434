//! Trials against a running stub, through its operator's API: a profile a trial, and its ledger afterwards.
//!
//! It must not know what is claimed of them, nor how the stub was started.

use std::sync::Arc;
use std::time::Duration;

use harness::{Call, HttpOptions, HttpTransport, Journal, RunHandle, Target, Transport, Workers, World};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};
use wire::{Clock, LedgerEntry, OPERATOR_TOKEN_HEADER, ReplicaState, ReplicaTruth, Truth};

use super::ProofError;
use super::join::Joiner;
use super::trial::{Evidence, Glass, Seen, Trial};
use crate::theory::Ascending;

/// Requests of a trial at most.
const REQUESTS_MAX: usize = 200_000;
/// Entries of a page.
const PAGE: usize = 1_000;
/// How long an operator's call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// What the stub's delays may be late by at p99, where a processor is free for it.
const LATE_NS_MAX: u64 = 1_000_000;
/// How often, and for how long, requests are waited for that the stub still has in hand.
const SETTLING: (u32, Duration) = (500, Duration::from_millis(10));

/// A running stub, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it is.
    pub target: Target,
    /// How connections are made.
    pub options: HttpOptions,
    /// The operator's token; none where the stub answers a loopback peer without.
    pub token: Option<String>,
    /// The key that trials send.
    pub api_key: String,
    /// The clock of all trials.
    pub clock: Clock,
}

impl Server {
    /// The profile that is in force, to be put back at the end.
    ///
    /// # Errors
    /// When there is no stub, or it refuses.
    pub fn profile(&self) -> Result<Value, ProofError> {
        let status: Value = self.ask(Method::GET, "/_stub/profile", None)?;
        match &status["profile"] {
            profile @ Value::Object(_) => Ok(profile.clone()),
            _ => Err(ProofError::Server(format!("{}: no stub that shows its profile", self.target.shown()))),
        }
    }

    /// Puts a profile in force, whole.
    ///
    /// # Errors
    /// When the stub refuses it.
    pub fn put_in_force(&self, profile: &Value) -> Result<(), ProofError> {
        let patch = patch(&self.profile()?, profile);
        // An empty patch changes nothing, and would start the clocks of faults anew for nothing.
        if patch != Value::Object(Map::new()) {
            self.ask::<Value>(Method::PATCH, "/_stub/profile", Some(&patch))?;
        }
        Ok(())
    }

    pub(super) fn carry_out(
        &self,
        trial: &Trial,
        glass: Option<&Glass>,
        show: &mut dyn FnMut(Seen<'_>),
    ) -> Result<Evidence, ProofError> {
        let mut plan = trial.plan(&self.api_key)?;
        plan.target_url = Some(self.target.shown());
        let asked_ns = self.clock.now_ns();
        self.put_in_force(&trial.profile()?.written())?;
        // Somewhere between question and answer.
        let in_force_ns = (asked_ns + self.clock.now_ns()) / 2;
        let before = self.settled()?;
        let journal = Arc::new(Journal::new(REQUESTS_MAX));
        let mut joiner = Joiner::new(&plan.entries);
        let (target, options) = (self.target.clone(), self.options.clone());
        let transport = move || {
            HttpTransport::new(target.clone(), &options)
                .unwrap_or_else(|error| panic!("was checked: {error}"))
        };
        let world = World {
            clock: self.clock,
            workers: Workers::Threads(1),
            transport,
            host: None,
            resources: None,
            lens: Some(trial.lens(glass, &journal)),
        };
        let run = RunHandle::start(plan, world)?.join();
        let after = self.settled()?;
        let samples = journal.drain();
        for sample in &samples {
            joiner.sample(sample);
            show(Seen::Sample(sample));
        }
        let Some(run_id) = samples.first().map(|sample| sample.request_id.run) else {
            return Ok(Evidence { in_force_ns, ..Evidence::of(&run, joiner)? });
        };
        // Others may use the stub too; their requests are none of ours.
        let ours = format!("{run_id:08x}-");
        let mut late_ns = vec![];
        self.entries(closed(&before), closed(&after), &mut |entry| {
            if entry.request_id.starts_with(&ours) {
                late_ns.push(entry.delayed_ns.saturating_sub(entry.planned_ns));
                joiner.entry(entry);
                show(Seen::Entry(entry));
            }
        })?;
        let mut evidence = Evidence { in_force_ns, ..Evidence::of(&run, joiner)? };
        evidence.invalid.extend(busy(late_ns));
        evidence.invalid.extend(lost(&before, &after));
        Ok(evidence)
    }

    /// The truth once nothing is in flight.
    fn settled(&self) -> Result<Truth, ProofError> {
        let (times, pause) = SETTLING;
        let mut truth: Truth = self.ask(Method::GET, "/_stub/truth", None)?;
        for _ in 0..times {
            if truth.in_flight == 0 {
                break;
            }
            runtime()?.block_on(self.clock.sleep(pause));
            truth = self.ask(Method::GET, "/_stub/truth", None)?;
        }
        Ok(truth)
    }

    /// The entries of these numbers, in order.
    fn entries(&self, from: u64, until: u64, take: &mut dyn FnMut(&LedgerEntry)) -> Result<(), ProofError> {
        let mut next = from;
        while next < until {
            let path = format!("/_stub/ledger?from={next}&limit={PAGE}");
            let text = self.text(Method::GET, &path, None)?;
            let mut count = 0;
            for line in text.lines() {
                let entry = serde_json::from_str(line).map_err(|error| self.strange(&path, &error))?;
                take(&entry);
                count += 1;
            }
            if count == 0 {
                return Ok(());
            }
            next += count;
        }
        Ok(())
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ProofError> {
        let text = self.text(method, path, body)?;
        serde_json::from_str(&text).map_err(|error| self.strange(path, &error))
    }

    fn strange(&self, path: &str, error: &serde_json::Error) -> ProofError {
        let url = self.target.shown();
        ProofError::Server(format!(
            "{url}{path}: no answer of a stub of this version: {error}; validate needs one, such as \
             `weaver-bench serve` starts"
        ))
    }

    /// An operator's call and its answer.
    fn text(&self, method: Method, path: &str, body: Option<&Value>) -> Result<String, ProofError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            let token = HeaderValue::from_str(token)
                .map_err(|_| ProofError::Server("--operator-token: is no text of a header".into()))?;
            headers.insert(OPERATOR_TOKEN_HEADER, token);
        }
        if body.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/merge-patch+json"));
        }
        let body = body.map(|body| body.to_string().into()).unwrap_or_default();
        let call = Call { user: 0, method, path: path.to_owned(), headers, body };
        let runtime = runtime()?;
        let reply = runtime.block_on(async {
            let transport = HttpTransport::new(self.target.clone(), &self.options)?;
            let sent = self.clock.timeout(CALL_LIMIT, transport.send(call)).await;
            Ok::<_, ProofError>(sent)
        })?;
        let url = self.target.shown();
        let reply = match reply {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(ProofError::Server(format!("{url}{path}: {error}"))),
            Err(error) => return Err(ProofError::Server(format!("{url}{path}: {error}"))),
        };
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        match reply.status {
            200 => Ok(text),
            401 | 403 => Err(ProofError::Server(format!(
                "{url}{path}: status {}: {}; give the operator's token with --operator-token",
                reply.status,
                text.trim()
            ))),
            404 | 405 => Err(ProofError::Server(format!(
                "{url}{path}: status {}: the server has no operator's API; validate needs a stub, such as \
                 `weaver-bench serve` starts",
                reply.status
            ))),
            status => Err(ProofError::Server(format!("{url}{path}: status {status}: {}", text.trim()))),
        }
    }
}

fn runtime() -> Result<Runtime, ProofError> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// The number of the entry that closes next.
fn closed(truth: &Truth) -> u64 {
    truth.entries_kept + truth.entries_dropped
}

/// The replicas that were lost in between: what they did last is in no ledger.
fn lost(before: &Truth, after: &Truth) -> Vec<String> {
    let was_lost =
        |name: &str| before.replicas.iter().any(|one| one.replica == name && one.state == ReplicaState::Lost);
    let lost = after.replicas.iter().filter(|one| one.state == ReplicaState::Lost && !was_lost(&one.replica));
    let text = |one: &ReplicaTruth| {
        format!(
            "the stub's replica {} was lost {} s ago (killed, frozen or cut off): {} requests were in its hands, and what \
             it did after the Unix time {} ms is not in the ledger; start it again",
            one.replica,
            one.heard_ms_ago / 1_000,
            one.in_flight,
            one.whole_until_unix_ms.unwrap_or(0)
        )
    };
    lost.map(text).collect()
}

/// Why the stub itself could not keep its promises: its delays, by its own ledger, were late.
fn busy(late_ns: Vec<u64>) -> Option<String> {
    let late_ns = Ascending::of(late_ns).quantile(99_000)?;
    (late_ns > LATE_NS_MAX).then(|| {
        format!(
            "1 % of the stub's own delays were {} ms late or more, which is beyond {} ms: the machine is busy; end \
             what else runs on it",
            late_ns as f64 / 1e6,
            LATE_NS_MAX as f64 / 1e6
        )
    })
}

/// The JSON merge patch (RFC 7396) that makes `to` of `from`: what is gone is null, what is the same is left out.
fn patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let mut changes = Map::new();
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        changes.insert(name.clone(), Value::Null);
    }
    for (name, value) in to {
        match from.get(name) {
            Some(before) if before == value => {}
            Some(before @ Value::Object(_)) if value.is_object() => {
                changes.insert(name.clone(), patch(before, value));
            }
            _ => drop(changes.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As RFC 7396 has it.
    fn apply(target: &Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        let mut target = target.as_object().cloned().unwrap_or_default();
        for (name, value) in patch {
            match value {
                Value::Null => drop(target.remove(name)),
                value => {
                    let changed = apply(target.get(name).unwrap_or(&Value::Null), value);
                    target.insert(name.clone(), changed);
                }
            }
        }
        Value::Object(target)
    }

    #[test]
    fn a_patch_makes_one_of_the_other() {
        let profiles = [
            json!({}),
            json!({"agent": {"a": {"delay": {"fixed": "1ms"}}}, "workflow": [{"stages": ["a"]}]}),
            json!({"agent": {"b": {"delay": {"exponential": {"mean": "1ms"}}}}, "workflow": [{"stages": ["b"]}]}),
            json!({"agent": {"a": {"delay": {"lognormal": {"median": "1ms", "p99": "2ms"}}}}, "fault": [{"kind": "x"}]}),
        ];
        for from in &profiles {
            for to in &profiles {
                assert_eq!(apply(from, &patch(from, to)), *to, "{from} to {to}");
            }
            assert_eq!(patch(from, from), json!({}));
        }
    }

    #[test]
    fn a_replica_that_is_lost_meanwhile_is_told_of() {
        let one = |name: &str, state| ReplicaTruth {
            replica: name.into(),
            state,
            heard_ms_ago: 4_200,
            whole_until_unix_ms: Some(77),
            start_unix_ns: 0,
            received: 9,
            in_flight: 3,
            entries_missed: 0,
        };
        let truth = |a, b, c| {
            let replicas = vec![one("a", a), one("b", b), one("c", c)];
            Truth { replicas, ..Truth::default() }
        };
        let (live, gone, ended) = (ReplicaState::Live, ReplicaState::Lost, ReplicaState::Ended);
        assert_eq!(lost(&truth(live, gone, live), &truth(live, gone, ended)), Vec::<String>::new());
        let told = lost(&truth(live, gone, live), &truth(gone, gone, live));
        assert_eq!(told.len(), 1, "{told:?}");
        for part in ["replica a was lost 4 s ago", "3 requests", "77 ms"] {
            assert!(told[0].contains(part), "{told:?}");
        }
    }
}
