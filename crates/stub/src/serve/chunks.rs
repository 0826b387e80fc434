//! A chunked body, decoded as it comes in, as strictly as the real server does.
//!
//! Chunk extensions are read over. Fields after the last chunk are checked and dropped. It must not know who reads.

use bytes::{Buf, BytesMut};

use super::scan::{Bad, Scan};
use super::words::TOKEN;

/// Longest block of fields after the last chunk; ours.
const TRAILER_BYTES_MAX: usize = 65_536;

#[derive(Debug)]
enum State {
    /// Digits of a size, of which there must be one.
    Size {
        has_digit: bool,
    },
    /// The name of an extension, which must not be empty.
    Name {
        is_empty: bool,
    },
    /// The value of an extension.
    Value {
        is_empty: bool,
    },
    Quoted,
    Escaped,
    /// After the closing quote.
    Unquoted,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailers(Scan),
    Done,
}

/// A decoder that can go on when more bytes have come.
#[derive(Debug)]
pub(super) struct Chunks {
    state: State,
    /// What the chunk at hand still lacks.
    left: u64,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { state: State::Size { has_digit: false }, left: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes what there is out of `input` and adds its data to `data`.
    pub(super) fn go_on(&mut self, input: &mut BytesMut, data: &mut BytesMut) -> Result<(), Bad> {
        while !input.is_empty() && !self.is_done() {
            match &mut self.state {
                State::Data => {
                    let length = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                    data.extend_from_slice(&input[..length]);
                    input.advance(length);
                    self.left -= length as u64;
                    if self.left == 0 {
                        self.state = State::DataReturn;
                    }
                }
                State::Trailers(scan) => match trailers(scan, input)? {
                    None => return Ok(()),
                    Some(length) => {
                        input.advance(length);
                        self.state = State::Done;
                    }
                },
                _ => {
                    self.byte(input[0])?;
                    input.advance(1);
                }
            }
        }
        Ok(())
    }

    /// One byte outside the data.
    fn byte(&mut self, byte: u8) -> Result<(), Bad> {
        let is_token = TOKEN[usize::from(byte)];
        self.state = match (&self.state, byte) {
            (State::Size { .. }, digit) if digit.is_ascii_hexdigit() => {
                let digit = (digit as char).to_digit(16).map_or(0, u64::from);
                self.left = self.left.checked_mul(16).ok_or(Bad::Syntax)? + digit;
                State::Size { has_digit: true }
            }
            (
                State::Size { has_digit: true }
                | State::Name { is_empty: false }
                | State::Value { .. }
                | State::Unquoted,
                b'\r',
            ) => State::SizeLineFeed,
            (
                State::Size { has_digit: true }
                | State::Name { is_empty: false }
                | State::Value { .. }
                | State::Unquoted,
                b';',
            ) => State::Name { is_empty: true },
            (State::Name { is_empty: false }, b'=') => State::Value { is_empty: true },
            (State::Name { .. }, _) if is_token => State::Name { is_empty: false },
            (State::Value { .. }, _) if is_token => State::Value { is_empty: false },
            (State::Value { is_empty: true }, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::Unquoted,
            (State::Quoted, b'\\') => State::Escaped,
            (State::Quoted | State::Escaped, b'\t' | b' '..=b'~' | 0x80..) => State::Quoted,
            (State::SizeLineFeed, b'\n') if self.left == 0 => State::Trailers(Scan::trailers()),
            (State::SizeLineFeed, b'\n') => State::Data,
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size { has_digit: false },
            _ => return Err(Bad::Syntax),
        };
        Ok(())
    }
}

/// The length of the fields once they are whole; none may say how long a body is.
fn trailers(scan: &mut Scan, input: &[u8]) -> Result<Option<usize>, Bad> {
    let end = scan.go_on(input)?;
    if end.is_none() && input.len() > TRAILER_BYTES_MAX {
        return Err(Bad::TooLarge);
    }
    let frames = |name: &[u8]| {
        name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
    };
    if scan.fields.iter().any(|field| frames(&input[field.name.clone()])) {
        Err(Bad::Syntax)
    } else {
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is decoded of `text`, with what is left over after a `|`; whole and byte by byte.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        for step in [text.len().max(1), 1] {
            let (mut chunks, mut data, mut input) = (Chunks::new(), BytesMut::new(), BytesMut::new());
            let mut result = Ok(());
            for piece in text.as_bytes().chunks(step) {
                input.extend_from_slice(piece);
                result = result.and_then(|()| chunks.go_on(&mut input, &mut data));
            }
            let shown = |bytes: &BytesMut| String::from_utf8_lossy(bytes).into_owned();
            let got = match result {
                Err(bad) => format!("{bad:?}"),
                Ok(()) if chunks.is_done() => format!("{}|{}", shown(&data), shown(&input)),
                Ok(()) => "-".to_owned(),
            };
            assert_eq!(got, expected, "{text:?} in steps of {step}");
        }
    }

    #[test]
    fn chunks_are_read_as_the_real_server_reads_them() {
        for size in [
            "3",
            "03",
            "00000000000000000000000003",
            "3;a",
            "3;a=b",
            "3;a=",
            "3;a=b;c",
            "3;a=\"q;\\\" ä\"",
            "3;a=\"\";b",
        ] {
            check(&format!("{size}\r\nabc\r\n0\r\n\r\nGET"), "abc|GET");
        }
        check("A\r\n0123456789\r\n1\r\nx\r\n00;x=y\r\n\r\n", "0123456789x|");
        check("3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\nnext", "abc|next");
        for text in
            ["", "3", "3\r\nab", "3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0\r\nA: b\r\n", "ffffffffffffffff\r\nx"]
        {
            check(text, "-");
        }
    }

    #[test]
    fn broken_chunks_are_refused() {
        for size in [
            "x",
            "",
            "g",
            "-1",
            "+3",
            "0x3",
            "3 ",
            "3\t",
            "3 ;a",
            "3; a",
            "3;",
            "3,a",
            "3;a b",
            "3;a=b c",
            "3;a=\"b\"c",
            "3;\"a\"",
            "3;a =b",
            "3;a=b,c",
            "3;a=\"\u{1}\"",
            "fffffffffffffffff",
        ] {
            check(&format!("{size}\r\nabc\r\n0\r\n\r\n"), "Syntax");
        }
        for text in [
            "3\nabc",
            "3\rabc",
            "3\r\nabcx",
            "3\r\nabc\n0",
            "3\r\nabc0",
            "0\r\n\n",
            "0\r\nbad header\r\n\r\n",
            "0\r\n A: b\r\n\r\n",
            "0\r\nContent-Length: 9\r\n\r\n",
            "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            check(text, "Syntax");
        }
        check(&format!("0\r\nA: {}", "b".repeat(TRAILER_BYTES_MAX)), "TooLarge");
    }
}
