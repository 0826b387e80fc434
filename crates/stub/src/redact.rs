//! Personal data in an answer becomes `[redacted]`, by the real server's patterns and with their false positives.
//!
//! It must not know where the text comes from.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// In the order in which they are applied: social security number, card number, e-mail, phone number. The real
/// server's second pattern, a word-bounded social security number, can only match what the first has taken.
const PATTERNS: [&str; 4] = [
    r"\d{3}-\d{2}-\d{4}",
    r"\b\d{4}[-\s]?\d{4}[-\s]?\d{4}[-\s]?\d{4}\b",
    r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}\b",
    r"\b(?:\+?1[-.\s]?)?\(?\d{3}\)?[-.\s]?\d{3}[-.\s]?\d{4}\b",
];

static COMPILED: LazyLock<[Regex; 4]> =
    LazyLock::new(|| PATTERNS.map(|pattern| Regex::new(pattern).expect("a right pattern")));

/// The text with every match replaced.
pub(crate) fn redacted(text: Cow<'_, str>) -> Cow<'_, str> {
    // Every pattern wants a digit or an @.
    if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_digit() || b == b'@') {
        return text;
    }
    COMPILED.iter().fold(text, |text, pattern| match pattern.replace_all(&text, "[redacted]") {
        Cow::Borrowed(_) => text,
        Cow::Owned(replaced) => Cow::Owned(replaced),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_cases() {
        for (text, expected) in [
            ("nothing here", "nothing here"),
            ("SSN 123-45-6789.", "SSN [redacted]."),
            ("x9123-45-67890", "x9[redacted]0"),
            ("card 4111 1111-11111111", "card [redacted]"),
            ("mail a.b+c@d-e.co.uk now", "mail [redacted] now"),
            ("(555) 123-4567", "([redacted]"),
            ("+1 555-123-4567", "+[redacted]"),
            ("555.123.4567", "[redacted]"),
            ("at 1795425829", "at [redacted]"),
            ("[0.987654312, 1.1111111009999999]", "[0.987654312, 1.[redacted]]"),
            ("12 * 7", "12 * 7"),
        ] {
            assert_eq!(redacted(Cow::Borrowed(text)), expected, "{text}");
        }
    }
}
