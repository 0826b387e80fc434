//! One request and the faults that strike it, from its arrival to its answer.
//!
//! Each strike is marked once in the ledger's entry, when it shows. It must not know how faults are planned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::{Bytes, BytesMut};
use tokio::sync::SemaphorePermit;
use wire::ConnectionFault;

use super::live::{Faults, Live, State};
use super::plan::Effect;
use crate::answer::Answer;
use crate::ledger::Entry;
use crate::limiter::Limiter;
use crate::refusal::Refusal;

/// The faults that strike one request; most often none.
#[derive(Default)]
pub(crate) struct Struck {
    faults: Option<Arc<Faults>>,
    /// A bit for each fault in its list: those that strike, those that are marked, those that count it in flight.
    chosen: u64,
    marked: AtomicU64,
    counted: u64,
    /// What a fault adds, where it adds time.
    delays_ns: Vec<(usize, u64)>,
}

/// A bit is a fault's number in the list.
fn bit(number: usize) -> u64 {
    1 << number
}

impl Struck {
    pub(super) fn of(faults: Arc<Faults>) -> Self {
        let mut struck = Self::default();
        struck.faults = Some(faults);
        struck
    }

    pub(super) fn choose(&mut self, number: usize, delay_ns: u64) {
        self.chosen |= bit(number);
        if delay_ns > 0 {
            self.delays_ns.push((number, delay_ns));
        }
    }

    pub(super) fn counts(&mut self, number: usize) {
        self.counted |= bit(number);
    }

    /// The faults that strike it, in the order of their list.
    fn chosen(&self) -> impl Iterator<Item = (usize, &Live)> {
        let all = self.faults.as_deref().map_or(&[][..], |faults| &faults.all);
        all.iter().enumerate().filter(|(number, _)| self.chosen & bit(*number) != 0)
    }

    /// Writes into the entry that this fault showed, once.
    fn mark(&self, number: usize, live: &Live, entry: &mut Entry) {
        if self.marked.fetch_or(bit(number), Relaxed) & bit(number) == 0 {
            live.struck.fetch_add(1, Relaxed);
            entry.faults.push(live.plan.effect.fault().name());
        }
    }

    /// Marks all that are `wanted`; whether there was one.
    fn mark_all(&self, entry: &mut Entry, wanted: impl Fn(&Effect) -> bool) -> bool {
        let mut is_any = false;
        for (number, live) in self.chosen().filter(|(_, live)| wanted(&live.plan.effect)) {
            self.mark(number, live, entry);
            is_any = true;
        }
        is_any
    }

    /// Why it is refused before anything is done for it.
    pub(crate) fn refusal(&self, entry: &mut Entry) -> Option<Refusal> {
        let refuses = |live: &Live| match (&live.plan.effect, &live.state) {
            (Effect::ErrorBurst { status }, _) => Some(*status),
            (Effect::FailFirst { count, status }, State::Failed(failed)) => {
                let one_more = |n| (n < *count).then_some(n + 1);
                failed.try_update(Relaxed, Relaxed, one_more).ok().map(|_| *status)
            }
            _ => None,
        };
        let (number, live, status) =
            self.chosen().find_map(|(number, live)| Some((number, live, refuses(live)?)))?;
        self.mark(number, live, entry);
        Some(if status.as_u16() == 500 { Refusal::Crash("a fault") } else { Refusal::Fault(status) })
    }

    /// Why its caller gets no leave, whatever the real limits say.
    pub(crate) fn throttled(
        &self,
        limiter: &Limiter,
        user: &str,
        address: &str,
        entry: &mut Entry,
    ) -> Option<Refusal> {
        let faults = self.faults.as_deref()?;
        let refuses = |live: &Live| match (&live.plan.effect, &live.state) {
            (Effect::ThrottleStorm { layer }, _) => Some(*layer),
            (Effect::TokenStarvation { layer, .. }, State::Buckets(buckets)) => {
                let admits = buckets.admits(faults.clock.unix_ns(), user, address);
                (!admits).then_some(*layer)
            }
            _ => None,
        };
        let (number, live, layer) =
            self.chosen().find_map(|(number, live)| Some((number, live, refuses(live)?)))?;
        self.mark(number, live, entry);
        Some(limiter.refusal(layer))
    }

    /// Waits for what it takes longer than by itself.
    pub(crate) async fn delay(&self, entry: &mut Entry) {
        self.wait(entry, |effect| !matches!(effect, Effect::SlowFirstByte { .. })).await;
    }

    /// Waits for the delays that are `wanted`, one after the other.
    async fn wait(&self, entry: &mut Entry, wanted: impl Fn(&Effect) -> bool) {
        let Some(faults) = self.faults.as_deref() else { return };
        for &(number, delay_ns) in &self.delays_ns {
            let live = &faults.all[number];
            if wanted(&live.plan.effect) {
                self.mark(number, live, entry);
                self.sleep_until(faults.clock.now_ns().saturating_add(delay_ns), entry).await;
            }
        }
    }

    async fn sleep_until(&self, until_ns: u64, entry: &mut Entry) {
        let Some(faults) = self.faults.as_deref() else { return };
        let from_ns = faults.clock.now_ns();
        faults.clock.sleep_until(until_ns).await;
        entry.held_ns += faults.clock.now_ns() - from_ns;
    }

    /// Agents begin to work for it.
    pub(crate) fn works(&self, entry: &mut Entry) {
        self.mark_all(entry, |effect| matches!(effect, Effect::Plateau { .. }));
    }

    /// Waits for a worker, where all work goes through a few, and says for how long.
    pub(crate) async fn worker(&self) -> (Option<SemaphorePermit<'_>>, u64) {
        let workers = self.chosen().find_map(|(_, live)| match &live.state {
            State::Workers(workers) => Some(workers),
            _ => None,
        });
        let (Some(workers), Some(faults)) = (workers, self.faults.as_deref()) else { return (None, 0) };
        let from_ns = faults.clock.now_ns();
        let worker = workers.acquire().await.expect("the semaphore is never closed");
        (Some(worker), faults.clock.now_ns() - from_ns)
    }

    /// Whether the caches are lost to it, who would look into one now.
    pub(crate) fn loses_cache(&self, entry: &mut Entry) -> bool {
        self.mark_all(entry, |effect| *effect == Effect::LostCache)
    }

    /// Redis is asked for it: if it is away, that is marked.
    pub(crate) fn asks_redis(&self, entry: &mut Entry) -> bool {
        self.mark_all(entry, |effect| matches!(effect, Effect::RedisOutage(_)))
    }

    /// Holds an answer that is ready: for as long as its first byte is slow, then as long as all are held.
    pub(crate) async fn hold(&self, entry: &mut Entry) {
        let Some(faults) = self.faults.as_deref().filter(|_| self.chosen != 0) else { return };
        self.wait(entry, |effect| matches!(effect, Effect::SlowFirstByte { .. })).await;
        loop {
            let at_ns = faults.now_ns();
            let holds = |(number, live): (usize, &'_ Live)| Some((number, live.plan.held_until_ns(at_ns)?));
            let Some((number, until_ns)) = self.chosen().find_map(holds) else { return };
            self.mark(number, &faults.all[number], entry);
            self.sleep_until(faults.begun_ns.saturating_add(until_ns), entry).await;
        }
    }

    /// The answer as it leaves: its body spoilt, and what is done to its connection.
    #[must_use]
    pub(crate) fn deform(&self, mut answer: Answer, is_head: bool, entry: &mut Entry) -> Answer {
        for (number, live) in self.chosen() {
            let fault = match live.plan.effect {
                Effect::Corrupt if !is_head && !answer.body.is_empty() => {
                    answer.body = corrupted(&answer.body);
                    self.mark(number, live, entry);
                    continue;
                }
                Effect::Truncate(kept) if !is_head => {
                    kept.bytes(answer.body.len()).map(|bytes| ConnectionFault::Truncate { bytes })
                }
                Effect::Reset => Some(ConnectionFault::Reset),
                Effect::KeepAliveClose => Some(ConnectionFault::Close),
                _ => None,
            };
            // A connection ends but once: the first fault of the list does it.
            if fault.is_some() && answer.fault.is_none() {
                answer.fault = fault;
                self.mark(number, live, entry);
            }
        }
        answer
    }
}

impl Drop for Struck {
    fn drop(&mut self) {
        let Some(faults) = &self.faults else { return };
        for (number, live) in faults.all.iter().enumerate() {
            if let State::InFlight(count) = &live.state
                && self.counted & bit(number) != 0
            {
                count.fetch_sub(1, Relaxed);
            }
        }
    }
}

/// As many bytes, but no JSON: no JSON text ends so.
fn corrupted(body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(body);
    if let Some(last) = bytes.last_mut() {
        *last = b'{';
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrupt_body_is_no_json_and_as_long() {
        for body in ["{}", "[1, 2]", "\"{\"", "7", "{\"a\": 1}\n", "null"] {
            let spoilt = corrupted(body.as_bytes());
            assert_eq!(spoilt.len(), body.len());
            assert!(serde_json::from_slice::<serde_json::Value>(&spoilt).is_err(), "{spoilt:?}");
        }
    }
}
