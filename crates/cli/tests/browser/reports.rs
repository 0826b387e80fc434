//! The reports of a results folder, opened from the disk with the network off. It must not know how they are made.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{folder, names, results, run};
use crate::driver::Browser;

/// Whether every chart has lines or points with a size; a quick step of few users has no percentile to draw in some.
const DRAWN: &str = "(() => { const plots = [...document.querySelectorAll('.js-plotly-plot')];
    const marks = (plot) => [...plot.querySelectorAll('.js-line, .point, .js-fill')].filter((mark) => mark.getBoundingClientRect().width > 0);
    const bare = plots.filter((plot) => marks(plot).length === 0);
    const few = /^(single_user|light_load|moderate_load)/.test(document.querySelector('h1').textContent);
    if (bare.length > 0 && !(few && bare.length < plots.length)) throw new Error(bare.map((plot) => plot.id).join());
    return plots.length; })()";

fn reports() -> (TempDir, std::path::PathBuf) {
    let place = folder(&[]);
    run(place.path(), "baseline --quick --simulate --seed 7 --out out").exits(0);
    let found = results(&place.path().join("out"));
    (place, found)
}

fn open(browser: &Browser, folder: &std::path::Path, name: &str) {
    browser.open(&format!("file://{}", folder.join(name).display()));
    browser.wait(DRAWN);
}

#[test]
fn reports_draw_and_answer_the_pointer_with_the_network_off_and_fit_a_phone() {
    let (_place, found) = reports();
    let browser = Browser::start(1280, 800);
    browser.devtools("Network.enable", &json!({}));
    let off = json!({ "offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0 });
    browser.devtools("Network.emulateNetworkConditions", &off);
    let pages: Vec<_> = names(&found).into_iter().filter(|name| name.ends_with(".html")).collect();
    assert!(pages.iter().any(|name| name == "report.html") && pages.len() == 7, "{pages:?}");
    for name in &pages {
        open(&browser, &found, name);
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
        if ["single_user.html", "light_load.html", "moderate_load.html"].contains(&name.as_str()) {
            continue;
        }
        // The first chart in view answers a pointer that passes over it.
        browser.js("document.querySelector('.js-plotly-plot').scrollIntoView({ block: 'center', behavior: 'instant' })");
        let middle = "const box = document.querySelector('.js-plotly-plot .nsewdrag').getBoundingClientRect(); return [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2)]";
        let place = browser.js(middle);
        let (x, y) = (place[0].as_i64().expect("a number"), place[1].as_i64().expect("a number"));
        browser.point(x - 40, y);
        browser.point(x, y);
        browser.wait("document.querySelector('.js-plotly-plot .hoverlayer .hovertext, .js-plotly-plot .hoverlayer .legend, .js-plotly-plot .hoverlayer text')");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
    }
    let asked = browser.requests();
    let strangers: Vec<_> = asked
        .iter()
        .filter(|url| !url.starts_with("file://") && !url.starts_with("data:") && !url.starts_with("blob:"))
        .collect();
    assert!(strangers.is_empty() && !asked.is_empty(), "{strangers:?}");
    browser.shot("report_hover_1280");
    browser.device(360, 740);
    for scheme in ["light", "dark"] {
        browser.media("", &[("prefers-color-scheme", scheme)]);
        for name in ["report.html", "stress_test.html"] {
            open(&browser, &found, name);
            let page = browser.js("const page = document.documentElement; return [page.lang !== '', document.title !== '', document.querySelectorAll('h1').length, page.scrollWidth - page.clientWidth]");
            let shot = browser.shot(&format!("{}_{scheme}_360", name.trim_end_matches(".html")));
            assert_eq!(
                page,
                json!([true, true, 1, 0]),
                "{name}, {scheme}: language, title, one h1, nothing sideways; see {}",
                shot.display()
            );
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let texts = browser.js(
        "return [...document.querySelectorAll('table')].filter((table) => !table.querySelector('th')).length",
    );
    assert_eq!(texts, Value::from(0), "tables without heads");
}
