//! The page of the real binary, driving a real stub: from the form to the files, and what a page of a stranger can do.
//! It must not know how a run is carried out.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Running, Server, asker, bench, folder, json as json_of, read, talk, words};
use crate::driver::Browser;
use crate::pretend::Pretend;

/// The binary with its page, a stub that it knows, and where it keeps its runs.
pub(crate) struct Bench {
    pub(crate) process: Running,
    address: String,
    place: TempDir,
    _stub: Server,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let stub = Server::start("--no-ratelimit", &[]);
        let place = folder(&[("scenarios/asker.toml", &asker("20ms", ""))]);
        let args = format!("run -f scenarios -H {} -P 0 --out results --seed 7", stub.url());
        let mut process = Running::start(bench(place.path(), words(&args)));
        let line = process.line("the page is at http://");
        let (_, address) = line.trim().split_once("http://").expect("was asked for");
        Self { address: address.trim_end_matches('/').to_owned(), process, place, _stub: stub }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        let answer = talk(&self.address, &format!("{head}{body}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{method} {path}: {}", &answer[..answer.len().min(500)]);
        answer.split_once("\r\n\r\n").expect("a head ends").1.to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.ask("GET", path, "")).expect("is JSON")
    }

    fn state(&self) -> Value {
        self.get("/api/state")["state"].clone()
    }
}

pub(crate) const LIVE: &str =
    "document.documentElement.dataset.link === 'live' && document.getElementById('loading').hidden";

pub(crate) fn state_is(browser: &Browser, state: &str) {
    browser.wait(&format!("document.documentElement.dataset.state === '{state}'"));
}

/// The exact figure of a column in the last row of the statistics.
fn total(browser: &Browser, label: &str) -> Value {
    browser.js(&format!(
        "const heads = [...document.querySelectorAll('#statistics thead th')].map((head) => head.textContent);
        return Number(document.querySelector('#statistics tfoot tr').cells[heads.indexOf('{label}')].dataset.value)"
    ))
}

/// A run in the form, its charts, an edit, and its end; gives the name of its folder.
fn one_run(bench: &Bench, browser: &Browser, users: &str) -> String {
    browser.wait("document.getElementById('host').value !== ''");
    browser.fill("#user_count", users);
    browser.fill("#spawn_rate", "100");
    browser.click("#start-button");
    state_is(browser, "running");
    browser.click("#tab-charts");
    let path = "document.querySelector('#charts .lines path')?.getAttribute('d')";
    for _ in 0..2 {
        let before = browser.wait(path);
        browser.wait(&format!("{path} !== {before}"));
    }
    browser.shot("real_charts_1280");
    browser.click("#edit");
    browser.fill("#edit_user_count", "9");
    browser.click("#edit-button");
    browser.wait("!document.getElementById('edit-dialog').open && document.getElementById('top-users').textContent === '9'");
    browser.wait("document.querySelectorAll('#edits li').length === 1");
    browser.click("#stop");
    state_is(browser, "stopped");
    let name = bench.get("/api/state")["last_result"].as_str().expect("a run is kept").to_owned();
    assert!(bench.place.path().join("results").join(&name).join("run.json").is_file(), "{name}");
    name
}

/// The page, Locust's interface and the files say the same.
fn same_figures(bench: &Bench, browser: &Browser, name: &str) {
    browser.click("#tab-statistics");
    let theirs = bench.get("/stats/requests");
    let aggregated = theirs["stats"].as_array().expect("rows").iter().find(|row| row["name"] == "Aggregated");
    let aggregated = aggregated.expect("the last row").clone();
    let requests = aggregated["num_requests"].clone();
    browser.wait(&format!("document.querySelector('#statistics tfoot td')?.parentElement.querySelector('[data-value=\"{requests}\"]')"));
    let folder = bench.place.path().join("results").join(name);
    let file = json_of(folder.join(format!("{name}.json")));
    let step = &file[0];
    let shown = |label: &str| total(browser, label).as_f64().expect("a number");
    let number = |value: &Value| {
        value.as_f64().unwrap_or_else(|| panic!("{value} is no number in {step} {aggregated}"))
    };
    assert_eq!(
        (shown("# Requests"), shown("# Requests")),
        (number(&requests), number(&step["total_requests"]))
    );
    assert_eq!(
        (shown("# Fails"), shown("# Fails")),
        (number(&aggregated["num_failures"]), number(&step["failure_count"]))
    );
    for (label, key) in [("Median (ms)", "p50"), ("95%ile (ms)", "p95"), ("99%ile (ms)", "p99")] {
        let (page, file) = (shown(label), number(&step[key]));
        assert!(
            (page - file).abs() <= 0.01 * file.max(0.1),
            "{label}: {page} on the page, {file} in the file"
        );
    }
}

fn downloads(bench: &Bench, browser: &Browser) {
    let kept = folder(&[]);
    let behaviour = json!({ "behavior": "allow", "downloadPath": kept.path() });
    browser.devtools("Browser.setDownloadBehavior", &behaviour);
    browser.click("#tab-downloads");
    let files = browser.wait("(() => { const links = [...document.querySelectorAll('#files a[download]')]; return links.length > 5 && links.map((link) => [link.download, link.getAttribute('href')]); })()");
    let files = files.as_array().expect("a list");
    for (at, file) in files.iter().enumerate() {
        let (name, href) = (file[0].as_str().expect("a name"), file[1].as_str().expect("an address"));
        browser.click(&format!("#files li:nth-child({}) a[download]", at + 1));
        let path = kept.path().join(name);
        browser.until(&format!("{name} is there"), || path.is_file());
        // Written by two hands at different times, times of writing inside may differ: the size of what never changes may not.
        let wanted = bench.ask("GET", href, "");
        assert!(!read(&path).is_empty() && !wanted.is_empty(), "{name} is empty");
        if name.ends_with(".csv") || name == "run.json" {
            assert_eq!(read(&path), wanted, "{name}");
        }
    }
    for ending in [".csv", ".html", ".md", ".xml", ".txt", "run.json"] {
        let found = fs::read_dir(kept.path())
            .expect("is there")
            .flatten()
            .any(|file| file.file_name().to_string_lossy().ends_with(ending));
        assert!(found, "no {ending} among {files:?}");
    }
}

#[test]
fn a_run_from_the_form_to_its_files() {
    let bench = Bench::start();
    let browser = Browser::start(1280, 800);
    browser.open(&bench.url());
    browser.wait(LIVE);
    state_is(&browser, "ready");
    let first = one_run(&bench, &browser, "5");
    same_figures(&bench, &browser, &first);
    for tab in crate::access::TABS {
        browser.click(&format!("#tab-{tab}"));
        browser.wait(&format!("document.getElementById('panel-{tab}').textContent.length > 20 && document.getElementById('trouble').hidden"));
        browser.shot(&format!("real_{tab}_1280"));
    }
    downloads(&bench, &browser);
    browser.click("#new");
    let second = one_run(&bench, &browser, "6");
    assert_ne!(first, second, "a run is never overwritten");
    browser.click("#tab-past");
    browser.wait("document.querySelectorAll('#past-runs tbody tr').length === 2");
    browser.click("#past-runs button.link");
    browser.wait("document.querySelectorAll('#past-place .lines path').length > 4 && document.querySelectorAll('#past-place .files a').length > 3");
    browser.shot("real_past_1280");
    browser.click("#past-close");
    browser.click("#past-runs tr:nth-child(1) input");
    browser.click("#past-runs tr:nth-child(2) input");
    browser.click("#past-chart");
    browser.wait("document.querySelectorAll('#past-place .chart:nth-child(1) .lines path').length === 2");
    browser.click("#past-compare");
    // They were edited at different moments, which is what a comparison refuses, in words.
    browser.wait("document.querySelector('#past-place h3')?.textContent === 'These two were not measured in the same way' && document.querySelectorAll('#past-place li').length > 0 && document.querySelectorAll('#past-place .chart').length === 3");
    browser.shot("real_compare_1280");
    browser.is_content_with(&bench.url());
    bench.process.signal(Signal::SIGTERM);
}

#[test]
fn a_page_of_a_stranger_starts_and_stops_nothing() {
    let bench = Bench::start();
    let evil = Pretend::start();
    let page = format!(
        "<!doctype html><title>evil</title><form method=post action='{0}swarm' enctype='text/plain'><input name=user_count value=9><input name=spawn_rate value=9></form>
        <script>window.done = 0;
        const tries = [['swarm', 'POST', 'user_count=9&spawn_rate=9&host=http://127.0.0.1:1'], ['api/start', 'POST', '{{\"user_count\":9,\"spawn_rate\":9}}'],
          ['api/baseline', 'POST', '{{}}'], ['api/stop', 'POST', ''], ['api/reset', 'POST', ''], ['stop', 'GET', null], ['stats/reset', 'GET', null]];
        for (const [path, method, body] of tries) {{
          fetch('{0}' + path, {{ method, body, mode: 'no-cors' }}).then(() => 0, () => 0).finally(() => {{ window.done += 1; }});
        }}
        const image = new Image(); image.onerror = () => {{ window.done += 1; }}; image.src = '{0}stop';
        </script>",
        bench.url()
    );
    evil.world().pages.insert("/evil", page);
    let browser = Browser::start(800, 600);
    let attack = || {
        browser.open(&format!("{}evil", evil.url()));
        browser.wait("window.done === 8");
        browser.js("document.forms[0].submit()");
        browser.wait(&format!("location.href.startsWith('{}')", bench.url()));
    };
    attack();
    assert_eq!(bench.state(), "ready", "a stranger's page started a run");
    bench.ask("POST", "/api/start", &json!({ "user_count": 2, "spawn_rate": 100 }).to_string());
    browser.until("it runs", || bench.state() == "running");
    let before = bench.get("/stats/requests")["stats"].clone();
    attack();
    assert_eq!(bench.state(), "running", "a stranger's page stopped the run");
    let count =
        |stats: &Value| stats.as_array().and_then(|rows| rows.last()?["num_requests"].as_u64()).unwrap_or(0);
    assert!(
        count(&bench.get("/stats/requests")["stats"]) >= count(&before),
        "a stranger's page reset the figures"
    );
    // The same address by another name: neither the page nor the figures.
    let port = bench.address.rsplit_once(':').expect("a port").1;
    let answer = talk(
        &bench.address,
        &format!("GET /api/state HTTP/1.1\r\nHost: evil.example:{port}\r\nConnection: close\r\n\r\n"),
    );
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    bench.ask("POST", "/api/stop", "");
    browser.until("it stops", || bench.state() == "stopped");
    bench.process.signal(Signal::SIGTERM);
}

#[test]
fn the_baseline_is_one_button() {
    let bench = Bench::start();
    let browser = Browser::start(1280, 800);
    browser.open(&bench.url());
    browser.wait(LIVE);
    browser.wait("document.querySelectorAll('#suite li').length === 6");
    browser.click("#baseline-quick");
    browser.click("#baseline-button");
    browser.wait("!document.getElementById('progress').hidden && /step 1 of 6/.test(document.getElementById('progress-words').textContent)");
    browser.wait("Number(document.getElementById('progress-bar').value) > 0");
    browser.shot("real_baseline_1280");
    browser.click("#stop");
    browser.wait("['stopping', 'stopped'].includes(document.documentElement.dataset.state)");
    state_is(&browser, "stopped");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    bench.process.signal(Signal::SIGTERM);
}
