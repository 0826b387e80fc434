//! Which queries a workflow takes. It must not know what the workflow then does.

use std::sync::LazyLock;

use regex::Regex;

/// What must hold of a query; every part that is given must.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rule {
    /// Holds two numbers with an operator between them.
    pub(crate) arithmetic: bool,
    /// Holds one of these words, whatever its case; they are stored in lower case.
    pub(crate) words: Vec<String>,
    /// Has at least so many words.
    pub(crate) min_words: u32,
}

static ARITHMETIC: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9]\s*[-+*/×÷]\s*[0-9]").expect("a right pattern"));

impl Rule {
    pub(crate) fn matches(&self, query: &str) -> bool {
        (!self.arithmetic || ARITHMETIC.is_match(query))
            && (self.words.is_empty() || words(query).any(|word| self.words.iter().any(|w| same(word, w))))
            && (self.min_words == 0 || words(query).nth(self.min_words as usize - 1).is_some())
    }
}

fn words(query: &str) -> impl Iterator<Item = &str> {
    query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn same(word: &str, lower: &str) -> bool {
    word.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_must_hold() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        for (arithmetic, list, min_words, query, expected) in [
            (true, &[][..], 0, "calculate 12 * 7 for me", true),
            (true, &[], 0, "twelve times 7", false),
            (false, &["plan", "über"], 0, "Make a PLAN", true),
            (false, &["plan", "über"], 0, "ÜBER alles", true),
            (false, &["plan"], 0, "a planet, planning", false),
            (false, &[], 3, "one, two - three", true),
            (false, &[], 3, "one two", false),
            (true, &["sum"], 2, "sum 1+1", true),
            (true, &["sum"], 2, "add 1+1", false),
        ] {
            let rule = Rule { arithmetic, words: words(list), min_words };
            assert_eq!(rule.matches(query), expected, "{rule:?} of `{query}`");
        }
    }
}
