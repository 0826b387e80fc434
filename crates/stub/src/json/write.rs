//! A JSON value as text, in the three forms in which the real server writes one.
//!
//! It must not know where the text goes.

use wire::token::python_float;

use super::{Json, Text};

/// The form of the text. All three have no blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As answers are written: characters as they are, floats as Python writes them, and nothing that is no JSON.
    Answer,
    /// As events are written: floats in another layout, and null for what is no number.
    Event,
    /// As what is signed is written: names in order, all ASCII, `NaN` and `Infinity` too.
    Canonical,
}

/// The value cannot be written in this form: a lone surrogate, or a float that JSON does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unwritable;

impl Json {
    /// The value as text.
    ///
    /// # Errors
    /// When the form has no text for something in it.
    pub(crate) fn write(&self, form: Form) -> Result<String, Unwritable> {
        let mut out = String::new();
        self.append(form, &mut out)?;
        Ok(out)
    }

    /// Appends the value as text; how deep this may recurse is bounded where values are read.
    pub(crate) fn append(&self, form: Form, out: &mut String) -> Result<(), Unwritable> {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Self::Int(digits) => out.push_str(digits),
            Self::Float(float) => out.push_str(&float_text(*float, form)?),
            Self::Text(text) => append_text(text, form, out)?,
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.append(form, out)?;
                }
                out.push(']');
            }
            Self::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                if form == Form::Canonical {
                    // Python compares code points, and the bytes of UTF-8 have the same order.
                    fields.sort_unstable_by_key(|(name, _)| name.bytes());
                }
                out.push('{');
                for (i, (name, value)) in fields.into_iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    append_text(name, form, out)?;
                    out.push(':');
                    value.append(form, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    /// How many lists and objects stand in one another, itself included.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(fields) => 1 + fields.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The value of a field of an object.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(field, _)| field.whole() == Some(name)).map(|(_, value)| value)
    }

    /// The text, if it is a whole one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.whole(),
            _ => None,
        }
    }
}

/// Appends a text in quotes.
pub(crate) fn append_text(text: &Text, form: Form, out: &mut String) -> Result<(), Unwritable> {
    match (form, text.whole()) {
        (Form::Canonical, _) => out.push_str(&text.quoted()),
        (_, Some(whole)) => out.push_str(&serde_json::Value::from(whole).to_string()),
        (_, None) => return Err(Unwritable),
    }
    Ok(())
}

fn float_text(float: f64, form: Form) -> Result<String, Unwritable> {
    match form {
        Form::Event => Ok(serde_json::Value::from(float).to_string()),
        Form::Answer if !float.is_finite() => Err(Unwritable),
        Form::Canonical if float.is_nan() => Ok("NaN".to_owned()),
        Form::Canonical if float.is_infinite() => {
            Ok(if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned())
        }
        Form::Answer | Form::Canonical => Ok(python_float(float)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn forms() {
        let check = |form: Form, text: &str, expected: Result<&str, Unwritable>| {
            let value = parse(text.as_bytes()).expect(text);
            assert_eq!(value.write(form).as_deref(), expected.as_ref().copied(), "{form:?} of {text}");
        };
        let text = r#"{"b":[1e20,1.50,-0.0,1e-5,12345678901234567890],"é":"\u00e9\u007f\n","a":{},"":[]}"#;
        check(
            Form::Answer,
            text,
            Ok("{\"b\":[1e+20,1.5,-0.0,1e-05,12345678901234567890],\"é\":\"é\u{7f}\\n\",\"a\":{},\"\":[]}"),
        );
        check(
            Form::Event,
            text,
            Ok("{\"b\":[1e+20,1.5,-0.0,0.00001,12345678901234567890],\"é\":\"é\u{7f}\\n\",\"a\":{},\"\":[]}"),
        );
        check(
            Form::Canonical,
            text,
            Ok(r#"{"":[],"a":{},"b":[1e+20,1.5,-0.0,1e-05,12345678901234567890],"\u00e9":"\u00e9\u007f\n"}"#),
        );
        check(Form::Answer, "[NaN]", Err(Unwritable));
        check(Form::Event, "[NaN,-Infinity]", Ok("[null,null]"));
        check(Form::Canonical, "[NaN,-Infinity]", Ok("[NaN,-Infinity]"));
        check(Form::Answer, r#"["\ud800"]"#, Err(Unwritable));
        check(
            Form::Canonical,
            r#"{"\uffff":1,"\ud800":2,"\ud83d\ude00":3}"#,
            Ok(r#"{"\ud800":2,"\uffff":1,"\ud83d\ude00":3}"#),
        );
    }

    #[test]
    fn depths() {
        for (text, expected) in [("1", 0), ("[]", 1), (r#"{"a":[1,{"b":2}],"c":[]}"#, 3)] {
            assert_eq!(parse(text.as_bytes()).expect(text).depth(), expected, "{text}");
        }
    }
}
