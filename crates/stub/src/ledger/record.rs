//! What is known of one request, as the ledger keeps it, and how it is written down for others.
//!
//! It must not know HTTP beyond method names and status numbers.

use std::borrow::Cow;
use std::sync::Arc;

use wire::{LedgerEntry, LookTime, StageTime};

/// Longest caller that is written down.
const CALLER_CHARS_MAX: usize = 256;

/// Method and path pattern; both from closed sets, so that their number is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteName {
    pub(crate) method: &'static str,
    pub(crate) pattern: &'static str,
}

impl RouteName {
    pub(super) fn label(self) -> String {
        format!("{} {}", self.method, self.pattern)
    }
}

/// One agent's part in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its position in the profile.
    pub(crate) agent: usize,
    pub(crate) queued_ns: u64,
    /// `None` where work needs no connection.
    pub(crate) connect: Option<Connect>,
    pub(crate) planned_ns: u64,
    pub(crate) worked_ns: u64,
    pub(crate) done_ns: u64,
    /// How many were done together, where works are batched.
    pub(crate) batch: Option<u32>,
    /// The replica's position, where there are several.
    pub(crate) replica: Option<u32>,
}

impl Part {
    /// All that was drawn for it.
    pub(crate) fn drawn_ns(&self) -> u64 {
        self.planned_ns + self.connect.map_or(0, |connect| connect.planned_ns)
    }

    /// What of it truly took.
    pub(crate) fn took_ns(&self) -> u64 {
        self.worked_ns + self.connect.map_or(0, |connect| connect.took_ns)
    }
}

/// A new connection as it was planned and as it went; nothing of both where one was reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) planned_ns: u64,
    pub(crate) took_ns: u64,
}

/// A look into the answer cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) is_hit: bool,
    pub(crate) planned_ns: u64,
    pub(crate) took_ns: u64,
}

/// What is known of one request.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) request_id: Box<str>,
    pub(crate) route: RouteName,
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) arrival: u64,
    pub(crate) arrived_ns: u64,
    pub(crate) queued_ns: u64,
    pub(crate) planned_ns: u64,
    pub(crate) delayed_ns: u64,
    pub(crate) held_ns: u64,
    /// `None` where answers are not cached, or the query came not so far.
    pub(crate) look: Option<Look>,
    pub(crate) fired_ns: u64,
    /// The agents' names, by the positions that parts hold.
    pub(crate) agents: Arc<[String]>,
    pub(crate) parts: Vec<Part>,
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) faults: Vec<&'static str>,
    /// 0 until the first byte was handed over.
    pub(super) first_byte_ns: u64,
    /// 0 until the last byte was.
    pub(super) written_ns: u64,
    /// Known once the answer is ready.
    pub(super) status: Option<u16>,
    /// The last byte was handed over.
    pub(super) is_whole: bool,
}

impl Record {
    pub(super) fn new(request_id: Box<str>, route: RouteName, arrival: u64, arrived_ns: u64) -> Self {
        Self {
            request_id,
            route,
            caller: None,
            arrival,
            arrived_ns,
            queued_ns: 0,
            planned_ns: 0,
            delayed_ns: 0,
            held_ns: 0,
            look: None,
            fired_ns: 0,
            agents: Arc::default(),
            parts: vec![],
            reason: None,
            faults: vec![],
            first_byte_ns: 0,
            written_ns: 0,
            status: None,
            is_whole: false,
        }
    }

    /// The status of an answer that went out to its last byte.
    pub(super) fn whole(&self) -> Option<u16> {
        self.status.filter(|_| self.is_whole)
    }

    /// As it is told to others.
    pub(super) fn entry(self) -> LedgerEntry {
        let stage = |part: &Part| StageTime {
            agent: self.agents[part.agent].clone(),
            queued_ns: part.queued_ns,
            connect_ns: part.connect.map(|connect| connect.took_ns),
            planned_ns: part.planned_ns,
            worked_ns: part.worked_ns,
            batch: part.batch,
            replica: part.replica,
        };
        LedgerEntry {
            request_id: self.request_id.into(),
            replica: None,
            route: self.route.label(),
            caller: self.caller.map(|caller| caller.chars().take(CALLER_CHARS_MAX).collect()),
            arrival: self.arrival,
            arrived_ns: self.arrived_ns,
            queued_ns: self.queued_ns,
            planned_ns: self.planned_ns,
            delayed_ns: self.delayed_ns,
            held_ns: self.held_ns,
            look: self.look.map(|look| LookTime { hit: look.is_hit, took_ns: look.took_ns }),
            fired_ns: self.fired_ns,
            first_byte_ns: self.first_byte_ns,
            written_ns: self.written_ns,
            abandoned: !self.is_whole,
            status: self.status,
            reason: self.reason.map(Cow::into_owned),
            faults: self.faults.into_iter().map(str::to_owned).collect(),
            stages: self.parts.iter().map(stage).collect(),
        }
    }
}
