//! What is wrong with a message's body, as the real server's validation writes it down.
//!
//! It must not know which fields there are.

use crate::json::{Form, Json, Unwritable};

/// What is wrong with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Missing,
    NotJson(&'static str),
    NotObject,
    NotText,
    NotList,
    NotDict,
    NotInt,
    NotIntText,
    IntTooLong,
    Fraction,
    NotTime,
    /// A time that is none, with the reason.
    WrongTime(&'static str),
    /// A text that is neither a time nor a date, with the reason why it is no date.
    WrongDate(&'static str),
}

impl Kind {
    /// Type, message, and the reason that stands in it and beside it.
    const fn words(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::Missing => ("missing", "Field required", None),
            Self::NotJson(reason) => ("json_invalid", "JSON decode error", Some(reason)),
            Self::NotObject => (
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
                None,
            ),
            Self::NotText => ("string_type", "Input should be a valid string", None),
            Self::NotList => ("list_type", "Input should be a valid list", None),
            Self::NotDict => ("dict_type", "Input should be a valid dictionary", None),
            Self::NotInt => ("int_type", "Input should be a valid integer", None),
            Self::NotIntText => {
                ("int_parsing", "Input should be a valid integer, unable to parse string as an integer", None)
            }
            Self::IntTooLong => (
                "int_parsing_size",
                "Unable to parse input string as an integer, exceeded maximum size",
                None,
            ),
            Self::Fraction => (
                "int_from_float",
                "Input should be a valid integer, got a number with a fractional part",
                None,
            ),
            Self::NotTime => ("datetime_type", "Input should be a valid datetime", None),
            Self::WrongTime(reason) => ("datetime_parsing", "Input should be a valid datetime", Some(reason)),
            Self::WrongDate(reason) => {
                ("datetime_from_date_parsing", "Input should be a valid datetime or date", Some(reason))
            }
        }
    }
}

/// A step of the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(&'static str),
    Item(usize),
}

/// The way to a value, from the body on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    before: Option<&'a Place<'a>>,
    step: Step,
}

impl<'a> Place<'a> {
    pub(crate) const BODY: Place<'static> = Place { before: None, step: Step::Field("body") };

    pub(crate) const fn field(&'a self, name: &'static str) -> Self {
        Self { before: Some(self), step: Step::Field(name) }
    }

    pub(crate) const fn item(&'a self, index: usize) -> Self {
        Self { before: Some(self), step: Step::Item(index) }
    }

    fn append(&self, out: &mut String) {
        if let Some(before) = self.before {
            before.append(out);
            out.push(',');
        }
        match self.step {
            Step::Field(name) => out.push_str(&format!("\"{name}\"")),
            Step::Item(index) => out.push_str(&index.to_string()),
        }
    }
}

/// The problems of a body, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    json: String,
    /// A value in it cannot be shown in JSON, so that the real server fails over its own answer.
    unwritable: bool,
}

impl Problems {
    pub(crate) fn push(&mut self, kind: Kind, place: Place<'_>, input: &Json) {
        if self.json.len() > PROBLEMS_BYTES_MAX {
            self.unwritable = true;
            return;
        }
        let (name, message, reason) = kind.words();
        let out = &mut self.json;
        out.push_str(if out.is_empty() { "[" } else { "," });
        out.push_str(&format!("{{\"type\":\"{name}\",\"loc\":["));
        place.append(out);
        let stands_in_message = !matches!(kind, Kind::NotJson(_));
        let tail = reason.filter(|_| stands_in_message).map(|reason| format!(", {reason}"));
        out.push_str(&format!("],\"msg\":\"{message}{}\",\"input\":", tail.unwrap_or_default()));
        self.unwritable |= input.depth() > ECHO_DEPTH_MAX || input.append(Form::Answer, out).is_err();
        if let Some(reason) = reason {
            out.push_str(&format!(",\"ctx\":{{\"error\":{}}}", serde_json::Value::from(reason)));
        }
        out.push('}');
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// The JSON list of all of them.
    ///
    /// # Errors
    /// When it would have to show what JSON does not know.
    pub(crate) fn into_json(mut self) -> Result<String, Unwritable> {
        self.json.push(']');
        if self.unwritable { Err(Unwritable) } else { Ok(self.json) }
    }
}

/// No more is written than this and one value: a short body can have millions of mistakes.
const PROBLEMS_BYTES_MAX: usize = 64 << 20;
/// A value that is shown may be so deep: Python allows a thousand calls in one another, and the server has some open.
const ECHO_DEPTH_MAX: usize = 950;
