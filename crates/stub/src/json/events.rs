//! A JSON text read from its begin to its end: each value, name and bracket is handed over as it comes.
//!
//! It must not know what is done with them. The open lists and objects stand in a stack of its own.

use std::borrow::Cow;

use super::decode::{decode, push};
use super::{DEPTH_MAX, Error, INT_DIGITS_MAX, SyntaxError, Text};

/// What comes next in a JSON text. Values between an opening and a closing one stand in that list or object.
pub(crate) enum Event<'a> {
    Null,
    Bool(bool),
    /// Its digits as written, `-0` included.
    Int(&'a str),
    Float(f64),
    Text(Written<'a>),
    /// The name of the value that comes next.
    Name(Written<'a>),
    OpenList,
    OpenObject,
    Close,
}

/// A text with its escapes undone.
pub(crate) struct Written<'a>(Cow<'a, [u8]>);

impl Written<'_> {
    /// Whether it is `text`.
    pub(crate) fn is(&self, text: &str) -> bool {
        *self.0 == *text.as_bytes()
    }

    /// The text for keeps.
    pub(crate) fn into_text(self) -> Text {
        Text::new(self.0.into_owned())
    }
}

/// Hands over everything in `bytes` until their end or the first error. What was handed over before an error counts
/// for nothing.
pub(crate) fn each(bytes: &[u8], on: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
    let text = decode(bytes).ok_or(Error::Undecodable)?;
    Reader { text: &text, at: 0, open: vec![] }.read(on)
}

#[derive(Clone, Copy, PartialEq)]
enum Bracket {
    List,
    Object,
}

struct Reader<'a> {
    text: &'a [u8],
    /// The next byte. An index into [`Self::text`] or its length, and never within a character that is reported.
    at: usize,
    open: Vec<Bracket>,
}

impl<'a> Reader<'a> {
    fn read(mut self, on: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
        self.blanks();
        loop {
            if self.value(on)? {
                continue;
            }
            // A value has ended, and with it maybe what it stands in.
            loop {
                let Some(bracket) = self.open.last().copied() else { return self.end() };
                self.blanks();
                match (self.next(), bracket) {
                    (Some(b']'), Bracket::List) | (Some(b'}'), Bracket::Object) => self.close(on),
                    (Some(b','), _) => {
                        self.at += 1;
                        self.blanks();
                        if bracket == Bracket::Object {
                            self.name(on)?;
                        }
                        break;
                    }
                    _ => return Err(self.wrong("Expecting ',' delimiter", self.at)),
                }
            }
        }
    }

    fn end(mut self) -> Result<(), Error> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(self.wrong("Extra data", self.at)) }
    }

    /// Reads a value, or as far as its first item: then there is another one to be read.
    fn value(&mut self, on: &mut impl FnMut(Event<'_>)) -> Result<bool, Error> {
        let bracket = match self.next() {
            Some(b'[') => Bracket::List,
            Some(b'{') => Bracket::Object,
            _ => return self.scalar(on).map(|()| false),
        };
        if self.open.len() == DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        self.open.push(bracket);
        self.at += 1;
        self.blanks();
        on(if bracket == Bracket::List { Event::OpenList } else { Event::OpenObject });
        match (self.next(), bracket) {
            (Some(b']'), Bracket::List) | (Some(b'}'), Bracket::Object) => {
                self.close(on);
                return Ok(false);
            }
            (_, Bracket::List) => {}
            (_, Bracket::Object) => self.name(on)?,
        }
        Ok(true)
    }

    fn close(&mut self, on: &mut impl FnMut(Event<'_>)) {
        self.at += 1;
        self.open.pop();
        on(Event::Close);
    }

    /// Reads a name, its colon, and the blanks about them.
    fn name(&mut self, on: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
        if self.next() != Some(b'"') {
            return Err(self.wrong("Expecting property name enclosed in double quotes", self.at));
        }
        let name = self.string()?;
        self.blanks();
        if self.next() != Some(b':') {
            return Err(self.wrong("Expecting ':' delimiter", self.at));
        }
        self.at += 1;
        self.blanks();
        on(Event::Name(name));
        Ok(())
    }

    fn scalar(&mut self, on: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
        if self.next() == Some(b'"') {
            let text = self.string()?;
            on(Event::Text(text));
            return Ok(());
        }
        let words: [(&[u8], Event<'_>); 6] = [
            (b"null", Event::Null),
            (b"true", Event::Bool(true)),
            (b"false", Event::Bool(false)),
            (b"NaN", Event::Float(f64::NAN)),
            (b"Infinity", Event::Float(f64::INFINITY)),
            (b"-Infinity", Event::Float(f64::NEG_INFINITY)),
        ];
        for (word, event) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                on(event);
                return Ok(());
            }
        }
        let number = self.number()?;
        on(number);
        Ok(())
    }

    fn number(&mut self) -> Result<Event<'a>, Error> {
        let start = self.at;
        let digits = |from: usize| self.text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let first = start + usize::from(self.text[start..].starts_with(b"-"));
        let count = if self.text[first..].starts_with(b"0") { 1 } else { digits(first) };
        if count == 0 {
            return Err(self.wrong("Expecting value", start));
        }
        let whole_end = first + count;
        let mut end = whole_end;
        if self.text[end..].starts_with(b".") && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if let [b'e' | b'E', rest @ ..] = &self.text[end..] {
            let from = end + 1 + usize::from(matches!(rest, [b'+' | b'-', ..]));
            if digits(from) > 0 {
                end = from + digits(from);
            }
        }
        self.at = end;
        let written = std::str::from_utf8(&self.text[start..end]).unwrap_or_default();
        if end > whole_end {
            return Ok(Event::Float(written.parse().expect("the form of a float was checked")));
        }
        if count > INT_DIGITS_MAX { Err(Error::IntTooLong) } else { Ok(Event::Int(written)) }
    }

    /// Reads a text from its opening quote to beyond its closing one.
    fn string(&mut self) -> Result<Written<'a>, Error> {
        let begin = self.at;
        self.at += 1;
        let mut done = Cow::Borrowed(&[][..]);
        loop {
            let rest = &self.text[self.at..];
            let stop = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            let stop = stop.ok_or_else(|| self.wrong("Unterminated string starting at", begin))?;
            if rest[stop] < b' ' {
                return Err(self.wrong("Invalid control character at", self.at + stop));
            }
            if done.is_empty() {
                done = Cow::Borrowed(&rest[..stop]);
            } else {
                done.to_mut().extend_from_slice(&rest[..stop]);
            }
            self.at += stop + 1;
            if rest[stop] == b'"' {
                return Ok(Written(done));
            }
            self.escape(begin, done.to_mut())?;
        }
    }

    /// Reads what stands after a backslash.
    fn escape(&mut self, begin: usize, done: &mut Vec<u8>) -> Result<(), Error> {
        let escaped = self.next().ok_or_else(|| self.wrong("Unterminated string starting at", begin))?;
        let plain = match escaped {
            b'"' | b'\\' | b'/' => escaped,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let code = self.code(self.at - 1)?;
                push(done, code).expect("two units make a code point");
                return Ok(());
            }
            _ => return Err(self.wrong("Invalid \\escape", self.at - 1)),
        };
        done.push(plain);
        self.at += 1;
        Ok(())
    }

    /// Reads the escape `\uXXXX` at `from`, and a second one if both make a pair.
    fn code(&mut self, from: usize) -> Result<u32, Error> {
        let high = self.unit(from).ok_or_else(|| self.wrong("Invalid \\uXXXX escape", from + 1))?;
        self.at = from + 6;
        let second = match high {
            0xd800..=0xdbff if self.text[self.at..].starts_with(b"\\u") => self.unit(self.at),
            _ => None,
        };
        match second {
            Some(low @ 0xdc00..=0xdfff) => {
                self.at += 6;
                Ok(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            }
            // What is wrong with the second one is found when it is read for itself.
            _ => Ok(high),
        }
    }

    /// The unit of the escape at `from`, after which there has to be something else.
    fn unit(&self, from: usize) -> Option<u32> {
        let [digits @ .., _] = self.text.get(from + 2..from + 7)? else { return None };
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    fn blanks(&mut self) {
        let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.text[self.at..].iter().take_while(blank).count();
    }

    fn next(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// What is wrong at this byte, told by characters.
    fn wrong(&self, message: &'static str, at: usize) -> Error {
        // All bytes but the first of a character are 10xxxxxx.
        let at = self.text[..at].iter().filter(|b| *b & 0xc0 != 0x80).count();
        Error::Syntax(SyntaxError { message, at })
    }
}
