//! A body as Python reads it.
//!
//! It must not know what the fields mean.

use std::borrow::Cow;

use super::{Body, Field, Fields, NAMES};
use crate::json::{self, Event, Text};

/// The body.
///
/// # Errors
/// It is no JSON for Python.
pub(super) fn read(body: &[u8]) -> Result<Body<'static>, json::Error> {
    let mut reader = Reader::default();
    json::each(body, &mut |event| reader.take(event))?;
    Ok(if reader.is_object { Body::Object(reader.fields) } else { Body::Other })
}

#[derive(Default)]
struct Reader {
    fields: Fields<'static>,
    /// Lists and objects that are open.
    depth: usize,
    is_object: bool,
    /// The place in [`NAMES`] of the field whose value comes next, unless nobody wants it.
    name: Option<usize>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        let field = match event {
            Event::Close => {
                self.depth -= 1;
                return;
            }
            Event::Name(written) => {
                if self.depth == 1 {
                    self.name = NAMES.iter().position(|name| written.is(name));
                }
                return;
            }
            Event::OpenList | Event::OpenObject => {
                self.is_object |= self.depth == 0 && matches!(event, Event::OpenObject);
                self.depth += 1;
                Field::Other
            }
            Event::Null => Field::Null,
            Event::Text(written) if self.name.is_some() => match written.into_text() {
                Text::Whole(text) => Field::Text(Cow::Owned(text)),
                Text::Broken(_) => Field::Broken,
            },
            Event::Text(_) | Event::Bool(_) | Event::Int(_) | Event::Float(_) => Field::Other,
        };
        // Whatever follows within a list or an object has no name here.
        if let Some(place) = self.name.take() {
            *self.fields.at(place) = field;
        }
    }
}
