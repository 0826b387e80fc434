//! Tags and scripts in a query, and the query without them.
//!
//! It must not know HTML beyond how a tag begins.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Python takes `ı` and `İ` for an `i` where case does not count.
static SCRIPTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)javascr[iıİ]pt:|data:text/html|vbscr[iıİ]pt:|oncl[iıİ]ck=|onerror=|onload=")
});
static BRACKETS: LazyLock<Regex> = LazyLock::new(|| pattern("<[^>]+>"));
/// A tag, an end tag, a comment, a declaration or an instruction: no blank stands after the bracket.
static TAGS: LazyLock<Regex> = LazyLock::new(|| pattern(r"<(?:!--(?s:.*?)--|/?[A-Za-z][^<>]*|[!?][^<>]*)>"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a right pattern")
}

/// The query without scripts and without all that stands between `<` and `>`.
pub(super) fn without_brackets(query: &str) -> String {
    without_both(query, &BRACKETS)
}

/// The query without scripts and tags.
pub(super) fn without(query: &str) -> String {
    without_both(query, &TAGS)
}

fn without_both(query: &str, tags: &Regex) -> String {
    let mut cleaned = Cow::Borrowed(query);
    if query.contains([':', '=']) {
        cleaned = SCRIPTS.replace_all(query, "");
    }
    if cleaned.contains('<') {
        cleaned = Cow::Owned(tags.replace_all(&cleaned, "").into_owned());
    }
    cleaned.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays() {
        for (query, all_between, tags_only) in [
            ("if a < b and c > d then", "if a  d then", "if a < b and c > d then"),
            ("<>", "<>", "<>"),
            ("a <b\nc> d</b >", "a  d", "a  d"),
            ("<scr<b>ipt>x", "ipt>x", "<script>x"),
            ("x <!-- a > b --> y<?php?><!doctype html>", "x  b --> y", "x  y"),
            ("1 <2 and 3> 2", "1  2", "1 <2 and 3> 2"),
            ("JavaScript:alert ONCLICK=x", "alert x", "alert x"),
            ("java\u{17f}cr\u{131}pt:a oncl\u{130}c\u{212a}=b", "a b", "a b"),
            ("javajavascript:script:x", "javascript:x", "javascript:x"),
            ("onlonclick=oad=", "onload=", "onload="),
        ] {
            assert_eq!((&*without_brackets(query), &*without(query)), (all_between, tags_only), "{query}");
        }
    }
}
