//! What a query may hold: control characters, SQL, mixed scripts, tags.
//!
//! The words and the order are the real server's, false positives included. It must not know JSON or HTTP.

mod letters;
mod spoofing;
mod sql;
mod tags;

use crate::python;
use crate::quirk::{Quirk, Repairs};

/// Why a query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// In the real server's words.
    Because(&'static str),
    /// The real server fails over a letter that has no name.
    Nameless,
}

/// The query without control characters and tags, and without blanks at the ends it had before.
pub(crate) fn clean(query: &str, repairs: Repairs) -> Result<String, Unfit> {
    let query = python::strip(query);
    if query.is_empty() {
        return Err(Unfit::Because("Query cannot be empty"));
    }
    if query.contains('\0') {
        return Err(Unfit::Because("Invalid query: Null bytes not allowed"));
    }
    let kept = |c: &char| *c >= ' ' || matches!(c, '\t' | '\n' | '\r');
    let query: String = query.chars().filter(kept).collect();
    let is_sql = if repairs.has(Quirk::FalseRefusals) { sql::is_attack } else { sql::is_suspect };
    if is_sql(&query) {
        return Err(Unfit::Because("Invalid query: Potential SQL injection detected"));
    }
    spoofing(&query, repairs)?;
    let without_tags = if repairs.has(Quirk::AngleBrackets) { tags::without } else { tags::without_brackets };
    let cleaned = without_tags(&query);
    // What was deleted may have parted what now stands together.
    if cleaned.len() != query.len() && is_sql(&cleaned) {
        return Err(Unfit::Because("Potential SQL injection detected in query"));
    }
    Ok(cleaned)
}

fn spoofing(query: &str, repairs: Repairs) -> Result<(), Unfit> {
    let found = if repairs.has(Quirk::FalseRefusals) {
        spoofing::is_attack(query).then_some(spoofing::Finding::Spoofed)
    } else {
        spoofing::find(query)
    };
    match found {
        None => Ok(()),
        Some(spoofing::Finding::Spoofed) => {
            Err(Unfit::Because("Invalid query: Unicode spoofing characters detected"))
        }
        Some(spoofing::Finding::Nameless) => Err(Unfit::Nameless),
    }
}

/// Whether the real server thinks that the query needs a tool: it holds a digit or one of `+ - * /`.
pub(crate) fn needs_tool(query: &str) -> bool {
    query.bytes().any(|b| b.is_ascii_digit() || b"+-*/".contains(&b))
        || (!query.is_ascii() && letters::holds_digit(query))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: Result<&str, Unfit> = Err(Unfit::Because("Invalid query: Potential SQL injection detected"));

    fn check(query: &str, repairs: Repairs, expected: Result<&str, Unfit>) {
        assert_eq!(clean(query, repairs).as_deref().map_err(|e| *e), expected, "{query:?} {repairs:?}");
    }

    #[test]
    fn what_vanishes_and_what_is_refused() {
        let twice = Err(Unfit::Because("Potential SQL injection detected in query"));
        let spoofed = Err(Unfit::Because("Invalid query: Unicode spoofing characters detected"));
        for (query, expected) in [
            ("\u{1}", Ok("")),
            ("a\u{1}b\tc\u{b}", Ok("ab\tc")),
            ("\u{1f} a\u{1c}b \u{1d}", Ok("ab")),
            ("<b> </b>hi <br>", Ok(" hi ")),
            ("-<b></b>-", twice),
            ("dr<i></i>op table", twice),
            ("a\0b -- c", Err(Unfit::Because("Invalid query: Null bytes not allowed"))),
            ("\u{1f}", Err(Unfit::Because("Query cannot be empty"))),
            ("-- \u{200b}", SQL),
            ("\u{17000}\u{200b}", spoofed),
            ("\u{17000} pаypal", Err(Unfit::Nameless)),
        ] {
            check(query, Repairs::NONE, expected);
        }
    }

    #[test]
    fn each_repair_is_its_own() {
        let refusals = Repairs::NONE.with(Quirk::FalseRefusals);
        let brackets = Repairs::NONE.with(Quirk::AngleBrackets);
        for (query, repairs, expected) in [
            ("C# and 10 kΩ", refusals, Ok("C# and 10 kΩ")),
            ("\u{17000}", refusals, Ok("\u{17000}")),
            ("a < b and c > d", refusals, Ok("a  d")),
            ("a < b and c > d", brackets, Ok("a < b and c > d")),
            ("C# <b>x</b>", brackets, SQL),
            ("C# <b>x</b>", Repairs::ALL, Ok("C# x")),
        ] {
            check(query, repairs, expected);
        }
    }

    #[test]
    fn tools() {
        for (query, expected) in
            [("hi", false), ("a+b", true), ("well-known", true), ("٣", true), ("½ é", false)]
        {
            assert_eq!(needs_tool(query), expected, "{query}");
        }
    }
}
