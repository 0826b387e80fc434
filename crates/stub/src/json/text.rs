//! A text of JSON, which in Python may hold a surrogate that stands alone, and in UTF-8 may not.
//!
//! It must not know how it was written.

/// A text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    Whole(String),
    /// With surrogates that stand alone, each as the three bytes that UTF-8 would give it.
    Broken(Vec<u8>),
}

impl Text {
    /// The text of bytes that are UTF-8 but for surrogates.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Broken(error.into_bytes()), Self::Whole)
    }

    /// The text, if it is whole.
    pub(crate) fn whole(&self) -> Option<&str> {
        match self {
            Self::Whole(text) => Some(text),
            Self::Broken(_) => None,
        }
    }

    /// Its bytes: UTF-8 but for surrogates.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(text) => text.as_bytes(),
            Self::Broken(bytes) => bytes,
        }
    }

    /// Its UTF-16 units: all that is beyond U+FFFF is a pair, and so are two lone surrogates side by side.
    pub(crate) fn units(&self) -> Vec<u16> {
        let mut rest = match self {
            Self::Whole(text) => text.as_bytes(),
            Self::Broken(bytes) => bytes,
        };
        let mut units = Vec::with_capacity(rest.len());
        loop {
            let whole_bytes = std::str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
            let (whole, broken) = rest.split_at(whole_bytes);
            units.extend(std::str::from_utf8(whole).unwrap_or_default().encode_utf16());
            let [_, high, low, after @ ..] = broken else { return units };
            units.push(0xd000 | u16::from(high & 0x3f) << 6 | u16::from(low & 0x3f));
            rest = after;
        }
    }

    /// As Python's `json.dumps` writes it: in quotes, all ASCII.
    pub(crate) fn quoted(&self) -> String {
        let mut out = String::new();
        wire::token::ascii_text(self.units(), &mut out);
        out
    }
}
