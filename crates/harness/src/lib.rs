//! Load from a plan, samples into a run.
//!
//! The harness treats every server as a stranger: it must not know the stub, nor axum, clap or the terminal.
//! Files, environment and the terminal are `cli`'s; time, chance and transport are handed in.

mod arrivals;
mod assess;
mod cap;
mod conduct;
mod crew;
mod desk;
mod driver;
mod fleet;
mod handle;
mod health;
mod http;
mod lens;
mod limits;
mod load;
mod open;
mod plan;
mod preflight;
mod pulse;
#[cfg(test)]
#[expect(dead_code, reason = "other tests look into it and freeze it")]
#[path = "../../stub/tests/it/redis_server.rs"]
mod redis_server;
mod scenario;
mod schedule;
mod stages;
mod suite;
mod threads;
mod thresholds;
mod transport;
mod user;
mod worker;

pub use arrivals::{Arrivals, OpenReplay, Stage, read_replay};
pub use conduct::{Workers, World, conduct, conduct_fleet, conduct_resumed};
pub use fleet::{
    Allowed, Bus, BusError, BusTarget, Errand, Fleet, Lead, MemoryBus, RedisBus, RunSecret, Served, Sources,
    Station, Unfinished, WorkerView, close_journal, serve, serve_until,
};
pub use handle::{Command, Glimpse, Known, Look, RunHandle, View};
pub use health::{Probe, Usage};
pub use http::{HttpOptions, HttpTransport, HttpVersion};
pub use lens::{Journal, Lens};
pub use load::{IN_FLIGHT_MAX, Load};
pub use plan::{Plan, StepPlan, TagFilter, check_stop_timeout};
pub use preflight::{Target, Unreachable, preflight};
pub use scenario::{
    Bindings, Expect, JsonCheck, OnFailure, Request, Scenario, ScenarioFile, Span, Step, Task, Template,
    Wait, read_scenario, read_scenarios,
};
pub use suite::{Suite, read_suite, read_suite_with};
pub use thresholds::{ThresholdPlan, read_threshold};
pub use transport::{Call, Reply, SendError, Transport};
