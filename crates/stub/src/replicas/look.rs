//! What all replicas have told: their sums added up, and pages of the ledger that they share.
//!
//! It must not know how they tell it.

use wire::{ReplicaState, ReplicaTruth, Truth};

use super::beat::{Heard, Word};
use super::sum::Sum;
use super::{EVERY, LOST_AFTER_US, Replicas};
use crate::ledger::Ledger;
use crate::redis::RedisError;

/// Most replicas that are summed up, the youngest first.
const REPLICAS_MAX: isize = 256;

/// A part of the ledger of all, as it is told to others: each entry a line of JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct SharedPage {
    pub(crate) lines: Vec<Vec<u8>>,
    /// As of [`crate::LedgerPage`].
    pub(crate) first: u64,
    pub(crate) dropped: u64,
}

/// How one of the others stands. Times are those of Redis.
#[derive(Clone, Debug)]
struct Standing {
    name: String,
    heard_us: u64,
    whole_until_us: u64,
    has_ended: bool,
    start_unix_ns: u64,
    entries_missed: u64,
}

impl Standing {
    fn state(&self, now_us: u64) -> ReplicaState {
        match now_us.saturating_sub(self.heard_us) {
            _ if self.has_ended => ReplicaState::Ended,
            ..=LOST_AFTER_US => ReplicaState::Live,
            _ => ReplicaState::Lost,
        }
    }

    fn told(&self, truth: &Truth, now_us: u64) -> ReplicaTruth {
        ReplicaTruth {
            replica: self.name.clone(),
            state: self.state(now_us),
            heard_ms_ago: now_us.saturating_sub(self.heard_us) / 1_000,
            whole_until_unix_ms: (!self.has_ended).then_some(self.whole_until_us / 1_000),
            start_unix_ns: self.start_unix_ns,
            received: truth.received,
            in_flight: truth.in_flight,
            entries_missed: self.entries_missed,
        }
    }
}

impl Replicas {
    /// The sum of what this stub did and what the others told. It waits until each that lives has told all that it did
    /// before it was asked for.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub(crate) async fn all(&self, ledger: &Ledger) -> Result<Truth, RedisError> {
        let Heard { truth: own, now_us: asked_us, .. } = self.tell(ledger, Word::GoesOn).await?;
        let (mut now_us, mut standings) = self.standings().await?;
        let lags = |standings: &[Standing], now_us| {
            let lags = |one: &Standing| {
                one.state(now_us) == ReplicaState::Live
                    && one.whole_until_us < asked_us
                    && one.name != *self.name
            };
            standings.iter().any(lags)
        };
        while lags(&standings, now_us) && now_us < asked_us + LOST_AFTER_US {
            self.clock.sleep(EVERY / 10).await;
            (now_us, standings) = self.standings().await?;
        }
        let mut sum = Sum::default();
        let mut replicas = vec![];
        for standing in standings {
            let is_own = standing.name == *self.name;
            let told = if is_own { Some(own.clone()) } else { self.truth_of(&standing.name).await? };
            let Some(mut truth) = told else { continue };
            let mut row = standing.told(&truth, now_us);
            if is_own {
                row.whole_until_unix_ms = Some(asked_us / 1_000);
            }
            replicas.push(row);
            if standing.state(now_us) != ReplicaState::Live {
                truth.unknown = std::mem::take(&mut truth.in_flight);
            }
            sum.add(&truth);
        }
        replicas.sort_by(|a, b| a.replica.cmp(&b.replica));
        let mut truth = Truth { replicas, ..sum.truth() };
        if self.is_one_of_several {
            let mut counts = redis::pipe();
            counts.cmd("LLEN").arg(self.key("ledger")).cmd("HGET").arg(self.key("marks")).arg("trimmed");
            let (kept, trimmed): (u64, Option<u64>) = self.within(self.server.run_all(&counts)).await?;
            (truth.entries_kept, truth.entries_dropped) = (kept, trimmed.unwrap_or(0));
        }
        Ok(truth)
    }

    /// A page of the ledger of all, in the order in which entries were told; numbers count from 0.
    ///
    /// # Errors
    /// When Redis could not be asked.
    pub(crate) async fn entries(&self, from: u64, limit: usize) -> Result<SharedPage, RedisError> {
        let mut call = self.page.prepare_invoke();
        call.key(self.key("ledger")).key(self.key("marks")).arg(from).arg(limit);
        let (first, dropped, lines) = self.run(&call).await?;
        Ok(SharedPage { lines, first, dropped })
    }

    /// All that are known, and the time of Redis.
    async fn standings(&self) -> Result<(u64, Vec<Standing>), RedisError> {
        let mut asked = redis::pipe();
        asked
            .cmd("TIME")
            .cmd("ZRANGE")
            .arg(self.names())
            .arg(0)
            .arg(REPLICAS_MAX - 1)
            .arg("REV")
            .arg("WITHSCORES");
        let ((s, us), names): ((u64, u64), Vec<(String, f64)>) =
            self.within(self.server.run_all(&asked)).await?;
        let mut standings = vec![];
        for (name, heard_us) in names {
            let mut asked = redis::cmd("HMGET");
            asked.arg(self.record(&name)).arg(&["whole_until", "ended", "start", "missed"]);
            let [whole_until, ended, start, missed]: [Option<u64>; 4] =
                self.within(self.server.run(&asked)).await?;
            standings.push(Standing {
                name,
                heard_us: heard_us as u64,
                whole_until_us: whole_until.unwrap_or(0),
                has_ended: ended == Some(1),
                start_unix_ns: start.unwrap_or(0),
                entries_missed: missed.unwrap_or(0),
            });
        }
        Ok((s * 1_000_000 + us, standings))
    }

    async fn truth_of(&self, name: &str) -> Result<Option<Truth>, RedisError> {
        let mut asked = redis::cmd("HGET");
        asked.arg(self.record(name)).arg("truth");
        let json: Option<Vec<u8>> = self.within(self.server.run(&asked)).await?;
        match json.map(|json| serde_json::from_slice(&json)) {
            None => Ok(None),
            Some(Ok(truth)) => Ok(Some(truth)),
            Some(Err(error)) => {
                tracing::warn!(instance = name, %error, "another stub told a truth that cannot be read; run the same version everywhere");
                Ok(None)
            }
        }
    }
}
