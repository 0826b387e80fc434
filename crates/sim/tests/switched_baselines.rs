//! The switches of the profile under the harness's own load: each moves a baseline as theory says.
//!
//! The profiles are those of `load_tests/stub/`; the load is a minute of the suite's last step.

mod common;

use std::fs::read_to_string;
use std::time::Duration;

use common::{LOAD_TESTS, plan};
use harness::Load;
use sim::simulate;
use stub::{Limits, Profile, Settings};
use wire::{RouteTruth, Truth};

/// The text of a profile.
fn text(name: &str) -> String {
    let path = format!("{LOAD_TESTS}/stub/{name}.toml");
    read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The same with one slot an agent, which the users saturate.
fn narrow(text: &str) -> String {
    let narrow = text.replace("concurrency = 256", "concurrency = 1");
    assert_ne!(narrow, text, "the profile has other figures now");
    narrow
}

/// What the stub truly did in a minute with 100 users.
fn minute(text: &str) -> Truth {
    minute_with(100, text)
}

fn minute_with(users: u32, text: &str) -> Truth {
    let mut plan = plan(7);
    let last = plan.steps.pop().expect("six steps");
    plan.steps = vec![last];
    plan.steps[0].load = Load::Closed { users, spawn_rate_per_s: f64::from(users) };
    plan.steps[0].run_time = Some(Duration::from_secs(60));
    let profile = Profile::parse("profile.toml", text).unwrap_or_else(|wrong| panic!("{wrong}"));
    // The limits would hide what the switches do.
    let settings = Settings { limits: Limits::OFF, ..Settings::suite() };
    simulate(plan, settings, profile).expect("a runtime").truth
}

fn asked(truth: &Truth) -> &RouteTruth {
    let answered = |route: &&RouteTruth| (&*route.route, route.status) == ("POST /ask", 200);
    truth.routes.iter().find(answered).expect("answers")
}

/// The mean time of an answer in milliseconds.
fn mean_ms(truth: &Truth) -> f64 {
    asked(truth).service.sum_ns as f64 / asked(truth).count as f64 / 1e6
}

#[track_caller]
fn within(got: f64, least: f64, most: f64) {
    assert!((least..=most).contains(&got), "{got} is not within {least} and {most}");
}

#[test]
fn an_answer_cache_spares_what_repeats_and_nothing_else() {
    let (off, on) = (minute(&text("default")), minute(&text("answer_cache")));
    let quantile = |truth: &Truth, name: &str| asked(truth).service.quantiles_ns[name] as f64 / 1e6;
    // Most questions repeat, so the median is a look; a few never do, so the tail stays.
    within(quantile(&on, "p50"), 1.0, 1.002);
    within(quantile(&on, "p99") / quantile(&off, "p99"), 0.8, 1.2);
    within(mean_ms(&on) / mean_ms(&off), 0.1, 0.5);
}

#[test]
fn connections_cost_what_they_take_and_a_pool_saves_nearly_all_of_it() {
    let [bare, each, pooled] = ["default", "no_pooling", "pooling"].map(|name| mean_ms(&minute(&text(name))));
    // One to three stages with a model each, 25 ms on average; of those side by side the latest counts.
    within(each - bare, 25.0, 75.0);
    within(pooled - bare, 0.0, 0.1 * (each - bare));
}

#[test]
fn batching_costs_latency_where_slots_are_free_and_pays_where_they_are_short() {
    let (off, on) = (minute(&text("default")), minute(&text("batching")));
    within(mean_ms(&on) - mean_ms(&off), 10.0, 100.0);
    // A window gathers about 1 + λw works, so it has to be long against what comes to an agent; then a slot does up to
    // 3.3 times as much, less as a batch waits for its longest delay.
    let wide = text("batching").replace("10ms", "200ms");
    let (off, on) = (minute_with(300, &narrow(&text("default"))), minute_with(300, &narrow(&wide)));
    within(asked(&on).count as f64 / asked(&off).count as f64, 1.2, 3.4);
    assert!(mean_ms(&on) < mean_ms(&off));
}

#[test]
fn replicas_change_nothing_until_slots_are_short() {
    let (off, on) = (minute(&text("default")), minute(&text("replicas")));
    assert_eq!(off, on, "nothing queues, so the times are the very same");
    let (off, on) = (minute(&narrow(&text("default"))), minute(&narrow(&text("replicas"))));
    within(asked(&on).count as f64 / asked(&off).count as f64, 1.3, 3.0);

    assert!(mean_ms(&on) < mean_ms(&off) / 2.0);
}
