//! Characters that pretend to be others, or nothing at all.
//!
//! It must not know what follows from it.

use std::sync::LazyLock;

use regex::Regex;

use super::letters::{is_latin, is_lookalike, is_nameless};

/// For the real server. `Cn` holds what no Unicode has, the ages what Unicode 15.0 did not have yet.
static INVISIBLE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"[[\p{Cc}\p{Cf}\p{Co}\p{Cn}\P{age=15.0}\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{2069}\u{FFF0}-\u{FFFF}]--[\t\n\r ]]";
    Regex::new(pattern).expect("a right pattern")
});

/// What the real server finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Spoofed,
    /// Its search fails over a letter without a name.
    Nameless,
}

/// Something for which the real server refuses the query.
pub(super) fn find(query: &str) -> Option<Finding> {
    if query.is_ascii() {
        return query.contains('\u{7f}').then_some(Finding::Spoofed);
    }
    if INVISIBLE.is_match(query) {
        return Some(Finding::Spoofed);
    }
    if query.contains(is_nameless) {
        return Some(Finding::Nameless);
    }
    (query.contains(is_lookalike) && query.contains(is_latin)).then_some(Finding::Spoofed)
}

/// Letters that look like those of Latin. Symbols of science such as `μ`, `Ω`, `π`, `ν` and `ρ` are not among them.
const LOOKALIKES: &str = "АВЕЅІЈКМНОРСТУХаеѕіјоруԁхсһԛԝҮҺ\u{391}\u{392}\u{395}\u{396}\u{397}\u{399}\u{39a}\u{39c}\u{39d}\u{39f}\u{3a1}\u{3a4}\u{3a5}\u{3a7}\u{3bf}\u{3f2}\u{3f3}\u{3f9}օսոհ";

/// Whether the query deceives its reader: control characters, directions overridden, invisible characters within a
/// word of ASCII, invisible copies of ASCII but in a flag, or a word of Latin letters and letters that look like them.
pub(super) fn is_attack(query: &str) -> bool {
    if query.is_ascii() {
        return query.contains('\u{7f}');
    }
    let hides = |(before, c, after): (char, char, char)| match c {
        '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {
            before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric()
        }
        '\u{e0000}'..='\u{e007f}' => !matches!(before, '\u{1f3f4}' | '\u{e0000}'..='\u{e007f}'),
        _ => false,
    };
    let chars = || query.chars();
    let threes = std::iter::once(' ').chain(chars()).zip(chars()).zip(chars().skip(1).chain([' ']));
    let mixes = |word: &str| word.contains(is_latin) && word.contains(|c| LOOKALIKES.contains(c));
    threes.map(|((before, c), after)| (before, c, after)).any(hides)
        || query.split(|c: char| !c.is_alphanumeric()).any(mixes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_real_server_finds() {
        for query in [
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{200b}b",
            "\u{feff}a",
            "pаypal",
            "What is π?",
            "10 kΩ",
            "👨\u{200d}👩",
        ] {
            assert_eq!(find(query), Some(Finding::Spoofed), "{query:?}");
        }
        // Unassigned, private, no character, of Unicode 15.1, and of 16.0.
        for c in ['\u{378}', '\u{e000}', '\u{fffe}', '\u{fffd}', '\u{2ebf0}', '\u{1fae9}'] {
            assert_eq!(find(&c.to_string()), Some(Finding::Spoofed), "{c:?}");
        }
        for query in [
            "5 \u{b5}m",
            "ｆｕｌｌ а",
            "Grüße 世界",
            "Привет π",
            "café",
            "😀",
            "a\u{2028}b",
            "ᴬ π",
            "\u{1e030}",
        ] {
            assert_eq!(find(query), None, "{query:?}");
        }
        assert_eq!(find("a \u{18d00}"), Some(Finding::Nameless));
    }

    #[test]
    fn what_is_an_attack() {
        for (query, expected) in [
            ("pаypal", true),
            ("for\u{200b}bidden", true),
            ("a\u{202e}b", true),
            ("a\u{85}b", true),
            ("hi\u{e0041}\u{e0042}", true),
            ("What is π? 10 kΩ, 5 μm, hν", false),
            ("say привет to Anna", false),
            ("👨\u{200d}👩\u{200d}👧", false),
            ("\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}", false),
            ("\u{feff}hi", false),
            ("می\u{200c}خواهم", false),
            ("\u{1fae9} \u{e000} \u{fffd}", false),
        ] {
            assert_eq!(is_attack(query), expected, "{query:?}");
        }
    }
}
