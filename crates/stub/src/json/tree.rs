//! A JSON text as one value.
//!
//! It must not know how JSON is written.

use std::collections::HashMap;

use super::{Error, Event, Json, Text, each};

/// The value of a JSON text.
///
/// # Errors
/// The first thing for which Python refuses it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, Error> {
    let mut open = vec![Container::List(vec![])];
    each(bytes, &mut |event| take(&mut open, event))?;
    match open.pop().map(Container::close) {
        Some(Json::List(mut items)) => Ok(items.pop().expect("a text that is right holds a value")),
        _ => unreachable!("what holds the whole text is a list"),
    }
}

/// A list or an object to which items are still added.
enum Container {
    List(Vec<Json>),
    Object(Object),
}

#[derive(Default)]
struct Object {
    fields: Vec<(Text, Json)>,
    places: HashMap<Text, usize>,
    /// Where the next value goes.
    place: usize,
}

impl Object {
    fn name(&mut self, name: Text) {
        let new = self.fields.len();
        self.place = *self.places.entry(name.clone()).or_insert(new);
        if self.place == new {
            self.fields.push((name, Json::Null));
        }
    }
}

impl Container {
    fn add(&mut self, value: Json) {
        match self {
            Self::List(items) => items.push(value),
            Self::Object(Object { fields, place, .. }) => fields[*place].1 = value,
        }
    }

    fn close(self) -> Json {
        match self {
            Self::List(items) => Json::List(items),
            Self::Object(object) => Json::Object(object.fields),
        }
    }
}

fn take(open: &mut Vec<Container>, event: Event<'_>) {
    let value = match event {
        Event::Null => Json::Null,
        Event::Bool(yes) => Json::Bool(yes),
        Event::Int("-0") => Json::Int("0".to_owned()),
        Event::Int(digits) => Json::Int(digits.to_owned()),
        Event::Float(float) => Json::Float(float),
        Event::Text(text) => Json::Text(text.into_text()),
        Event::OpenList => return open.push(Container::List(vec![])),
        Event::OpenObject => return open.push(Container::Object(Object::default())),
        Event::Close => open.pop().expect("what closes was open").close(),
        Event::Name(name) => {
            if let Some(Container::Object(object)) = open.last_mut() {
                object.name(name.into_text());
            }
            return;
        }
    };
    open.last_mut().expect("the outermost list stays open").add(value);
}
