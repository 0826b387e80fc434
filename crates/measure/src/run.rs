//! The run file: everything that was measured, nothing that was concluded from it.

use serde::{Deserialize, Serialize};

use crate::{
    AbsenceRecord, ArrivalsRecord, GeneratorRecord, Limits, LoadRecord, LossRecord, NameId, Outcome,
    ProcessRecord, PulseRecord, StagesRecord, Threshold, TimesKind, WorkerRecord,
};

/// The format that this version writes and reads.
pub const FORMAT: &str = "weaver-bench.run/2";

/// A whole run: the content of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`FORMAT`].
    pub format: String,
    /// What kind of run it was.
    pub kind: RunKind,
    /// The version of weaver-bench that measured.
    pub version: String,
    /// The seed that repeats the run.
    pub seed: u64,
    /// Start in nanoseconds since the Unix epoch.
    pub started_unix_ns: u64,
    /// Measured in virtual time.
    pub simulated: bool,
    /// The server's address; `None` in virtual time.
    pub target_url: Option<String>,
    /// The generator's machine; `None` in virtual time.
    pub host: Option<Host>,
    /// The targets to judge by; `None` when none were set.
    pub targets: Option<Targets>,
    /// The limits of validity.
    #[serde(default)]
    pub limits: Limits,
    /// Where the figures of the target's process come from; `None` when there are none.
    #[serde(default)]
    pub target_source: Option<String>,
    /// The scenarios as they were run, for people and later tools.
    pub plan: serde_json::Value,
    /// Steps that were planned, by name, in order; those that did not start are not in `steps`.
    pub planned_steps: Vec<String>,
    /// The steps that were run.
    pub steps: Vec<StepRun>,
    /// Why the run ended before its plan, if it did.
    pub aborted: Option<String>,
    /// The processes that carried it out, where it was not one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerRecord>,
}

/// What kind of run it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// The suite of steps.
    Baseline,
    /// One load.
    Run,
}

/// The generator's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Operating system and architecture.
    pub system: String,
    /// Logical processors.
    pub cpus: u32,
    /// The processor's model.
    pub cpu_model: String,
    /// Memory.
    pub memory_bytes: u64,
}

/// Three thresholds, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level3 {
    /// As good as wanted.
    pub target: f64,
    /// Good enough to pass.
    pub acceptable: f64,
    /// Worse than this is critical.
    pub critical: f64,
}

/// The targets that steps are judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// Percentiles are judged over the successes of entries whose path starts so, such as `/ask`.
    pub judged_path: String,
    /// At most.
    pub p50_ms: Level3,
    /// At most.
    pub p95_ms: Level3,
    /// At most.
    pub p99_ms: Level3,
    /// At most; failures among all requests, 0 to 1.
    pub failure_ratio: Level3,
    /// At least; successes a second.
    pub rps: Level3,
}

/// One step: a load held for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRun {
    /// Its name, such as `light_load`.
    pub name: String,
    /// The load asked for.
    pub load: LoadRecord,
    /// Time asked for, ramp included; `None` when it ran until it was stopped.
    pub run_time_s: Option<f64>,
    /// Whether the step decides the exit code.
    pub gate: bool,
    /// When its parts began and ended.
    pub phases: Phases,
    /// Changes of the load while it ran, in order; the steady part begins when the last one has taken effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<EditRecord>,
    /// When what had been recorded was dropped on demand, for the last time: the step's record begins there, with
    /// those users and requests that were there. Nanoseconds since the run's clock started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_ns: Option<u64>,
    /// Ended before its time (interrupted).
    pub cut: bool,
    /// Requests a second that these users could offer if every answer took no time;
    /// `None` when nothing but the server bounds them.
    pub offered_rps_max: Option<f64>,
    /// The entries that requests count under.
    pub names: Vec<EntryName>,
    /// The user classes.
    pub classes: Vec<ClassRecord>,
    /// How the arrivals came about; `None` of closed users.
    pub arrivals: Option<ArrivalsRecord>,
    /// One a second, gapless from the step's start.
    pub intervals: Vec<IntervalRecord>,
    /// Requests by entry and status, sorted.
    pub statuses: Vec<StatusCount>,
    /// Failures by entry and error, sorted.
    pub errors: Vec<ErrorRecord>,
    /// Throttled requests by entry and what the answer said, sorted; empty in older files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<ErrorRecord>,
    /// Requests that were still in flight when the stop timeout ended, by entry.
    pub cut_off: Vec<CutOff>,
    /// What the generator used; `None` in virtual time.
    pub resources: Option<Resources>,
    /// Workers that were lost while it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<LossRecord>,
    /// When nobody led its workers, so that it ended before its time; `None` when somebody always did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<AbsenceRecord>,
    /// Where the server says that the time of successes went; `None` where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<StagesRecord>,
    /// What must hold in it beside the targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

/// A change of a closed load while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditRecord {
    /// When, in nanoseconds since the run's clock started.
    pub at_ns: u64,
    /// Users asked for from then on.
    pub users: u32,
    /// Users started, or taken away, a second.
    pub spawn_rate_per_s: f64,
}

/// Nanoseconds since the run's clock started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// The ramp begins.
    pub started_ns: u64,
    /// All users are there (or, if they never were, the load ends): the steady part begins.
    pub steady_ns: u64,
    /// No new request is sent: the wind-down begins.
    pub wind_down_ns: u64,
    /// The last answer was read, or was given up.
    pub ended_ns: u64,
}

/// What requests count under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryName {
    /// `GET`, `POST`, …
    pub method: String,
    /// The entry's name: the path, unless the scenario names it.
    pub name: String,
    /// The path that is asked, as the scenario writes it.
    pub path: String,
}

/// One user class and what its users did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// The class.
    pub name: String,
    /// Its weight.
    pub weight: u32,
    /// Users that were started, or arrivals that were begun.
    pub users: u32,
    /// The entries that its users may send under.
    pub entries: Vec<NameId>,
    /// Requests that its tasks sent (`on_start` aside).
    pub task_requests: u64,
    /// How often each task began.
    pub tasks: Vec<TaskRecord>,
}

/// One task of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The task.
    pub name: String,
    /// Its weight.
    pub weight: u32,
    /// How often it began.
    pub begun: u64,
    /// Requests that it sent.
    pub requests: u64,
}

/// One second of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalRecord {
    /// Its end, nanoseconds since the step's start; the last one may be shorter than the others.
    pub end_ns: u64,
    /// Users at its end, or arrivals in progress.
    pub users: u32,
    /// Requests in flight at its end.
    pub in_flight: u32,
    /// What ended in it, by entry and outcome; empty cells are left out.
    pub cells: Vec<CellRecord>,
    /// How late the harness sent, over all its requests; `None` when it sent nothing.
    pub lateness: Option<LatenessRecord>,
    /// What the workers' timers saw; `None` when they saw nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulse: Option<PulseRecord>,
    /// How the generator fared; `None` in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorRecord>,
    /// How the target's process fared; `None` where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ProcessRecord>,
}

/// The times of one entry and outcome in one second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// The entry.
    pub name: NameId,
    /// The outcome.
    pub outcome: Outcome,
    /// Requests.
    pub count: u64,
    /// Sum of the answers' bodies.
    pub body_bytes: u64,
    /// Sum of how late the harness sent them, exact.
    pub late_sum_ns: u64,
    /// How late it was at most, exact.
    pub late_max_ns: u64,
    /// From sending to the last byte of the answer.
    pub service: TimesRecord,
    /// From when they were due to the last byte; `None` in a step whose requests have no due times of their own,
    /// where it is service time and lateness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<TimesRecord>,
}

impl CellRecord {
    /// One of its two times; without response times, the service times.
    pub(crate) fn times(&self, kind: TimesKind) -> &TimesRecord {
        match kind {
            TimesKind::Service => &self.service,
            TimesKind::Response => self.response.as_ref().unwrap_or(&self.service),
        }
    }
}

/// Times of some requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimesRecord {
    /// Their sum, exact.
    pub sum_ns: u64,
    /// The least, exact.
    pub min_ns: u64,
    /// The greatest, exact; the histogram ends at an hour.
    pub max_ns: u64,
    /// HdrHistogram of nanoseconds, 3 significant digits, V2 deflate, base64.
    pub histogram: String,
}

/// How late the harness sent its requests, over a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatenessRecord {
    /// Requests.
    pub count: u64,
    /// The greatest, exact.
    pub max_ns: u64,
    /// HdrHistogram of nanoseconds, 3 significant digits, V2 deflate, base64.
    pub histogram: String,
}

/// Requests of one entry that got one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCount {
    /// The entry.
    pub name: NameId,
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// Requests.
    pub count: u64,
}

/// One error of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The entry.
    pub name: NameId,
    /// What happened.
    pub error: String,
    /// How often.
    pub occurrences: u64,
    /// First time, nanoseconds since the run's clock started.
    pub first_ns: u64,
    /// Last time, nanoseconds since the run's clock started.
    pub last_ns: u64,
}

/// Requests of one entry whose answer was not waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOff {
    /// The entry.
    pub name: NameId,
    /// Requests.
    pub count: u64,
}

/// What the generator's process used during a step, stub included when it is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Processor time, user and system.
    pub cpu_s: f64,
    /// Greatest resident memory so far.
    pub memory_bytes_max: u64,
}
