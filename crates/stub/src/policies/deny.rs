//! A word for which queries are blocked, and whether it stands in one, however it is disguised.
//!
//! It must not know where the word comes from.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::python::{self, folded};

/// A word, ready to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// As it was written, unless looking for the other finds it too.
    written: Option<Box<str>>,
    /// In normal form and without regard for case.
    normal: Box<str>,
}

impl Denied {
    pub(crate) fn new(written: &str) -> Self {
        let normal = normalised(written);
        let normal = fold(&normal);
        let differs = *normal != *written;
        Self { written: differs.then(|| written.into()), normal: normal.into_owned().into_boxed_str() }
    }

    /// Whether it stands in the query or in its normal form.
    pub(crate) fn is_in(&self, query: &Disguised<'_>) -> bool {
        let as_written = |written: &str| query.given.contains(written) || query.normal.contains(written);
        query.normal_folded.contains(&*self.normal)
            || query.folded.contains(&*self.normal)
            || self.written.as_deref().is_some_and(as_written)
    }
}

/// A query in the four forms in which words are looked for.
pub(crate) struct Disguised<'a> {
    given: &'a str,
    folded: Cow<'a, str>,
    normal: Cow<'a, str>,
    normal_folded: Cow<'a, str>,
}

impl<'a> Disguised<'a> {
    pub(crate) fn new(query: &'a str) -> Self {
        let normal = normalised(query);
        Self {
            given: query,
            folded: fold(query),
            normal_folded: Cow::Owned(fold(&normal).into_owned()),
            normal,
        }
    }
}

/// Compatibility characters and accents taken apart, without controls, in lower case, with single blanks.
fn normalised(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let lower = match text.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_control()) {
            false => Cow::Borrowed(text),
            true => Cow::Owned(
                text.chars().filter(|c| !c.is_ascii_control()).collect::<String>().to_ascii_lowercase(),
            ),
        };
        let is_single = !lower.starts_with(' ') && !lower.ends_with(' ') && !lower.contains("  ");
        return if is_single { lower } else { Cow::Owned(single_blanks(&lower)) };
    }
    let apart: String = text.nfkd().collect();
    Cow::Owned(single_blanks(&python::without_others(&apart).to_lowercase()))
}

fn single_blanks(text: &str) -> String {
    text.split(python::is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Every character exchanged for the one that stands for all that differ from it in case alone.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    Cow::Owned(text.chars().map(folded).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_disguises() {
        for (word, query, expected) in [
            ("forbidden", "hi", false),
            ("forbidden", "this is FORBIDDEN here", true),
            ("forbidden", "unforbiddenly", true),
            ("forbidden", "for\n\tbidden", true),
            ("forbidden", "for bidden", false),
            ("forbidden", "f0rbidden", false),
            ("forbidden", "fórbidden", false),
            ("forbidden", "𝐟𝐨𝐫𝐛𝐢𝐝𝐝𝐞𝐧 ｆ", true),
            ("forbidden", "ⓕⓞⓡⓑⓘⓓⓓⓔⓝ", true),
            ("forbidden", "forb\u{131}dden", true),
            ("forbidden", "FORB\u{130}DDEN", true),
            ("TopSecret", "this is topsecret", true),
            ("a.b", "axb", false),
            ("two  words", "two words", true),
            ("two  words", "two \n  words", true),
            ("two words", "two \u{3000}words", true),
            (" x ", "axb", true),
            ("", "hi", true),
            ("\n", "hi", true),
            ("straße", "STRASSE", false),
            ("ΣΑΣ", "σας", true),
            ("é", "E\u{301}", true),
            ("é", "e", false),
        ] {
            assert_eq!(Denied::new(word).is_in(&Disguised::new(query)), expected, "{word:?} in {query:?}");
        }
    }
}
