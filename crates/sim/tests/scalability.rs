//! The law of scalability as it is fitted, against the one that the stub keeps: σ and κ within 5 %.

use harness::{Bindings, Plan, ScenarioFile, read_suite};
use measure::conclude;
use measure::scalability::{Scaling, scaling};
use sim::simulate;
use stub::{Limits, Profile, Settings};
use wire::Seed;

const SEED: u64 = 5;
const NO_WAIT: &str = "{ constant = \"0s\" }";

const SCENARIO: &str = "
class = \"Asker\"
weight = 1
wait_time = WAIT

[headers]
X-API-Key = \"{{ api_key }}\"

[[task]]
name = \"ask\"
weight = 1

[[task.step]]
method = \"POST\"
path = \"/ask\"
json = { user_id = \"user_{{ user }}\", query = \"hello there\" }
expect = { status = [200], throttled = [429] }
";

/// A step a number of users, who ask and wait in turn.
fn plan(users: &[u32], seconds: u32, wait: &str, seed: u64) -> Plan {
    let targets = "[targets]\njudged_path = \"/ask\"\n\
        p50 = { target = \"200ms\", acceptable = \"500ms\", critical = \"1s\" }\n\
        p95 = { target = \"1s\", acceptable = \"2s\", critical = \"5s\" }\n\
        p99 = { target = \"2s\", acceptable = \"5s\", critical = \"10s\" }\n\
        failure_ratio = { target = 0.01, acceptable = 0.05, critical = 0.10 }\n\
        rps = { target = 10, acceptable = 5, critical = 5 }\n";
    let mut text = format!("scenarios = \"scenarios\"\n[mix]\nAsker = 1\n{targets}");
    for users in users {
        text.push_str(&format!(
            "[[step]]\nname = \"u{users}\"\nusers = {users}\nspawn_rate = {users}\nrun_time = \"{seconds}s\"\n"
        ));
    }
    let suite = read_suite("suite.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let file = ScenarioFile { name: "asker.toml".into(), text: SCENARIO.replace("WAIT", wait) };
    let bindings = Bindings { api_key: "test-api-key".into(), ..Bindings::default() };
    suite.plan("suite.toml", &[file], &bindings, Seed(seed)).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn profile(delay: &str, contention: f64, coherency: f64) -> Profile {
    let text = format!(
        "[agent.server]\nconcurrency = 1_000_000\ndelay = {delay}\n\
         scaling = {{ contention = {contention}, coherency = {coherency} }}\n\
         [[workflow]]\nname = \"usl\"\nstages = [\"server\"]\n"
    );
    Profile::parse("usl.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn fitted(plan: Plan, profile: Profile) -> Scaling {
    let settings = Settings { limits: Limits::OFF, ..Settings::suite() };
    let run = simulate(plan, settings, profile).expect("a runtime").run;
    scaling(&run, &conclude(&run).expect("a whole run"))
}

const TWELVE: &[u32] = &[1, 2, 3, 5, 10, 20, 35, 50, 75, 100, 150, 200];
/// The suite's own.
const SIX: &[u32] = &[1, 5, 10, 25, 50, 100];

/// Both constants within 5 % of the stub's.
#[track_caller]
fn check(
    what: &str,
    users: &[u32],
    seconds: u32,
    wait: &str,
    delay: &str,
    (contention, coherency): (f64, f64),
) {
    let found = fitted(plan(users, seconds, wait, SEED), profile(delay, contention, coherency));
    let what = format!("{what}, σ = {contention}, κ = {coherency}, seed {SEED}");
    let fit = found.law.unwrap_or_else(|why| panic!("{what}: withheld: {why}"));
    let off = |found: f64, true_value: f64| (found / true_value - 1.0).abs();
    assert!(off(fit.law.contention, contention) < 0.05, "{what}: {fit:?}");
    assert!(off(fit.law.coherency, coherency) < 0.05, "{what}: {fit:?}");
}

#[test]
fn known_contention_and_coherency_are_found() {
    for pair in [(0.005, 1e-5), (0.03, 5e-4), (0.1, 1e-4), (0.3, 1e-3), (0.05, 1e-2)] {
        check("no wait, fixed", TWELVE, 10, NO_WAIT, "{ fixed = \"50ms\" }", pair);
    }
}

#[test]
fn the_suites_six_loads_are_enough() {
    for pair in [(0.02, 2e-4), (0.08, 1e-3), (0.2, 5e-3)] {
        check("six loads", SIX, 10, NO_WAIT, "{ fixed = \"20ms\" }", pair);
    }
}

#[test]
fn times_that_vary_move_it_by_no_more() {
    let delay = "{ lognormal = { median = \"20ms\", p99 = \"30ms\" } }";
    for pair in [(0.03, 5e-4), (0.1, 2e-3)] {
        check("no wait, lognormal", TWELVE, 20, NO_WAIT, delay, pair);
    }
}

/// Users who wait are not in the system: the law is one of those who are.
#[test]
fn users_who_wait_do_not_matter() {
    let wait = "{ between = [\"500ms\", \"1500ms\"] }";
    for pair in [(0.03, 5e-4), (0.02, 1e-3)] {
        check("wait, fixed", TWELVE, 60, wait, "{ fixed = \"400ms\" }", pair);
    }
}

#[test]
fn what_cannot_carry_a_law_carries_none() {
    let withheld = |users: &[u32], wait: &str, profile: Profile, why: &str| {
        let found = fitted(plan(users, 20, wait, SEED), profile).law;
        let said = found.expect_err(why);
        assert!(said.contains(why), "{said}");
    };
    let fixed = "{ fixed = \"50ms\" }";
    withheld(&[1, 10, 50], NO_WAIT, profile(fixed, 0.03, 5e-4), "3 usable loads, it takes 4");
    withheld(
        SIX,
        "{ constant = \"2s\" }",
        profile("{ fixed = \"10ms\" }", 0.03, 5e-4),
        "were in the system at once",
    );
    withheld(SIX, NO_WAIT, profile(fixed, 0.0, 0.0), "the target keeps up");
    let slots = "[agent.server]\nconcurrency = 8\nqueue_max = 1000\ndelay = { fixed = \"20ms\" }\n\
        [[workflow]]\nname = \"slots\"\nstages = [\"server\"]\n";
    let slots = Profile::parse("slots.toml", slots).unwrap_or_else(|wrong| panic!("{wrong}"));
    withheld(SIX, NO_WAIT, slots, "does not describe this target");
}
