//! Reads the `[[fault]]` tables of a profile. It must not know what the faults do.

use std::time::Duration;

use http::StatusCode;
use wire::{Table, Value, nearest};

use super::plan::{Effect, FaultPlan, Kept, LeakPlan};
use super::{FAULTS_MAX, Fault};
use crate::latency::DELAY_NS_MAX;
use crate::limiter::Layer;
use crate::profile::{in_range, or_default, whole_ns};
use crate::redis::Condition;
use crate::routes;
use crate::settings::Limit;

const DELAY_MAX: Duration = Duration::from_nanos(DELAY_NS_MAX);
/// Longest time until a start or an end, and between pauses.
const SPAN_MAX: Duration = Duration::from_secs(30 * 86_400);
const MEMORY_BYTES_MAX: u64 = 4 << 30;
const MEMORY_BYTES_DEFAULT: u64 = 256 << 20;
const NUMBER_MAX: u32 = 1_000_000_000;

/// All faults of a profile; `None` beside a mistake.
pub(crate) fn faults(table: &mut Table<'_>) -> Option<Vec<FaultPlan>> {
    let Some(value) = table.value("fault") else { return Some(vec![]) };
    let items = value.items();
    if items.len() > FAULTS_MAX {
        value.mistake("has too many faults", &format!("give at most {FAULTS_MAX}"));
    }
    let read: Vec<_> = items.iter().map(|item| item.table(fault).flatten()).collect();
    read.into_iter().collect()
}

fn fault(table: &mut Table<'_>) -> Option<FaultPlan> {
    let Some(fault) = table.need_value("kind").and_then(|value| kind(&value)) else {
        // Which keys are right depends on the kind.
        table.entries();
        return None;
    };
    let before = table.mistakes_count();
    let start = span(table, "start").unwrap_or_default();
    let end = span(table, "end");
    if end.is_some_and(|end| end <= start) && table.mistakes_count() == before {
        table.mistake("`end` is no later than `start`", "give a later `end`, or none for ever");
    }
    if fault == Fault::Freeze && end.is_none() && table.mistakes_count() == before {
        table.mistake("`end` is missing, at which the answers are let go", "add `end = …`");
    }
    let (mut share, mut route) = (1.0, None);
    if fault != Fault::RedisOutage {
        let remedy = "give a share from 0 to 1";
        share = or_default(table, "share", 1.0, remedy, |share| (0.0..=1.0).contains(share)).unwrap_or(1.0);
        route = path(table, fault);
    }
    let effect = effect(table, fault);
    if table.mistakes_count() != before {
        return None;
    }
    Some(FaultPlan { start_ns: whole_ns(start), end_ns: end.map(whole_ns), share, route, effect: effect? })
}

fn kind(value: &Value<'_>) -> Option<Fault> {
    one_of(value, &Fault::ALL.iter().map(|fault| (fault.name(), *fault)).collect::<Vec<_>>())
}

/// The named one of `all`.
fn one_of<T: Copy>(value: &Value<'_>, all: &[(&str, T)]) -> Option<T> {
    let name: String = value.read()?;
    let found = all.iter().find(|(known, _)| *known == name);
    if found.is_none() {
        let names: Vec<_> = all.iter().map(|(known, _)| *known).collect();
        let remedy = match nearest(&name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("give one of {}", names.join(", ")),
        };
        value.mistake("is not known", &remedy);
    }
    found.map(|(_, found)| *found)
}

/// The path pattern that it strikes; `None` is all, and a mistake has been told.
fn path(table: &mut Table<'_>, fault: Fault) -> Option<&'static str> {
    let Some(value) = table.value("route") else {
        return (fault != Fault::LostCache).then_some("/ask");
    };
    let known: Vec<_> = routes::patterns().map(|path| (path, Some(path))).chain([("*", None)]).collect();
    one_of(&value, &known).flatten()
}

fn effect(table: &mut Table<'_>, fault: Fault) -> Option<Effect> {
    Some(match fault {
        Fault::ErrorBurst => Effect::ErrorBurst { status: status(table)? },
        Fault::FailFirst => {
            let (count, status) = (table.need("count"), status(table));
            Effect::FailFirst { count: count?, status: status? }
        }
        Fault::ThrottleStorm => Effect::ThrottleStorm { layer: layer(table)? },
        Fault::TokenStarvation => token_starvation(table)?,
        Fault::Reset => Effect::Reset,
        Fault::Truncate => Effect::Truncate(kept(table)?),
        Fault::Corrupt => Effect::Corrupt,
        Fault::KeepAliveClose => Effect::KeepAliveClose,
        Fault::SlowFirstByte => Effect::SlowFirstByte { delay_ns: need_ns(table, "delay", DELAY_MAX)? },
        Fault::Freeze => Effect::Freeze,
        Fault::Stall => stall(table)?,
        Fault::Leak => leak(table)?,
        Fault::ColdStart => {
            let (delay_ns, half_life_ns) =
                (need_ns(table, "delay", DELAY_MAX), need_ns(table, "half_life", SPAN_MAX));
            Effect::ColdStart { delay_ns: delay_ns?, half_life_ns: half_life_ns? }
        }
        Fault::Plateau => Effect::Plateau {
            workers: or_default(table, "workers", 1, "give 1 to 1000000", |n| (1..=1_000_000).contains(n))?,
        },
        Fault::Collapse => {
            let knee = table.need_value("knee");
            let knee = knee.and_then(|value| in_range(&value, "give 1 or more", |n: &u32| *n > 0));
            let cost_ns = need_ns(table, "cost", DELAY_MAX);
            Effect::Collapse { knee: knee?, cost_ns: cost_ns? }
        }
        Fault::LostCache => Effect::LostCache,
        Fault::RedisOutage => Effect::RedisOutage(match table.value("how") {
            None => Condition::Down,
            Some(value) => one_of(&value, &[("down", Condition::Down), ("frozen", Condition::Frozen)])?,
        }),
    })
}

fn status(table: &mut Table<'_>) -> Option<StatusCode> {
    let number = or_default(table, "status", 503, "give 400 to 599", |n: &u16| (400..600).contains(n))?;
    StatusCode::from_u16(number).ok()
}

fn layer(table: &mut Table<'_>) -> Option<Layer> {
    let Some(value) = table.value("layer") else { return Some(Layer::User) };
    one_of(&value, &[("user", Layer::User), ("address", Layer::Address), ("global", Layer::Global)])
}

fn token_starvation(table: &mut Table<'_>) -> Option<Effect> {
    let remedy = format!("give 1 to {NUMBER_MAX}");
    let fits = |n: &u32| (1..=NUMBER_MAX).contains(n);
    let rate = table.need_value("rate").and_then(|value| in_range(&value, &remedy, fits));
    let burst = or_default(table, "burst", rate.unwrap_or(1), &remedy, fits);
    let layer = layer(table);
    let limit = Limit::per_second(i64::from(rate?), i64::from(burst?));
    Some(Effect::TokenStarvation { layer: layer?, limit })
}

fn kept(table: &mut Table<'_>) -> Option<Kept> {
    let bytes: Option<u64> = table.get("bytes");
    let share = table.get_if("body_share", "give a share from 0 to 1", |share| (0.0..=1.0).contains(share));
    match (bytes, share) {
        (Some(_), Some(_)) => {
            table.mistake("`bytes` and `body_share` say the same in two ways", "give one of them");
            None
        }
        (Some(bytes), None) => Some(Kept::Bytes(bytes)),
        (None, share) => Some(Kept::Share(share.unwrap_or(0.5))),
    }
}

fn stall(table: &mut Table<'_>) -> Option<Effect> {
    let (every_ns, length_ns) = (need_ns(table, "every", SPAN_MAX), need_ns(table, "length", SPAN_MAX));
    let (every_ns, length_ns) = (every_ns?, length_ns?);
    if length_ns >= every_ns {
        table.mistake("a pause is as long as the time to the next", "give a `length` below `every`");
    }
    Some(Effect::Stall { every_ns, length_ns })
}

fn leak(table: &mut Table<'_>) -> Option<Effect> {
    let before = table.mistakes_count();
    let time = |table: &mut Table<'_>, key, default| {
        or_default(table, key, default, "give 0s to 1h", |delay: &Duration| *delay <= DELAY_MAX)
    };
    let remedy = format!("give bytes, 0 to {MEMORY_BYTES_MAX}");
    let fits = |bytes: &u64| *bytes <= MEMORY_BYTES_MAX;
    let delay_per_s = time(table, "delay_per_s", Duration::ZERO);
    let delay_max = time(table, "delay_max", Duration::from_secs(10));
    let memory_per_s = or_default(table, "memory_per_s", 0, &remedy, fits);
    let memory_max = or_default(table, "memory_max", MEMORY_BYTES_DEFAULT, &remedy, fits);
    if delay_per_s.is_some_and(|d| d.is_zero()) && memory_per_s == Some(0) && table.mistakes_count() == before
    {
        table.mistake("nothing leaks", "give `delay_per_s` or `memory_per_s`");
    }
    Some(Effect::Leak(LeakPlan {
        delay_per_s_ns: whole_ns(delay_per_s?),
        delay_ns_max: whole_ns(delay_max?),
        memory_per_s_bytes: memory_per_s?,
        memory_bytes_max: memory_max?,
    }))
}

/// A time since the fault is in force.
fn span(table: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    table.get_if(key, "give at most 720h", |span| *span <= SPAN_MAX)
}

/// A time of a microsecond at least, which is what virtual time counts in.
fn need_ns(table: &mut Table<'_>, key: &'static str, most: Duration) -> Option<u64> {
    let remedy = format!("give 1us to {}", wire::format_duration(most));
    let fits = |time: &Duration| (Duration::from_micros(1)..=most).contains(time);
    in_range(&table.need_value(key)?, &remedy, fits).map(whole_ns)
}
