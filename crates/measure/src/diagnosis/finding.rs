//! What a diagnosis says: findings, each with its evidence, how sure it is, and what to do next.
//! It must not know how a finding is reached, nor how it is shown.

/// What a finding says of the target or of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// Nothing that the rules look for was there, and there was enough to see it.
    Healthy,
    /// More users bring no more answers from early on: serialised or blocking code.
    EarlyPlateau,
    /// A pool or a concurrency limit is full, and requests queue for it.
    PoolLimit,
    /// Latency grows with the load.
    LatencyWithLoad,
    /// Latency grows with time under a steady load: a leak.
    LatencyWithTime,
    /// Past the knee more load brings fewer answers.
    Collapse,
    /// Pauses that come again at equal distances.
    PeriodicStalls,
    /// One pause in which nothing was answered, and all that waited at its end.
    Freeze,
    /// Slower for a time, and quick again.
    SlowSpell,
    /// Two kinds of answers to the same question, quick and slow: misses of a cache or a pool.
    Bimodal,
    /// Slow at first, then quick.
    ColdStart,
    /// Errors for a time.
    ErrorBurst,
    /// Errors from the first request on: authentication, or what the target depends on.
    ErrorsFromStart,
    /// A declared limit of the rate refuses requests.
    RateLimited(Layer),
    /// A limit of the rate that lets go of ever fewer requests, because asking costs what waiting would give back.
    Starvation(Layer),
    /// Answers that did not come in time.
    Timeouts,
    /// Connections that were reset, answers cut short or no answers of the kind.
    BrokenAnswers,
    /// Something that the target depends on was away for a time.
    DependencyOutage,
    /// After a burst, latency or errors take long to come back to what they were.
    SlowBurstRecovery,
    /// The load generator, not the target, was at its limit.
    GeneratorLimit,
    /// A worker of the load generator was lost.
    WorkerLost,
    /// Too few requests or too little time to say.
    TooShort,
}

impl Sign {
    /// Its name for machines: it does not change.
    pub fn key(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::EarlyPlateau => "early_plateau",
            Self::PoolLimit => "pool_limit",
            Self::LatencyWithLoad => "latency_with_load",
            Self::LatencyWithTime => "latency_with_time",
            Self::Collapse => "collapse",
            Self::PeriodicStalls => "periodic_stalls",
            Self::Freeze => "freeze",
            Self::SlowSpell => "slow_spell",
            Self::Bimodal => "bimodal",
            Self::ColdStart => "cold_start",
            Self::ErrorBurst => "error_burst",
            Self::ErrorsFromStart => "errors_from_start",
            Self::RateLimited(_) => "rate_limited",
            Self::Starvation(_) => "starvation",
            Self::Timeouts => "timeouts",
            Self::BrokenAnswers => "broken_answers",
            Self::DependencyOutage => "dependency_outage",
            Self::SlowBurstRecovery => "slow_burst_recovery",
            Self::GeneratorLimit => "generator_limit",
            Self::WorkerLost => "worker_lost",
            Self::TooShort => "too_short",
        }
    }

    /// In a few words.
    pub fn words(self) -> String {
        match self {
            Self::Healthy => "healthy",
            Self::EarlyPlateau => "early plateau: serialised or blocking code",
            Self::PoolLimit => "a pool or a concurrency limit is full, and requests queue for it",
            Self::LatencyWithLoad => "latency grows with load",
            Self::LatencyWithTime => "latency grows with time, as with a leak",
            Self::Collapse => "collapse past the knee",
            Self::PeriodicStalls => "periodic stalls",
            Self::Freeze => "a freeze",
            Self::SlowSpell => "slow for a time",
            Self::Bimodal => "two kinds of latency, as with misses of a cache or a pool",
            Self::ColdStart => "cold start",
            Self::ErrorBurst => "a burst of errors",
            Self::ErrorsFromStart => "errors from the first request on",
            Self::RateLimited(layer) => return format!("rate limiting, {}", layer.words()),
            Self::Starvation(layer) => return format!("rate limiting that starves, {}", layer.words()),
            Self::Timeouts => "timeouts",
            Self::BrokenAnswers => "connections reset or answers broken",
            Self::DependencyOutage => "something that the target depends on was away",
            Self::SlowBurstRecovery => "slow recovery after a burst",
            Self::GeneratorLimit => "the load generator is the limit",
            Self::WorkerLost => "a worker of the load generator was lost",
            Self::TooShort => "too short to say",
        }
        .to_owned()
    }

    /// Which limit, where it is one.
    pub fn layer(self) -> Option<Layer> {
        match self {
            Self::RateLimited(layer) | Self::Starvation(layer) => Some(layer),
            _ => None,
        }
    }
}

impl Layer {
    /// Its name for machines.
    pub fn key(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Address => "address",
            Self::Global => "global",
            Self::Unknown => "unknown",
        }
    }

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::User => "by user",
            Self::Address => "by address",
            Self::Global => "for all together",
            Self::Unknown => "by a limit that the answers do not name",
        }
    }
}

impl Confidence {
    /// `low`, `medium` or `high`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Which limit of the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// One user's.
    User,
    /// One address's.
    Address,
    /// Everybody's together.
    Global,
    /// The answers do not tell.
    Unknown,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Something else may look like this too.
    Low,
    /// The figures speak for it.
    Medium,
    /// Nothing else is known to look like this.
    High,
}

/// Something that the run shows, and what it may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it says.
    pub sign: Sign,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it rests on, at least one.
    pub evidence: Vec<Evidence>,
    /// What to do next.
    pub advice: Advice,
}

/// A figure that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Evidence {
    /// The step.
    pub step: String,
    /// The seconds of the step that show it, first and last, from 0; `None` when it is the whole step.
    pub seconds: Option<(u64, u64)>,
    /// The figures, in words and with their units.
    pub words: String,
}

/// The next thing to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Advice {
    /// What to change.
    pub change: String,
    /// What that should do to which figure.
    pub effect: String,
    /// The command that shows whether it did.
    pub command: String,
}
