//! The bytes of a JSON text, whatever their encoding, as UTF-8.
//!
//! It must not know JSON beyond how its first bytes betray the encoding. Surrogates that stand alone are let through
//! as three bytes, as in UTF-8 they would be: what comes out may be UTF-8 but for those.

use std::borrow::Cow;

/// How wide the units of an encoding are, and in which order their bytes stand.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16 { big: bool },
    Utf32 { big: bool },
}

/// The text without its byte order mark, or `None` if the bytes are not what they seem to be.
pub(super) fn decode(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (encoding, mark_bytes) = encoding(bytes);
    let bytes = &bytes[mark_bytes..];
    match encoding {
        Encoding::Utf8 => is_utf8_or_surrogates(bytes).then_some(Cow::Borrowed(bytes)),
        Encoding::Utf16 { big } => utf16(bytes, big).map(Cow::Owned),
        Encoding::Utf32 { big } => utf32(bytes, big).map(Cow::Owned),
    }
}

/// What the first bytes say: a mark, and its length, or zeros, as JSON begins with ASCII.
fn encoding(bytes: &[u8]) -> (Encoding, usize) {
    match bytes {
        [0, 0, 0xfe, 0xff, ..] => (Encoding::Utf32 { big: true }, 4),
        [0xff, 0xfe, 0, 0, ..] => (Encoding::Utf32 { big: false }, 4),
        [0xfe, 0xff, ..] => (Encoding::Utf16 { big: true }, 2),
        [0xff, 0xfe, ..] => (Encoding::Utf16 { big: false }, 2),
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0, 0, _, _, ..] => (Encoding::Utf32 { big: true }, 0),
        [_, 0, 0, 0, ..] => (Encoding::Utf32 { big: false }, 0),
        [0, _, _, _, ..] | [0, _] => (Encoding::Utf16 { big: true }, 0),
        [_, 0, _, _, ..] | [_, 0] => (Encoding::Utf16 { big: false }, 0),
        _ => (Encoding::Utf8, 0),
    }
}

fn is_utf8_or_surrogates(mut bytes: &[u8]) -> bool {
    while let Err(error) = std::str::from_utf8(bytes) {
        let [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] = &bytes[error.valid_up_to()..] else { return false };
        bytes = rest;
    }
    true
}

fn utf16(bytes: &[u8], big: bool) -> Option<Vec<u8>> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let units =
        pairs.iter().map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    let mut text = Vec::with_capacity(bytes.len());
    for unit in char::decode_utf16(units) {
        push(&mut text, unit.map_or_else(|lone| lone.unpaired_surrogate().into(), u32::from))?;
    }
    Some(text)
}

fn utf32(bytes: &[u8], big: bool) -> Option<Vec<u8>> {
    let (fours, []) = bytes.as_chunks::<4>() else { return None };
    let mut text = Vec::with_capacity(bytes.len());
    for four in fours {
        push(&mut text, if big { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) })?;
    }
    Some(text)
}

/// Appends a code point, surrogates too; `None` if there is no such code point.
pub(super) fn push(text: &mut Vec<u8>, code: u32) -> Option<()> {
    if let Some(c) = char::from_u32(code) {
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return Some(());
    }
    if code > u32::from(char::MAX) {
        return None;
    }
    let tail = |shift: u32| 0x80 | ((code >> shift) & 0x3f) as u8;
    text.extend_from_slice(&[0xed, tail(6), tail(0)]);
    Some(())
}
