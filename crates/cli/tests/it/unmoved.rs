//! Users that never wait, against answers that take no time: virtual time moves on all the same.

use crate::common::{folder, json, run};

const RESTLESS: &str = r#"
class = "Restless"
wait_time = { constant = "0s" }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "one"
[[task.step]]
"#;
const NOWHERE: &str = "method = \"GET\"\npath = \"/nowhere\"\n";
const ASK: &str = "method = \"POST\"\npath = \"/ask\"\njson = { user_id = \"u\", query = \"What?\" }\n\
                   expect = { status = [200], throttled = [429] }\n";

/// The load ends, and every answer had `status`. A user sends no more than 100 requests a millisecond.
#[track_caller]
fn check(step: &str, flags: &str, users: u64, status: &str) {
    let place = folder(&[("s.toml", &format!("{RESTLESS}{step}"))]);
    let load = format!("-u {users} -r 1000000 -t 100ms --seed 1 --json j.json");
    run(place.path(), &format!("run --simulate -f s.toml {load} {flags}")).exits(1);
    let entry = &json(place.path().join("j.json"))[0];
    let count = entry["num_requests"].as_u64().expect("a number");
    assert!((users..=users * 10_000).contains(&count), "{count} requests in 100 ms");
    assert_eq!(entry["statuses"][status], count, "{entry}");
}

#[test]
fn not_found() {
    check(NOWHERE, "", 1, "404");
    check(NOWHERE, "", 5, "404");
}

#[test]
fn throttled() {
    check(ASK, "--ratelimit-burst 0", 1, "429");
    check(ASK, "--ratelimit-burst 0", 5, "429");
}
