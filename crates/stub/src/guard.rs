//! What a query may hold: control characters, SQL, mixed scripts, tags, forbidden words, bare sums.
//!
//! The words and the order are the real server's, false positives included. It must not know JSON or HTTP.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

const SQL: &str = concat!(
    r"(?i)\b(?:union\b.*\bselect|select\b.*\bunion|drop\b.*\btable|alter\b.*\btable)\b",
    r"|\bexec(?:ute)?\s*\(|--|#|/\*|\*/",
    r#"|\b(?:or|and)\b\s+['"]?\d+['"]?\s*=\s*['"]?\d+|'\s+or\s+'[^']*'\s*=\s*'"#,
    r"|waitfor\s+delay|\bsleep\s*\(|\b(?:xp|sp)_",
    r"|;\s*(?:drop|delete|update|insert|alter)\s|;(?s:.*);(?s:.*);",
);
static SQL_PATTERNS: LazyLock<Regex> = LazyLock::new(|| pattern(SQL));
static HEX: LazyLock<Regex> = LazyLock::new(|| pattern("(?i)0x[0-9a-f]"));
static WHOLE_HEX: LazyLock<Regex> = LazyLock::new(|| pattern("(?i)^0x[0-9a-f]{1,16}$"));
static INVISIBLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u{200B}-\u{200F}\u{2060}-\u{2069}\u{FFF0}-\u{FFFF}]--[\t\n\r ]]")
});
/// Letters whose Unicode name begins with LATIN: full-width ones and signs are of the script, not of the name.
static LATIN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[[\p{Latin}&&\p{L}]--[\u{AA}\u{BA}\u{212A}\u{212B}\u{FF21}-\u{FF3A}\u{FF41}-\u{FF5A}]]")
});
static LOOKALIKE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[[\p{Cyrillic}\p{Greek}\p{Armenian}&&\p{L}]--[\u{2126}]]"));
static SCRIPTS: LazyLock<Regex> =
    LazyLock::new(|| pattern("(?i)javascript:|data:text/html|vbscript:|onclick=|onerror=|onload="));
static TAGS: LazyLock<Regex> = LazyLock::new(|| pattern("<[^>]+>"));
static SUM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\d+\s*[-+*/]\s*\d+\s*$"));
static TOOL: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\d+*/-]"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a right pattern")
}

/// The query without control characters and tags.
///
/// # Errors
/// What is wrong with it, in the real server's words.
pub(crate) fn clean(query: &str) -> Result<String, &'static str> {
    if query.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)).is_empty() {
        return Err("Query cannot be empty");
    }
    if query.contains('\0') {
        return Err("Invalid query: Null bytes not allowed");
    }
    let query: String = query.chars().filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r')).collect();
    if looks_like_sql(&query) {
        return Err("Invalid query: Potential SQL injection detected");
    }
    if spoofs(&query) {
        return Err("Invalid query: Unicode spoofing characters detected");
    }
    let cleaned = SCRIPTS.replace_all(&query, "");
    let cleaned = match TAGS.replace_all(&cleaned, "") {
        Cow::Borrowed(_) => cleaned.into_owned(),
        Cow::Owned(without_tags) => without_tags,
    };
    // What was deleted may have parted what now stands together.
    if cleaned.len() != query.len() && looks_like_sql(&cleaned) {
        return Err("Potential SQL injection detected in query");
    }
    Ok(cleaned)
}

fn looks_like_sql(query: &str) -> bool {
    SQL_PATTERNS.is_match(query) || (HEX.is_match(query) && !WHOLE_HEX.is_match(query))
}

fn spoofs(query: &str) -> bool {
    if query.is_ascii() {
        return query.contains('\u{7f}');
    }
    INVISIBLE.is_match(query) || (LOOKALIKE.is_match(query) && LATIN.is_match(query))
}

/// Whether the shipped guardrail blocks the cleaned query. Control characters do not hide a word from it.
pub(crate) fn is_blocked(query: &str) -> bool {
    const WORD: &[u8] = b"forbidden";
    let contains = |text: &[u8]| text.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD));
    if query.contains(['\n', '\r', '\t']) {
        let joined: String = query.chars().filter(|c| !c.is_control()).collect();
        return contains(joined.as_bytes());
    }
    contains(query.as_bytes())
}

/// Whether the whole query is a sum for the calculator.
pub(crate) fn is_sum(query: &str) -> bool {
    SUM.is_match(query)
}

/// Whether the real server thinks that a tool is needed.
pub(crate) fn needs_tool(query: &str) -> bool {
    TOOL.is_match(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_refused_with_its_false_positives() {
        let refused = [
            "a union all select b",
            "select a union representative",
            "DROP the Table",
            "Drop me a table reservation",
            "alter my table",
            "exec (summary)",
            "EXECUTE(x)",
            "a -- b",
            "C# language",
            "ticket #42",
            "2*/3",
            "/* x",
            "x or 1=1",
            "and '1' = '1'",
            "' or 'x'='y'",
            "waitfor delay",
            "I need sleep (badly)",
            "xp_cmd",
            "an sp_who",
            "a; drop x",
            "a;b;c;d",
            "What does 0xFF mean?",
        ];
        for query in refused {
            assert_eq!(clean(query), Err("Invalid query: Potential SQL injection detected"), "{query}");
        }
        for query in [
            "drop\ntable",
            "a; update",
            "table then drop",
            "reunion selection",
            "0xDEADBEEF",
            "a;b;c",
            "oxp_x",
        ] {
            assert_eq!(clean(query).as_deref(), Ok(query), "{query}");
        }
    }

    #[test]
    fn tags_and_controls_vanish() {
        for (query, expected) in [
            ("if a < b and c > d then", Ok("if a  d then")),
            ("<>", Ok("<>")),
            ("a <b\nc> d", Ok("a  d")),
            ("JavaScript:alert ONCLICK=x", Ok("alert x")),
            ("\u{1}", Ok("")),
            ("a\u{1}b\tc", Ok("ab\tc")),
            ("-<b></b>-", Err("Potential SQL injection detected in query")),
            ("dr<i></i>op table", Err("Potential SQL injection detected in query")),
            ("a\0b", Err("Invalid query: Null bytes not allowed")),
            ("\u{1f}", Err("Query cannot be empty")),
        ] {
            assert_eq!(clean(query).as_deref().map_err(|e| *e), expected, "{query:?}");
        }
    }

    #[test]
    fn spoofing_is_refused() {
        for query in [
            "a\u{7f}b",
            "a\u{200b}b",
            "\u{feff}a",
            "pаypal",
            "What is π?",
            "10 kΩ",
            "👨\u{200d}👩",
            "a\u{e000}",
        ] {
            assert_eq!(clean(query), Err("Invalid query: Unicode spoofing characters detected"), "{query:?}");
        }
        for query in ["5 \u{b5}m", "ｆｕｌｌ а", "Grüße 世界", "Привет π", "café", "😀"] {
            assert_eq!(clean(query).as_deref(), Ok(query), "{query:?}");
        }
    }

    #[test]
    fn words_and_sums() {
        for (query, blocked, sum, tool) in [
            ("hi", false, false, false),
            ("this is FORBIDDEN here", true, false, false),
            ("unforbiddenly", true, false, false),
            ("for\nbidden", true, false, false),
            ("f o r b i d d e n", false, false, false),
            ("2 + 2", false, true, true),
            (" 123-4567 ", false, true, true),
            ("٣*٤", false, true, true),
            ("2 + 2?", false, false, true),
            ("1+1+1", false, false, true),
            ("2**3", false, false, true),
            ("and/or", false, false, true),
            ("well-known", false, false, true),
        ] {
            assert_eq!(
                (is_blocked(query), is_sum(query), needs_tool(query)),
                (blocked, sum, tool),
                "{query}"
            );
        }
    }
}
