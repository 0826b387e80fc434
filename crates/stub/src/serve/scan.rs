//! The head of a request as spans of bytes, scanned as they come in: strict to the byte where the real server's
//! parser is, and lenient where it is.
//!
//! It must not know what the words mean: methods are known or not, fields are names and values.

use std::ops::Range;

use super::words::{TOKEN, is_method, may_become_method};

/// Longest request target; the real server refuses from one byte more.
pub(super) const TARGET_BYTES_MAX: usize = 65_534;
/// Most header fields of a request; ours, the real server takes any number.
const FIELDS_MAX: usize = 8_192;

/// Fields for which room is kept from one request to the next.
const FIELDS_KEPT: usize = 32;

/// Why a request is given up before it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It is not HTTP as the real server reads it.
    Syntax,
    /// Its head is larger than we keep; ours.
    TooLarge,
}

/// The version a request claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V09,
    V10,
    V11,
    V20,
}

/// One header field: where its name and its value stand. Blanks before the value are left out, blanks after it are
/// part of it, as they are to the real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Empty lines before a request.
    Before,
    Method,
    BeforeTarget,
    Target,
    BeforeVersion,
    Version,
    LineEnd,
    LineFeed,
    Line,
    Name,
    BeforeValue,
    Value,
    LastLineFeed,
}

/// A scan that can go on when more bytes have come.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    at: usize,
    /// Where the word that is being scanned began.
    start: usize,
    state: State,
    name: Range<usize>,
    pub(super) method: Range<usize>,
    pub(super) target: Range<usize>,
    pub(super) version: Version,
    pub(super) fields: Vec<Field>,
}

impl Scan {
    /// Of a whole head.
    pub(super) fn head() -> Self {
        Self {
            at: 0,
            start: 0,
            state: State::Before,
            name: 0..0,
            method: 0..0,
            target: 0..0,
            version: Version::V11,
            fields: Vec::new(),
        }
    }

    /// Of the fields after a chunked body.
    pub(super) fn trailers() -> Self {
        Self { state: State::Line, ..Self::head() }
    }

    /// Ready for the next head, with room for its fields.
    pub(super) fn restart(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        fields.shrink_to(FIELDS_KEPT);
        *self = Self { fields, ..Self::head() };
    }

    /// Scans on in `bytes`, which hold what was there before and more. The length of the head once it is whole.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Result<Option<usize>, Bad> {
        while let Some(&byte) = bytes.get(self.at) {
            match self.state {
                State::Before => match byte {
                    b'\r' | b'\n' => self.at += 1,
                    _ => self.begin(State::Method),
                },
                State::Method | State::Target | State::Version | State::Name | State::Value => {
                    if !self.word(bytes)? {
                        return Ok(None);
                    }
                }
                State::BeforeTarget => match byte {
                    b' ' => self.at += 1,
                    b'/' | b'*' | b'a'..=b'z' | b'A'..=b'Z' => self.begin(State::Target),
                    _ => return Err(Bad::Syntax),
                },
                State::BeforeVersion => match byte {
                    b' ' => self.at += 1,
                    _ => self.begin(State::Version),
                },
                State::BeforeValue => match byte {
                    b' ' | b'\t' => self.at += 1,
                    _ => self.begin(State::Value),
                },
                State::Line => match byte {
                    b'\r' => self.step(State::LastLineFeed),
                    _ => self.begin(State::Name),
                },
                State::LineEnd if byte == b'\r' => self.step(State::LineFeed),
                State::LineFeed if byte == b'\n' => self.step(State::Line),
                State::LastLineFeed if byte == b'\n' => return Ok(Some(self.at + 1)),
                State::LineEnd | State::LineFeed | State::LastLineFeed => return Err(Bad::Syntax),
            }
        }
        Ok(None)
    }

    fn begin(&mut self, state: State) {
        self.start = self.at;
        self.state = state;
    }

    fn step(&mut self, state: State) {
        self.at += 1;
        self.state = state;
    }

    /// The word that began at `start`, which may go on past the bytes there are: then it is false.
    fn word(&mut self, bytes: &[u8]) -> Result<bool, Bad> {
        match self.state {
            State::Method => self.method(bytes),
            State::Target => self.target(bytes),
            State::Version => self.version(bytes),
            State::Name => {
                if !self.skip(bytes, |byte| TOKEN[usize::from(byte)]) {
                    return Ok(false);
                }
                if self.at == self.start || bytes[self.at] != b':' {
                    return Err(Bad::Syntax);
                }
                self.name = self.start..self.at;
                self.step(State::BeforeValue);
                Ok(true)
            }
            _ => {
                if !self.skip(bytes, |byte| byte >= b' ' && byte != 0x7f || byte == b'\t') {
                    return Ok(false);
                }
                if bytes[self.at] != b'\r' {
                    return Err(Bad::Syntax);
                }
                if self.fields.len() == FIELDS_MAX {
                    return Err(Bad::TooLarge);
                }
                self.fields.push(Field { name: self.name.clone(), value: self.start..self.at });
                self.step(State::LineFeed);
                Ok(true)
            }
        }
    }

    /// Goes on to the first byte that does not belong to the word; false if there is none yet.
    fn skip(&mut self, bytes: &[u8], belongs: impl Fn(u8) -> bool) -> bool {
        let length = bytes[self.at..].iter().position(|byte| !belongs(*byte));
        self.at = length.map_or(bytes.len(), |length| self.at + length);
        length.is_some()
    }

    fn method(&mut self, bytes: &[u8]) -> Result<bool, Bad> {
        let is_whole = self.skip(bytes, |byte| byte.is_ascii_uppercase() || byte == b'-');
        let word = &bytes[self.start..self.at];
        let is_known = if is_whole { is_method(word) } else { may_become_method(word) };
        if !is_known || is_whole && bytes[self.at] != b' ' {
            return Err(Bad::Syntax);
        }
        if is_whole {
            self.method = self.start..self.at;
            self.step(State::BeforeTarget);
        }
        Ok(is_whole)
    }

    fn target(&mut self, bytes: &[u8]) -> Result<bool, Bad> {
        let is_whole = self.skip(bytes, |byte| byte.is_ascii_graphic());
        if self.at - self.start > TARGET_BYTES_MAX {
            return Err(Bad::Syntax);
        }
        if is_whole {
            self.target = self.start..self.at;
            match bytes[self.at] {
                b' ' => self.step(State::BeforeVersion),
                end @ (b'\r' | b'\n') => {
                    self.version = Version::V09;
                    self.step(if end == b'\r' { State::LineFeed } else { State::Line });
                }
                _ => return Err(Bad::Syntax),
            }
        }
        Ok(is_whole)
    }

    fn version(&mut self, bytes: &[u8]) -> Result<bool, Bad> {
        const KNOWN: [(&[u8], Version); 4] = [
            (b"HTTP/1.1", Version::V11),
            (b"HTTP/1.0", Version::V10),
            (b"HTTP/0.9", Version::V09),
            (b"HTTP/2.0", Version::V20),
        ];
        let length = KNOWN[0].0.len();
        let word = &bytes[self.start..bytes.len().min(self.start + length)];
        let (_, version) = KNOWN.iter().find(|(name, _)| name.starts_with(word)).ok_or(Bad::Syntax)?;
        if word.len() < length {
            return Ok(false);
        }
        self.version = *version;
        self.at = self.start + length;
        self.state = State::LineEnd;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen of `text`, whole and then byte by byte: `method target version name=value…`, `-` if it is not
    /// whole, or the mistake.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).expect("latin 1")).collect();
        let show = |result: Result<Option<usize>, Bad>, scan: &Scan| match result {
            Err(bad) => format!("{bad:?}"),
            Ok(None) => "-".to_owned(),
            Ok(Some(end)) => {
                assert_eq!(end, bytes.len(), "{text:?}");
                let word =
                    |span: &Range<usize>| text.chars().skip(span.start).take(span.len()).collect::<String>();
                let fields = scan.fields.iter().map(|f| format!(" {}={}", word(&f.name), word(&f.value)));
                let line = format!("{} {} {:?}", word(&scan.method), word(&scan.target), scan.version);
                line + &fields.collect::<String>()
            }
        };
        let mut scan = Scan::head();
        let whole = scan.go_on(&bytes);
        assert_eq!(show(whole, &scan), expected, "{text:?}");
        let mut scan = Scan::head();
        let pieces =
            (1..=bytes.len()).map(|end| scan.go_on(&bytes[..end])).find(|result| *result != Ok(None));
        assert_eq!(show(pieces.unwrap_or(Ok(None)), &scan), expected, "byte by byte: {text:?}");
    }

    #[test]
    fn a_head_is_read_as_the_real_server_reads_it() {
        check("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "GET /health V11 Host=x");
        check("GET /health HTTP/1.0\r\n\r\n", "GET /health V10");
        check("GET /health HTTP/2.0\r\n\r\n", "GET /health V20");
        check("GET /health\r\nA: b\r\n\r\n", "GET /health V09 A=b");
        check("GET /health\nA: b\r\n\r\n", "GET /health V09 A=b");
        check("\r\n\n\rGET /  HTTP/1.1\r\n\r\n", "GET / V11");
        check("M-SEARCH   *   HTTP/1.1\r\n\r\n", "M-SEARCH * V11");
        check("GET /<>\"`{}|\\^%zz#?# HTTP/1.1\r\n\r\n", "GET /<>\"`{}|\\^%zz#?# V11");
        check("GET / HTTP/1.1\r\nA:\r\nB: \t \r\nC:d e\r\n\r\n", "GET / V11 A= B= C=d e");
        check("GET / HTTP/1.1\r\nKey: \tkey \t\r\nÄ: x\r\n\r\n", "Syntax");
        check("GET / HTTP/1.1\r\nKey: \tkey \t\r\nX: Ä\r\n\r\n", "GET / V11 Key=key \t X=Ä");
        check("GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~A: b\r\n\r\n", "GET / V11 !#$%&'*+-.^_`|~A=b");
    }

    #[test]
    fn what_is_not_http_is_refused_at_its_first_wrong_byte() {
        for text in [
            "NONSENSE\r\n\r\n",
            "FRO",
            "GEX",
            "get / HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\n",
            " GET",
            "\u{16}\u{3}\u{1}",
            "GET\t/",
            "GET ?",
            "GET /é",
            "GET /\u{7f}",
            "GET /\t",
            "GET /\n\n",
            "GET / \r\n",
            "GET / HTTP/1.2",
            "GET / http",
            "GET / HTTP/1.1 ",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1\rX",
            "GET / HTTP/1.1\r\n\n",
            "GET / HTTP/1.1\r\nA: b\n",
            "GET / HTTP/1.1\r\nA: b\r\n c",
            "GET / HTTP/1.1\r\nA : b",
            "GET / HTTP/1.1\r\n: b",
            "GET / HTTP/1.1\r\nA\r\n",
            "GET / HTTP/1.1\r\nA@: b",
            "GET / HTTP/1.1\r\nA: b\u{1}",
            "GET / HTTP/1.1\r\nA: \u{7f}",
            "GET / HTTP/1.1\r\nA: \0",
            "GET / HTTP/1.1\r\nA: b\r\n\rX",
        ] {
            check(text, "Syntax");
        }
        for text in ["", "\r\n\r\n", "GE", "GET /", "GET / HTTP/1.", "GET / HTTP/1.1\r\nA: b\r\n"] {
            check(text, "-");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let head = |target: usize, fields: usize| {
            let text =
                format!("GET /{} HTTP/1.1\r\n{}\r\n", "a".repeat(target - 1), "a: b\r\n".repeat(fields));
            Scan::head().go_on(text.as_bytes()).map(|end| end.is_some())
        };
        assert_eq!(head(TARGET_BYTES_MAX, FIELDS_MAX), Ok(true));
        assert_eq!(head(TARGET_BYTES_MAX + 1, 0), Err(Bad::Syntax));
        assert_eq!(head(1, FIELDS_MAX + 1), Err(Bad::TooLarge));
    }
}
