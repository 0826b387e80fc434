//! What can be wrong with a target: each fault of the stub's catalogue and each switch that limits, how strong it is, the
//! figure that it moves, and the findings that are right about it.
//!
//! `keep_alive_close` is missing: in virtual time there are no connections, so that nothing of it can be seen. Of what
//! Weaver AI may build (pools that are kept, batches, replicas) none ails a target. It must not know how rules decide.

use stub::Limits;
use wire::{Seed, Stream};

use super::figure::Figure;
use super::need::Need;
use super::plant::{add, broken, limit_of, outage, share, starve, storm, us, window, window_or_all};
use super::world::{Shape, World, log_uniform};

/// What a healthy run of the world showed, for strengths in proportion.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// Requests to `/ask`, a second.
    pub ask_per_s: f64,
    /// Mean time of these.
    pub ask_ms: f64,
    /// Most requests in flight at the end of any second.
    pub in_flight: f64,
}

/// What is wrong.
pub struct Truth {
    /// Its name: the fault's, where it is one.
    pub name: &'static str,
    /// What it moves.
    pub figure: Figure,
    /// Least and greatest strength.
    pub strengths: (f64, f64),
    /// The world with it.
    pub apply: fn(&mut World, &Base, f64, &mut Stream),
    /// Findings that name it; one of them is enough.
    pub right: &'static [&'static str],
    /// Findings that are true as well, or may be.
    pub also: &'static [&'static str],
}

impl Truth {
    /// The world with this strength of it. Window, route and the like depend on the world's number alone.
    pub fn world(&self, world: &World, base: &Base, strength: f64) -> World {
        let mut world = world.clone();
        let mut stream = Seed(world.number).stream(self.name, 0);
        (self.apply)(&mut world, base, strength, &mut stream);
        world
    }

    /// What a world needs before it can have it, such as a cache to lose.
    pub fn need(&self) -> Need {
        match self.name {
            "lost_cache" => Need::Cache,
            "redis_outage" | "redis_outage (frozen)" => Need::Redis,
            "timeouts" => Need::Timeout,
            _ => Need::Nothing,
        }
    }
}

/// The share that a strength takes, up to all.
const SHARES: (f64, f64) = (0.001, 1.0);
/// The fraction of what a healthy run needs that is left, inverted.
const SQUEEZES: (f64, f64) = (1.0, 400.0);
/// Milliseconds.
const DELAYS_MS: (f64, f64) = (0.05, 60_000.0);

const SLOW: &[&str] = &["LatencyWithLoad", "SlowBurstRecovery"];
const ERRORS: &[&str] = &["ErrorBurst", "ErrorsFromStart", "SlowBurstRecovery"];
const QUEUES: &[&str] = &["EarlyPlateau", "PoolLimit", "LatencyWithLoad"];
const QUEUED: &[&str] = &["SlowBurstRecovery", "Timeouts", "LatencyWithTime"];
const SPELLS: &[&str] = &["SlowSpell", "Bimodal", "DependencyOutage", "LatencyShift"];

/// All of them. What is right, and why: a sign is right where it names the cause, or the nearest that a client can know
/// of it. A slow first byte for a time, a lost cache and a Redis that is away all look like a slow spell, in which two
/// kinds of answers may be told; a queue before one slot and before a few differ by a
/// number, and of one that is short all that shows is that latency grows with load; an error burst without a
/// window is errors from the start; a bucket that throws fractions away and refuses one request in fifty cannot be told from
/// one that keeps them. `also` has what follows from it: whoever waits for a queue sees latency grow with load, what
/// is broken for a time is a burst of errors too, and a pause is followed by a rush.
pub const TRUTHS: &[Truth] = &[
    Truth {
        name: "error_burst",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| {
            let status = [500, 502, 503][stream.below(3) as usize];
            let keys = window(world, stream) + &share(strength);
            add(world, "error_burst", &format!("status = {status}\n{keys}"));
        },
        right: &["ErrorBurst", "DependencyOutage"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "error_burst (all the time)",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| {
            let status = [403, 500, 502, 503][stream.below(4) as usize];
            add(world, "error_burst", &format!("status = {status}\n{}", share(strength)));
        },
        right: &["ErrorsFromStart"],
        also: &["ErrorBurst"],
    },
    Truth {
        name: "fail_first",
        figure: Figure::Accepted,
        strengths: (3.0, 10_000.0),
        apply: |world, _, strength, stream| {
            let status = [500, 502, 503][stream.below(3) as usize];
            add(world, "fail_first", &format!("status = {status}\ncount = {}", strength.round()));
        },
        right: &["ErrorsFromStart"],
        also: &["ErrorBurst", "DependencyOutage", "SlowBurstRecovery"],
    },
    Truth {
        name: "authentication",
        figure: Figure::None,
        strengths: (1.0, 3.0),
        apply: |world, _, strength, _| {
            let mut classes = world.mix.clone();
            classes.sort_by_key(|(_, weight)| *weight);
            let at = (classes.len() - 1) * (strength as usize - 1) / 2;
            world.wrong_key = Some(classes[at].0);
        },
        right: &["ErrorsFromStart"],
        also: &[],
    },
    Truth {
        name: "throttle_storm (user)",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| storm(world, "user", strength, stream),
        right: &["RateLimited(User)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "throttle_storm (address)",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| storm(world, "address", strength, stream),
        right: &["RateLimited(Address)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "throttle_storm (global)",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| storm(world, "global", strength, stream),
        right: &["RateLimited(Global)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "token_starvation",
        figure: Figure::Accepted,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| starve(world, base, "user", strength),
        right: &["Starvation(User)", "RateLimited(User)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "rate limit (user)",
        figure: Figure::Accepted,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| {
            world.limits = Limits { user: limit_of(base, strength), ..Limits::OFF };
        },
        right: &["RateLimited(User)", "Starvation(User)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "rate limit (address)",
        figure: Figure::Accepted,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| {
            world.limits = Limits { address: limit_of(base, strength), ..Limits::OFF };
        },
        right: &["RateLimited(Address)", "Starvation(Address)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "rate limit (global)",
        figure: Figure::Accepted,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| {
            world.limits = Limits { global: limit_of(base, strength), ..Limits::OFF };
        },
        right: &["RateLimited(Global)", "Starvation(Global)"],
        also: &["SlowBurstRecovery"],
    },
    Truth {
        name: "reset",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| broken(world, "reset", strength, stream),
        right: &["BrokenAnswers"],
        also: ERRORS,
    },
    Truth {
        name: "truncate",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| broken(world, "truncate", strength, stream),
        right: &["BrokenAnswers"],
        also: ERRORS,
    },
    Truth {
        name: "corrupt",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| broken(world, "corrupt", strength, stream),
        right: &["BrokenAnswers"],
        also: ERRORS,
    },
    Truth {
        name: "timeouts",
        figure: Figure::Accepted,
        strengths: SHARES,
        apply: |world, _, strength, stream| {
            let keys = window_or_all(world, stream) + &share(strength);
            add(world, "slow_first_byte", &format!("delay = \"60s\"\n{keys}"));
        },
        right: &["Timeouts"],
        also: ERRORS,
    },
    Truth {
        name: "deadline",
        figure: Figure::Accepted,
        strengths: (1.0, 100.0),
        apply: |world, base, strength, _| world.top.push_str(&us("deadline", base.ask_ms * 20.0 / strength)),
        right: &["Timeouts"],
        also: &["ErrorsFromStart", "ErrorBurst"],
    },
    Truth {
        name: "slow_first_byte",
        figure: Figure::Mean,
        strengths: DELAYS_MS,
        apply: |world, _, strength, stream| {
            let keys = window(world, stream) + &us("delay", strength);
            add(world, "slow_first_byte", &keys);
        },
        right: SPELLS,
        also: SLOW,
    },
    Truth {
        name: "slow_first_byte (a share)",
        figure: Figure::P95,
        strengths: DELAYS_MS,
        apply: |world, _, strength, stream| {
            let part = 0.06 + 0.3 * stream.unit();
            let keys = window(world, stream) + &us("delay", strength) + &share(part);
            add(world, "slow_first_byte", &keys);
        },
        right: SPELLS,
        also: SLOW,
    },
    Truth {
        name: "freeze",
        figure: Figure::Longest,
        strengths: (100.0, 30_000.0),
        apply: |world, _, strength, stream| {
            let start_ms = world.lasts().as_secs_f64() * 1e3 * (0.2 + 0.5 * stream.unit());
            let keys = us("start", start_ms) + &us("end", start_ms + strength);
            add(world, "freeze", &keys);
        },
        right: &["Freeze"],
        also: &["SlowBurstRecovery", "Timeouts", "ErrorBurst", "SlowSpell"],
    },
    Truth {
        name: "stall",
        figure: Figure::P99,
        strengths: (5.0, 4_500.0),
        apply: |world, _, strength, stream| {
            let lasts_ms = world.lasts().as_secs_f64() * 1e3;
            let every_ms = log_uniform(stream, 3_000.0, 15_000.0).min(lasts_ms / 6.0);
            let keys = us("every", every_ms) + &us("length", strength.min(every_ms * 0.9));
            add(world, "stall", &keys);
        },
        right: &["PeriodicStalls"],
        also: SLOW,
    },
    Truth {
        name: "leak",
        figure: Figure::MeanLast,
        strengths: (0.001, 1_000.0),
        apply: |world, _, strength, _| {
            add(world, "leak", &format!("{}delay_max = \"60s\"", us("delay_per_s", strength)));
        },
        right: &["LatencyWithTime"],
        also: &["LatencyWithLoad", "Timeouts", "Collapse", "EarlyPlateau"],
    },
    Truth {
        name: "cold_start",
        figure: Figure::MeanFirst,
        strengths: DELAYS_MS,
        apply: |world, _, strength, stream| {
            let half_life_ms = log_uniform(stream, 1_000.0, 8_000.0);
            add(world, "cold_start", &(us("delay", strength) + &us("half_life", half_life_ms)));
        },
        right: &["ColdStart"],
        also: &["SlowBurstRecovery", "SlowSpell"],
    },
    Truth {
        name: "plateau",
        figure: Figure::AcceptedLast,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| {
            let workers = (base.in_flight * 2.0 / strength).ceil().max(1.0);
            add(world, "plateau", &format!("workers = {workers}"));
        },
        right: QUEUES,
        also: QUEUED,
    },
    Truth {
        name: "concurrency",
        figure: Figure::P95,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| {
            let slots = (base.in_flight * 2.0 / strength).ceil().max(1.0) as u32;
            world.agents.iter_mut().for_each(|agent| agent.1 = slots);
        },
        right: QUEUES,
        also: QUEUED,
    },
    Truth {
        name: "connections",
        figure: Figure::P95,
        strengths: SQUEEZES,
        apply: |world, base, strength, _| {
            let pool = (base.in_flight * 2.0 / strength).ceil().max(1.0);
            let further = format!("connection = {{ connect = {{ fixed = \"1ms\" }}, pool = {pool} }}\n");
            world.agents.iter_mut().for_each(|agent| agent.3.push_str(&further));
        },
        right: QUEUES,
        also: QUEUED,
    },
    Truth {
        name: "collapse",
        figure: Figure::AcceptedLast,
        strengths: DELAYS_MS,
        apply: |world, base, strength, stream| {
            let knee = (base.in_flight * (0.2 + 0.3 * stream.unit())).ceil().max(1.0);
            add(world, "collapse", &format!("knee = {knee}\n{}", us("cost", strength)));
        },
        right: &["Collapse", "LatencyWithLoad"],
        also: &["EarlyPlateau", "PoolLimit", "SlowBurstRecovery", "Timeouts", "LatencyWithTime"],
    },
    Truth {
        name: "scaling",
        figure: Figure::Mean,
        strengths: (0.001, 10.0),
        apply: |world, _, strength, _| {
            let further = format!("scaling = {{ contention = {strength:.6} }}\n");
            world.agents.iter_mut().for_each(|agent| agent.3.push_str(&further));
        },
        right: &["LatencyWithLoad", "EarlyPlateau", "PoolLimit"],
        also: &["SlowBurstRecovery", "Collapse", "LatencyWithTime"],
    },
    Truth {
        name: "lost_cache",
        figure: Figure::Mean,
        strengths: SHARES,
        apply: |world, _, strength, stream| {
            let keys = window(world, stream) + &share(strength);
            add(world, "lost_cache", &keys);
        },
        right: SPELLS,
        also: &["ColdStart", "SlowBurstRecovery"],
    },
    Truth {
        name: "redis_outage",
        figure: Figure::None,
        strengths: (1.0, 3.0),
        apply: |world, _, strength, stream| outage(world, "down", strength, stream),
        right: SPELLS,
        also: ERRORS,
    },
    Truth {
        name: "redis_outage (frozen)",
        figure: Figure::None,
        strengths: (1.0, 3.0),
        apply: |world, _, strength, stream| outage(world, "frozen", strength, stream),
        right: SPELLS,
        also: &["ErrorBurst", "Timeouts", "SlowBurstRecovery", "Freeze"],
    },
];

/// What a healthy world may show all the same, and truly: two kinds of answers where its delays or its cache have them,
/// and a cache that is cold at first.
pub fn true_of(world: &World) -> &'static [&'static str] {
    match (world.cached, world.mixed, &world.shape) {
        (true, _, _) => &["Healthy", "TooShort", "Bimodal", "ColdStart"],
        (_, true, _) => &["Healthy", "TooShort", "Bimodal"],
        (_, _, Shape::Single(..) | Shape::Baseline(_)) => &["Healthy", "TooShort"],
    }
}
