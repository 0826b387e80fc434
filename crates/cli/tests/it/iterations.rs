//! A fixed number of tasks: the same requests, whoever sends them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{get, write};
use crate::fleet::{Site, done};

/// The users' words.
const LOAD: &str = "-f looker.toml -u 10 -r 10 --iterations 203";
/// A class that chooses, and waits at random.
const LOOKER: &str = r#"
class = "Looker"
wait_time = { between = ["5ms", "30ms"] }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "look"
weight = 2
[[task.step]]
method = "GET"
path = "/health"
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
json = { user_id = "u{{ random_int(1, 9) }}", query = "What is {{ random_int(1, 999) }}?" }
"#;

/// Two classes, and a stub that nobody has asked anything.
fn site() -> Site {
    let site = Site::new();
    write(site.path(), "looker.toml", LOOKER);
    site
}

impl Site {
    /// What the stub was asked: request id, route and caller, each with how often.
    fn asked(&self) -> BTreeMap<[String; 3], u64> {
        let truth = self.stub.settled();
        let mut asked = BTreeMap::new();
        let mut known = 0;
        while known < truth["received"].as_u64().expect("a number") {
            let (status, page) = get(&self.stub.address, &format!("/_stub/ledger?from={known}&limit=1000"));
            assert!(status == 200 && !page.is_empty(), "{status}: {page}");
            for line in page.lines() {
                let entry: Value = serde_json::from_str(line).expect("JSON");
                let word = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
                *asked.entry(["request_id", "route", "caller"].map(word)).or_default() += 1;
                known += 1;
            }
        }
        asked
    }
}

#[test]
fn four_workers_send_what_one_process_sends() {
    let alone = site();
    let args = format!("run --headless -f asker.toml -H {} --out out --seed 5 {LOAD}", alone.stub.url());
    done(alone.start(&args), 0);
    let expected = alone.asked();
    assert_eq!(expected.values().sum::<u64>(), 203);
    let run = alone.run_file();
    let tasks = run["steps"][0]["classes"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|class| class["tasks"].as_array());
    let begun: Vec<_> = tasks.flatten().map(|task| task["begun"].as_u64().unwrap_or(0)).collect();
    assert!(
        begun.len() == 3 && begun.iter().all(|begun| *begun > 9) && begun.iter().sum::<u64>() == 203,
        "{begun:?}"
    );

    let fleet = site();
    let workers = ["a", "b", "c", "d"].map(|id| fleet.worker(id, ""));
    done(fleet.master(4, LOAD), 0);
    workers.into_iter().for_each(|worker| drop(done(worker, 0)));
    assert!(
        fleet.run_file()["workers"]
            .as_array()
            .into_iter()
            .flatten()
            .all(|w| w["requests"].as_u64() > Some(0))
    );
    assert_eq!(fleet.asked(), expected);
}

#[test]
fn tasks_that_nobody_may_begin_are_a_mistake() {
    let site = Site::new();
    for (args, part) in
        [("--iterations 0", "0"), ("--iterations 5 --arrivals constant --rate 5", "cannot be used with")]
    {
        let args = format!("run --headless -f asker.toml -H {} {args}", site.stub.url());
        done(site.start(&args), 2).says(&[part]);
    }
}
