//! The body of `POST /ask`: JSON, then fields, with the real server's words for every mistake.
//!
//! It must not know what a query may hold; that is the guard's.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::guard;
use crate::refusal::Refusal;

const ID_CHARS_MAX: usize = 256;
const QUERY_CHARS_MAX: usize = 10_000;

/// The cleaned query of a body.
pub(crate) fn query(body: &[u8]) -> Result<String, Refusal> {
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Fields { user_id, query, tenant_id } = match serde_json::from_slice(json) {
        Ok(Body::Object(fields)) => fields,
        Ok(Body::Other) => return Err(Refusal::NotAnObject),
        Err(_) => return Err(Refusal::JsonInvalid),
    };
    let mut mistakes = vec![];
    let mut note = |field: &str, message: Cow<'_, str>| mistakes.push(format!("{field}: {message}"));
    if let Err(message) = text(&user_id, ID_CHARS_MAX, false).and_then(user_format) {
        note("user_id", message);
    }
    let cleaned =
        text(&query, QUERY_CHARS_MAX, false).and_then(|query| guard::clean(query).map_err(value_error));
    if let Err(message) = &cleaned {
        note("query", Cow::Borrowed(message));
    }
    if let Err(message) = tenant(&tenant_id) {
        note("tenant_id", message);
    }
    match cleaned {
        Ok(query) if mistakes.is_empty() => Ok(query),
        _ => Err(Refusal::Validation(mistakes.join("; "))),
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
    let right = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-@.".contains(&b));
    if right { Ok(()) } else { Err(value_error("Invalid user ID format")) }
}

fn tenant(field: &Field<'_>) -> Result<(), Message> {
    if matches!(field, Field::Missing | Field::Null) {
        return Ok(());
    }
    let id = text(field, ID_CHARS_MAX, true)?;
    let right = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if right { Ok(()) } else { Err(value_error("Invalid tenant ID format")) }
}

/// One field as far as it matters.
#[derive(Default)]
enum Field<'a> {
    #[default]
    Missing,
    Null,
    Text(Cow<'a, str>),
    Other,
}

#[derive(Default)]
struct Fields<'a> {
    user_id: Field<'a>,
    query: Field<'a>,
    tenant_id: Field<'a>,
}

enum Body<'a> {
    Object(Fields<'a>),
    Other,
}

/// What every JSON value becomes that is neither null nor a text nor an object.
macro_rules! scalars_are {
    ($other:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok($other)
        }
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }
    };
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    scalars_are!(Field::Other);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Null)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body<'de>;

    scalars_are!(Body::Other);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Body::Other)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Body::Other)
    }
    /// Of two fields with one name the last counts.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &*name {
                "user_id" => fields.user_id = map.next_value()?,
                "query" => fields.query = map.next_value()?,
                "tenant_id" => fields.tenant_id = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Body::Object(fields))
    }
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The query that comes out of `body`, or status and detail of the refusal.
    fn check(body: &str, expected: &str) {
        let got =
            query(body.as_bytes()).unwrap_or_else(|no| format!("{} {}", no.status().as_u16(), no.detail()));
        assert_eq!(got, expected, "{body}");
    }

    #[test]
    fn json() {
        for broken in ["", "{", "hi", "{\"query\":\"a\nb\"}", "{\"a\":1,}", "{} x"] {
            check(broken, "400 Invalid JSON in request body");
        }
        for other in ["null", "true", "5", "-5", "1.5", "\"x\"", "[]", "[{\"query\":\"hi\"}]"] {
            check(other, "400 Invalid request data");
        }
        check("\u{feff}{\"user_id\":\"u\",\"query\":\"hi\"}", "hi");
        check(r#"{"user_id":"u","query":"first","query":"second","x":{"y":[1,{}]}}"#, "second");
        check(r#"{"user_id":"  bob  ","query":"   h\u0069 th\"ere   "}"#, "hi th\"ere");
        let nested =
            format!(r#"{{"user_id":"u","query":"hi","x":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        check(&nested, "hi");
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
        check(&long("user_id", 256), "hi");
        check(&long("query", 10_000), &query_of);
        check(r#"{"user_id":"a.b-c_d@e","query":"hi","tenant_id":"  "}"#, "hi");
    }
}
