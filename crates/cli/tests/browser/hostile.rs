//! Texts that a stranger chose, and pages of a stranger, do no harm. It must not know how the page writes text.

use crate::access::TABS;
use crate::driver::Browser;
use crate::pretend::Pretend;

const TEXT: &str = "<script>window.harmed=1</script><img src=x onerror=\"window.harmed=1\">'\"`${window.harmed=1}\u{202e}</td>";

#[test]
fn hostile_texts_stay_texts() {
    let server = Pretend::start();
    server.world().hostile = format!("{TEXT}{}", "w".repeat(10_000));
    server.world().names = 300;
    server.world().valid = false;
    let browser = Browser::start(360, 740);
    for tab in TABS {
        browser.open("about:blank");
        browser.open(&format!("{}#tab={tab}&stats.sort={TEXT}&open=", server.url()));
        browser.wait(
            "document.documentElement.dataset.link === 'live' && document.getElementById('loading').hidden",
        );
        browser.wait(&format!("document.getElementById('panel-{tab}').textContent.length > 60"));
        let found = browser.js("const page = document.documentElement; return [window.harmed ?? null, document.querySelectorAll('main script, main img, [onerror]').length, document.querySelectorAll('a[href^=javascript]').length, page.scrollWidth - page.clientWidth]");
        assert_eq!(
            found,
            serde_json::json!([null, 0, 0, 0]),
            "{tab}; see {}",
            browser.shot("hostile").display()
        );
        browser.shot(&format!("hostile_{tab}"));
    }
    server.world().state = "ready";
    browser.wait("!document.getElementById('start').hidden && document.querySelector('.class')");
    assert_eq!(browser.js("const page = document.documentElement; return [window.harmed ?? null, page.scrollWidth - page.clientWidth]"), serde_json::json!([null, 0]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
