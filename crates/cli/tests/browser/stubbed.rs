//! The form against a real stub: a profile that is chosen is what the run meets. It must not know how a stub is told.

use nix::sys::signal::Signal;

use crate::driver::Browser;
use crate::real::{Bench, LIVE, state_is};

#[test]
fn a_profile_that_is_chosen_is_what_the_run_meets() {
    let bench = Bench::start();
    let browser = Browser::start(1280, 800);
    browser.open(&bench.url());
    browser.wait(LIVE);
    browser.click("#advanced > summary");
    browser.wait("!document.getElementById('stub-row').hidden && document.querySelectorAll('#stub_profile option').length > 3");
    let mut medians = vec![];
    for profile in ["instant", "slow"] {
        browser.js(&format!("document.getElementById('stub_profile').value = '{profile}'"));
        browser.fill("#user_count", "3");
        browser.fill("#spawn_rate", "100");
        browser.click("#start-button");
        state_is(&browser, "running");
        browser.until("answers are there", || {
            bench.get("/api/state")["total"]["successes"].as_u64().is_some_and(|count| count > 5)
        });
        if profile == "slow" {
            browser.click("#tab-truth");
            browser.wait("document.querySelectorAll('#truth-rows tbody td').length > 3");
            browser.shot("real_truth_slow_1280");
        }
        browser.click("#stop");
        state_is(&browser, "stopped");
        let view = bench.get("/api/state");
        medians.push(view["total"]["p50_ms"].as_f64().expect("a median"));
        browser.click("#new");
        browser.wait("!document.getElementById('start').hidden");
    }
    assert!(medians[1] > 5.0 * medians[0], "instant and slow: {medians:?} ms");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    bench.process.signal(Signal::SIGTERM);
}
