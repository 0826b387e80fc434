//! Whether everybody can use the page: rules for roles, names, contrast and order, by keyboard, narrow, dark, printed.
//! It must not know the server.

use serde_json::Value;

use crate::driver::{Browser, END, ENTER, ESCAPE, HOME, LEFT, RIGHT, TAB};
use crate::pretend::Pretend;

const RULES: &str = include_str!("accessible.js");

pub(crate) const TABS: [&str; 12] = [
    "statistics",
    "charts",
    "failures",
    "exceptions",
    "ratio",
    "truth",
    "diagnosis",
    "workers",
    "resources",
    "logs",
    "downloads",
    "past",
];

/// Nothing that the rules find, nothing wider than the window.
#[track_caller]
fn check(browser: &Browser, what: &str) {
    let found = browser.js(RULES);
    assert_eq!(found, Value::Array(vec![]), "{what}: {found:#}");
    let wide =
        browser.js("const page = document.documentElement; return page.scrollWidth - page.clientWidth");
    assert_eq!(wide, 0, "{what}: the page scrolls sideways; see {}", browser.shot("wide").display());
}

fn open(browser: &Browser, server: &Pretend, hash: &str) {
    browser.open("about:blank");
    browser.open(&format!("{}#{hash}", server.url()));
    browser.wait(
        "document.documentElement.dataset.link === 'live' && document.getElementById('loading').hidden",
    );
}

/// Waits until the panel has shown what it asks for.
fn settled(browser: &Browser, tab: &str) {
    let part = match tab {
        "charts" => "#charts .lines path",
        "resources" => "#resource-charts .lines path",
        "past" => "#past-runs tbody td",
        "truth" => "#truth-rows td",
        "logs" => "#log-lines li",
        "downloads" => "#files a",
        "ratio" => "#ratio-total td",
        "diagnosis" => "#findings h3",
        _ => "",
    };
    let css = if part.is_empty() { format!("#panel-{tab} tbody td") } else { part.to_owned() };
    browser.wait(&format!("document.querySelector('{css}')"));
}

#[test]
fn the_rules_find_what_is_wrong() {
    let server = Pretend::start();
    let bad = "<!doctype html><title></title><meta name=viewport content='user-scalable=no'><h2>a</h2><h4>b</h4>
        <p id=x style='color:#aaa'>faint</p><p id=x>twice</p><input><button></button><img src=data:,><svg width=9 height=9></svg>
        <ul><p>no item</p></ul><div role=nonsense tabindex=3></div><div role=tab>t</div><p aria-labelledby=gone>r</p>
        <button aria-pressed=perhaps>s</button><div aria-hidden=true><a href=/>h</a></div><button>a<a href=/>nested</a></button>
        <table><tr><th>head</table><button onclick='1' style='width:9px;height:9px;padding:0'>tiny</button>";
    server.world().pages.insert("/bad", bad.to_owned());
    let browser = Browser::start(400, 400);
    browser.open(&format!("{}bad", server.url()));
    let found = browser.js(RULES);
    let found: Vec<_> = found.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let rules = [
        "language",
        "title",
        "zoom",
        "landmark",
        "ids",
        "reference",
        "label",
        "name",
        "role",
        "state",
        "inline",
        "order",
        "hidden",
        "nested",
        "heading",
        "list",
        "table",
        "size",
        "contrast",
    ];
    for rule in rules {
        assert!(
            found.iter().any(|line| line.starts_with(&format!("{rule}:"))),
            "{rule} finds nothing: {found:#?}"
        );
    }
}

#[test]
fn every_tab_is_accessible_in_light_and_dark_wide_and_narrow() {
    let server = Pretend::start();
    let browser = Browser::start(1280, 800);
    for (scheme, width, height) in
        [("light", 1280, 800), ("dark", 1280, 800), ("light", 360, 740), ("dark", 360, 740)]
    {
        browser.device(width, height);
        browser.media("", &[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
        open(&browser, &server, "");
        for tab in TABS {
            browser.js(&format!("location.hash = 'tab={tab}'"));
            settled(&browser, tab);
            check(&browser, &format!("{tab}, {scheme}, {width}"));
            browser.shot(&format!("{tab}_{scheme}_{width}"));
        }
    }
    let motion = browser.js("return [...document.querySelectorAll('*')].filter((node) => getComputedStyle(node).transitionDuration !== '0s' || getComputedStyle(node).animationName !== 'none').length");
    assert_eq!(motion, 0, "something moves though it was asked not to");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_form_is_accessible_with_its_mistakes() {
    let server = Pretend::start();
    server.world().state = "ready";
    let browser = Browser::start(1280, 800);
    for (scheme, width) in [("light", 1280), ("dark", 360)] {
        browser.device(width, 740);
        browser.media("", &[("prefers-color-scheme", scheme)]);
        open(&browser, &server, "");
        browser.wait("document.getElementById('user_count').value === '10'");
        check(&browser, &format!("the form, {scheme}"));
        browser.shot(&format!("form_{scheme}_{width}"));
        browser.click("#advanced > summary");
        check(&browser, &format!("the whole form, {scheme}"));
        browser.fill("#user_count", "many");
        browser.fill("#spawn_rate", "");
        browser.fill("#host", "");
        browser.click("#start-button");
        let said = browser.wait("document.querySelectorAll('.mistake').length === 3 && [...document.querySelectorAll('.mistake')].map((said) => said.textContent)");
        assert!(said[0].as_str().is_some_and(|text| text.contains("`many` is not a whole number")), "{said}");
        let focus = browser.text("const at = document.activeElement; return `${at.id} ${at.getAttribute('aria-invalid')} ${at.getAttribute('aria-describedby')}`");
        assert_eq!(
            focus, "user_count true user_count-mistake",
            "the first mistake has the focus and names what is wrong"
        );
        check(&browser, &format!("the form with mistakes, {scheme}"));
        browser.shot(&format!("mistakes_{scheme}_{width}"));
    }
    assert!(server.world().commands.is_empty(), "a form with mistakes was sent");
}

#[test]
fn all_goes_by_keyboard() {
    let server = Pretend::start();
    let browser = Browser::start(1280, 800);
    open(&browser, &server, "");
    browser.wait("document.querySelector('#statistics tbody td')");
    let at = "const at = document.activeElement; const seen = getComputedStyle(at).outlineStyle; return `${at.id || at.textContent.slice(0, 20) || at.localName} ${seen}`";
    browser.keys(&[TAB]);
    assert_eq!(browser.text(at), "skip solid", "the first stop skips to the content");
    // Every further stop shows the focus and lies after the one before.
    let mut stops = vec![];
    for _ in 0..40 {
        browser.keys(&[TAB]);
        let stop = browser.js("const at = document.activeElement; if (at === document.body) return null; window.before ??= document.getElementById('skip'); const later = window.before.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING; window.before = at; return [at.id || at.textContent.trim().slice(0, 20) || at.localName, later !== 0, getComputedStyle(at).outlineStyle]");
        if stop.is_null() || stop[0] == "skip" {
            break;
        }
        assert_eq!(
            (&stop[1], &stop[2]),
            (&Value::Bool(true), &Value::from("solid")),
            "{stop} after {stops:?}"
        );
        stops.push(stop[0].as_str().unwrap_or_default().to_owned());
    }
    let wanted = [
        "edit",
        "stop",
        "reset",
        "tab-statistics",
        "panel-statistics",
        "stats-span",
        "stats-outcome",
        "stats-search",
        "theme",
    ];
    let missed: Vec<_> = wanted.iter().filter(|id| !stops.iter().any(|stop| stop == *id)).collect();
    assert!(missed.is_empty(), "{missed:?} cannot be reached: {stops:?}");
    assert!(!stops.iter().any(|stop| stop == "tab-charts"), "tabs are one stop: {stops:?}");
    // Arrows, Home and End move through the tabs, and the address follows.
    browser.js("document.getElementById('tab-statistics').focus()");
    for (key, tab) in
        [(RIGHT, "charts"), (END, "past"), (RIGHT, "statistics"), (LEFT, "past"), (HOME, "statistics")]
    {
        browser.keys(&[key]);
        browser.wait(&format!("document.activeElement.id === 'tab-{tab}' && !document.getElementById('panel-{tab}').hidden && location.hash.includes('tab={tab}')"));
    }
    // The dialog takes the focus, keeps it, and gives it back.
    browser.js("document.getElementById('edit').focus()");
    browser.keys(&[ENTER]);
    browser.wait(
        "document.getElementById('edit-dialog').open && document.activeElement.id === 'edit_user_count'",
    );
    check(&browser, "the dialog");
    browser.shot("edit_light_1280");
    browser.keys(&[ESCAPE]);
    browser.wait("!document.getElementById('edit-dialog').open && document.activeElement.id === 'edit'");
    browser.keys(&[ENTER]);
    browser.fill("#edit_user_count", "77");
    browser.keys(&[ENTER]);
    browser.wait("!document.getElementById('edit-dialog').open && document.getElementById('top-users').textContent === '77'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn it_prints_what_is_open() {
    let server = Pretend::start();
    let browser = Browser::start(1000, 800);
    open(&browser, &server, "tab=charts");
    settled(&browser, "charts");
    browser.media("print", &[("prefers-color-scheme", "dark")]);
    let shown = browser.js("return ['#tabs', '#start', '#stop', '#panel-charts', '#trust', '#panel-logs'].map((css) => document.querySelector(css).checkVisibility())");
    assert_eq!(shown, serde_json::json!([false, false, false, true, true, false]));
    assert_eq!(
        browser.text("return getComputedStyle(document.documentElement).backgroundColor"),
        "rgb(255, 255, 255)"
    );
    browser.shot("charts_print");
}
