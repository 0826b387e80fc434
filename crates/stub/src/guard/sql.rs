//! SQL in a query: what the real server takes for it, and what truly is.
//!
//! It must not know what follows from it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::python::levelled;

/// Of the real server, but for `0x` and semicolons.
static SUSPECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&[
        r"\bunion\b.*\bselect\b|\bselect\b.*\bunion\b",
        r"\b(?:drop|alter)\b.*\btable\b",
        r"\bexec(?:ute)?\b\s*\(",
        r"--|#|/\*|\*/",
        r#"\b(?:or|and)\b\s+['"]?\d+['"]?\s*=\s*['"]?\d"#,
        r"'\s+or\s+'[^']*'\s*=\s*'[^']*'",
        r"\bwaitfor\b\s+\bdelay\b|\bsleep\b\s*\(",
        r"\b(?:xp|sp)_\w",
        r";\s*(?:drop|delete|update|insert|alter)\s",
    ])
});
/// Something of which every match of [`SUSPECT`] has one. Most queries have none, and to see that is cheap.
static SIGN: LazyLock<Regex> = LazyLock::new(|| {
    let words = ["union", "table", "exec", "waitfor", "sleep", "[xs]p_"];
    pattern(&[&words.join("|"), r"--|#|/\*|\*/|=|;|0x"])
});
/// As many semicolons as are too many for the real server.
const SEMICOLONS: usize = 3;
/// Digits of a number in hex that may stand for itself.
const HEX_DIGITS_MAX: usize = 16;

/// SQL that means harm, and hardly ever English. Words are parted by blanks or by comments.
static ATTACK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&[
        r"\bunion\b(?:\s|/\*.*?\*/)+(?:all\s+|distinct\s+)?select\b",
        r"\b(?:drop|alter|truncate)\s+table\s+[\w\x60'\x22]",
        r";\s*(?:drop\s+(?:table|database|view|schema|index|user)|delete\s+from|insert\s+into|update\s+\w+\s+set|alter\s+table|truncate|shutdown)\b",
        r"\bexec(?:ute)?\s+(?:xp|sp)_\w|\bxp_cmdshell\b",
        r"'\s*(?:;\s*)?(?:--|#|/\*)",
        r#"['"]\s*(?:or|and)\s+(?:['"]\w*['"]?\s*=|\w+\s*(?:=|like\b)\s*['"])"#,
        r"\bwaitfor\s+delay\s+'|\b(?:sleep|pg_sleep|benchmark)\s*\(\s*\d",
    ])
});
/// `or 1=1`, with the two numbers.
static TAUTOLOGY: LazyLock<Regex> = LazyLock::new(|| pattern(&[r"\b(?:or|and)\s+(\d+)\s*=\s*(\d+)"]));

fn pattern(parts: &[&str]) -> Regex {
    Regex::new(&format!("(?i){}", parts.join("|"))).expect("a right pattern")
}

/// Whether the real server takes the query for an attack.
pub(super) fn is_suspect(query: &str) -> bool {
    if query.is_ascii() {
        return SIGN.is_match(query) && is_suspect_level(query);
    }
    // What Python's lower case and its disregard of case make of the letters of the patterns.
    let mut lower = query.to_lowercase();
    if lower.contains(['ı', 'ſ']) {
        lower = lower.replace('ı', "i").replace('ſ', "s");
    }
    SIGN.is_match(&lower) && is_suspect_level(&levelled(&lower))
}

fn is_suspect_level(query: &str) -> bool {
    query.bytes().filter(|b| *b == b';').count() >= SEMICOLONS || holds_hex(query) || SUSPECT.is_match(query)
}

/// Whether there is a number in hex and more than that number.
fn holds_hex(query: &str) -> bool {
    let bytes = query.as_bytes();
    let is_hex = |w: &[u8]| w[0] == b'0' && w[1] | 0x20 == b'x' && w[2].is_ascii_hexdigit();
    if !bytes.windows(3).any(is_hex) {
        return false;
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let is_whole =
        line.len() <= 2 + HEX_DIGITS_MAX && is_hex(line) && line[2..].iter().all(u8::is_ascii_hexdigit);
    !is_whole
}

/// Whether the query is an attack.
pub(super) fn is_attack(query: &str) -> bool {
    let level: Cow<'_, str> = levelled(query);
    ATTACK.is_match(&level)
        || TAUTOLOGY
            .captures_iter(&level)
            .any(|found| found[1].trim_start_matches('0') == found[2].trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_are_the_real_servers() {
        for (query, expected) in [
            ("a union all select b", true),
            ("select a union representative", true),
            ("DROP the Table", true),
            ("alter my table", true),
            ("exec (summary)", true),
            ("EXECUTE(x)", true),
            ("a -- b", true),
            ("C# language", true),
            ("2*/3", true),
            ("/* x", true),
            ("x or 1=1", true),
            ("and '1' = '1'", true),
            ("or ٣=٣", true),
            ("' or 'x'='y'", true),
            ("' or 'x'='y", false),
            ("waitfor delay", true),
            ("waitfor delays", false),
            ("I need sleep (badly)", true),
            ("xp_cmd", true),
            ("an sp_ who", false),
            ("oxp_x", false),
            ("a; drop x", true),
            ("a;\u{3000}drop\u{a0}x", true),
            ("a; update", false),
            ("a;b;c;d", true),
            ("a;b;c", false),
            ("What does 0xFF mean?", true),
            ("0xDEADBEEF", false),
            ("0X12345678901234567", true),
            ("0xg", false),
            ("drop\ntable", false),
            ("table then drop", false),
            ("reunion selection", false),
            ("un\u{131}on SELECT", true),
            ("\u{17f}elect union", true),
            ("un\u{130}on select", false),
            ("½drop table", false),
            ("drop\u{301} table", true),
        ] {
            assert_eq!(is_suspect(query), expected, "{query}");
        }
    }

    #[test]
    fn attacks_are_attacks() {
        for query in [
            "1 UNION ALL SELECT password FROM users",
            "1 union/**/select 2",
            "'; DROP TABLE users; --",
            "drop table users",
            "x'; delete from y",
            "admin'--",
            "x or 1=1",
            "x AND 01 = 1",
            "' or 'a'='a",
            "\" or \"\"=\"",
            "waitfor delay '0:0:5'",
            "sleep(5)",
            "exec xp_cmdshell",
        ] {
            assert!(is_attack(query), "{query}");
        }
        for query in [
            "C# language, ticket #42",
            "Use -- to start a comment",
            "What does 0xFF mean?",
            "I need sleep (badly)",
            "exec (summary)",
            "a; b; c; d",
            "Drop me a table reservation",
            "select a union representative",
            "2*/3 /* x */",
            "legal or 1 = 2?",
            "it's all or nothing",
        ] {
            assert!(!is_attack(query), "{query}");
        }
    }
}
