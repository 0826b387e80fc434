//! JSON as Python's `json.loads` reads it out of bytes: the same texts pass, the same are refused, in the same words.
//!
//! It must not know what the values mean. Time is linear in the bytes, and nothing here recurses.

mod decode;
mod events;
mod text;
mod tree;
mod write;

pub(crate) use events::{Event, each};
pub(crate) use text::Text;
pub(crate) use tree::parse;
pub(crate) use write::{Form, Unwritable, append_text};

/// Lists and objects that may stand in one another, all counted: the deepest that the real server was seen to accept
/// is 1488 lists in a field of an object.
pub(crate) const DEPTH_MAX: usize = 1489;
/// Digits of a whole number.
pub(crate) const INT_DIGITS_MAX: usize = 4300;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// The digits, with a minus before them unless they are 0.
    Int(String),
    /// Infinite and not a number as well.
    Float(f64),
    Text(Text),
    List(Vec<Json>),
    /// In the order in which the names came first; of two values with one name there is the last.
    Object(Vec<(Text, Json)>),
}

/// Why bytes are no JSON for Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Not the encoding that they seem to be.
    Undecodable,
    Syntax(SyntaxError),
    /// More than [`DEPTH_MAX`] lists and objects in one another.
    TooDeep,
    /// A whole number of more than [`INT_DIGITS_MAX`] digits.
    IntTooLong,
}

/// What Python says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) message: &'static str,
    /// Characters before the place.
    pub(crate) at: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, as Python's `json.dumps` with a blank less would write it, or the error.
    fn check(bytes: impl AsRef<[u8]>, expected: &str) {
        let bytes = bytes.as_ref();
        let got = match parse(bytes) {
            Ok(value) => shown(&value),
            Err(Error::Syntax(SyntaxError { message, at })) => format!("{message}: {at}"),
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{}", String::from_utf8_lossy(bytes));
    }

    fn shown(value: &Json) -> String {
        match value {
            Json::Null => "null".to_owned(),
            Json::Bool(yes) => yes.to_string(),
            Json::Int(digits) => digits.clone(),
            Json::Float(float) => format!("{float:?}"),
            Json::Text(text) => text.quoted(),
            Json::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(","))
            }
            Json::Object(fields) => {
                let field = |(name, value): &(Text, Json)| format!("{}:{}", name.quoted(), shown(value));
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn what_python_takes() {
        for (text, expected) in [
            (" \t\n\r[ ] ", "[]"),
            ("[null,true,false,-0,10,-7]", "[null,true,false,0,10,-7]"),
            ("[1.5,1e2,1E-1,-0.0,1e999,NaN,Infinity,-Infinity]", "[1.5,100.0,0.1,-0.0,inf,NaN,inf,-inf]"),
            (r#"{"a":1,"b":2,"a":{"c":[]}}"#, r#"{"a":{"c":[]},"b":2}"#),
            (r#""\"\\\/\b\f\n\r\t\u00e9é""#, r#""\"\\/\b\f\n\r\t\u00e9\u00e9""#),
            (r#""\ud83d\ude00 😀""#, r#""\ud83d\ude00 \ud83d\ude00""#),
            (r#"["\ud83d","\ude00\ud83d","\ud83dx"]"#, r#"["\ud83d","\ude00\ud83d","\ud83dx"]"#),
            (r#"{"\ud800":1,"\uD800":2}"#, r#"{"\ud800":2}"#),
            ("\"\u{7f}\"", r#""\u007f""#),
        ] {
            check(text, expected);
        }
        let many: Vec<_> = (0..100).map(|n| format!("\"{}\":{n}", n % 40)).collect();
        let last = (0..40).map(|n| format!("\"{n}\":{}", if n < 20 { n + 80 } else { n + 40 }));
        check(format!("{{{}}}", many.join(",")), &format!("{{{}}}", last.collect::<Vec<_>>().join(",")));
    }

    #[test]
    fn what_python_says() {
        for (text, expected) in [
            ("", "Expecting value: 0"),
            ("  ", "Expecting value: 2"),
            ("é", "Expecting value: 0"),
            ("\u{a0}1", "Expecting value: 0"),
            ("nul", "Expecting value: 0"),
            ("-", "Expecting value: 0"),
            ("[-x]", "Expecting value: 1"),
            ("+1", "Expecting value: 0"),
            (".5", "Expecting value: 0"),
            ("01", "Extra data: 1"),
            ("1.", "Extra data: 1"),
            ("1e", "Extra data: 1"),
            ("1e+", "Extra data: 1"),
            ("1.5e+x", "Extra data: 3"),
            ("{} x", "Extra data: 3"),
            ("[", "Expecting value: 1"),
            ("[1", "Expecting ',' delimiter: 2"),
            ("[1 2]", "Expecting ',' delimiter: 3"),
            ("[1,]", "Expecting value: 3"),
            ("{", "Expecting property name enclosed in double quotes: 1"),
            ("{ not", "Expecting property name enclosed in double quotes: 2"),
            (r#"{"é"  1}"#, "Expecting ':' delimiter: 6"),
            (r#"{"é":}"#, "Expecting value: 5"),
            (r#"{"a":1 "#, "Expecting ',' delimiter: 7"),
            (r#"{"a":1,}"#, "Expecting property name enclosed in double quotes: 7"),
            (r#"["é", "x"#, "Unterminated string starting at: 6"),
            (r#"["\"#, "Unterminated string starting at: 1"),
            ("\"é\n\"", "Invalid control character at: 2"),
            (r#""é\x""#, "Invalid \\escape: 2"),
            (r#""\u12""#, "Invalid \\uXXXX escape: 2"),
            (r#""\u12é4""#, "Invalid \\uXXXX escape: 2"),
            (r#""\u+123""#, "Invalid \\uXXXX escape: 2"),
            (r#""\u1234"#, "Invalid \\uXXXX escape: 2"),
            (r#""\ud83d\u12""#, "Invalid \\uXXXX escape: 8"),
            (r#""\ud83d\ude00"#, "Invalid \\uXXXX escape: 8"),
            ("\"\u{1f600}\u{1f600}", "Unterminated string starting at: 0"),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn encodings_are_found_as_python_finds_them() {
        let utf16 = |text: &str, be: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|u| if be { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        let utf32 = |text: &str, be: bool| -> Vec<u8> {
            let bytes = |c: char| if be { u32::from(c).to_be_bytes() } else { u32::from(c).to_le_bytes() };
            text.chars().flat_map(bytes).collect()
        };
        for text in ["[\"é😀\"]", "\u{feff}[\"é😀\"]"] {
            for bytes in [
                text.as_bytes().to_vec(),
                utf16(text, true),
                utf16(text, false),
                utf32(text, true),
                utf32(text, false),
            ] {
                check(bytes, r#"["\u00e9\ud83d\ude00"]"#);
            }
        }
        for be in [true, false] {
            check(utf16("5", be), "5");
            check(utf16("é ", be), "Expecting value: 0");
            let mut lone = utf16("\"x\"", be);
            lone[2..4].copy_from_slice(&if be { [0xd8, 0x3d] } else { [0x3d, 0xd8] });
            check(&lone, r#""\ud83d""#);
            check(&lone[..5], "Undecodable");
            check(&utf32("12", be)[..7], "Undecodable");
        }
        check(b"\"\xed\xa0\xbd\xed\xb8\x80\"", r#""\ud83d\ude00""#);
        let Ok(Json::Text(lone)) = parse(b"\"\xed\xa0\xbd\"") else { panic!("a text") };
        assert_eq!((lone.whole(), lone.units()), (None, vec![0xd83d]));
        check("\u{feff}", "Expecting value: 0");
        check("\u{feff}\u{feff}1", "Expecting value: 0");
        for bad in [&b"\"\xff\""[..], b"\"\xc0\xaf\"", b"\"\xed\xa0\"", b"{\"a\":\"\xe9\"}", b"[1]\x80"] {
            check(bad, "Undecodable");
        }
        check(b"\xff\xfe\0\0\0\0\x11\0", "Undecodable");
    }

    #[test]
    fn limits() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        check(nested(DEPTH_MAX + 1), "TooDeep");
        check("[".repeat(100_000), "TooDeep");
        check("{\"a\":".repeat(100_000), "TooDeep");
        let digits = "7".repeat(INT_DIGITS_MAX);
        check(format!("[-{digits}]"), &format!("[-{digits}]"));
        check(format!("[{digits}1, \""), "IntTooLong");
        check(format!("{digits}1.5"), &format!("{:?}", f64::INFINITY));
    }
}
