//! Progress without a terminal: a line a moment, and none twice.

use regex::Regex;

use crate::common::{folder, run};
use crate::listener::{Habit, Listener};

const PATIENT: &str = r#"
class = "Patient"
wait_time = { constant = "1s" }
[[task]]
name = "ask"
[[task.step]]
method = "GET"
path = "/ask"
timeout = "60s"
"#;

/// The moments of the lines of a run of 1 s that then waits so long for its answers, and whether each says so.
fn lines(stop_timeout: &str, flags: &str) -> Vec<(u32, bool)> {
    let listener = Listener::start(Habit::Silent);
    let place = folder(&[("s.toml", PATIENT)]);
    let load = format!("-u 2 -r 20 -t 1s -s {stop_timeout} -H {}", listener.url);
    let done = run(place.path(), &format!("run --headless -f s.toml {load} {flags}"));
    let line = Regex::new(r"(?m)^run (\d+)/1 s  2 users  .*$").expect("a pattern");
    let moment = |found: regex::Captures<'_>| {
        (found[1].parse().expect("a number"), found[0].ends_with("  waiting for answers"))
    };
    line.captures_iter(&done.err).map(moment).collect()
}

#[test]
fn a_line_a_moment() {
    assert_eq!(lines("1500ms", ""), [(1, false), (2, true)]);
    assert_eq!(lines("0s", "--print-stats"), [(1, false)]);
    assert_eq!(lines("0s", "--only-summary"), []);
}
