//! How the page follows a run: figures, order, pages, charts, lost connections, hidden tabs. It must not know a real run.

use serde_json::{Value, json};

use crate::driver::Browser;
use crate::pretend::Pretend;

fn open(server: &Pretend, hash: &str) -> Browser {
    let browser = Browser::start(1280, 800);
    browser.open(&format!("{}#{hash}", server.url()));
    browser.wait(
        "document.documentElement.dataset.link === 'live' && document.getElementById('loading').hidden",
    );
    browser
}

#[test]
fn the_first_paint_is_quick_and_all_is_from_here() {
    let server = Pretend::start();
    let browser = open(&server, "tab=charts");
    browser.wait("document.querySelector('#charts .lines path')");
    let paint = browser.js("return performance.getEntriesByType('paint').find(({ name }) => name === 'first-contentful-paint').startTime");
    // Printed, not judged: a busy machine is no fault of the page.
    eprintln!("first contentful paint after {paint} ms");
    browser.is_content_with(&server.url());
    let named = "return [...document.querySelectorAll('link[href], script[src]')].map((node) => node.getAttribute('href') ?? node.getAttribute('src')).sort()";
    let named: Vec<_> = browser
        .js(named)
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|name| name.as_str()?.strip_prefix("/assets/").map(str::to_owned))
        .collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("is there")
        .map(|file| file.expect("is there").file_name().into_string().expect("is UTF-8"))
        .collect();
    files.retain(|file| file != "index.html");
    files.sort();
    assert_eq!(named, files, "the page names each of its files, so that none is fetched late");
}

#[test]
fn ten_thousand_names_are_paged_sorted_and_searched() {
    let server = Pretend::start();
    server.world().names = 10_000;
    let browser = open(&server, "tab=statistics");
    let rows = "document.querySelectorAll('#statistics tbody tr').length";
    browser.wait(&format!("{rows} === 100"));
    assert!(
        browser
            .text("return document.querySelector('#statistics .where').textContent")
            .contains("1 to 100 of 10,000")
    );
    browser.click("#statistics .pager button:last-child");
    browser.wait("document.querySelector('#statistics tbody th').textContent === '/ask/00100' && location.hash.includes('stats.page=1')");
    browser.fill("#stats-search", "0999");
    browser.wait(&format!("{rows} === 11 && !location.hash.includes('stats.page')"));
    browser.js("[...document.querySelectorAll('#statistics .sort')].find((node) => node.textContent === '# Requests').click()");
    browser
        .wait("document.querySelector('#statistics th[aria-sort=descending]')?.textContent === '# Requests'");
    // What the address keeps comes back after a reload.
    browser.js("location.reload()");
    browser.wait(&format!("document.getElementById('stats-search')?.value === '0999' && {rows} === 11"));
    browser
        .wait("document.querySelector('#statistics th[aria-sort=descending]')?.textContent === '# Requests'");
    // Frames go on: no frame takes longer than a fifth of a second while a page of rows is shown.
    browser.js("location.hash = 'tab=failures'");
    browser.wait("document.querySelectorAll('#failures tbody tr').length === 100");
    let nodes = browser.js("return document.querySelectorAll('*').length").as_u64().expect("a number");
    assert!(nodes < 4_000, "{nodes} elements for 10,000 names");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn outcomes_and_spans_are_apart() {
    let server = Pretend::start();
    let browser = open(&server, "tab=statistics");
    let cells = "Object.fromEntries([...document.querySelectorAll('#statistics thead th')].map((head, at) => [head.textContent, document.querySelector('#statistics tbody tr').cells[at].textContent]))";
    let shown = browser.wait(&format!("document.querySelector('#statistics tbody td') && {cells}"));
    assert_eq!((&shown["Name"], &shown["Median (ms)"]), (&json!("/ask/00000"), &json!("104")), "{shown}");
    browser.js("const node = document.getElementById('stats-outcome'); node.value = 'throttled'; node.dispatchEvent(new Event('change'))");
    browser.wait(&format!("({cells})['Median (ms)'] === '2.50'"));
    browser.js("const node = document.getElementById('stats-outcome'); node.value = 'failures'; node.dispatchEvent(new Event('change'))");
    browser.wait(&format!("({cells})['Median (ms)'] === '–'"));
    browser.js("const node = document.getElementById('stats-span'); node.value = 'now'; node.dispatchEvent(new Event('change'))");
    browser.wait(&format!("({cells})['Current RPS'] === '98.7' && ({cells})['99%ile (ms)'] === '–'"));
    assert!(browser.text("return location.hash").contains("span=now"));
}

#[test]
fn charts_move_with_gaps_shades_and_lines_to_switch() {
    let server = Pretend::start();
    let browser = open(&server, "tab=charts");
    let paths = "[...document.querySelectorAll('#charts .chart:nth-child(2) .lines path')].map((line) => line.getAttribute('d'))";
    let first = browser.wait(&format!("{paths}[0] && {paths}"));
    assert!(
        first[0].as_str().is_some_and(|path| path.matches('M').count() == 2),
        "second 20 is a gap: {first}"
    );
    browser.wait(&format!("{paths}[0] !== {}", first[0]));
    assert_eq!(
        browser.js("return document.querySelectorAll('#charts .chart:nth-child(1) .shades rect').length"),
        1
    );
    assert!(
        browser
            .text("return document.querySelector('#charts .chart-note').textContent")
            .contains("6 s in which the run was not valid")
    );
    browser.click("#charts .chart:nth-child(2) .key:nth-child(1)");
    browser.wait("document.querySelectorAll('#charts .chart:nth-child(2) .lines path').length === 2");
    assert_eq!(
        browser.text(
            "return document.querySelector('#charts .chart:nth-child(2) .key').getAttribute('aria-pressed')"
        ),
        "false"
    );
    browser.hover("#charts .chart:nth-child(1) svg.plot");
    browser.wait("document.querySelector('#charts .chart:nth-child(1) .cursor circle')");
    let said = browser
        .wait("document.querySelector('#charts .chart:nth-child(1) .scrub').getAttribute('aria-valuetext')");
    assert!(said.as_str().is_some_and(|text| text.contains("RPS ") && text.contains(':')), "{said}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn trust_is_always_in_view() {
    let server = Pretend::start();
    let browser = open(&server, "tab=statistics");
    browser.wait("document.getElementById('trust-words').textContent === 'These numbers can be trusted so far, with care'");
    server.world().valid = false;
    browser.wait("document.getElementById('trust').dataset.kind === 'bad' && document.getElementById('trust-words').textContent === 'Do not trust these numbers'");
    browser.wait("document.getElementById('announcer').textContent.includes('cannot be trusted any more')");
    assert!(
        browser
            .text("return document.getElementById('trust-remarks').textContent")
            .contains("the generator was late")
    );
    browser.js("window.scrollTo(0, document.body.scrollHeight)");
    let top = browser.js("return document.getElementById('trust').getBoundingClientRect().top");
    assert!(
        top.as_f64().is_some_and(|top| (0.0..1.0).contains(&top) || top >= 0.0),
        "the banner is out of view: {top}"
    );
    browser.shot("invalid_light_1280");
}

#[test]
fn a_lost_connection_is_told_and_comes_back() {
    let server = Pretend::start();
    let browser = open(&server, "tab=statistics");
    server.deafen(true);
    browser.wait("document.documentElement.dataset.link === 'lost' && document.getElementById('link').textContent.includes('trying again')");
    browser.wait("document.getElementById('announcer').textContent.includes('connection is lost')");
    browser.shot("lost_light_1280");
    server.deafen(false);
    browser.wait("document.documentElement.dataset.link === 'live' && document.getElementById('announcer').textContent === 'Connected again.'");
}

#[test]
fn a_tab_that_is_not_open_asks_for_nothing() {
    let server = Pretend::start();
    let browser = open(&server, "tab=workers");
    browser.wait("document.querySelector('#workers td')");
    let before = server.asked("/api/workers");
    for path in ["statistics", "series", "failures", "truth", "diagnosis", "logs", "results", "ratio"] {
        assert_eq!(server.asked(&format!("/api/{path}")), 0, "{path} was asked for though nobody looks");
    }
    browser.js("location.hash = 'tab=logs'");
    browser.wait("document.querySelector('#log-lines li')");
    let mark = server.asked("/api/logs");
    browser.js("window.ticks = 0; new MutationObserver(() => { window.ticks += 1; }).observe(document.getElementById('log-lines'), { childList: true })");
    browser.wait("window.ticks >= 3");
    assert!(server.asked("/api/logs") > mark);
    assert!(server.asked("/api/workers") <= before + 1, "a closed tab goes on asking");
}

#[test]
fn commands_carry_what_the_form_says() {
    let server = Pretend::start();
    server.world().state = "ready";
    let browser = open(&server, "");
    browser.wait("document.getElementById('user_count').value === '10' && document.querySelector('.class')");
    browser.shot("ready_light_1280");
    browser.fill("#user_count", "30");
    browser.click("#advanced > summary");
    browser.click("#class-1");
    browser.fill("#weight-0", "7");
    browser.js("const node = document.getElementById('arrivals_process'); node.value = 'poisson'; node.dispatchEvent(new Event('change'))");
    browser.fill("#arrivals_rate", "12.5");
    browser.js("document.getElementById('stub_profile').value = 'slow'");
    server.world().refusal =
        Some(json!({ "success": false, "message": "the order has mistakes", "mistakes": [
        { "field": "spawn_rate", "problem": "`2` is too slow", "remedy": "write more than 2" },
        { "field": "elsewhere", "problem": "is unknown", "remedy": "leave it out" },
    ] }));
    browser.click("#start-button");
    browser.wait(
        "document.getElementById('spawn_rate-mistake')?.textContent === '`2` is too slow; write more than 2'",
    );
    assert!(
        browser
            .text("return document.querySelector('#start-form .mistakes').textContent")
            .contains("elsewhere: is unknown")
    );
    browser.click("#start-button");
    browser.wait(
        "document.documentElement.dataset.state === 'running' && document.getElementById('start').hidden",
    );
    assert_eq!(browser.text("return document.activeElement.id"), "main");
    browser.click("#stop");
    browser.wait("document.documentElement.dataset.state === 'stopped'");
    browser.click("#new");
    browser.wait("!document.getElementById('start').hidden && document.activeElement.id === 'user_count'");
    browser.click("#baseline-quick");
    browser.click("#baseline-button");
    browser.wait("!document.getElementById('progress').hidden && document.getElementById('progress-words').textContent.includes('of 6')");
    browser.shot("baseline_light_1280");
    browser.click("#reset");
    browser.wait("document.getElementById('announcer').textContent.includes('reset')");
    let commands: Vec<_> = server.world().commands.clone();
    let paths: Vec<_> = commands.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/api/start", "/api/stop", "/api/baseline", "/api/reset"]);
    let wanted = json!({ "user_count": 30, "spawn_rate": 2, "host": "http://127.0.0.1:8000", "run_time": "30s", "stages": null,
        "classes": [{ "name": "SimpleQueryUser", "weight": 7 }], "stub_profile": { "name": "slow" },
        "arrivals": { "process": "poisson", "rate": 12.5, "in_flight_max": null } });
    assert_eq!((&commands[0].1, &commands[2].1), (&wanted, &json!({ "quick": true })));
}

#[test]
fn past_runs_open_together_and_side_by_side() {
    let server = Pretend::start();
    let browser = open(&server, "tab=past");
    browser.wait("document.querySelectorAll('#past-runs tbody tr').length === 3");
    browser.click("#past-runs button.link");
    browser.wait("document.querySelectorAll('#past-place .chart').length === 3 && document.querySelectorAll('#past-place .files a').length === 3");
    browser.click("#past-close");
    browser.click("#past-runs tr:nth-child(1) input");
    browser.click("#past-runs tr:nth-child(2) input");
    browser.click("#past-chart");
    browser.wait("document.querySelectorAll('#past-place .chart:nth-child(1) .lines path').length === 2");
    browser.click("#past-compare");
    browser.wait("document.querySelector('#past-place h3')?.textContent === 'B is worse than A'");
    let cell = browser.wait("[...document.querySelectorAll('#past-place td')].map((cell) => cell.textContent).find((text) => text.startsWith('+12.0 %'))");
    assert!(cell.as_str().is_some(), "{cell}");
    browser.shot("compare_light_1280");
    // Back goes to the graph before.
    browser.js("history.back()");
    browser.wait("document.getElementById('past-title').textContent === '2 runs in one graph'");
    assert_eq!(browser.js("return document.querySelectorAll('#past-place table').length"), Value::from(0));
}
