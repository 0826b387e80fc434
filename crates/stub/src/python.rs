//! Characters as Python 3.12 sees them (Unicode 15.0), where Rust and its regexes see them otherwise.
//!
//! It must not know what is searched for.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Characters on which `\w` (and with it `\b`), `\d` or `\s` mean something else here: blanks for Python alone, then
/// numerals such as `½` that are of a word for Python alone, then marks, `‿`, circled letters and all that came after
/// Unicode 15.0, which are of a word here alone.
static DISPUTED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"([\x1c-\x1f])|([\p{N}&&\p{age=15.0}--\w])|([\w--[[\p{L}\p{N}_]&&\p{age=15.0}]])";
    Regex::new(pattern).expect("a right pattern")
});

/// Letters and numerals, `\w` without the underscore.
static ALPHANUMERIC: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{N}&&\p{age=15.0}]").expect("a right pattern"));
/// Category C: controls, formats, private ones, and what Unicode 15.0 did not have.
static OTHER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{C}\P{age=15.0}]").expect("a right pattern"));
/// Decimal digits of all scripts.
static DIGIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\d&&\p{age=15.0}]").expect("a right pattern"));

/// Whether `str.isalnum` holds for it.
pub(crate) fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { ALPHANUMERIC.is_match(c.encode_utf8(&mut [0; 4])) }
}

/// The text without characters whose category is control, format, private, surrogate or unassigned.
pub(crate) fn without_others(text: &str) -> Cow<'_, str> {
    OTHER.replace_all(text, "")
}

/// What a decimal digit of any script is worth: each script has its ten in a row, and the rows of those that stand
/// side by side are whole.
pub(crate) fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u8 - b'0');
    }
    let is_digit = |c: &char| DIGIT.is_match(c.encode_utf8(&mut [0; 4]));
    let row = ('\0'..c).rev().take_while(is_digit).count();
    is_digit(&c).then_some((row % 10) as u8)
}

/// Whether Python takes it for a blank, in `\s`, `str.strip` and `str.split`.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The text without blanks at its ends, as `str.strip` has it.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// The text with every character on whose class Python and `regex` disagree exchanged for one on which they agree,
/// of the same length: what a pattern finds in this, it finds for Python at the same place of `text`.
pub(crate) fn levelled(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b >= 0x80 || matches!(b, 0x1c..=0x1f)) {
        return Cow::Borrowed(text);
    }
    DISPUTED.replace_all(text, |found: &regex::Captures<'_>| {
        let is_word = found.get(2).is_some();
        match (found[0].len(), is_word) {
            (1, _) => "\u{b}",
            (2, true) => "é",
            (2, false) => "§",
            (3, true) => "一",
            (3, false) => "—",
            (_, true) => "𠀀",
            (_, false) => "😀",
        }
    })
}

/// The text with every match exchanged for `[redacted]`, but for matches that `keep` wants kept.
pub(crate) fn redact<'a>(
    text: Cow<'a, str>,
    pattern: &Regex,
    keep: impl Fn(&str, Range<usize>) -> bool,
) -> Cow<'a, str> {
    let level = levelled(&text);
    let mut out = String::new();
    let mut done = 0;
    for found in pattern.find_iter(&level) {
        if !keep(&text, found.range()) {
            out.push_str(&text[done..found.start()]);
            out.push_str("[redacted]");
            done = found.end();
        }
    }
    if done == 0 && out.is_empty() {
        return text;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// One character for all that `re.IGNORECASE` takes for the same.
pub(crate) fn folded(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    // Of Python's simple lower case letters this is the only one that is not the first of the full ones.
    let lower = c.to_lowercase().next().unwrap_or(c);
    match lower {
        'ı' => 'i',
        'ſ' => 's',
        'µ' => 'μ',
        '\u{345}' | '\u{1fbe}' => 'ι',
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        'ϐ' => 'β',
        'ϵ' => 'ε',
        'ϑ' => 'θ',
        'ϰ' => 'κ',
        'ϖ' => 'π',
        'ϱ' => 'ρ',
        'ς' => 'σ',
        'ϕ' => 'φ',
        '\u{1c80}' => 'в',
        '\u{1c81}' => 'д',
        '\u{1c82}' => 'о',
        '\u{1c83}' => 'с',
        '\u{1c84}' | '\u{1c85}' => 'т',
        '\u{1c86}' => 'ъ',
        '\u{1c87}' => 'ѣ',
        '\u{1c88}' => '\u{a64b}',
        'ẛ' => 'ṡ',
        '\u{fb05}' => '\u{fb06}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levelled_texts_keep_their_lengths_and_pythons_classes() {
        for (text, expected) in [
            ("plain 1_a", "plain 1_a"),
            ("a\u{1c}b", "a\u{b}b"),
            ("½", "é"),
            ("①", "一"),
            ("\u{301}", "§"),
            ("‿", "—"),
            ("ⓐ", "—"),
            ("é一𠀀٣Ⅷ\u{a0}", "é一𠀀٣Ⅷ\u{a0}"),
            // Assigned in Unicode 15.1 and 16.0.
            ("\u{2ebf0}", "😀"),
            ("\u{1c89}", "—"),
        ] {
            assert_eq!(levelled(text), expected, "{text:?}");
        }
    }

    #[test]
    fn blanks_and_folds_are_pythons() {
        assert_eq!(strip("\u{1f}\u{85}\u{3000} a \u{1c}"), "a");
        assert_eq!(strip("\u{200b}"), "\u{200b}");
        for (one, other) in
            [('K', 'k'), ('İ', 'I'), ('ı', 'i'), ('ſ', 'S'), ('Σ', 'ς'), ('é', 'É'), ('\u{2126}', 'ω')]
        {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded('ß'), folded('s'));
    }

    #[test]
    fn matches_are_redacted_at_their_places() {
        let word = Regex::new(r"\ba\b").expect("a right pattern");
        for (text, expected) in [
            ("none", "none"),
            ("a", "[redacted]"),
            ("½a é a\u{301}", "½a é [redacted]\u{301}"),
            ("ⓐa a", "ⓐ[redacted] a"),
        ] {
            let keep = |text: &str, found: Range<usize>| found.start > 0 && found.end == text.len();
            assert_eq!(redact(Cow::Borrowed(text), &word, keep), expected, "{text}");
        }
    }
}
