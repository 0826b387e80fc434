//! HTTP/2: no request waits inside the harness for a free stream, where it would count as the server's time.

use crate::common::{Server, csv, folder, read, run};

const RESTLESS: &str = r#"
class = "Restless"
wait_time = { constant = "0s" }
[headers]
X-API-Key = "{{ api_key }}"
[[task]]
name = "ask"
[[task.step]]
method = "POST"
path = "/ask"
json = { user_id = "u", query = "What is this?" }
"#;
const FIXED: &str = r#"
[agent.slow]
concurrency = 1000
queue_max = 1000
delay = { fixed = "600ms" }
[[workflow]]
name = "any"
stages = ["slow"]
"#;

/// 260 users on one connection with 200 streams: 60 of them would wait for another one's 600 ms.
#[test]
fn more_users_than_a_connection_has_streams() {
    let server = Server::start("--no-ratelimit --profile fixed.toml", &[("fixed.toml", FIXED)]);
    let place = folder(&[("s.toml", RESTLESS)]);
    let load = format!("-f s.toml -H {} -u 260 -r 1000000 -t 1100ms --http 2 --csv p", server.url());
    run(place.path(), &format!("run {load}")).exits(0);
    let stats = csv(&read(place.path().join("p_stats.csv")));
    let at = |name: &str| stats[0].iter().position(|head| head == name).expect("a column");
    let number = |name: &str| stats[1][at(name)].parse::<f64>().expect("a number");
    assert!(number("Request Count") >= 2.0 * 260.0, "each user asks twice: {stats:?}");
    let times = ["Min Response Time", "90%"].map(number);
    assert!(times[0] >= 599.0 && times[1] < 1000.0, "least and 90 %: {times:?} ms");
}
