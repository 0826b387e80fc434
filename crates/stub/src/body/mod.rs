//! The body of `POST /ask`: JSON, then fields, with the real server's words for every mistake.
//!
//! It must not know what a query may hold; that is the guard's.

mod quick;
mod thorough;

use std::borrow::Cow;

use crate::guard::{self, Unfit};
use crate::python;
use crate::quirk::Repairs;
use crate::refusal::Refusal;

const ID_CHARS_MAX: usize = 256;
const QUERY_CHARS_MAX: usize = 10_000;

/// The cleaned query of a body.
pub(crate) fn query(body: &[u8], repairs: Repairs) -> Result<String, Refusal> {
    match quick::read(body) {
        Some(read) => read.query(repairs),
        None => thorough::read(body).map_err(|_| Refusal::JsonInvalid)?.query(repairs),
    }
}

/// What a body holds as far as it matters.
#[derive(Debug, PartialEq)]
enum Body<'a> {
    Object(Fields<'a>),
    Other,
}

impl Body<'_> {
    fn query(&self, repairs: Repairs) -> Result<String, Refusal> {
        match self {
            Self::Object(fields) => fields.query(repairs),
            Self::Other => Err(Refusal::NotAnObject),
        }
    }
}

type Message = Cow<'static, str>;

fn value_error(what: &'static str) -> Message {
    Cow::Owned(format!("Value error, {what}"))
}

/// A trimmed text of 1 to `chars_max` characters, or of 0 if `may_be_empty`.
fn text<'a>(field: &'a Field<'_>, chars_max: usize, may_be_empty: bool) -> Result<&'a str, Message> {
    let text = match field {
        Field::Missing => return Err("Field required".into()),
        Field::Null | Field::Other => return Err("Input should be a valid string".into()),
        Field::Broken => {
            let message = "Input should be a valid string, unable to parse raw data as a unicode string";
            return Err(message.into());
        }
        Field::Text(text) => text.trim(),
    };
    if text.is_empty() && !may_be_empty {
        return Err("String should have at least 1 character".into());
    }
    if text.len() > chars_max && text.chars().nth(chars_max).is_some() {
        return Err(format!("String should have at most {chars_max} characters").into());
    }
    Ok(text)
}

fn user_format(id: &str) -> Result<(), Message> {
    if python::strip(id).is_empty() {
        return Err(value_error("User ID cannot be empty"));
    }
    let right = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-@.".contains(&b));
    if right { Ok(()) } else { Err(value_error("Invalid user ID format")) }
}

fn tenant(field: &Field<'_>) -> Result<(), Message> {
    if matches!(field, Field::Missing | Field::Null) {
        return Ok(());
    }
    let id = text(field, ID_CHARS_MAX, true)?;
    if python::strip(id).is_empty() {
        return Ok(());
    }
    let right = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if right { Ok(()) } else { Err(value_error("Invalid tenant ID format")) }
}

/// One field as far as it matters.
#[derive(Debug, Default, PartialEq)]
enum Field<'a> {
    #[default]
    Missing,
    Null,
    Text(Cow<'a, str>),
    /// A text with half a surrogate pair.
    Broken,
    Other,
}

#[derive(Debug, Default, PartialEq)]
struct Fields<'a> {
    user_id: Field<'a>,
    query: Field<'a>,
    tenant_id: Field<'a>,
}

/// In the order in which mistakes are told.
const NAMES: [&str; 3] = ["user_id", "query", "tenant_id"];

impl<'a> Fields<'a> {
    /// The field of the name at this place of [`NAMES`].
    fn at(&mut self, place: usize) -> &mut Field<'a> {
        match place {
            0 => &mut self.user_id,
            1 => &mut self.query,
            _ => &mut self.tenant_id,
        }
    }

    /// The cleaned query, if all fields are right.
    fn query(&self, repairs: Repairs) -> Result<String, Refusal> {
        let query = text(&self.query, QUERY_CHARS_MAX, false);
        let cleaned = match query.map(|query| guard::clean(query, repairs)) {
            // The real server tells nothing of the other fields then.
            Ok(Err(Unfit::Nameless)) => return Err(Refusal::NotAnObject),
            Ok(Err(Unfit::Because(why))) => Err(value_error(why)),
            Ok(Ok(cleaned)) => Ok(cleaned),
            Err(message) => Err(message),
        };
        let user = text(&self.user_id, ID_CHARS_MAX, false).and_then(user_format);
        let tenant = tenant(&self.tenant_id);
        let (user, tenant) = match cleaned {
            Ok(query) if user.is_ok() && tenant.is_ok() => return Ok(query),
            Ok(_) => ([user.err(), None], tenant.err()),
            Err(message) => ([user.err(), Some(message)], tenant.err()),
        };
        let mistakes = NAMES.iter().zip(user.into_iter().chain([tenant]));
        let told = mistakes.filter_map(|(name, mistake)| Some(format!("{name}: {}", mistake?)));
        Err(Refusal::Validation(told.collect::<Vec<_>>().join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The query that comes out of `body`, or status and detail of the refusal.
    fn check(body: impl AsRef<[u8]>, expected: &str) {
        let body = body.as_ref();
        let got = query(body, Repairs::NONE)
            .unwrap_or_else(|no| format!("{} {}", no.status().as_u16(), no.detail()));
        assert_eq!(got, expected, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn json() {
        for broken in ["", "{", "hi", "{\"query\":\"a\nb\"}", "{\"a\":1,}", "{} x"] {
            check(broken, "400 Invalid JSON in request body");
        }
        for other in ["null", "true", "5", "-5", "1.5", "\"x\"", "[]", "[{\"query\":\"hi\"}]"] {
            check(other, "400 Invalid request data");
        }
        check(
            "{\"a\":\"\u{1f600}\"}",
            "422 Validation error: user_id: Field required; query: Field required",
        );
        check("\u{feff}{\"user_id\":\"u\",\"query\":\"hi\"}", "hi");
        check(r#"{"user_id":"u","query":"first","query":"second","x":{"y":[1,{}]}}"#, "second");
        check(r#"{"user_id":"  bob  ","query":"   h\u0069 th\"ere   "}"#, "hi th\"ere");
        let nested =
            format!(r#"{{"user_id":"u","query":"hi","x":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        check(nested, "hi");
    }

    #[test]
    fn fields() {
        let long = |field: &str, n: usize| {
            let text = "é".repeat(n).replace('é', if field == "query" { "é" } else { "u" });
            let others = if field == "query" { r#""user_id":"u""# } else { r#""user_id":"u","query":"hi""# };
            format!("{{{others},\"{field}\":\"{text}\"}}")
        };
        let query_of = "é".repeat(10_000);
        for (body, expected) in [
            ("{}", "user_id: Field required; query: Field required"),
            (
                r#"{"user_id":2,"query":{},"tenant_id":3}"#,
                "user_id: Input should be a valid string; query: Input should be a valid string; tenant_id: Input should be a valid string",
            ),
            (
                r#"{"user_id":null,"query":null,"tenant_id":null}"#,
                "user_id: Input should be a valid string; query: Input should be a valid string",
            ),
            (
                r#"{"user_id":"a b","query":"","tenant_id":"a b"}"#,
                "user_id: Value error, Invalid user ID format; query: String should have at least 1 character; tenant_id: Value error, Invalid tenant ID format",
            ),
            (
                r#"{"user_id":" ","query":"hi","tenant_id":" "}"#,
                "user_id: String should have at least 1 character",
            ),
            (&long("user_id", 257), "user_id: String should have at most 256 characters"),
            (&long("query", 10_001), "query: String should have at most 10000 characters"),
            (&long("tenant_id", 257), "tenant_id: String should have at most 256 characters"),
            (r#"{"user_id":"u","query":"\u001f"}"#, "query: Value error, Query cannot be empty"),
            (
                r#"{"user_id":"u","query":"a -- b"}"#,
                "query: Value error, Invalid query: Potential SQL injection detected",
            ),
        ] {
            check(body, &format!("422 Validation error: {expected}"));
        }
        check(long("user_id", 256), "hi");
        check(long("query", 10_000), &query_of);
        check(r#"{"user_id":"a.b-c_d@e","query":"hi","tenant_id":"  "}"#, "hi");
    }

    #[test]
    fn what_python_takes_and_serde_does_not() {
        let with = |value: &str| format!("{{\"user_id\":\"u\",\"query\":\"hi\",\"x\":{value}}}");
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let bad = "400 Invalid JSON in request body";
        let broken = "Input should be a valid string, unable to parse raw data as a unicode string";
        for (body, expected) in [
            (with("NaN"), "hi"),
            (with("[-Infinity]"), "hi"),
            (with("1e999"), "hi"),
            (with(r#""\ud800""#), "hi"),
            (with(r#"{"\ud800":1}"#), "hi"),
            (with(&nested(1488)), "hi"),
            (with(&nested(1489)), bad),
            (with(&nested(100_000)), bad),
            (with(&"9".repeat(4300)), "hi"),
            (with(&"9".repeat(4301)), bad),
            (with(&format!("\"{}\"", "9".repeat(4301))), "hi"),
            (with("01"), bad),
            (r#"{"user_id":"u","query":"\ud83dx","query":"hi"}"#.into(), "hi"),
            (
                r#"{"user_id":{"user_id":"u"},"query":"hi","x":"\ud800"}"#.into(),
                "422 Validation error: user_id: Input should be a valid string",
            ),
            (r#"[{"query":"\ud800"}]"#.into(), "400 Invalid request data"),
            ("NaN".into(), "400 Invalid request data"),
            (
                r#"{"user_id":"\ud800","query":"\udc00a","tenant_id":"\udfff"}"#.into(),
                &format!("422 Validation error: user_id: {broken}; query: {broken}; tenant_id: {broken}"),
            ),
        ] {
            check(body, expected);
        }
        check(b"{\"user_id\":\"u\",\"query\":\"hi\",\"x\":\"\xff\"}", bad);
        check(b"{\"user_id\":\"u\",\"query\":\"hi\",\"x\":\"\xed\xa0\x80\"}", "hi");
        let utf16: Vec<u8> = with("1").encode_utf16().flat_map(u16::to_be_bytes).collect();
        check(utf16, "hi");
    }

    #[test]
    fn what_python_and_rust_trim() {
        let nameless = "400 Invalid request data";
        for (body, expected) in [
            (
                r#"{"user_id":"\u001f","query":"hi"}"#,
                "422 Validation error: user_id: Value error, User ID cannot be empty",
            ),
            (
                r#"{"user_id":"a\u001f","query":"hi"}"#,
                "422 Validation error: user_id: Value error, Invalid user ID format",
            ),
            (r#"{"user_id":"u","query":"hi","tenant_id":"\u001f"}"#, "hi"),
            (r#"{"user_id":"\u0085u\u3000","query":"\u2003hi\u001f"}"#, "hi"),
            (r#"{"user_id":"a b","query":"\ud81c\udc00"}"#, nameless),
        ] {
            check(body, expected);
        }
    }

    proptest! {
        /// Wherever serde decides, Python decides alike.
        #[test]
        fn both_readers_agree(
            pieces in vec((any::<prop::sample::Index>(), prop::bool::weighted(0.9)), 0..12),
            cut in any::<prop::sample::Index>(),
        ) {
            const PIECES: [&str; 24] = [
                "\"user_id\":\"u\"", "\"query\":\"hi\"", "\"query\":\"\\u00e9\\ud83d\\ude00\"", "\"tenant_id\":null",
                "\"query\":[{\"query\":\"no\"}]", "\"user_id\":{\"query\":1}", "\"x\":-1.5e+3", "\"x\":[1,{\"y\":[]},\"é\"]", "\"\\u0071uery\":true",
                "\"x\":\"\\ud800\"", "\"query\":1e999", "NaN", "{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "0", "\u{feff}",
            ];
            let mut body = String::from("{");
            for (piece, comma) in pieces {
                let piece: &&str = piece.get(&PIECES);
                body.push_str(piece);
                body.push_str(if comma { "," } else { "" });
            }
            let mut body = body.trim_end_matches(',').to_owned();
            body.push('}');
            for body in [body.as_bytes(), &body.as_bytes()[..cut.index(body.len() + 1)]] {
                if let Some(read) = quick::read(body) {
                    prop_assert_eq!(Ok(read), thorough::read(body));
                }
            }
        }
    }
}
