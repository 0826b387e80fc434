//! A message between agents: read out of a body, with the real server's words for every mistake.
//!
//! It must not know whether the message is in time, signed or answered.

use super::moment::Moment;
use super::number;
use super::problem::{Kind, Place, Problems};
use crate::json::{Error, Form, Json, Text, parse};
use crate::refusal::Refusal;

/// A message. Its texts may hold lone surrogates, as Python's may.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) request_id: Text,
    pub(crate) sender_id: Text,
    pub(crate) receiver_id: Text,
    pub(crate) created_at: Moment,
    pub(crate) nonce: Text,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) budget: Budget,
    /// An object.
    pub(crate) payload: Json,
    pub(crate) signature: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Capability {
    pub(crate) name: Text,
    pub(crate) version: Text,
    pub(crate) scopes: Vec<Text>,
}

/// Whole numbers of any length, in decimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) tokens: String,
    pub(crate) time_ms: String,
    pub(crate) tool_calls: String,
}

impl Envelope {
    /// Reads the body of a request with this content type.
    pub(crate) fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, Refusal> {
        let mut problems = Problems::default();
        let envelope = if body.is_empty() {
            problems.push(Kind::Missing, Place::BODY, &Json::Null);
            None
        } else {
            let value = if content_type.is_some_and(is_json) {
                match parse(body) {
                    Ok(value) => Some(value),
                    Err(Error::Syntax(error)) => {
                        let place = Place::BODY;
                        problems.push(
                            Kind::NotJson(error.message),
                            place.item(error.at),
                            &Json::Object(vec![]),
                        );
                        None
                    }
                    Err(_) => return Err(Refusal::BodyUnparsable),
                }
            } else {
                let text = String::from_utf8(body.to_vec());
                let text = text.map_err(|_| Refusal::Crash("a body that is no JSON is shown as text"))?;
                Some(Json::Text(Text::Whole(text)))
            };
            value.and_then(|value| Reader { problems: &mut problems }.envelope(&value))
        };
        match envelope {
            Some(envelope) if problems.is_empty() => Ok(envelope),
            _ => Err(problems
                .into_json()
                .map_or(Refusal::Crash("a mistake shows what JSON does not know"), Refusal::MessageInvalid)),
        }
    }

    /// The text that is signed.
    pub(crate) fn canonical(&self) -> String {
        let object = |fields: Vec<(&str, Json)>| {
            Json::Object(
                fields.into_iter().map(|(name, value)| (Text::Whole(name.to_owned()), value)).collect(),
            )
        };
        let text = |text: &Text| Json::Text(text.clone());
        let capability = |one: &Capability| {
            object(vec![
                ("name", text(&one.name)),
                ("version", text(&one.version)),
                ("scopes", Json::List(one.scopes.iter().map(text).collect())),
            ])
        };
        let whole = object(vec![
            ("request_id", text(&self.request_id)),
            ("sender_id", text(&self.sender_id)),
            ("receiver_id", text(&self.receiver_id)),
            ("created_at", Json::Text(Text::Whole(self.created_at.python_iso()))),
            ("nonce", text(&self.nonce)),
            ("capabilities", Json::List(self.capabilities.iter().map(capability).collect())),
            ("budget", self.budget.json()),
            ("payload", self.payload.clone()),
        ]);
        whole.write(Form::Canonical).expect("the canonical form has a text for everything")
    }
}

impl Budget {
    pub(crate) fn json(&self) -> Json {
        let fields = [("tokens", &self.tokens), ("time_ms", &self.time_ms), ("tool_calls", &self.tool_calls)];
        let field =
            |(name, digits): (&str, &String)| (Text::Whole(name.to_owned()), Json::Int(digits.clone()));
        Json::Object(fields.map(field).into())
    }
}

/// Whether a content type is JSON's: `application/json` or `application/…+json`, whatever stands after a semicolon.
fn is_json(content_type: &[u8]) -> bool {
    // Headers are Latin-1, and what Python strips there are these blanks too.
    let blank = |byte: &u8| matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ' | 0x85 | 0xa0);
    let mut text = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    while let [first, rest @ ..] = text
        && blank(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && blank(last)
    {
        text = rest;
    }
    let text = text.to_ascii_lowercase();
    let subtype = text.strip_prefix(b"application/").filter(|subtype| !subtype.contains(&b'/'));
    subtype.is_some_and(|subtype| subtype == b"json" || subtype.ends_with(b"+json"))
}

/// Reads values, and notes what is wrong with them.
struct Reader<'a> {
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn envelope(&mut self, body: &Json) -> Option<Envelope> {
        let at = Place::BODY;
        let body = self.object(body, at)?;
        // Every field is looked at before the first missing one ends it.
        let request_id = self.text(body, "request_id", at);
        let sender_id = self.text(body, "sender_id", at);
        let receiver_id = self.text(body, "receiver_id", at);
        let created_at = self.value(body, "created_at", at, Moment::read);
        let nonce = self.text(body, "nonce", at);
        let capabilities = self.list(body, "capabilities", at, Self::capability);
        let budget =
            self.present(body, "budget", at).and_then(|value| self.budget(value, at.field("budget")));
        let payload = self.value(body, "payload", at, |value| match value {
            Json::Object(_) => Ok(value.clone()),
            _ => Err(Kind::NotDict),
        });
        let signature = match body.field("signature") {
            None | Some(Json::Null) => None,
            Some(_) => self.text(body, "signature", at),
        };
        Some(Envelope {
            request_id: request_id?,
            sender_id: sender_id?,
            receiver_id: receiver_id?,
            created_at: created_at?,
            nonce: nonce?,
            capabilities: capabilities?,
            budget: budget?,
            payload: payload?,
            signature,
        })
    }

    fn capability(&mut self, value: &Json, at: Place<'_>) -> Option<Capability> {
        let value = self.object(value, at)?;
        let name = self.text(value, "name", at);
        let version = self.text(value, "version", at);
        let scopes = match value.field("scopes") {
            None => Some(vec![]),
            Some(_) => self.list(value, "scopes", at, |reader, item, at| reader.read(item, at, text)),
        };
        Some(Capability { name: name?, version: version?, scopes: scopes? })
    }

    fn budget(&mut self, value: &Json, at: Place<'_>) -> Option<Budget> {
        let value = self.object(value, at)?;
        let [tokens, time_ms, tool_calls] =
            ["tokens", "time_ms", "tool_calls"].map(|name| self.value(value, name, at, number::whole));
        Some(Budget { tokens: tokens?, time_ms: time_ms?, tool_calls: tool_calls? })
    }

    fn object<'v>(&mut self, value: &'v Json, at: Place<'_>) -> Option<&'v Json> {
        self.read(value, at, |value| match value {
            Json::Object(_) => Ok(()),
            _ => Err(Kind::NotObject),
        })?;
        Some(value)
    }

    fn list<T>(
        &mut self,
        object: &Json,
        name: &'static str,
        at: Place<'_>,
        mut item: impl FnMut(&mut Self, &Json, Place<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.present(object, name, at)?;
        let at = at.field(name);
        let Json::List(items) = value else {
            self.problems.push(Kind::NotList, at, value);
            return None;
        };
        let read: Vec<_> = items.iter().enumerate().map(|(i, one)| item(self, one, at.item(i))).collect();
        read.into_iter().collect()
    }

    fn text(&mut self, object: &Json, name: &'static str, at: Place<'_>) -> Option<Text> {
        self.value(object, name, at, text)
    }

    fn value<T>(
        &mut self,
        object: &Json,
        name: &'static str,
        at: Place<'_>,
        read: impl FnOnce(&Json) -> Result<T, Kind>,
    ) -> Option<T> {
        let value = self.present(object, name, at)?;
        self.read(value, at.field(name), read)
    }

    fn present<'v>(&mut self, object: &'v Json, name: &'static str, at: Place<'_>) -> Option<&'v Json> {
        let value = object.field(name);
        if value.is_none() {
            self.problems.push(Kind::Missing, at.field(name), object);
        }
        value
    }

    fn read<T>(
        &mut self,
        value: &Json,
        at: Place<'_>,
        read: impl FnOnce(&Json) -> Result<T, Kind>,
    ) -> Option<T> {
        read(value).map_err(|kind| self.problems.push(kind, at, value)).ok()
    }
}

fn text(value: &Json) -> Result<Text, Kind> {
    match value {
        Json::Text(text) => Ok(text.clone()),
        _ => Err(Kind::NotText),
    }
}
