//! HTTP/2: no request waits inside the harness for a free stream, where it would count as the server's time.

use crate::common::{Server, asker, csv, folder, profile, read, run};

/// 260 users on one connection with 200 streams: 60 of them would wait for another one's 600 ms.
#[test]
fn more_users_than_a_connection_has_streams() {
    let server = Server::start("--no-ratelimit --profile fixed.toml", &[("fixed.toml", &profile("600ms"))]);
    let place = folder(&[("s.toml", &asker("0s", ""))]);
    let load = format!("-f s.toml -H {} -u 260 -r 1000000 -t 1100ms --http 2 --csv p", server.url());
    run(place.path(), &format!("run --headless {load}")).exits(0);
    let stats = csv(&read(place.path().join("p_stats.csv")));
    let at = |name: &str| stats[0].iter().position(|head| head == name).expect("a column");
    let number = |name: &str| stats[1][at(name)].parse::<f64>().expect("a number");
    assert!(number("Request Count") >= 2.0 * 260.0, "each user asks twice: {stats:?}");
    let times = ["Min Response Time", "90%"].map(number);
    assert!(times[0] >= 599.0 && times[1] < 1000.0, "least and 90 %: {times:?} ms");
}
