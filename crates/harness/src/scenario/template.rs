//! Templates: text with `{{ expressions }}`, checked when read and rendered without a look-up.

use std::sync::Arc;

use measure::RequestId;
use wire::Stream;
use wire::token::PrivateKey;

use super::expression::{Expression, Known, expression};

/// Values that are the same for a whole run; they are put in when a scenario is read.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// The API key that scenarios send.
    pub api_key: String,
    /// What scenarios sign tokens and messages with.
    pub signing_key: Option<PrivateKey>,
}

/// What a rendering may look at.
pub(crate) struct Scope<'a> {
    pub(crate) request_id: RequestId,
    pub(crate) stream: &'a mut Stream,
    /// Nanoseconds since the Unix epoch.
    pub(crate) unix_ns: u64,
    /// Why something could not be signed, if it could not: what was rendered must not be sent.
    pub(crate) unsigned: Option<String>,
}

/// A text with places to be filled in.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    /// An expression, and whether its text goes into a JSON string.
    Expression(Expression, bool),
}

/// A data list of a scenario.
pub(crate) type Lists = Vec<(String, Arc<[Template]>)>;

/// What is wrong with a template, and what to do.
pub(crate) type Fault = (String, String);

impl Template {
    /// Text with nothing to fill in.
    pub fn literal(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Literal(text.into())] }
    }

    /// Reads a template.
    pub(crate) fn parse(text: &str, bindings: &Bindings, lists: &Lists) -> Result<Self, Fault> {
        let mut pieces = vec![];
        parse_into(text, bindings, lists, &mut pieces, false)?;
        Ok(Self { pieces: joined(pieces) })
    }

    /// Reads a JSON value whose strings are templates; a string that is one numeric expression becomes a number.
    pub(crate) fn parse_json(
        value: &serde_json::Value,
        bindings: &Bindings,
        lists: &Lists,
    ) -> Result<Self, Fault> {
        let mut pieces = vec![];
        json_into(value, bindings, lists, &mut pieces)?;
        Ok(Self { pieces: joined(pieces) })
    }

    /// The text, if there is nothing to fill in.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether every rendering begins with `first`, whatever is filled in.
    pub(crate) fn begins_with(&self, first: char) -> bool {
        matches!(self.pieces.first(), Some(Piece::Literal(text)) if text.starts_with(first))
    }

    /// All texts that a rendering may hold, those of the lists it picks from included.
    pub(crate) fn texts(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.pieces.iter().flat_map(|piece| -> Box<dyn Iterator<Item = &str> + '_> {
            match piece {
                Piece::Literal(text) => Box::new(std::iter::once(text.as_str())),
                Piece::Expression(Expression::Pick(list), _) => {
                    Box::new(list.iter().flat_map(Template::texts))
                }
                Piece::Expression(..) => Box::new(std::iter::empty()),
            }
        }))
    }

    /// Whether it is to sign something, and there is no key.
    pub(crate) fn lacks_key(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Expression(one, _) if one.lacks_key()))
    }

    pub(crate) fn render(&self, scope: &mut Scope<'_>) -> String {
        let mut out = String::with_capacity(64);
        self.render_into(scope, &mut out);
        out
    }

    pub(super) fn render_into(&self, scope: &mut Scope<'_>, out: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Expression(expression, false) => expression.render_into(scope, out),
                Piece::Expression(expression, true) => {
                    let begin = out.len();
                    expression.render_into(scope, out);
                    escape_from(out, begin);
                }
            }
        }
    }
}

fn parse_into(
    text: &str,
    bindings: &Bindings,
    lists: &Lists,
    pieces: &mut Vec<Piece>,
    json: bool,
) -> Result<(), Fault> {
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        pieces.push(literal(&rest[..open], json));
        let inner = &rest[open + 2..];
        let close = inner.find("}}").ok_or_else(|| {
            (format!("has `{{{{` without `}}}}` in {rest:?}"), "close it with `}}`".to_owned())
        })?;
        pieces.push(match expression(inner[..close].trim(), bindings, lists)? {
            Known::Text(text) => literal(&text, json),
            Known::Expression(expression) => Piece::Expression(expression, json),
        });
        rest = &inner[close + 2..];
    }
    pieces.push(literal(rest, json));
    Ok(())
}

fn json_into(
    value: &serde_json::Value,
    bindings: &Bindings,
    lists: &Lists,
    pieces: &mut Vec<Piece>,
) -> Result<(), Fault> {
    let mut push = |text: &str| pieces.push(Piece::Literal(text.to_owned()));
    match value {
        serde_json::Value::String(text) => {
            let mut inner = vec![];
            parse_into(text, bindings, lists, &mut inner, true)?;
            match joined(inner).as_slice() {
                [Piece::Expression(number, _)] if number.is_number() => {
                    pieces.push(Piece::Expression(number.clone(), false));
                }
                inner => {
                    pieces.push(Piece::Literal("\"".into()));
                    pieces.extend_from_slice(inner);
                    pieces.push(Piece::Literal("\"".into()));
                }
            }
        }
        serde_json::Value::Array(items) => {
            push("[");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    pieces.push(Piece::Literal(",".into()));
                }
                json_into(item, bindings, lists, pieces)?;
            }
            pieces.push(Piece::Literal("]".into()));
        }
        serde_json::Value::Object(entries) => {
            push("{");
            for (i, (key, item)) in entries.iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                pieces.push(Piece::Literal(format!("{comma}{}:", serde_json::Value::from(key.as_str()))));
                json_into(item, bindings, lists, pieces)?;
            }
            pieces.push(Piece::Literal("}".into()));
        }
        plain => push(&plain.to_string()),
    }
    Ok(())
}

fn literal(text: &str, json: bool) -> Piece {
    let mut text = text.to_owned();
    if json {
        escape_from(&mut text, 0);
    }
    Piece::Literal(text)
}

/// Escapes what stands in `out` from `begin` on, for the inside of a JSON string.
fn escape_from(out: &mut String, begin: usize) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if !out.as_bytes()[begin..].iter().all(|b| plain(*b)) {
        let quoted = serde_json::Value::from(&out[begin..]).to_string();
        out.replace_range(begin.., &quoted[1..quoted.len() - 1]);
    }
}

/// Neighbouring literals as one, empty ones dropped.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = vec![];
    for piece in pieces {
        match (out.last_mut(), piece) {
            (_, Piece::Literal(text)) if text.is_empty() => {}
            (Some(Piece::Literal(last)), Piece::Literal(text)) => last.push_str(&text),
            (_, piece) => out.push(piece),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wire::Seed;

    fn lists() -> Lists {
        vec![("queries".into(), [Template::literal("say \"hi\"\n")].into())]
    }

    fn rendered(template: &Template) -> String {
        let id = RequestId { run: 0xc0ffee, user: 12, number: 3 };
        let stream = &mut Seed(1).stream("t", 0);
        template.render(&mut Scope { request_id: id, stream, unix_ns: 0, unsigned: None })
    }

    fn check(text: &str, expected: &str) {
        let bindings = Bindings { api_key: "key".into(), ..Bindings::default() };
        assert_eq!(rendered(&Template::parse(text, &bindings, &lists()).expect(text)), expected);
    }

    #[test]
    fn texts() {
        check("plain", "plain");
        check("u{{user}}-{{ request_number }}", "u12-3");
        check("{{ request_id }}", "00c0ffee-12-3");
        check("{{ api_key }}!", "key!");
        check("{{ random_int(5, 5) }}", "5");
        check("{{ pick(queries) }}", "say \"hi\"\n");
    }

    #[test]
    fn json_strings_are_escaped_and_numbers_stay_numbers() {
        let value = json!({"q": "{{ pick(queries) }}", "n": "{{ random_int(2, 2) }}", "s": "n={{ user }}", "l": [1, null]});
        let template = Template::parse_json(&value, &Bindings::default(), &lists()).expect("valid");
        let parsed: serde_json::Value = serde_json::from_str(&rendered(&template)).expect("JSON");
        assert_eq!(parsed, json!({"q": "say \"hi\"\n", "n": 2, "s": "n=12", "l": [1, null]}));
    }

    #[test]
    fn mistakes_name_the_name_and_a_remedy() {
        for (text, problem, remedy) in [
            ("{{ usr }}", "unknown name `usr`", "`user`"),
            ("{{ pick(querys) }}", "unknown list `querys`", "`queries`"),
            ("{{ user", "without `}}`", "close"),
            ("{{ random_int(3) }}", "random_int(3)", "random_int(a, b)"),
            ("{{ random_int(3, 1) }}", "random_int(3, 1)", "random_int(a, b)"),
            ("{{ xyzzy() }}", "`xyzzy`", "pick(list)"),
        ] {
            let fault = Template::parse(text, &Bindings::default(), &lists()).expect_err(text);
            assert!(fault.0.contains(problem) && fault.1.contains(remedy), "{text}: {fault:?}");
        }
    }
}
