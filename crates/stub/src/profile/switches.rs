//! The switches of a profile: what the Weaver team may build next, tried before it is built.
//!
//! Each is off unless the profile names it. It must not know how they are carried out.

use std::time::Duration;

use wire::{FromToml, Table, Value};

use crate::latency::LatencyModel;

/// Answers that a cache keeps, unless the profile says another number.
const ENTRIES_DEFAULT: u32 = 10_000;
const ENTRIES_MAX: u32 = 1_000_000;
const POOL_MAX: u32 = 1_000_000;
const IDLE_DEFAULT: Duration = Duration::from_secs(30);
const BATCH_MAX: u32 = 10_000;
const PER_ITEM_MAX: f64 = 1_000.0;
const WINDOW_MAX: Duration = Duration::from_secs(3_600);
const REPLICAS_MAX: u32 = 1_000;
const CONTENTION_MAX: f64 = 1_000.0;

/// `[answer_cache]`: answers are kept by their query, and a query that was answered needs no agents.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerCachePlan {
    /// An answer is kept so long.
    pub(crate) ttl_ns: u64,
    pub(crate) entries_max: u32,
    /// What a look into the cache takes, hit or miss.
    pub(crate) lookup: LatencyModel,
}

/// `connection = …` of an agent: its work needs a connection to a backend.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConnectionPlan {
    /// What a new connection takes.
    pub(crate) connect: LatencyModel,
    /// Connections that are kept and shared, so many at once; 0 makes a new one for each piece of work.
    pub(crate) pool: u32,
    /// A connection that was not used for so long is closed.
    pub(crate) idle_ns: u64,
}

/// `batching = …` of an agent: works are gathered and done together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BatchingPlan {
    /// A batch waits so long for more, from its first work on.
    pub(crate) window_ns: u64,
    /// A batch of so many waits no longer.
    pub(crate) size: u32,
    /// Each work beyond the first makes the batch's delay longer by this share.
    pub(crate) per_item: f64,
}

/// `scaling = …` of an agent: works that are in service together slow one another down.
///
/// With n works in service, the one that begins counted, it takes drawn × (1 + σ (n − 1) + κ n (n − 1)), so n of them
/// do n / (1 + σ (n − 1) + κ n (n − 1)) times as much as one: Gunther's Universal Scalability Law (*Guerrilla Capacity
/// Planning*, 2007, section 4.4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScalingPlan {
    /// σ: the share of the work that is done one after the other.
    pub(crate) contention: f64,
    /// κ: what each pair costs to agree.
    pub(crate) coherency: f64,
}

impl ScalingPlan {
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let remedy = "give a number from 0 to 1000";
        let fits = |number: &f64| (0.0..=CONTENTION_MAX).contains(number);
        let contention = or_default(table, "contention", 0.0, remedy, fits);
        let coherency = or_default(table, "coherency", 0.0, remedy, fits);
        Some(Self { contention: contention?, coherency: coherency? })
    }

    /// What a work takes with `together` of them in service, itself among them, as a multiple of what it takes alone.
    pub(crate) fn factor(self, together: usize) -> f64 {
        let (n, others) = (together as f64, together.saturating_sub(1) as f64);
        1.0 + self.contention * others + self.coherency * n * others
    }
}

impl AnswerCachePlan {
    /// With the defaults of everything but the time.
    pub(super) fn lasting(ttl: Duration) -> Self {
        Self { ttl_ns: whole_ns(ttl), entries_max: ENTRIES_DEFAULT, lookup: LatencyModel::MILLISECOND }
    }

    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let ttl = table.need_value("ttl");
        let ttl = ttl.and_then(|ttl| in_range(&ttl, "give a time above 0", |d: &Duration| !d.is_zero()));
        let entries_max = number(table, "entries_max", ENTRIES_DEFAULT, 1, ENTRIES_MAX);
        let lookup = match table.value("lookup") {
            None => Some(LatencyModel::MILLISECOND),
            Some(value) => LatencyModel::read(&value),
        };
        Some(Self { ttl_ns: whole_ns(ttl?), entries_max: entries_max?, lookup: lookup? })
    }
}

impl ConnectionPlan {
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let connect = table.need_value("connect").and_then(|value| LatencyModel::read(&value));
        let pool = number(table, "pool", 0, 0, POOL_MAX);
        let idle = match table.value("idle") {
            None => Some(IDLE_DEFAULT),
            Some(value) => {
                if pool == Some(0) {
                    value.mistake("says nothing without a pool", "give pool = 1 or more, or take it out");
                }
                in_range(&value, "give a time above 0", |d: &Duration| !d.is_zero())
            }
        };
        Some(Self { connect: connect?, pool: pool?, idle_ns: whole_ns(idle?) })
    }
}

impl BatchingPlan {
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let window = table.need_value("window");
        let window =
            window.and_then(|value| in_range(&value, "give 0s to 1h", |d: &Duration| *d <= WINDOW_MAX));
        let size = table.need_value("size");
        let remedy = format!("give 1 to {BATCH_MAX}");
        let size = size.and_then(|value| in_range(&value, &remedy, |n: &u32| (1..=BATCH_MAX).contains(n)));
        let share = |share: &f64| (0.0..=PER_ITEM_MAX).contains(share);
        let per_item = or_default(table, "per_item", 0.0, "give a share from 0 to 1000", share);
        Some(Self { window_ns: whole_ns(window?), size: size?, per_item: per_item? })
    }
}

/// `replicas = …`: each agent stands there so often.
pub(super) fn replicas(table: &mut Table<'_>) -> Option<u32> {
    number(table, "replicas", 1, 1, REPLICAS_MAX)
}

/// The switch under `key`: `Some(None)` where it is off, `None` where it is wrong.
pub(super) fn switch<T>(
    table: &mut Table<'_>,
    key: &'static str,
    read: fn(&mut Table<'_>) -> Option<T>,
) -> Option<Option<T>> {
    match table.value(key) {
        None => Some(None),
        Some(value) => value.table(read).flatten().map(Some),
    }
}

fn number(table: &mut Table<'_>, key: &'static str, default: u32, least: u32, most: u32) -> Option<u32> {
    let remedy = format!("give {least} to {most}");
    or_default(table, key, default, &remedy, |n: &u32| (least..=most).contains(n))
}

/// The value of `key`, checked, or the default; `None` beside a mistake.
pub(crate) fn or_default<T: FromToml>(
    table: &mut Table<'_>,
    key: &'static str,
    default: T,
    remedy: &str,
    check: impl FnOnce(&T) -> bool,
) -> Option<T> {
    match table.value(key) {
        None => Some(default),
        Some(value) => in_range(&value, remedy, check),
    }
}

pub(crate) fn in_range<T: FromToml>(
    value: &Value<'_>,
    remedy: &str,
    check: impl FnOnce(&T) -> bool,
) -> Option<T> {
    let read: T = value.read()?;
    if check(&read) {
        return Some(read);
    }
    value.mistake("is out of range", remedy);
    None
}

pub(crate) fn whole_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    /// A profile with `top` before its one agent, which has `line`.
    fn with(top: &str, line: &str) -> Result<Profile, wire::Mistakes> {
        let text = format!(
            "{top}\n[agent.a]\nconcurrency = 1\ndelay = {{ fixed = \"1ms\" }}\n{line}\n[[workflow]]\nname = \"w\"\nstages = [\"a\"]\n"
        );
        Profile::parse("p.toml", &text)
    }

    #[test]
    fn all_are_off_unless_named() {
        let profile = with("", "").unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!((profile.replicas, &profile.answer_cache), (1, &None));
        assert_eq!((&profile.agents[0].connection, profile.agents[0].batching), (&None, None));
        assert_eq!(profile.agents[0].scaling, None);
    }

    #[test]
    fn reads_what_is_right() {
        let top =
            "replicas = 3\nanswer_cache = { ttl = \"5m\", entries_max = 7, lookup = { fixed = \"2ms\" } }";
        let agent = "connection = { connect = { fixed = \"9ms\" }, pool = 10, idle = \"30s\" }\nbatching = { window = \"10ms\", size = 8, per_item = 0.2 }";
        let profile = with(top, agent).unwrap_or_else(|wrong| panic!("{wrong}"));
        let cache = profile.answer_cache.as_ref().expect("on");
        assert_eq!((profile.replicas, cache.ttl_ns, cache.entries_max), (3, 300_000_000_000, 7));
        let connection = profile.agents[0].connection.as_ref().expect("on");
        assert_eq!((connection.pool, connection.idle_ns), (10, 30_000_000_000));
        let batching = BatchingPlan { window_ns: 10_000_000, size: 8, per_item: 0.2 };
        assert_eq!(profile.agents[0].batching, Some(batching));
        assert_eq!(profile.written["answer_cache"]["lookup"]["fixed"], "2ms");
    }

    #[test]
    fn scaling_is_the_universal_law() {
        let profile = with("", "scaling = { contention = 0.1, coherency = 0.01 }").expect("right");
        let scaling = profile.agents[0].scaling.expect("on");
        for (together, expected) in [(0, 1.0), (1, 1.0), (2, 1.12), (11, 3.1)] {
            assert!((scaling.factor(together) - expected).abs() < 1e-12, "{together}");
        }
    }

    #[test]
    fn a_cache_can_be_switched_over_any_profile() {
        let minute = Duration::from_secs(60);
        let bare = with("", "").expect("right").with_answer_cache(minute);
        assert_eq!(bare.answer_cache, Some(AnswerCachePlan::lasting(minute)));
        assert_eq!(bare.written["answer_cache"]["ttl"], "1m");
        let set = with("answer_cache = { ttl = \"5m\", entries_max = 7 }", "").expect("right");
        let shorter = set.clone().with_answer_cache(minute).answer_cache.expect("on");
        assert_eq!((shorter.ttl_ns, shorter.entries_max), (60_000_000_000, 7));
        let off = set.with_answer_cache(Duration::ZERO);
        assert!(off.answer_cache.is_none() && !off.written.contains_key("answer_cache"));
    }

    #[test]
    fn mistakes_have_their_line_and_remedy() {
        for (top, line, expected) in [
            ("replicas = 0", "", "p.toml:1: `replicas` = 0 is out of range; give 1 to 1000"),
            ("answer_cache = {}", "", "p.toml:1: in `answer_cache`: `ttl` is missing; add `ttl = …`"),
            (
                "answer_cache = { ttl = \"0s\" }",
                "",
                "`answer_cache.ttl` = \"0s\" is out of range; give a time above 0",
            ),
            (
                "answer_cache = { ttl = \"1s\", entries_max = 0 }",
                "",
                "`answer_cache.entries_max` = 0 is out of range; give 1 to 1000000",
            ),
            (
                "answer_cache = { ttl = \"1s\", entires_max = 5 }",
                "",
                "unknown key `entires_max` in `answer_cache`; did you mean `entries_max`?",
            ),
            (
                "answer_cache = { ttl = \"1s\", lookup = \"1ms\" }",
                "",
                "`answer_cache.lookup` = \"1ms\" has the wrong type or range; give a table",
            ),
            (
                "",
                "connection = {}",
                "p.toml:5: in `agent.a.connection`: `connect` is missing; add `connect = …`",
            ),
            (
                "",
                "connection = { connect = { fixed = \"1ms\" }, idle = \"1s\" }",
                "`agent.a.connection.idle` = \"1s\" says nothing without a pool; give pool = 1 or more, or take it out",
            ),
            (
                "",
                "connection = { connect = { fixed = \"1ms\" }, pool = -1 }",
                "`agent.a.connection.pool` = -1 has the wrong type or range; give a whole number",
            ),
            ("", "batching = { size = 8 }", "in `agent.a.batching`: `window` is missing; add `window = …`"),
            (
                "",
                "batching = { window = \"2h\", size = 8 }",
                "`agent.a.batching.window` = \"2h\" is out of range; give 0s to 1h",
            ),
            (
                "",
                "batching = { window = \"1s\", size = 0 }",
                "`agent.a.batching.size` = 0 is out of range; give 1 to 10000",
            ),
            (
                "",
                "scaling = { contention = -1 }",
                "`agent.a.scaling.contention` = -1 is out of range; give a number from 0 to 1000",
            ),
            (
                "",
                "batching = { window = \"1s\", size = 8, per_item = -0.1 }",
                "`agent.a.batching.per_item` = -0.1 is out of range; give a share from 0 to 1000",
            ),
        ] {
            let wrong = with(top, line).expect_err(line);
            assert!(wrong.0.len() == 1 && wrong.to_string().contains(expected), "{top}{line}: {wrong}");
        }
    }
}
