//! Reads a `.env` file as the real server's reader does: quotes, escapes, comments, `export`, `${NAME:-default}`.
//!
//! It must not know what the variables mean, nor where the environment's come from.

use std::collections::BTreeMap;

/// What stands in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DotEnv {
    /// Names and values; of several with the same name the last.
    pub(crate) variables: BTreeMap<String, String>,
    /// Numbers of the lines that cannot be read, from 1.
    pub(crate) wrong_lines: Vec<usize>,
}

/// Reads `text`. A `${NAME}` in it is one of its own further up, or else one of `environment`, or else empty.
pub(crate) fn parse(text: &str, environment: &BTreeMap<String, String>) -> DotEnv {
    let mut found = DotEnv::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        match line(rest) {
            Some((binding, after)) => {
                if let Some((name, value)) = binding {
                    let value =
                        filled(&value, |name| found.variables.get(name).or_else(|| environment.get(name)));
                    found.variables.insert(name.to_owned(), value);
                }
                rest = after;
            }
            None => {
                found.wrong_lines.push(1 + text[..text.len() - rest.len()].matches('\n').count());
                rest = rest.split_once('\n').map_or("", |(_, after)| after);
            }
        }
        rest = rest.trim_start();
    }
    found
}

const BLANKS: [char; 2] = [' ', '\t'];

/// One line, or several where quotes go over them: name and value, if it has both, and what follows. `None` if it
/// cannot be read.
fn line(text: &str) -> Option<(Option<(&str, String)>, &str)> {
    let text = match text.strip_prefix("export") {
        Some(rest) if rest.starts_with(BLANKS) => rest.trim_start_matches(BLANKS),
        _ => text,
    };
    let end = text.find(|c: char| c == '=' || c == '#' || c.is_whitespace()).unwrap_or(text.len());
    let (name, rest) = match text.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'')?,
        None => text.split_at(end),
    };
    let Some(rest) = rest.trim_start_matches(BLANKS).strip_prefix('=') else {
        return Some((None, line_end(rest)?));
    };
    let rest = rest.trim_start_matches(BLANKS);
    let (value, rest) = match rest.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(&rest[1..], quote)?,
        _ => unquoted(rest),
    };
    let rest = line_end(rest)?;
    (!name.is_empty()).then_some((Some((name, value)), rest))
}

/// What follows the line, if nothing but a comment is left of it.
fn line_end(text: &str) -> Option<&str> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let line = line.trim_start();
    (line.is_empty() || line.starts_with('#')).then_some(after)
}

/// Up to a comment, which a blank goes before, or the end of the line.
fn unquoted(text: &str) -> (String, &str) {
    let line = text.split('\n').next().unwrap_or_default();
    let is_comment = |(at, _): &(usize, &str)| line[..*at].ends_with(char::is_whitespace);
    let end = line.match_indices('#').find(is_comment).map_or(line.len(), |(at, _)| at);
    (line[..end].trim_end().to_owned(), &text[line.len()..])
}

/// Up to the quote that closes; in single quotes only they and backslashes are escaped.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((value, &text[at + 1..]));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        let (_, escaped) = chars.next()?;
        match (quote, escaped) {
            (_, '\\' | '\'') | ('"', '"') => value.push(escaped),
            ('"', 'n') => value.push('\n'),
            ('"', 'r') => value.push('\r'),
            ('"', 't') => value.push('\t'),
            ('"', 'a') => value.push('\u{7}'),
            ('"', 'b') => value.push('\u{8}'),
            ('"', 'f') => value.push('\u{c}'),
            ('"', 'v') => value.push('\u{b}'),
            _ => value.extend(['\\', escaped]),
        }
    }
    None
}

/// The value with each `${NAME}` and `${NAME:-default}` replaced.
fn filled<'a>(value: &str, known: impl Fn(&str) -> Option<&'a String>) -> String {
    let mut filled = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, after)) = after.split_once('}') else { break };
        let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
        filled.push_str(before);
        filled.push_str(known(name).map_or(default, String::as_str));
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_real_server_reads_them() {
        for (text, expected) in [
            ("", &[][..]),
            ("\u{feff}A=1\r\nB = 2 \n\n\nC=\n", &[("A", "1"), ("B", "2"), ("C", "")]),
            ("# no\nexport A=1 # comment\nB=a#b\nC=#c\n", &[("A", "1"), ("B", "a#b"), ("C", "#c")]),
            ("A='x # \\' \\n y' # z\nB=\"x\\n\\\"y\\\"\\q\"", &[("A", "x # ' \\n y"), ("B", "x\n\"y\"\\q")]),
            ("A='one\ntwo'\nB=\"three\n\nfour\"", &[("A", "one\ntwo"), ("B", "three\n\nfour")]),
            ("A=1\nA=2\nB=${A}-${HOME}-${NONE:-d}-${NONE}-${A", &[("A", "2"), ("B", "2-/home-d--${A")]),
            ("NAME\n'quoted'=1\nexport=2", &[("export", "2"), ("quoted", "1")]),
            ("LIST=[\"a\", \"b\"]\nNONE=none", &[("LIST", "[\"a\", \"b\"]"), ("NONE", "none")]),
        ] {
            let environment = BTreeMap::from([("HOME".to_owned(), "/home".to_owned())]);
            let found = parse(text, &environment);
            let variables = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found, DotEnv { variables, wrong_lines: vec![] }, "{text:?}");
        }
    }

    #[test]
    fn lines_that_cannot_be_read_are_told_by_number() {
        for (text, expected) in [
            ("=1", &[1][..]),
            ("A=1\n\nB='never closed\nC=2", &[3]),
            ("A='x' y\nB=1\n'a=2\nD E\n", &[1, 3, 4]),
        ] {
            assert_eq!(parse(text, &BTreeMap::new()).wrong_lines, expected, "{text:?}");
        }
    }
}
