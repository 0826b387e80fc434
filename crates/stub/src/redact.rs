//! Personal data in an answer becomes `[redacted]`, by the real server's patterns and with their false positives, or
//! only where it could be personal.
//!
//! It must not know where the text comes from.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::policies::{Listed, Rules};
use crate::python;
use crate::quirk::{Quirk, Repairs};
use crate::refusal::Refusal;

/// Longest answer of the real server, in characters: over a longer one it fails.
const ANSWER_CHARS_MAX: usize = 50_000;
/// Digits of the shortest number that a pattern takes.
const DIGITS_MIN: usize = 9;

/// What a pattern of our own looks for.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    SocialSecurity,
    Card,
    Email,
    Phone,
}

/// In the order in which they are applied.
const PATTERNS: [(Kind, &str); 4] = [
    (Kind::SocialSecurity, r"\b\d{3}-\d{2}-\d{4}\b"),
    (Kind::Card, r"\b\d{4}[-\s]?\d{4}[-\s]?\d{4}[-\s]?\d{4}\b"),
    (Kind::Email, r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}\b"),
    (Kind::Phone, r"\b(?:\+?1[-.\s]?)?\(?\d{3}\)?[-.\s]?\d{3}[-.\s]?\d{4}\b"),
];

static COMPILED: LazyLock<[(Kind, Regex); 4]> =
    LazyLock::new(|| PATTERNS.map(|(kind, pattern)| (kind, Regex::new(pattern).expect("a right pattern"))));

/// The text with everything personal replaced: first by the file's patterns, then by our own.
///
/// # Errors
/// The real server fails over the file or over the length of what comes out.
pub(crate) fn redacted<'a>(
    text: Cow<'a, str>,
    rules: &Rules,
    repairs: Repairs,
) -> Result<Cow<'a, str>, Refusal> {
    let Listed::Items(personal) = &rules.personal else {
        return Err(Refusal::Crash("pii_regexes has no items"));
    };
    let is_repaired = repairs.has(Quirk::FalseRedactions);
    let digits = if text.is_ascii() {
        text.bytes().filter(u8::is_ascii_digit).count()
    } else {
        text.chars().filter(|c| c.is_numeric()).count()
    };
    let mut text = text;
    // The shipped pattern finds what ours finds, and the false ones.
    let skips_file = rules.is_shipped && (is_repaired || digits < DIGITS_MIN);
    for pattern in personal.iter().filter(|_| !skips_file) {
        let pattern = pattern.as_ref().ok_or(Refusal::Crash("an item of pii_regexes is no text"))?;
        text = python::redact(text, pattern, |_, _| false);
    }
    for (kind, pattern) in &*COMPILED {
        let is_possible = if *kind == Kind::Email { text.contains('@') } else { digits >= DIGITS_MIN };
        if is_possible {
            text =
                python::redact(text, pattern, |text, found| is_repaired && !is_personal(*kind, text, found));
        }
    }
    if text.len() > ANSWER_CHARS_MAX && text.chars().nth(ANSWER_CHARS_MAX).is_some() {
        return Err(Refusal::Crash("an answer of more than 50000 characters"));
    }
    Ok(text)
}

/// Whether a match could be what its pattern looks for: a number of its own, not a part of a decimal or of a longer
/// number, and one that is given out. An e-mail address always could.
fn is_personal(kind: Kind, text: &str, found: Range<usize>) -> bool {
    let (before, after) = (&text.as_bytes()[..found.start], &text.as_bytes()[found.end..]);
    let is_part = matches!(before, [.., b'.' | b'_'] | [.., b'0'..=b'9', b',' | b'-' | b':' | b'/'])
        || matches!(after, [b'.' | b',' | b'-' | b':' | b'/', b'0'..=b'9', ..]);
    let found = &text[found];
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let is_decimal = found.split_once('.').is_some_and(|(whole, rest)| is_number(whole) && is_number(rest));
    let digits: Vec<u8> = found.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let number =
        |range: Range<usize>| digits[range].iter().fold(0_u32, |n, digit| n * 10 + u32::from(*digit));
    match (kind, digits.len()) {
        (Kind::Email, _) => true,
        _ if is_part || is_decimal => false,
        // Digits of other scripts are in nobody's card.
        (Kind::SocialSecurity, 9) => {
            !matches!(number(0..3), 0 | 666 | 900..) && number(3..5) > 0 && number(5..9) > 0
        }
        (Kind::Card, 16) => digits[0] > 1 && has_check_digit(&digits),
        (Kind::Phone, 10) => digits[0] > 1,
        (Kind::Phone, 11) => digits[1] > 1,
        _ => false,
    }
}

/// Luhn's sum of the number's digits.
fn has_check_digit(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weighed =
        |(place, digit): (usize, &u8)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit });
    digits.iter().rev().enumerate().map(weighed).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Policies;

    fn check(text: &str, file: &str, repairs: Repairs, expected: &str) {
        let rules = if file.is_empty() {
            Policies::new(None, repairs).rules().expect("the shipped ones")
        } else {
            Rules::parse(file).expect("YAML").into()
        };
        let got = redacted(Cow::Borrowed(text), &rules, repairs);
        let got = got.map_or_else(|no| no.reason().into_owned(), Cow::into_owned);
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn the_real_servers_way_and_the_repaired_one() {
        for (text, real, repaired) in [
            ("nothing here", "nothing here", "nothing here"),
            ("SSN 123-45-6789.", "SSN [redacted].", "SSN [redacted]."),
            ("x9123-45-67890", "x9[redacted]0", "x9123-45-67890"),
            ("_123-45-6789_", "_[redacted]_", "_123-45-6789_"),
            ("666-45-6789 000-12-3456", "[redacted] [redacted]", "666-45-6789 000-12-3456"),
            ("١٢٣-٤٥-٦٧٨٩", "[redacted]", "١٢٣-٤٥-٦٧٨٩"),
            ("x١٢٣-٤٥-٦٧٨٩", "x١٢٣-٤٥-٦٧٨٩", "x١٢٣-٤٥-٦٧٨٩"),
            ("card 4111 1111-11111111", "card [redacted]", "card [redacted]"),
            ("card 4111111111111112", "card [redacted]", "card 4111111111111112"),
            ("mail a.b+c@d-e.co.uk now", "mail [redacted] now", "mail [redacted] now"),
            ("jörg@example.com a@b.c|d", "jörg@example.com [redacted]", "jörg@example.com [redacted]"),
            ("(555) 123-4567", "([redacted]", "([redacted]"),
            ("+1 555-123-4567, 555.123.4567", "+[redacted], [redacted]", "+[redacted], [redacted]"),
            ("at 1795425829", "at [redacted]", "at 1795425829"),
            ("0.5267513010240288 1.2345678901", "0.[redacted] [redacted]", "0.5267513010240288 1.2345678901"),
            (
                "5\u{301}551234567 ½5551234567",
                "5\u{301}551234567 ½5551234567",
                "5\u{301}551234567 ½5551234567",
            ),
            ("\u{301}5551234567", "\u{301}[redacted]", "\u{301}[redacted]"),
            ("12 * 7", "12 * 7", "12 * 7"),
        ] {
            check(text, "", Repairs::NONE, real);
            check(text, "", Repairs::NONE.with(Quirk::FalseRedactions), repaired);
        }
    }

    #[test]
    fn patterns_of_a_file() {
        for (text, file, expected) in [
            ("see EMP-12 now", "pii_regexes: ['(', 'emp-\\d+']", "see [redacted] now"),
            ("1234-45-67890", "deny_patterns: []", "1234-45-67890"),
            ("hi", "pii_regexes: [h, 5]", "crash: an item of pii_regexes is no text"),
            ("hi", "pii_regexes: 5", "crash: pii_regexes has no items"),
            (&"a".repeat(5_001), "pii_regexes: [a]", "crash: an answer of more than 50000 characters"),
        ] {
            check(text, file, Repairs::NONE, expected);
            check(text, file, Repairs::ALL, expected);
        }
    }
}
