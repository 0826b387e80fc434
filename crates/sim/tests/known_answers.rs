//! The profiles with known answers against their formulae, in virtual time: each says in its file what comes out.

#[path = "common/world.rs"]
mod world;

use std::path::Path;

use stub::Profile;
use wire::Seed;
use world::{World, hi};

const SEED: u64 = 11;

fn profile_world(file: &str) -> World {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../load_tests/stub").join(file);
    let text = std::fs::read_to_string(path).expect("a profile of the repository");
    let profile = Profile::parse(file, &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    World::new(profile, Seed(SEED))
}

/// The mean wait in milliseconds of so many Poisson arrivals, `per_s` a second.
async fn mean_queue_ms(file: &str, arrivals: u64, per_s: f64) -> f64 {
    let world = profile_world(file);
    world.open(arrivals, per_s, hi).await;
    let asked = world.asked();
    (asked.service.sum_ns as f64 - asked.planned.sum_ns as f64) / asked.count as f64 / 1e6
}

#[track_caller]
fn near(what: &str, got: f64, expected: f64, share: f64) {
    assert!((got / expected - 1.0).abs() <= share, "{what}: {got}, not {expected}, seed {SEED}");
}

#[tokio::test(start_paused = true)]
async fn throughput_follows_the_universal_law() {
    for users in [1, 8, 44, 150] {
        let n = users as f64;
        let expected = 100.0 * n / (1.0 + 0.03 * (n - 1.0) + 0.0005 * n * (n - 1.0));
        near(
            &format!("usl, {users} users"),
            profile_world("usl.toml").closed(users, 200).await,
            expected,
            0.01,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_is_fixed() {
    for (users, expected) in [(1, 50.0), (4, 200.0), (8, 400.0), (32, 400.0)] {
        near(
            &format!("{users} users"),
            profile_world("fixed_capacity.toml").closed(users, 50).await,
            expected,
            1e-6,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn queues_wait_as_their_formulae_say() {
    // The standard error of a mean over 40,000 at half load is below 3 %: three of them.
    for (file, per_s, expected_ms) in
        [("mm1.toml", 50.0, 10.0), ("md1.toml", 50.0, 5.0), ("mm4.toml", 200.0, 0.870)]
    {
        near(file, mean_queue_ms(file, 40_000, per_s).await, expected_ms, 0.09);
    }
}
