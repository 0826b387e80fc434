//! The guardrail file: words for which a query is blocked, and patterns of personal data.
//!
//! It must not know where the file lies, nor what is redacted otherwise.

use regex::Regex;

use super::deny::Denied;
use super::translate::translated;
use super::yaml::{self, Value};

/// What stands in the file under one name.
#[derive(Clone, Debug)]
pub(crate) enum Listed<T> {
    /// `None` for an item that is no text: the real server fails when it comes to it.
    Items(Vec<Option<T>>),
    /// Nothing that has items: the real server fails at once.
    Broken,
}

/// What the guardrail file says.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) deny: Listed<Denied>,
    /// Without those that are no regexes, which the real server skips.
    pub(crate) personal: Listed<Regex>,
    /// Whether no file says it.
    pub(crate) is_shipped: bool,
}

impl Rules {
    /// What the real server is shipped with: one word, and social security numbers wherever they stand.
    pub(super) fn shipped() -> Self {
        let personal = Regex::new("[0-9]{3}-[0-9]{2}-[0-9]{4}").expect("a right pattern");
        Self {
            deny: Listed::Items(vec![Some(Denied::new("forbidden"))]),
            personal: Listed::Items(vec![Some(personal)]),
            is_shipped: true,
        }
    }

    /// What a file says.
    ///
    /// # Errors
    /// It is no YAML.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let file = yaml::parse(text)?;
        if file.is_truthy() && !matches!(file, Value::Map(_)) {
            return Ok(Self { deny: Listed::Broken, personal: Listed::Broken, is_shipped: false });
        }
        let deny = match listed(file.field("deny_patterns")) {
            Listed::Items(items) => {
                Listed::Items(items.into_iter().map(|text| text.map(|text| Denied::new(&text))).collect())
            }
            Listed::Broken => Listed::Broken,
        };
        let personal = match listed(file.field("pii_regexes")) {
            Listed::Items(items) => Listed::Items(items.into_iter().filter_map(personal).collect()),
            Listed::Broken => Listed::Broken,
        };
        Ok(Self { deny, personal, is_shipped: false })
    }

    /// Whether the real server would not fail over it.
    pub(super) fn is_sound(&self) -> bool {
        fn is_whole<T>(listed: &Listed<T>) -> bool {
            matches!(listed, Listed::Items(items) if items.iter().all(Option::is_some))
        }
        is_whole(&self.deny) && is_whole(&self.personal)
    }
}

/// What Python meets when it goes through the value: a text has its characters, a mapping its names.
fn listed(value: Option<&Value>) -> Listed<String> {
    Listed::Items(match value {
        None => vec![],
        Some(Value::List(items)) => items.iter().map(text).collect(),
        Some(Value::Map(fields)) => fields.iter().map(|(name, _)| Some(name.clone())).collect(),
        Some(Value::Text(text)) => text.chars().map(|c| Some(c.to_string())).collect(),
        Some(Value::NoText(_)) => return Listed::Broken,
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The item as a regex, `None` if it has to be skipped.
fn personal(item: Option<String>) -> Option<Option<Regex>> {
    let Some(written) = item else { return Some(None) };
    let compiled = translated(&written).ok_or("it is none of Python's").and_then(|pattern| {
        Regex::new(&format!("(?i:{pattern})")).map_err(|_| "it has an error, or looks around or back")
    });
    match compiled {
        Ok(regex) => Some(Some(regex)),
        Err(why) => {
            tracing::warn!(regex = written, why, "a regex of pii_regexes is skipped");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many words and patterns there are, `x` for one that is no text, or `broken`.
    fn check(text: &str, expected: &str) {
        fn shown<T>(listed: &Listed<T>) -> String {
            match listed {
                Listed::Items(items) => {
                    items.iter().map(|item| if item.is_some() { '+' } else { 'x' }).collect()
                }
                Listed::Broken => "broken".to_owned(),
            }
        }
        let rules = Rules::parse(text);
        let got = rules
            .map_or_else(|_| "no YAML".to_owned(), |r| format!("{} {}", shown(&r.deny), shown(&r.personal)));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn files_right_and_wrong() {
        for (text, expected) in [
            ("", " "),
            ("[]", " "),
            ("no", " "),
            ("other: 1", " "),
            ("deny_patterns: [a, '', 5, ~, [b]]", "++xxx "),
            ("deny_patterns: ~", "broken "),
            ("deny_patterns: 5", "broken "),
            ("deny_patterns: ab\npii_regexes: {x: 1}", "++ +"),
            ("pii_regexes: ['emp-\\d+', '(', '\\p{L}', '(?=a)', 5]", " +x"),
            ("- a", "broken broken"),
            ("word", "broken broken"),
            ("a: [", "no YAML"),
        ] {
            check(text, expected);
        }
        assert!(Rules::shipped().is_sound());
        assert!(!Rules::parse("deny_patterns: [5]").expect("YAML").is_sound());
    }
}
