//! What happens to a message, in the real server's order: time, sender, nonce, signature, and on to an agent.
//!
//! It must not know how a message is read, nor how an agent is reached.

use std::time::Duration;

use bytes::Bytes;
use wire::Clock;
use wire::token::python_float;

use super::card::card;
use super::envelope::Envelope;
use super::moment::Moment;
use super::nonces::{MemoryNonces, Nonces};
use super::signature::{SenderKeys, check};
use crate::json::{Form, Json};
use crate::jws::Key;
use crate::mesh::{Mesh, RouteError, Task};
use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;
use crate::settings::A2aSettings;

/// How far a message's time may be from now, both ways.
const WINDOW_US: u64 = 30_000_000;
/// Longest wait for an agent; the real server waits as long as a message says.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Messages between agents.
pub(crate) struct A2a {
    card: Bytes,
    keys: SenderKeys,
    nonces: Nonces,
    mesh: Mesh,
    clock: Clock,
    repairs: Repairs,
}

impl A2a {
    /// With nonces remembered in this process.
    pub(crate) fn new(settings: &A2aSettings, mesh: Mesh, clock: Clock, repairs: Repairs) -> Self {
        Self::with_nonces(settings, mesh, Nonces::Memory(MemoryNonces::new(clock)), clock, repairs)
    }

    pub(crate) fn with_nonces(
        settings: &A2aSettings,
        mesh: Mesh,
        nonces: Nonces,
        clock: Clock,
        repairs: Repairs,
    ) -> Self {
        let card = card(settings.public_key.as_deref());
        Self { card, keys: SenderKeys::new(&settings.senders), nonces, mesh, clock, repairs }
    }

    #[cfg(test)]
    pub(super) fn clock_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The body of `GET /a2a/card`.
    pub(crate) fn card(&self) -> Bytes {
        self.card.clone()
    }

    /// The body that answers `POST /a2a/message`: what the agent said.
    pub(crate) async fn message(&self, content_type: Option<&[u8]>, body: &[u8]) -> Result<Bytes, Refusal> {
        let mut envelope = Envelope::read(content_type, body)?;
        let sent = envelope.created_at;
        if self.repairs.has(Quirk::NaiveTime) {
            envelope.created_at = envelope.created_at.or_utc();
        }
        let created_us = envelope.created_at.unix_us().ok_or(Refusal::Internal("a time without a zone"))?;
        let now_us = (self.clock.unix_ns() / 1_000).cast_signed();
        if now_us.abs_diff(created_us) > WINDOW_US {
            return Err(Refusal::TimestampOutside);
        }
        let key = self.keys.find(&envelope.sender_id)?;
        if self.repairs.has(Quirk::NonceOrder) {
            check_as_sent(&mut envelope, sent, key, self.clock.unix_ns())?;
            self.fresh(envelope.nonce.bytes()).await?;
        } else {
            self.fresh(envelope.nonce.bytes()).await?;
            check_as_sent(&mut envelope, sent, key, self.clock.unix_ns())?;
        }
        self.route(&envelope).await
    }

    async fn fresh(&self, nonce: &[u8]) -> Result<(), Refusal> {
        if self.nonces.first_time(nonce).await {
            return Ok(());
        }
        Err(Refusal::SignatureInvalid("a nonce that was used before"))
    }

    /// Hands the message to whoever takes tasks of its first capability, and waits for as long as it says.
    async fn route(&self, envelope: &Envelope) -> Result<Bytes, Refusal> {
        let failed = |text: &str| Refusal::RoutingFailed(text.to_owned());
        let capability = envelope
            .capabilities
            .first()
            .ok_or_else(|| failed("No capabilities specified in A2A message"))?;
        let task = Task::new(envelope, &capability.name)
            .map_err(|_| failed("Failed to route message: the payload cannot be written as an event"))?;
        let Some(limit_s) = seconds(&envelope.budget.time_ms) else {
            return Err(failed("Failed to route message: integer division result too large for a float"));
        };
        let limit = Duration::try_from_secs_f64(limit_s.max(0.0)).unwrap_or(WAIT_MAX).min(WAIT_MAX);
        match self.mesh.ask(&task, limit).await {
            Ok(answer) => body(&answer),
            Err(RouteError::Timeout) => {
                let limit_s = python_float(limit_s);
                Err(Refusal::RoutingFailed(format!("Agent did not respond within {limit_s}s timeout")))
            }
            Err(RouteError::Failed(why)) => Err(Refusal::RoutingFailed(why)),
            Err(RouteError::Unavailable(why)) => Err(Refusal::Internal(why)),
        }
    }
}

fn body(answer: &Json) -> Result<Bytes, Refusal> {
    let text = answer.write(Form::Answer);
    text.map(Bytes::from).map_err(|_| Refusal::Crash("an agent's answer holds what JSON does not know"))
}

/// Whether the signature fits, over the time as it was `sent` or with the zone that was filled in.
fn check_as_sent(envelope: &mut Envelope, sent: Moment, key: &Key, now_ns: u64) -> Result<(), Refusal> {
    let filled_in = std::mem::replace(&mut envelope.created_at, sent);
    let as_sent = check(envelope, key, now_ns);
    envelope.created_at = filled_in;
    if as_sent.is_ok() || filled_in == sent { as_sent } else { check(envelope, key, now_ns) }
}

/// Whole milliseconds as seconds, rounded once; none beyond what a float holds.
fn seconds(time_ms: &str) -> Option<f64> {
    format!("{time_ms}e-3").parse().ok().filter(|seconds: &f64| seconds.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_python_does() {
        for (time_ms, expected) in [
            ("200", "0.2"),
            ("1500", "1.5"),
            ("0", "0.0"),
            ("-5", "-0.005"),
            ("1", "0.001"),
            ("300000", "300.0"),
            ("12345678901234567890123", "1.2345678901234567e+19"),
        ] {
            assert_eq!(seconds(time_ms).map(python_float).as_deref(), Some(expected), "{time_ms}");
        }
        assert_eq!(seconds(&"9".repeat(400)), None);
    }
}
