//! How what is wrong is planted in a world. It must not know what is right about it.

use stub::Limit;
use wire::Stream;

use super::truths::Base;
use super::world::World;

/// A fault from a fifth or more of the run on, for a while, or to the end.
pub(super) fn window(world: &World, stream: &mut Stream) -> String {
    let lasts_s = world.lasts().as_secs_f64();
    let start_s = lasts_s * (0.2 + 0.3 * stream.unit());
    let length_s = (lasts_s * (0.1 + 0.3 * stream.unit())).max(5.0);
    format!("start = \"{}ms\"\nend = \"{}ms\"\n", (start_s * 1e3) as u64, ((start_s + length_s) * 1e3) as u64)
}

/// The same half of the time; else the whole run.
pub(super) fn window_or_all(world: &World, stream: &mut Stream) -> String {
    let window = window(world, stream);
    if stream.unit() < 0.5 { window } else { String::new() }
}

pub(super) fn add(world: &mut World, kind: &str, keys: &str) {
    world.faults.push_str(&format!("[[fault]]\nkind = \"{kind}\"\n{keys}\n"));
}

pub(super) fn share(strength: f64) -> String {
    format!("share = {:.6}\n", strength.min(1.0))
}

pub(super) fn us(key: &str, ms: f64) -> String {
    format!("{key} = \"{}us\"\n", (ms * 1e3).max(1.0) as u64)
}

pub(super) fn limit_of(base: &Base, strength: f64) -> Limit {
    let rate = (base.ask_per_s * 4.0 / strength).round().max(1.0) as i64;
    Limit::per_second(rate, rate)
}

pub(super) fn storm(world: &mut World, layer: &str, strength: f64, stream: &mut Stream) {
    let window = window_or_all(world, stream);
    add(world, "throttle_storm", &format!("layer = \"{layer}\"\n{window}{}", share(strength)));
}

pub(super) fn starve(world: &mut World, base: &Base, layer: &str, strength: f64) {
    let Limit::PerSecond { rate, .. } = limit_of(base, strength) else { return };
    add(world, "token_starvation", &format!("layer = \"{layer}\"\nrate = {rate}\n"));
}

pub(super) fn broken(world: &mut World, kind: &str, strength: f64, stream: &mut Stream) {
    let keys = window_or_all(world, stream) + &share(strength);
    add(world, kind, &keys);
}

/// Longer by the severity: an outage has no other strength.
pub(super) fn outage(world: &mut World, how: &str, strength: f64, stream: &mut Stream) {
    let lasts_s = world.lasts().as_secs_f64();
    let start_s = lasts_s * (0.2 + 0.3 * stream.unit());
    let end_s = start_s + (lasts_s * 0.12 * strength).max(6.0);
    add(
        world,
        "redis_outage",
        &format!("how = \"{how}\"\n{}{}", us("start", start_s * 1e3), us("end", end_s * 1e3)),
    );
}
