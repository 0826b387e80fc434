//! TOML values as Rust types: what each type accepts, and what a person would call it.

use std::time::Duration;

use toml::de::DeValue;

use crate::parse_duration;

/// A type that a TOML value can be read as.
pub trait FromToml: Sized {
    /// What a person would call it, such as `a duration like "30s"`.
    const EXPECTED: &'static str;
    /// The value, or `None` when it is of another type or out of range.
    fn from_toml(value: &DeValue<'_>) -> Option<Self>;
}

impl FromToml for String {
    const EXPECTED: &'static str = "a string in quotes";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromToml for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl FromToml for i64 {
    const EXPECTED: &'static str = "a whole number";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let DeValue::Integer(integer) = value else { return None };
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }
}

impl FromToml for u64 {
    const EXPECTED: &'static str = "a whole number, 0 or more";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        u64::try_from(i64::from_toml(value)?).ok()
    }
}

impl FromToml for u32 {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        u32::try_from(i64::from_toml(value)?).ok()
    }
}

impl FromToml for u16 {
    const EXPECTED: &'static str = "a whole number from 0 to 65535";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        u16::try_from(i64::from_toml(value)?).ok()
    }
}

impl FromToml for f64 {
    const EXPECTED: &'static str = "a finite number";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let number = match value {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok()?,
            DeValue::Integer(_) => i64::from_toml(value)? as f64,
            _ => return None,
        };
        f64::is_finite(number).then_some(number)
    }
}

impl FromToml for Duration {
    const EXPECTED: &'static str = "a duration like \"30s\", \"250ms\" or \"1h30m\"";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        parse_duration(value.as_str()?).ok()
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    const EXPECTED: &'static str = "an array with items of one type";
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let DeValue::Array(items) = value else { return None };
        items.iter().map(|item| T::from_toml(item.get_ref())).collect()
    }
}
