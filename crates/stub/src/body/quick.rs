//! A body as serde reads it, which is fast: wherever serde could decide otherwise than Python, it does not decide.
//!
//! It must not know what the fields mean.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Body, Field, Fields};
use crate::json;

/// The body, or `None` if Python may see it otherwise or refuse it.
pub(super) fn read(body: &[u8]) -> Option<Body<'_>> {
    let text = std::str::from_utf8(body).ok().filter(|text| !is_delicate(text.as_bytes()))?;
    serde_json::from_str(text).ok()
}

/// Whether there may be something in fields which nobody wants that serde does not mind and Python does: too many lists
/// in one another, or too many digits in a row.
fn is_delicate(bytes: &[u8]) -> bool {
    let opens = || bytes.iter().filter(|b| matches!(b, b'[' | b'{')).count();
    let is_long = |run: &[u8]| run.len() > json::INT_DIGITS_MAX;
    (bytes.len() > json::DEPTH_MAX && opens() > json::DEPTH_MAX)
        || (bytes.len() > json::INT_DIGITS_MAX && bytes.split(|b| !b.is_ascii_digit()).any(is_long))
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
