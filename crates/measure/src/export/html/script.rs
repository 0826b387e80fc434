//! What draws the charts: plotly.js as the library carries it, without the part that sets formulas.
//! It must not know any page.

use std::sync::LazyLock;

/// The file that pages of a results folder share.
pub const SCRIPT_FILE: &str = "plotly.min.js";

static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let sources = plotly::Plot::offline_js_sources();
    let first = sources.split("<script").find(|part| part.contains("plotly.js v"));
    let inside = first.and_then(|part| part.split_once('>')?.1.split_once("</script>"));
    let (script, _) = inside.expect("the library carries its script in an element of its own");
    format!("{}\n", script.trim())
});

/// Its content.
pub fn script() -> &'static str {
    &SCRIPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_whole_and_may_stand_in_a_page() {
        assert!(
            script().starts_with("/**\n* plotly.js v") && script().len() > 4_000_000,
            "{}",
            script().len()
        );
        assert!(!script().contains("</script") && !script().contains("<!--"), "it would end its element");
        assert!(!script().contains("MathJax.js"), "formulas need another script");
    }
}
