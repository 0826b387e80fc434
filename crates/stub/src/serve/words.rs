//! The words of HTTP: the methods that there are, and the bytes that make a name.
//!
//! It must not know where they stand.

/// The methods that the real server's parser knows; any other is no HTTP to it.
const METHODS: [&str; 35] = [
    "GET",
    "POST",
    "PUT",
    "HEAD",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "COPY",
    "LOCK",
    "MKCOL",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "SEARCH",
    "UNLOCK",
    "BIND",
    "REBIND",
    "UNBIND",
    "ACL",
    "REPORT",
    "MKACTIVITY",
    "CHECKOUT",
    "MERGE",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "PURGE",
    "MKCALENDAR",
    "LINK",
    "UNLINK",
    "SOURCE",
    "QUERY",
];

/// Whether the real server's parser knows this method.
pub(super) fn is_method(word: &[u8]) -> bool {
    METHODS.iter().any(|method| method.as_bytes() == word)
}

/// Whether a method begins so.
pub(super) fn may_become_method(word: &[u8]) -> bool {
    METHODS.iter().any(|method| method.as_bytes().starts_with(word))
}

/// The bytes of a name (RFC 9110, 5.6.2).
pub(super) const TOKEN: [bool; 256] = {
    let marks = b"!#$%&'*+-.^_`|~";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_whole_and_by_their_beginning() {
        for (word, whole, beginning) in [
            ("GET", true, true),
            ("M-SEARCH", true, true),
            ("PROP", false, true),
            ("", false, true),
            ("PRI", false, false),
            ("FROB", false, false),
            ("GETX", false, false),
            ("get", false, false),
        ] {
            assert_eq!(
                (is_method(word.as_bytes()), may_become_method(word.as_bytes())),
                (whole, beginning),
                "{word}"
            );
        }
    }

    #[test]
    fn names_are_made_of_letters_digits_and_fifteen_marks() {
        assert_eq!(TOKEN.iter().filter(|is| **is).count(), 26 + 26 + 10 + 15);
        for byte in b" \t:;,()<>@/[]{}\"\\=?\x00\x7f\x80\xff" {
            assert!(!TOKEN[usize::from(*byte)], "{byte:#x}");
        }
    }
}
